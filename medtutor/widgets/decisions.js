// Decisions at a threshold, and what a prevalence makes of them. The same as in arithmetic.py; a test compares both.

// Positive is a score above the threshold.
export function count(labels, scores, threshold) {
  const n = { tp: 0, fn: 0, fp: 0, tn: 0 };
  for (let i = 0; i < scores.length; i++) {
    const called = scores[i] > threshold;
    if (labels[i]) called ? n.tp++ : n.fn++;
    else called ? n.fp++ : n.tn++;
  }
  return n;
}

// Predictive values by Bayes' rule; NaN where nobody is called.
export function atPrevalence(sensitivity, specificity, prevalence) {
  const ill = prevalence;
  const well = 1 - prevalence;
  const positive = sensitivity * ill + (1 - specificity) * well;
  const negative = (1 - sensitivity) * ill + specificity * well;
  return {
    ppv: positive ? (sensitivity * ill) / positive : NaN,
    npv: negative ? (specificity * well) / negative : NaN,
    positive,
    negative,
  };
}

// The 95 % interval of a proportion by Wilson's score.
export function wilson(successes, n) {
  const z = 1.959963984540054;
  const share = successes / n;
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [successes === 0 ? 0 : middle - half, successes === n ? 1 : middle + half];
}
