// Decides from samples on a noisy machine whether two kinds of requests take different times.
//
// - Mann-Whitney U, with the normal approximation and the correction for ties: H. B. Mann, D. R. Whitney, "On a test of
//   whether one of two random variables is stochastically larger than the other", Ann. Math. Statist. 18 (1947); the
//   correction as in M. Hollander, D. A. Wolfe, "Nonparametric statistical methods", 4.1. It compares ranks, so that a
//   pause of the machine weighs as much as any other value.
// - A = U / (n1 n2), the chance that a value of one sample is above one of the other, as the size of the effect: A. Vargha,
//   H. D. Delaney, J. Educ. Behav. Statist. 25 (2000). 0.5 means no effect; 0.56, 0.64 and 0.71 are small, medium and large.
// - The shift, the median of all pairwise differences: J. L. Hodges, E. L. Lehmann, Ann. Math. Statist. 34 (1963).

/** Comparison of two samples. */
export interface Comparison {
  /** Two-sided p-value: probability that samples of one distribution differ at least as much. */
  readonly p: number;
  /** Probability that a value of the first sample is above one of the second. */
  readonly superiority: number;
  /** Shift of the first sample above the second, in the unit of the values. */
  readonly shift: number;
}

export function compare(first: readonly number[], second: readonly number[]): Comparison {
  const [n1, n2] = [first.length, second.length];
  const pooled = [
    ...first.map((value) => ({ value, isFirst: true })),
    ...second.map((value) => ({ value, isFirst: false })),
  ].sort((a, b) => a.value - b.value);
  let rankSum = 0;
  let ties = 0;
  for (let start = 0; start < pooled.length; ) {
    let end = start;
    while (end < pooled.length && pooled[end]?.value === pooled[start]?.value) end += 1;
    // Ranks count from 1; equal values share the mean of theirs.
    const rank = (start + 1 + end) / 2;
    const size = end - start;
    ties += size ** 3 - size;
    rankSum += rank * pooled.slice(start, end).filter(({ isFirst }) => isFirst).length;
    start = end;
  }
  const u = rankSum - (n1 * (n1 + 1)) / 2;
  const n = n1 + n2;
  const deviation = Math.sqrt(((n1 * n2) / 12) * (n + 1 - ties / (n * (n - 1))));
  // One half for continuity; equal values do not differ.
  const z = deviation === 0 ? 0 : Math.max(0, Math.abs(u - (n1 * n2) / 2) - 0.5) / deviation;
  return { p: twoSidedTail(z), superiority: u / (n1 * n2), shift: medianDifference(first, second) };
}

/** P(|Z| > z) of the normal distribution: W. J. Cody's erfc to 1e-7 as in "Numerical Recipes", 6.2. */
function twoSidedTail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const coefficients = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ];
  const polynomial = coefficients.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  return Math.min(1, t * Math.exp(-x * x + polynomial));
}

function medianDifference(first: readonly number[], second: readonly number[]): number {
  const differences = first.flatMap((a) => second.map((b) => a - b)).sort((a, b) => a - b);
  return differences[Math.floor(differences.length / 2)] ?? 0;
}

/**
 * Thresholds of a difference: unlikely by chance, clear in the ranks, and long enough to be measured over a network.
 * Each alone is exceeded now and then on a busy machine. A difference rarer than 1 in 10,000 that occurs twice, in the
 * same direction, in independent samples, is due to chance less than once in 10⁸ runs.
 */
const MAX_P = 1e-4;
const MIN_EFFECT = 0.14;

/** @param minShift least shift that counts, in the unit of the values */
export function differs({ p, superiority, shift }: Comparison, minShift: number): boolean {
  return p < MAX_P && Math.abs(superiority - 0.5) > MIN_EFFECT && Math.abs(shift) > minShift;
}
