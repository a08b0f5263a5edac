/** What the model's number means. */

import type { Contract } from "./contract";

/** An answer with a lower probability is called unsure. */
const SURE = 0.7;

export interface Answer {
  label: string;
  /** Whether the label is the second one, that of the positive class. */
  positive: boolean;
  /** Of the label, 0-1. */
  probability: number;
  unsure: boolean;
}

/** Decide by the contract's threshold on the probability of the positive class. */
export function decide(probability: number, { labels, threshold }: Contract): Answer {
  const positive = probability >= threshold;
  const ofLabel = positive ? probability : 1 - probability;
  return {
    label: labels[positive ? 1 : 0],
    positive,
    probability: ofLabel,
    unsure: ofLabel < SURE,
  };
}
