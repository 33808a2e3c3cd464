// Runs of a rule: the arithmetic of lib.descent.descend, one coordinate at a time.

function advance(rule, values, g, t, hyper) {
  return rule.step(values[0], g, t, ...values.slice(1, 1 + rule.states.length), hyper);
}

function standardNoise(seed, steps, count) {
  const random = twister(seed), z = new Float64Array(count * steps);
  for (let t = 0; t < steps; t++) z.set(normals(random, count), count * t);
  return z;
}

// Steps of a rule on a loss; `visit(t, x, y, g)` gets what the rule returned for both coordinates, and the gradient.
// Ends before the step whose gradient or parameters are not finite; returns the number of steps made.
function walk(rule, hyper, loss, start, steps, sigma, z, visit) {
  const zeros = rule.states.map(() => 0);
  let x = [start[0], ...zeros], y = [start[1], ...zeros];
  visit(0, x, y, [0, 0]);
  for (let t = 1; t <= steps; t++) {
    const g = loss.gradient(x[0], y[0]);
    if (sigma) { g[0] += sigma * z[2 * t - 2]; g[1] += sigma * z[2 * t - 1]; }
    if (!Number.isFinite(g[0]) || !Number.isFinite(g[1])) return t - 1;
    x = advance(rule, x, g[0], t, hyper);
    y = advance(rule, y, g[1], t, hyper);
    if (!Number.isFinite(x[0]) || !Number.isFinite(y[0])) return t - 1;
    visit(t, x, y, g);
  }
  return steps;
}

// A path on a loss: `last` is its last step, `diverged` the step that could not be made.
function descent(rule, hyper, loss, start, steps, sigma, z) {
  const path = new Float64Array(2 * steps + 2), slopes = new Float64Array(2 * steps + 2);
  const heights = new Float64Array(steps + 1), trace = [];
  const last = walk(rule, hyper, loss, start, steps, sigma, z, (t, x, y, g) => {
    path[2 * t] = x[0]; path[2 * t + 1] = y[0];
    slopes[2 * t] = g[0]; slopes[2 * t + 1] = g[1];
    heights[t] = loss.value(x[0], y[0]);
    trace.push([x, y]);
  });
  return { path, slopes, heights, trace, last, diverged: last < steps ? last + 1 : null };
}

// How well a run does: its loss above the minimum in the end, or the factor by which the distance to the nearest minimum
// shrinks per step over the second half. NaN for a run that diverges.
function score(measure, rule, hyper, loss, start, steps, sigma, z) {
  const half = Math.floor(steps / 2), middle = [0, 0], end = [0, 0];
  const last = walk(rule, hyper, loss, start, steps, sigma, z, (t, [x], [y]) => {
    if (t === half) { middle[0] = x; middle[1] = y; }
    end[0] = x; end[1] = y;
  });
  if (last < steps) return NaN;
  if (measure === "loss") return loss.value(...end) - lowest(loss);
  const far = ([x, y], [a, b]) => Math.hypot(x - a, y - b);
  const nearest = loss.minima.reduce((a, b) => (far(end, b) < far(end, a) ? b : a));
  const before = far(middle, nearest);
  return before ? (far(end, nearest) / before) ** (1 / (steps - half)) : 0;
}

// The rate that lib.rates gives a rule on a quadratic loss.
function predicted(rule, hyper, loss) {
  return Math.max(...loss.curvatures.map((h) => rule.rate(h, hyper)));
}

// One coordinate under a stream of gradients; trace[t] is what the rule returned at step t, steps[t] its step / lr.
function streamed(rule, hyper, theta, gradients, corrected) {
  let values = [theta, ...rule.states.map(() => 0)];
  const trace = [values], steps = [NaN];
  gradients.forEach((g, i) => {
    const before = values[0];
    values = advance(rule, values, g, corrected || !rule.corrected ? i + 1 : Infinity, hyper);
    trace.push(values);
    steps.push((values[0] - before) / (hyper.lr ?? 1));
  });
  return { trace, steps };
}

// The first step outside the loss's domain after which the run never comes back, or null.
function leaves(run, [[left, right], [low, high]]) {
  let t = run.last;
  while (t >= 0 && !inside(run.path[2 * t], run.path[2 * t + 1])) t--;
  return t < run.last ? t + 1 : null;
  function inside(x, y) { return x >= left && x <= right && y >= low && y <= high; }
}

function lowest(loss) {
  return loss.minima.length ? Math.min(...loss.minima.map(([x, y]) => loss.value(x, y))) : 0;
}

// How a run was lost, in a clause, or null.
function lost(run, loss) {
  if (run.diverged) return `diverges at step ${run.diverged}`;
  const left = leaves(run, loss.domain);
  return left === null ? null : `leaves the plot at step ${left}`;
}

// What became of a run, in a clause.
function outcome(run, loss, steps) {
  const how = lost(run, loss);
  if (how) return how;
  const gap = short(run.heights[run.last] - lowest(loss));
  return loss.minima.length ? `reaches ${gap} above the minimum after ${steps} steps`
    : `reaches a loss of ${gap} after ${steps} steps`;
}

// A number in a few digits, with a true minus: 0.05, −1300, 3.1e−4, ∞.
function amount(x, precision = 4) {
  if (!Number.isFinite(x)) return x > 0 ? "∞" : x < 0 ? "−∞" : "NaN";
  const rounded = +x.toPrecision(precision), size = Math.abs(rounded);
  const text = size && (size < 1e-3 || size >= 1e4) ? rounded.toExponential() : String(rounded);
  return text.replaceAll("-", "−").replace("+", "");
}

const short = (x) => amount(x, 2);

// The last value of `compute` for a key, until the key changes.
function remembered() {
  const known = new Map();
  return (name, key, compute) => {
    if (known.get(name)?.key !== key) known.set(name, { key, value: compute() });
    return known.get(name).value;
  };
}
