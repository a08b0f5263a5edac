/** Turns the model's probabilities into an answer. */

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

/** Decide for the second label if its probability reaches the threshold, else for the first. */
export function decide(probabilities: ArrayLike<number>, { labels, threshold }: Contract): Answer {
  const index = probabilities[1] >= threshold ? 1 : 0;
  const probability = probabilities[index];
  return {
    label: labels[index],
    positive: index === 1,
    probability,
    unsure: probability < SURE,
  };
}
