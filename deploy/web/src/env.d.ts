declare module "@model?url" {
  const url: string;
  export default url;
}
declare module "@details/evaluate.json" {
  export interface Summary {
    images: number;
    accuracy: number;
    interval_95: { accuracy: [number, number] };
    recall_of_class: Record<string, number>;
  }
  const evaluation: {
    validation: Summary & { train_overlap: number };
    external?: Summary;
  };
  export default evaluation;
}
declare module "@details/ingest.json" {
  const ingest: { source: string; description: string };
  export default ingest;
}
