// Two hyper-parameters as a plane, coloured by how well the rule does; beside it the run at the chosen point.

const GRID = 41;
const RAMP = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"].map(rgb);  // Cividis, for every eye

function planePanels(figure) {
  const map = landscape(figure), curve = lossCurve(figure), rows = runRows(figure), field = scoreField(figure);
  const settings = planeSettings(figure);
  const left = element("div", { class: "side" }, field.el, rows), right = element("div", { class: "side" }, map.el, curve.el);
  return {
    panels: element("div", { class: "panels alone" }, left, right),
    ...settings.parts,
    controls: [{ row: rows }, ...settings.controls],
    draw() {
      const runs = currentRuns(figure);
      field.draw();
      map.draw(runs);
      curve.draw(runs);
    },
    sentence: () => planeSentence(figure, currentRuns(figure)[0], field.best()),
    rows: () => pathRows(figure, currentRuns(figure)),
    tables: () => [planeTable(figure, field), ...pathTables(figure, currentRuns(figure))],
    picture: () => beside(field.parts(), map.parts(), curve.parts()),
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
  return `${first} The best of ${GRID * GRID} points: ${top}, ${short(best.value)}.`;
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
  const canvas = element("canvas", { "aria-hidden": "true", width: GRID, height: GRID, class: "field" });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("role", "img");
  const frame = shape(svg, "g", { transform: `translate(${EDGE.left} ${EDGE.top})` });
  const star = shape(svg, "path", { class: "star", d: "M0-8L2-2.6 7.8-2.5 3.1 1 4.8 6.6 0 3.2-4.8 6.6-3.1 1-7.8-2.5-2-2.6z" });
  const ring = element("button", { type: "button", class: "ring", "aria-roledescription": "point in the plane" },
    element("span", { class: "hint", "aria-hidden": "true" }, "drag me"));
  const bar = element("canvas", { class: "bar", width: 64, height: 1, "aria-hidden": "true" }), words = element("span", {});
  const el = element("div", {}, element("div", { class: "map" }, canvas, svg, ring), element("p", { class: "legend" }, bar, words));
  let x, y, width = 0, height = 0, field = null, best = null;

  const axis = (which) => {
    const name = figure.state[`${which}_name`], [low, high] = figure.state[`${which}_range`];
    return { name, low, high, log: figure.rule(chosen()).hyper[name].kind === "rate" && low > 0 };
  };
  const value = ({ low, high, log }, i) => {
    const share = i / (GRID - 1);
    return log ? low * (high / low) ** share : low + (high - low) * share;
  };
  const index = (scale, v) => clamp(Math.round((scale.at(v) - scale.from) / (scale.to - scale.from) * (GRID - 1)), 0, GRID - 1);

  function draw() {
    const { state, loss } = figure, room = el.clientWidth, across = axis("x"), up = axis("y");
    width = Math.max(40, room - EDGE.left - EDGE.right);
    height = mapHeight(width);
    x = scale(across.low, across.high, 0, width, across.log);
    y = scale(up.low, up.high, height, 0, up.log);
    figure.remember("plane axes", `${room} ${JSON.stringify([across, up])}`, () => {
      const size = { width: room, height: height + EDGE.top + EDGE.bottom };
      for (const [name, v] of Object.entries(size)) svg.setAttribute(name, v);
      for (const node of [canvas, ring]) node.style.setProperty("--cell", `${height / GRID}px`);
      Object.assign(canvas.style, { left: `${EDGE.left}px`, top: `${EDGE.top}px`, width: `${width}px`, height: `${height}px` });
      axes(frame, x, y, { across: across.name, up: up.name, rows: 5 });
      svg.setAttribute("aria-label", `a field over ${across.name} and ${up.name}`);
    });
    const others = Object.entries(figure.hyper(chosen())).filter(([name]) => name !== across.name && name !== up.name);
    const key = JSON.stringify([state.rules, state.loss, state.start, state.steps, state.noise, state.seed, state.measure, across, up, others]);
    if (field?.key !== key) field = { key, values: new Float64Array(GRID * GRID), next: 0 };
    if (field.next < GRID * GRID) compute(across, up, loss);
    const [i, j] = [index(x, state[`${chosen()}.${across.name}`]), index(y, state[`${chosen()}.${up.name}`])];
    ring.style.transform = `translate(${EDGE.left + x.at(value(across, i))}px, ${EDGE.top + y.at(value(up, j))}px)`;
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
    star.setAttribute("transform", best ? `translate(${EDGE.left + x.at(best.place[0])} ${EDGE.top + y.at(best.place[1])})` : "translate(-99 -99)");
    const rank = ranking(measureOf(figure), loss, figure.state.start, best?.value ?? 0);
    paint(canvas, GRID, (i, j) => rank.share(field.values[(GRID - 1 - j) * GRID + i]));
    paint(bar, 64, (i) => i / 63);
    words.textContent = `${short(rank.low)} to ${short(rank.high)}, ${rank.what}. White: worse than the start, or diverges. Star: the best.`;
    svg.setAttribute("aria-label", `${rank.what} over ${across.name} and ${up.name}`);
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
  let held = false;
  svg.addEventListener("click", under);
  ring.addEventListener("pointerdown", (event) => { held = true; ring.setPointerCapture(event.pointerId); });
  ring.addEventListener("pointermove", (event) => { if (held) under(event); });
  for (const end of ["pointerup", "pointercancel"]) ring.addEventListener(end, () => { held = false; });
  ring.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const { state } = figure;
    choose(index(x, state[`${chosen()}.${state.x_name}`]) + way[0], index(y, state[`${chosen()}.${state.y_name}`]) + way[1]);
  });
  return { el, draw, best: () => (field?.next === GRID * GRID ? best : null), value: (i, j) => [value(axis("x"), i), value(axis("y"), j), field?.values[j * GRID + i]], parts: () => {
    const size = { width: el.clientWidth, height: height + EDGE.top + EDGE.bottom };
    return { ...size, parts: [{ part: canvas, x: EDGE.left, y: EDGE.top, width, height }, { part: svg, x: 0, y: 0, ...size }] };
  } };
}

// What the colours mean: which share of the ramp a score has, 0 for the best, above 1 or NaN for none.
function ranking(measure, loss, start, best) {
  if (measure === "rate") return { low: Math.min(best, 1), high: 1, what: "factor per step", share: (v) => (v - best) / Math.max(1 - best, 1e-9) };
  const high = loss.value(...start) - lowest(loss);
  if (!loss.minima.length) return { low: best, high, what: "loss in the end", share: (v) => (v - best) / (high - best) };
  const low = Math.min(Math.max(best, 1e-12), high / 10), unit = Math.log10(high / low);
  return { low, high, what: "loss above the minimum in the end", share: (v) => Math.log10(Math.max(v, low) / low) / unit };
}

function paint(canvas, columns, share) {
  const rows = canvas.height, context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  for (let k = 0; k < columns * rows; k++) {
    const s = share(k % columns, Math.floor(k / columns));
    const place = clamp(s, 0, 1) * (RAMP.length - 1), i = Math.min(RAMP.length - 2, Math.floor(place));
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = !(s <= 1) ? 255 : RAMP[i][c] + (RAMP[i + 1][c] - RAMP[i][c]) * (place - i);
    image.data[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function planeTable(figure, field) {
  const head = [`${figure.state.y_name} \\ ${figure.state.x_name}`], rows = [head];
  for (let j = 0; j < GRID; j += 8) {
    const row = [];
    for (let i = 0; i < GRID; i += 8) {
      const [across, up, score] = field.value(i, j);
      if (!j) head.push(digits(across));
      if (!i) row.push(digits(up));
      row.push(Number.isNaN(score) ? "diverges" : short(score));
    }
    rows.push(row);
  }
  return table(rows, `${figure.label(figure.state.rules[0])}: every eighth point of the plane`);
}
