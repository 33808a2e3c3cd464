// Paths on a loss: the map with its start to drag, and the loss against the step.

function descentPanels(figure) {
  const { spec } = figure;
  const map = landscape(figure), curve = lossCurve(figure), rows = runRows(figure);
  const settings = landscapeSettings(figure);
  const side = element("div", { class: "side" }, curve.el, rows);
  return {
    panels: element("div", { class: "panels" }, map.el, side),
    ...settings.parts,
    controls: [{ row: rows }, ...settings.controls],
    draw() {
      const runs = currentRuns(figure);
      map.draw(runs);
      curve.draw(runs);
    },
    sentence: () => raceSentence(figure, currentRuns(figure)),
    rows: () => pathRows(figure, currentRuns(figure)),
    tables: () => pathTables(figure, currentRuns(figure)),
    picture: () => beside(map.parts(), curve.parts()),
  };
}

// The runs that are on, in order: {run, hyper, …what descent returns, label}.
function currentRuns(figure) {
  const { state, loss, remember } = figure;
  const z = state.noise ? remember("noise", `${state.seed} ${state.steps}`, () => standardNoise(state.seed, state.steps, 2)) : null;
  return state.rules.map((run) => {
    const hyper = figure.hyper(run);
    const key = [state.loss, state.start, state.steps, state.noise, state.seed, ...Object.values(hyper)].join(" ");
    return remember(`run ${run}`, key, () => ({
      run, key, label: figure.label(run), ...descent(figure.rule(run), hyper, loss, state.start, state.steps, state.noise, z),
    }));
  });
}

function raceSentence({ loss, state: { steps } }, runs) {
  if (!runs.length) return "No rule is switched on.";
  const arrive = runs.filter((run) => !lost(run, loss)), others = runs.filter((run) => arrive.length < 2 || lost(run, loss));
  const all = others.map((run) => `${run.label} ${outcome(run, loss, steps)}`);
  if (arrive.length > 1) {
    const [first, ...more] = arrive.map((run) => [run.label, short(run.heights[run.last] - lowest(loss))]);
    const words = loss.minima.length ? `is ${first[1]} above the minimum` : `has a loss of ${first[1]}`;
    all.unshift([`After ${steps} steps ${first[0]} ${words}`, ...more.map((told) => told.join(" "))].join(", "));
  }
  return `${all.join("; ")}.`;
}

// What is chosen first stands above the panels, the rest below them.
function landscapeSettings(figure) {
  const { losses } = figure.spec, made = settingsOf(), { parts: { head, settings }, add } = made;
  if (losses.length > 1) add(head, "loss", menu(figure, "loss", "loss", losses.map((key) => [key, figure.library.losses[key].label])));
  add(settings, "steps", slider(figure, "steps", { kind: "whole" }, { name: "steps", meaning: "number of steps" }));
  add(settings, "start", entry(figure, "start", "start x, y"));
  add(settings, "noise", slider(figure, "noise", { kind: "rate", span: [-2, 2] }, { name: "noise", meaning: "noise of the gradient, standard deviation" }));
  settings.push(button("other noise", "other noise", () => figure.set({ seed: (figure.state.seed + 1) % 2 ** 32 })));
  add(settings, "arrows", toggle(figure, "arrows", "arrows: gradient, momentum, step"));
  return made;
}

// Contours, paths, and the ring at their start.
function landscape(figure) {
  const ring = handle("start of the paths", (event) => {
    const [px, py] = at(event), [a, b] = figure.state.start;
    grip = [px - x.at(a), py - y.at(b)];
  }, (event) => {
    const [px, py] = at(event);
    moveTo(px - grip[0], py - grip[1]);
  }, (across, up, fine) => {
    const reach = (fine ? 0.005 : 0.025) * width, [a, b] = figure.state.start;
    moveTo(x.at(a) + across * reach, y.at(b) - up * reach);
  });
  const tip = element("div", { class: "tip", hidden: true });
  const { el, canvas, svg, inside, above: exits, layOut, parts } = sheet(ring, tip);
  const lines = shape(inside, "g", { transform: "scale(.1)" }), stars = shape(inside, "g");
  const arrows = shape(inside, "g"), marks = shape(inside, "g");
  let x, y, width = 0, height = 0, strands = [], grip = [0, 0];

  function draw(runs) {
    const { state, loss } = figure;
    const room = el.clientWidth, place = `${room} ${state.loss}`;
    figure.remember("axes", place, () => prepare(room, loss));
    figure.remember("contours", place, () => contours(canvas, loss, x, y, Math.min(2, devicePixelRatio || 1)));
    strands = runs.map((run) => ({ ...run, found: figure.remember(`map ${run.run}`, `${place} ${run.key}`, () =>
      points(run.last + 1, (i) => x.at(run.path[2 * i]), (i) => y.at(run.path[2 * i + 1]))) }));
    sketch(lines, marks, strands, state, figure);
    note(exits, strands.map((run) => exit(run, loss)));
    point(arrows, state.arrows ? strands : []);
    const [left, top] = [x.at(state.start[0]), y.at(state.start[1])];
    ring.style.transform = `translate(${EDGE.left + clamp(left, 0, width)}px, ${EDGE.top + clamp(top, 0, height)}px)`;
    ring.setAttribute("aria-label", `start at x ${state.start[0]}, y ${state.start[1]}`);
    svg.setAttribute("aria-label", `Contours of ${loss.label} with the paths of ${runs.map((run) => run.label).join(", ") || "no rule"}`);
  }
  function prepare(room, { domain: [across, up], minima }) {
    ({ x, y, width, height } = layOut(room, across, up, { across: "x", up: "y" }));
    stars.replaceChildren();
    for (const [a, b] of minima) shape(stars, "path", { class: "star", d: STAR, transform: `translate(${x.at(a)} ${y.at(b)})` });
  }
  // Where a run goes off the map for good.
  function exit(run, { domain: [[left, right], [low, high]] }) {
    const t = leaves(run, figure.loss.domain) ?? (run.diverged ? run.last : null);
    if (t === null || t > figure.state.step) return null;
    const [bx, by] = run.path.subarray(2 * t), [ax, ay] = t ? run.path.subarray(2 * t - 2) : [bx, by];
    const reach = (a, b, low, high) => (b > high ? (high - a) / (b - a) : b < low ? (low - a) / (b - a) : 1);
    const share = clamp(Math.min(reach(ax, bx, left, right), reach(ay, by, low, high)), 0, 1);
    const words = run.diverged ? `${run.label} diverges` : `${run.label} leaves`;
    return { run: run.run, x: x.at(ax + share * (bx - ax)), y: y.at(ay + share * (by - ay)), text: `${words}, step ${run.diverged ?? t}` };
  }
  function note(parent, found) {
    parent.replaceChildren();
    found.filter(Boolean).forEach((mark, i) => {
      const end = mark.x > width / 2, low = mark.y < height / 2;
      shape(parent, "path", { class: "cross", d: "M-5-5L5 5M5-5L-5 5", transform: `translate(${mark.x} ${mark.y})`, style: `--c: ${figure.look(mark.run).colour}` });
      shape(parent, "text", {
        class: "exit", x: clamp(mark.x + (end ? -9 : 9), 0, width), y: clamp(mark.y, 14, height - 6) + (low ? 1 : -1) * 16 * i + 4, "text-anchor": end ? "end" : "start",
      }, mark.text);
    });
  }
  // At the current step: the way down and the momentum as directions, the step itself as it is.
  function point(parent, shown) {
    parent.replaceChildren();
    for (const run of shown) {
      const t = Math.min(figure.state.step, run.last), rule = figure.rule(run.run);
      if (t < 1) continue;
      const from = [run.path[2 * t - 2], run.path[2 * t - 1]], to = [run.path[2 * t], run.path[2 * t + 1]];
      const held = rule.states.findIndex((name) => name === "m" || name === "delta") + 1;
      const sign = rule.states[held - 1] === "delta" ? 1 : -1;
      arrow(parent, from, [-run.slopes[2 * t], -run.slopes[2 * t + 1]], "g", 44);
      if (held) arrow(parent, from, run.trace[t].map((values) => sign * values[held]), rule.states[held - 1], 44);
      arrow(parent, from, [to[0] - from[0], to[1] - from[1]], "step", null);
    }
  }
  function arrow(parent, [a, b], [dx, dy], name, length) {
    const px = x.at(a), py = y.at(b), across = x.at(a + dx) - px, up = y.at(b + dy) - py, size = Math.hypot(across, up);
    if (!(size > 1e-9) || !Number.isFinite(size)) return;
    const k = (length ?? Math.min(size, 2000)) / size, ex = px + across * k, ey = py + up * k, u = across / size, v = up / size;
    shape(parent, "path", {
      class: "arrow", style: `--c: var(--q-${name}, var(--ink))`,
      d: `M${px} ${py}L${ex} ${ey}M${ex - 8 * u + 4 * v} ${ey - 8 * v - 4 * u}L${ex} ${ey}L${ex - 8 * u - 4 * v} ${ey - 8 * v + 4 * u}`,
    });
    if (length) shape(parent, "text", { class: "arrowname", x: ex + 10 * u, y: ey + 10 * v + 4, "text-anchor": "middle", style: `--c: var(--q-${name})` }, name === "delta" ? "Δ" : `−${name}`);
  }

  // Moving the start.
  function moveTo(px, py) {
    const { loss } = figure, round = (v, low, high) => {
      const unit = 10 ** Math.floor(Math.log10((high - low) / 200));
      return +(Math.round(clamp(v, low, high) / unit) * unit).toPrecision(12);
    };
    ring.replaceChildren();
    figure.set({ start: [round(x.back(px), ...loss.domain[0]), round(y.back(py), ...loss.domain[1])] });
  }
  const at = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left - EDGE.left, event.clientY - box.top - EDGE.top];
  };
  svg.addEventListener("click", (event) => moveTo(...at(event)));

  // What is under the pointer.
  svg.addEventListener("pointermove", (event) => {
    const [px, py] = at(event);
    let best = 20, found = null;
    for (const run of strands) {
      for (let t = 0; t <= Math.min(run.last, figure.state.step); t++) {
        const far = Math.hypot(x.at(run.path[2 * t]) - px, y.at(run.path[2 * t + 1]) - py);
        if (far < best) { best = far; found = [run, t]; }
      }
    }
    tip.hidden = !found;
    if (!found) return;
    tip.replaceChildren(...nowRows(figure, ...found).map((line) => element("div", {}, line)));
    tip.style.left = `${clamp(px + EDGE.left + 14, 0, el.clientWidth - 190)}px`;
    tip.style.top = `${py + EDGE.top + 14}px`;
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });

  return { el, draw, parts };
}

// Each strand up to the current step, the rest of it faint; dots where steps can be told apart; a marker where it is now.
function sketch(lines, marks, strands, { step }, figure, dashed = false) {
  while (lines.children.length > 3 * strands.length) lines.lastChild.remove();
  while (lines.children.length < 3 * strands.length) shape(lines, "path");
  while (marks.children.length > strands.length) marks.lastChild.remove();
  while (marks.children.length < strands.length) shape(marks, "path", { class: "marker" });
  strands.forEach((run, i) => {
    const { colour, dash } = figure.look(run.run), now = Math.min(step, run.found.length - 1);
    const [faint, line, dots] = [0, 1, 2].map((k) => lines.children[3 * i + k]);
    const style = `--c: ${colour}; --dash: ${dashed ? dash : "none"}`, trace = (node, kind, d) => set(node, { class: kind, d, style });
    const upTo = run.found.length - 1;
    trace(faint, "faint", now < upTo ? polyline(run.found, now) : "");
    trace(line, "line", polyline(run.found, 0, now + 1));
    trace(dots, "dots", !dashed && upTo <= 120 ? run.found.slice(0, now + 1).map((p) => `M${p}h0`).join("") : "");
    const marker = marks.children[i], [mx, my] = (run.found[now] ?? "-999 -999").split(" ");
    set(marker, { d: MARKERS[figure.index(run.run) % MARKERS.length], transform: `translate(${mx / 10} ${my / 10})` });
    marker.style.setProperty("--c", colour);
  });
}

// The loss, above its minimum where it has one, against the step.
function lossCurve(figure) {
  const svg = shape(null, "svg", { role: "img" });
  const edge = { left: 50, right: 14, top: 20, bottom: 34 };
  const frame = shape(svg, "g", { transform: `translate(${edge.left} ${edge.top})` });
  const inner = shape(svg, "svg", { overflow: "hidden", x: edge.left, y: edge.top });
  const cursor = shape(inner, "path", { class: "cursor" }), lines = shape(inner, "g", { transform: "scale(.1)" }), marks = shape(inner, "g");
  const el = element("div", { class: "curve" }, svg);
  let width = 0, height = 0;

  function draw(runs) {
    const { state, loss } = figure, room = el.clientWidth, floor = lowest(loss), log = loss.minima.length > 0;
    width = Math.max(40, room - edge.left - edge.right);
    height = Math.round(clamp(width * 0.5, 110, Math.max(300, innerHeight * 0.3)));
    const [low, high] = log ? decades(runs, floor) : extent(runs, loss);
    const place = `${room} ${state.loss} ${state.steps} ${low} ${high}`;
    const x = scale(0, state.steps, 0, width), y = scale(low, high, height, 0, log);
    figure.remember("curve", place, () => {
      set(svg, { width: room, height: height + edge.top + edge.bottom });
      set(inner, { width, height });
      axes(frame, x, y, { across: "step", up: log ? "loss above the minimum" : "loss", columns: 4 });
      svg.setAttribute("aria-label", `${log ? "Loss above the minimum" : "Loss"} against the step`);
    });
    const level = log ? (h) => y.at(Math.max(h - floor, low / 10)) : (h) => y.at(h);
    const strands = runs.map((run) => ({ ...run, found: figure.remember(`curve ${run.run}`, `${place} ${run.key}`, () =>
      points(run.last + 1, (t) => x.at(t), (t) => level(run.heights[t]))) }));
    sketch(lines, marks, strands, state, figure, true);
    cursor.setAttribute("d", `M${x.at(state.step)} 0V${height}`);
  }
  svg.addEventListener("click", (event) => {
    const px = event.clientX - svg.getBoundingClientRect().left - edge.left;
    figure.set({ step: clamp(Math.round(px / width * figure.state.steps), 0, figure.state.steps) });
  });
  return { el, draw, parts: () => {
    const size = { width: el.clientWidth, height: height + edge.top + edge.bottom };
    return { ...size, parts: [{ part: svg, x: 0, y: 0, ...size }] };
  } };
}

function decades(runs, floor) {
  let low = Infinity, high = -Infinity;
  for (const { heights, last } of runs) {
    for (let t = 0; t <= last; t++) {
      const gap = heights[t] - floor;
      if (gap < low) low = gap;
      if (gap > high && gap < Infinity) high = gap;
    }
    high = Math.min(high, 1e3 * Math.max(heights[0] - floor, 1e-9));
  }
  if (!(high > 0)) return [1e-3, 1];
  low = 10 ** Math.floor(Math.log10(Math.max(low, 1e-12)));
  high = 10 ** Math.ceil(Math.log10(high));
  return [Math.min(low, high / 10), high];
}

function extent(runs, { domain: [[left, right], [down, up]] }) {
  let low = Infinity, high = -Infinity;
  for (const { path, heights, last } of runs) {
    for (let t = 0; t <= last; t++) {
      const [x, y] = [path[2 * t], path[2 * t + 1]];
      if (x < left || x > right || y < down || y > up) continue;
      low = Math.min(low, heights[t]);
      high = Math.max(high, heights[t]);
    }
  }
  return low < high ? [low, high] : low === high ? [low - 1, high + 1] : [-1, 1];
}

// The numbers.

function nowRows(figure, run, t) {
  const rule = figure.rule(run.run), pair = (values) => `(${values.map((v) => amount(v, 5)).join(", ")})`;
  const of = (i) => run.trace[t].map((values) => values[i]);
  const lines = [`${run.label}, step ${t}`, `θ = ${pair(of(0))}`, `loss = ${amount(run.heights[t], 5)}`];
  if (t > 0) lines.push(`‖g‖ = ${amount(Math.hypot(run.slopes[2 * t], run.slopes[2 * t + 1]), 5)}`);
  return [...lines, ...rule.states.map((name, i) => `${name} = ${pair(of(i + 1))}`)];
}

function pathRows(figure, runs) {
  const rows = [["rule", "step", "x", "y", "loss", "g_x", "g_y"]];
  for (const run of runs) {
    for (let t = 0; t <= run.last; t++) {
      const slope = t ? [run.slopes[2 * t], run.slopes[2 * t + 1]] : ["", ""];
      rows.push([run.label, t, run.path[2 * t], run.path[2 * t + 1], run.heights[t], ...slope]);
    }
  }
  return rows;
}

function pathTables(figure, runs) {
  const { step, steps } = figure.state;
  const now = [["rule", "now"], ...runs.map((run) => [run.label, nowRows(figure, run, Math.min(step, run.last)).slice(1).join("; ")])];
  const head = ["step", ...runs.flatMap(({ label }) => [`${label} x`, `${label} y`, `${label} loss`])];
  const rowAt = (t) => [t, ...runs.flatMap((run) => (t <= run.last ? [run.path[2 * t], run.path[2 * t + 1], run.heights[t]] : ["", "", ""]))];
  return [table(now, `At step ${step}`), stepTable(steps, head, rowAt)];
}

function beside(...pictures) {
  let width = 0;
  const parts = pictures.flatMap((picture) => {
    const moved = picture.parts.map((part) => ({ ...part, x: part.x + width }));
    width += picture.width;
    return moved;
  });
  return { parts, width, height: Math.max(...pictures.map((picture) => picture.height)) };
}

function clamp(v, low, high) {
  return Math.min(high, Math.max(low, v));
}
