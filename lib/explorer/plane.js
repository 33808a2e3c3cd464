// Two hyper-parameters as a plane, coloured by how well the rule does; beside it the run at the chosen point.

const GRID = 41;
const RAMP = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"].map(rgb);  // Cividis, for every eye

function planePanels(figure) {
  const map = landscape(figure), curve = lossCurve(figure), rows = runRows(figure), field = scoreField(figure);
  const settings = planeSettings(figure);
  const panels = element("div", { class: "panels alone" }, field.el, field.pair, map.el, rows, curve.el);
  return {
    panels,
    ...settings.parts,
    controls: [{ row: rows }, ...settings.controls],
    draw() {
      const runs = currentRuns(figure);
      panels.classList.toggle("twice", isPredicted(figure));
      field.draw();
      map.draw(runs);
      curve.draw(runs);
    },
    sentence: () => planeSentence(figure, currentRuns(figure)[0], field.best()),
    rows: () => pathRows(figure, currentRuns(figure)),
    tables: () => [...planeTables(figure, field), ...pathTables(figure, currentRuns(figure))],
    picture: () => beside(...field.parts(), map.parts(), curve.parts()),
  };
}

// A rate needs a minimum to converge to.
function measureOf({ state, loss }) {
  return loss.minima.length ? state.measure : "loss";
}

function planeSentence(figure, run, best) {
  const { state } = figure, names = [state.x_name, state.y_name];
  const place = names.map((name) => `${name} ${short(state[`${run.run}.${name}`])}`).join(", ");
  const first = `${run.label}, ${place}: ${outcome(run, figure.loss, state.steps)}.`;
  if (!best) return first;
  const top = names.map((name, i) => `${name} ${short(best.place[i])}`).join(", ");
  return `${first} The best of ${GRID * GRID} points: ${top}, ${short(best.value)}.${ratesSentence(figure, run)}`;
}

function ratesSentence(figure, { run, diverged }) {
  if (!isPredicted(figure) || diverged) return "";
  const { loss, state: { start, steps } } = figure, rule = figure.rule(run), hyper = figure.hyper(run);
  const told = [score("rate", rule, hyper, loss, start, steps), predicted(rule, hyper, loss)].map((v) => +v.toPrecision(4));
  return ` Factor per step: ${told[0]} measured, ${told[1]} predicted.`;
}

// Whether theory has something to say of the measured rates.
function isPredicted(figure) {
  const { state, loss } = figure;
  return measureOf(figure) === "rate" && !state.noise && Boolean(figure.rule(state.rules[0]).rate) && loss.curvatures.length > 0;
}

function planeSettings(figure) {
  const common = landscapeSettings(figure), { parts: { head, settings }, add } = common, { runs, losses } = figure.spec;
  if (Object.keys(runs).length > 1) {
    const row = menu(figure, "rules", "rule", Object.keys(runs).map((run) => [run, figure.label(run)]));
    add(head, "rules", row);
  }
  for (const [axis, label] of [["x", "across"], ["y", "up"]]) {
    add(head, "rules", axisMenu(figure, `${axis}_name`, label));
    add(settings, `${axis}_range`, entry(figure, `${axis}_range`, `${label}, from and to`));
  }
  if (losses.some((key) => figure.library.losses[key].minima.length)) {
    const row = menu(figure, "measure", "colour", [["loss", "loss in the end"], ["rate", "rate of convergence"]]);
    const { show } = row;
    row.show = ({ measure }) => { show(measure); row.hidden = !figure.loss.minima.length; };
    add(head, "", row);
  }
  return common;
}

// The hyper-parameters of the rule that is on.
function axisMenu(figure, key, label) {
  const row = menu(figure, key, label, []), select = row.querySelector("select");
  row.show = () => {
    const names = Object.keys(figure.rule(figure.state.rules[0]).hyper);
    select.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    select.value = figure.state[key];
  };
  return row;
}

// What else changes when another rule is put into the plane: an axis that it does not have.
function planeOf(figure, run) {
  const { hyper } = figure.rule(run), names = Object.keys(hyper), { state } = figure;
  const changes = { rules: [run] };
  for (const [axis, usual] of [["x", names[0]], ["y", names[1] ?? names[0]]]) {
    const kept = state[`${axis}_name`] in hyper;
    if (!kept) Object.assign(changes, { [`${axis}_name`]: usual, [`${axis}_range`]: usualRange(hyper[usual]) });
  }
  return changes;
}

function usualRange({ kind, value }) {
  if (kind === "share") return [0, 0.99];
  if (kind === "rate" && value > 0) return [value / 100, value * 100];
  return [0, Math.max(1, 2 * Math.abs(value))];
}

// The coloured field. It is computed some rows a frame, so that the page never waits for it.
function scoreField(figure) {
  const chosen = () => figure.state.rules[0];
  const ring = handle("point in the plane", () => {}, (event) => under(event), (right, higher) => {
    const [i, j] = here();
    choose(i + right, j + higher);
  });
  const measured = sheet(ring), { svg } = measured, star = shape(measured.above, "path", { class: "star", d: STAR });
  const theory = sheet(), mark = shape(theory.above, "circle", { class: "here", r: 7 });
  for (const { canvas } of [measured, theory]) set(canvas, { width: GRID, height: GRID, class: "field" });
  const pair = element("div", {}, theory.el, element("p", { class: "legend" }, "The spectral radius, predicted."));
  const bar = element("canvas", { class: "bar", width: 64, height: 1, "aria-hidden": "true" }), words = element("span", {});
  const el = element("div", {}, measured.el, element("p", { class: "legend" }, bar, words));
  let x, y, width = 0, height = 0, field = null, best = null;

  const axis = (which) => {
    const name = figure.state[`${which}_name`], [low, high] = figure.state[`${which}_range`];
    return { name, low, high, log: figure.rule(chosen()).hyper[name].kind === "rate" && low > 0 };
  };
  const value = ({ low, high, log }, i) => {
    const share = i / (GRID - 1);
    return log ? low * (high / low) ** share : low + (high - low) * share;
  };
  const here = () => [["x", x], ["y", y]].map(([which, scale]) => index(scale, figure.state[`${chosen()}.${figure.state[`${which}_name`]}`]));
  const index = (scale, v) => clamp(Math.round((scale.at(v) - scale.from) / (scale.to - scale.from) * (GRID - 1)), 0, GRID - 1);

  function draw() {
    const { state, loss } = figure, room = el.clientWidth, across = axis("x"), up = axis("y");
    figure.remember("plane axes", `${room} ${JSON.stringify([across, up])}`, () => {
      const limits = [across, up].map(({ low, high, log }) => [low, high, log]), names = { across: across.name, up: up.name, rows: 5 };
      for (const field of [theory, measured]) ({ x, y, width, height } = field.layOut(room, ...limits, names));
      set(svg, { "aria-label": `a field over ${across.name} and ${up.name}` });
    });
    const others = Object.entries(figure.hyper(chosen())).filter(([name]) => name !== across.name && name !== up.name);
    const key = JSON.stringify([state.rules, state.loss, state.start, state.steps, state.noise, state.seed, state.measure, across, up, others]);
    if (field?.key !== key) field = { key, values: new Float64Array(GRID * GRID), next: 0 };
    if (field.next < GRID * GRID) compute(across, up, loss);
    const [i, j] = here();
    ring.style.transform = `translate(${EDGE.left + x.at(value(across, i))}px, ${EDGE.top + y.at(value(up, j))}px)`;
    pair.hidden = !isPredicted(figure);
    set(mark, { cx: x.at(value(across, i)), cy: y.at(value(up, j)) });
    ring.setAttribute("aria-label", `${across.name} ${state[`${chosen()}.${across.name}`]}, ${up.name} ${state[`${chosen()}.${up.name}`]}`);
  }
  function compute(across, up, loss) {
    const { state } = figure, rule = figure.rule(chosen()), hyper = figure.hyper(chosen()), until = performance.now() + 7;
    const z = state.noise ? figure.remember("noise", `${state.seed} ${state.steps}`, () => standardNoise(state.seed, state.steps, 2)) : null;
    while (field.next < GRID * GRID && performance.now() < until) {
      for (let i = 0; i < GRID; i++, field.next++) {
        const point = { ...hyper, [across.name]: value(across, i), [up.name]: value(up, Math.floor(field.next / GRID)) };
        field.values[field.next] = score(measureOf(figure), rule, point, loss, state.start, state.steps, state.noise, z);
      }
    }
    if (field.next < GRID * GRID) figure.later();
    else finish(across, up, loss);
  }
  function finish(across, up, loss) {
    let at = -1;
    field.values.forEach((v, k) => { if (!Number.isNaN(v) && !(v >= field.values[at])) at = k; });
    best = at < 0 ? null : { value: field.values[at], place: [value(across, at % GRID), value(up, Math.floor(at / GRID))] };
    star.setAttribute("transform", best ? `translate(${x.at(best.place[0])} ${y.at(best.place[1])})` : "translate(-999)");
    const rank = ranking(measureOf(figure), loss, figure.state.start, best?.value ?? 0);
    const label = `${rank.what} over ${across.name} and ${up.name}`, twice = isPredicted(figure), known = twice ? ", measured" : "";
    paint(measured.canvas, (i, j) => rank.share(field.values[(GRID - 1 - j) * GRID + i]));
    paint(bar, (i) => i / 63);
    set(svg, { "aria-label": label + known });
    if (twice) {
      paint(theory.canvas, (i, j) => rank.share(foretold(i, GRID - 1 - j)));
      set(theory.svg, { "aria-label": `${label}, predicted` });
    }
    words.textContent = `${short(rank.low)} to ${short(rank.high)}, ${rank.what}${known}. White: worse than the start, or diverges. Star: the best.`;
  }
  function foretold(i, j) {
    const [across, up] = [axis("x"), axis("y")], hyper = figure.hyper(chosen());
    return predicted(figure.rule(chosen()), { ...hyper, [across.name]: value(across, i), [up.name]: value(up, j) }, figure.loss);
  }

  function choose(i, j) {
    const [across, up] = [axis("x"), axis("y")];
    ring.replaceChildren();
    figure.set({
      [`${chosen()}.${across.name}`]: +value(across, clamp(i, 0, GRID - 1)).toPrecision(4),
      [`${chosen()}.${up.name}`]: +value(up, clamp(j, 0, GRID - 1)).toPrecision(4),
    });
  }
  const under = (event) => {
    const box = svg.getBoundingClientRect();
    const share = (p, whole) => clamp(Math.round(p / whole * (GRID - 1)), 0, GRID - 1);
    choose(share(event.clientX - box.left - EDGE.left, width), share(EDGE.top + height - (event.clientY - box.top), height));
  };
  svg.addEventListener("click", under);
  return {
    el, pair, draw, foretold,
    best: () => (field?.next === GRID * GRID ? best : null),
    value: (i, j) => [value(axis("x"), i), value(axis("y"), j), field?.values[j * GRID + i]],
    parts: () => [measured.parts(), ...(isPredicted(figure) ? [theory.parts()] : [])],
  };
}

// What the colours mean: which share of the ramp a score has, 0 for the best, above 1 or NaN for none.
function ranking(measure, loss, start, best) {
  if (measure === "rate") return { low: Math.min(best, 1), high: 1, what: "factor per step", share: (v) => (v - best) / Math.max(1 - best, 1e-9) };
  const high = loss.value(...start) - lowest(loss);
  if (!loss.minima.length) return { low: best, high, what: "loss in the end", share: (v) => (v - best) / (high - best) };
  const low = Math.min(Math.max(best, 1e-12), high / 10), unit = Math.log10(high / low);
  return { low, high, what: "loss above the minimum in the end", share: (v) => Math.log10(Math.max(v, low) / low) / unit };
}

function paint(canvas, share) {
  const { width: columns, height: rows } = canvas, context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  for (let k = 0; k < columns * rows; k++) {
    const s = share(k % columns, Math.floor(k / columns));
    const place = clamp(s, 0, 1) * (RAMP.length - 1), i = Math.min(RAMP.length - 2, Math.floor(place));
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = !(s <= 1) ? 255 : RAMP[i][c] + (RAMP[i + 1][c] - RAMP[i][c]) * (place - i);
    image.data[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function planeTables(figure, field) {
  const measured = planeTable(figure, field, "every eighth point of the plane", ([, , score]) => score);
  if (!isPredicted(figure)) return [measured];
  return [measured, planeTable(figure, field, "the same, predicted", (_, i, j) => field.foretold(i, j))];
}

function planeTable(figure, field, words, pick) {
  const head = [`${figure.state.y_name} \\ ${figure.state.x_name}`], rows = [head];
  for (let j = 0; j < GRID; j += 8) {
    const row = [];
    for (let i = 0; i < GRID; i += 8) {
      const found = field.value(i, j), [across, up] = found, score = pick(found, i, j);
      if (!j) head.push(amount(across, 5));
      if (!i) row.push(amount(up, 5));
      row.push(Number.isNaN(score) ? "diverges" : short(score));
    }
    rows.push(row);
  }
  return table(rows, `${figure.label(figure.state.rules[0])}: ${words}`);
}
