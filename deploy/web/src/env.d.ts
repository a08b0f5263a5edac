declare module "@model?url" {
  const url: string;
  export default url;
}
declare module "@details/evaluate.json" {
  /** How often the model is wrong about images of one class whose people have an attribute. */
  export interface Group {
    attribute: string;
    value: string;
    label: string;
    images: number;
    error_rate: number;
    interval_95: [number, number];
  }
  /** Figures of a subset or of an external test set. */
  export interface Summary {
    train_overlap: number;
    images: number;
    accuracy: number;
    interval_95: { accuracy: [number, number] };
    recall_of_class: Record<string, number>;
    people?: { groups?: Group[] };
  }
  const evaluation: Record<string, number | Summary>;
  export default evaluation;
}
declare module "@details/ingest.json" {
  const ingest: { source: string; description: string };
  export default ingest;
}
