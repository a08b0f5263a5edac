declare module "@model?url" {
  const url: string;
  export default url;
}
declare module "@details/evaluate.json" {
  /** Figures of a subset or of an external test set. */
  export interface Summary {
    train_overlap: number;
    images: number;
    accuracy: number;
    interval_95: { accuracy: [number, number] };
    recall_of_class: Record<string, number>;
  }
  const evaluation: Record<string, number | Summary>;
  export default evaluation;
}
declare module "@details/ingest.json" {
  const ingest: { source: string; description: string };
  export default ingest;
}
