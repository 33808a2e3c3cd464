// One coordinate under a stream of gradients: the stream, to draw on, and what each rule makes of it, step by step.

const STRIP = { left: 54, right: 10, top: 8, bottom: 4, inset: 5 };
const DASHES = ["none", "7 4", "2 3"];
const STEP = "step/lr";
const HUGE = 1e300, TINY = 1e-300;  // no axis goes further, and none less far

function streamPanels(figure) {
  const source = gradientPlot(figure), rows = runRows(figure), settings = streamSettings(figure);
  const list = element("div", { class: "cards" }), print = shape(list, "svg", { class: "print" }), cards = new Map();
  const card = (run) => {
    if (!cards.has(run)) cards.set(run, ruleCard(figure, run));
    return cards.get(run);
  };
  return {
    panels: element("div", { class: "panels stream" }, source.el, rows, list),
    ...settings.parts,
    controls: [{ row: rows }, ...settings.controls],
    draw() {
      const runs = currentStreams(figure), shown = runs.map(({ run }) => card(run));
      if (String(shown.map(({ run }) => run)) !== list.dataset.runs) list.replaceChildren(print, ...shown.map(({ el }) => el));
      list.dataset.runs = shown.map(({ run }) => run);
      const rooms = shown.map((each) => each.room()), reach = commonReach(runs);
      source.draw();
      shown.forEach((each, i) => each.draw(runs[i], rooms[i], reach[i]));
    },
    sentence: () => streamSentence(currentStreams(figure)),
    rows: () => streamRows(figure, currentStreams(figure)),
    tables: () => streamTables(figure, currentStreams(figure)),
    picture: () => streamPicture(source, figure.state.rules.map(card), print),
  };
}

function streamSettings(figure) {
  const { spec, library } = figure, made = settingsOf(), { parts: { head, settings }, add } = made;
  const streams = Object.keys(library.streams).map((key) => [key, library.streams[key].label]);
  const choose = (key, stream) => {
    const drawn = stream === "drawn" && !figure.state.drawn.length ? { drawn: steadied(currentGradients(figure).g) } : {};
    figure.set({ stream, ...drawn });
  };
  const again = button("other noise", "other noise", () => figure.set({ seed: (figure.state.seed + 1) % 2 ** 32 }));
  again.show = (key) => { again.hidden = !(key in library.streams) || library.streams[key].value(1, 9, 0) === library.streams[key].value(1, 9, 1); };
  add(head, "stream", menu({ choose }, "stream", "gradients", [...streams, ["worst", "worst case"], ["drawn", "drawn by hand"]]));
  add(head, "stream", again);
  if (Object.keys(spec.runs).some((run) => figure.rule(run).corrected)) add(head, "corrected", toggle(figure, "corrected", "bias correction"));
  add(settings, "steps", slider(figure, "steps", { kind: "whole" }, { name: "steps", meaning: "number of steps" }));
  add(settings, "theta", slider(figure, "theta", { kind: "number", value: spec.state.theta, low: null, high: null },
    { symbol: figure.name("theta").symbol, name: "at the start", meaning: "parameter before the first step" }));
  return made;
}

// The gradients g_1, … of the stream, with a key that tells them from others.
function currentGradients(figure) {
  const { state, library, remember } = figure, { stream, steps, seed } = state;
  const worst = stream === "worst" && state.rules.find((run) => figure.rule(run).worst), hyper = worst ? figure.hyper(worst) : {};
  const key = [stream, steps, seed, worst, ...Object.values(hyper), stream === "drawn" ? state.drawn : ""].join(" ");
  const value = {
    drawn: () => (t) => state.drawn[t - 1] ?? 0,
    worst: () => (t) => (worst ? figure.rule(worst).worst(t, steps, hyper) : 1),
  }[stream] ?? (() => {
    const z = remember("noise", `${seed} ${steps}`, () => standardNoise(seed, steps, 1));
    return (t) => library.streams[stream].value(t, steps, z[t - 1]);
  });
  return remember("gradients", key, () => {
    const at = value();
    return { key, g: Float64Array.from({ length: steps }, (_, i) => at(i + 1)) };
  });
}

// What the rules that are on make of it: of[name][t] is a quantity after step t, undefined where there is none yet.
function currentStreams(figure) {
  const { state, remember } = figure, { key: source, g } = currentGradients(figure);
  return state.rules.map((run) => {
    const rule = figure.rule(run), hyper = figure.hyper(run), corrected = state.corrected || !rule.corrected;
    const key = [source, state.theta, corrected, ...Object.values(hyper)].join(" ");
    return remember(`stream ${run}`, key, () => {
      const { trace, steps } = streamed(rule, hyper, state.theta, g, corrected), of = { g: [undefined, ...g] };
      ["theta", ...rule.states, ...rule.values].forEach((name, i) => { of[name] = trace.map((values) => values[i]); });
      of[STEP] = [undefined, ...steps.slice(1)];
      const bounds = rule.bounds.map(({ label, value }) => ({
        label: corrected ? `${label} bound` : `${label} bound for t → ∞`,
        values: steps.map((_, t) => value(corrected ? Math.max(1, t) : Infinity, hyper)),
      }));
      return { run, key, hyper, corrected, of, bounds, label: figure.label(run) };
    });
  });
}

// How far up and down the plots of the step go: to a bound that is not too far, and alike where that hides nothing.
function commonReach(runs) {
  const own = runs.map(({ of, bounds }) => {
    const size = largest(of[STEP]), reach = size > TINY ? Math.min(size, HUGE) : 1;
    return Math.max(reach, ...bounds.map(({ values }) => largest(values)).filter((bound) => bound <= 3.5 * reach));
  });
  return own.map((reach) => (5 * reach < Math.max(...own) ? reach : Math.max(...own)));
}

function largest(values) {
  return values.reduce((most, v) => (Math.abs(v) > most && Math.abs(v) < Infinity ? Math.abs(v) : most), 0);
}

function streamSentence(runs) {
  if (!runs.length) return "No rule is switched on.";
  return runs.map(({ label, of }) => {
    const steps = of[STEP].slice(1), bad = steps.findIndex((step) => !Number.isFinite(step));
    if (bad >= 0) return `${label} gives NaN at step ${bad + 1}`;
    const most = largest(steps), at = steps.findIndex((step) => Math.abs(step) >= (1 - 1e-9) * most);
    return `${label}: the largest step is ${short(most)} times the learning rate, at step ${at + 1}`;
  }).join("; ") + ".";
}

// The gradients, to be drawn with a pointer or with the arrow keys.
function gradientPlot(figure) {
  const title = legend(figure, [{ name: "g", dash: "none" }], "gradient");
  const plot = strip(figure, 120, true), hint = element("span", { class: "hint", "aria-hidden": "true" }, "draw here");
  const el = element("div", { class: "source", role: "slider", tabindex: 0, "aria-orientation": "vertical" }, title.el, plot.svg, hint);
  plot.svg.setAttribute("aria-hidden", "true");
  let reach = 2, last = null;

  function draw() {
    const { step } = figure.state, { key, g } = currentGradients(figure), values = [undefined, ...g], t = Math.max(1, step);
    if (!last) reach = roundReach(largest(values));
    plot.draw(el.clientWidth, [{ name: "g", values, stems: true }], [-reach, reach], key);
    title.show([values[step]]);
    const share = Math.round(clamp(100 * g[t - 1] / reach, -100, 100)) || 0;
    const now = { label: `gradient at step ${t}, to be drawn with the arrow keys`, valuenow: share, valuemin: -100, valuemax: 100, valuetext: `step ${t}, gradient ${amount(g[t - 1])}` };
    for (const [name, value] of Object.entries(now)) el.setAttribute(`aria-${name}`, value);
  }
  // Sets g from the step drawn last to step t, in a straight line.
  function drawTo(t, value, from = { t, value }) {
    const drawn = steadied(currentGradients(figure).g), unit = 10 ** Math.floor(Math.log10(reach / 100));
    for (let i = Math.min(from.t, t); i <= Math.max(from.t, t); i++) {
      const v = i === t ? value : from.value + (value - from.value) * (i - from.t) / (t - from.t);
      drawn[i - 1] = Math.abs(v) < reach / 50 ? 0 : +(Math.round(clamp(v, -reach, reach) / unit) * unit).toPrecision(12);
    }
    hint.remove();
    figure.set({ stream: "drawn", drawn, step: t });
    return { t, value };
  }
  whileHeld(figure, plot.svg, (px, py) => {
    const t = clamp(plot.stepAt(px), 1, figure.state.steps);
    last = drawTo(t, plot.valueAt(py), last ?? undefined);
  }, () => { last = null; });
  el.addEventListener("keydown", (event) => {
    const { step, steps } = figure.state, many = event.shiftKey ? 10 : 1, t = Math.max(1, step);
    const to = { ArrowLeft: step - many, ArrowRight: step + many, Home: 0, End: steps }[event.key];
    const by = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5 }[event.key];
    if (to === undefined && !by) return;
    event.preventDefault();
    if (by) drawTo(t, steadied(currentGradients(figure).g)[t - 1] + by * reach / 20);
    else figure.set({ step: clamp(to, 0, steps) });
  });
  return { el, draw, title, plot };
}

// Gradients as they can be drawn and told in a link.
function steadied(g) {
  return Array.from(g, (v) => (Number.isFinite(v) ? +v.toPrecision(4) : 0));
}

function roundReach(most) {
  if (most < TINY || most > HUGE) return most < TINY ? 2 : HUGE;
  const power = 10 ** Math.floor(Math.log10(most)), round = [1, 2, 3, 5, 10].find((n) => n * power >= 1.04 * most) * power;
  return round > 0.1 && round < 2 ? 2 : round;
}

// A plot against the step: lines with gaps where they are not finite, and a cursor, behind which they are faint.
function strip(figure, height, last) {
  const svg = shape(null, "svg", { class: "strip" });
  const frame = shape(svg, "g"), inner = shape(svg, "svg", { overflow: "hidden", x: STRIP.left, y: STRIP.top });
  const zero = shape(inner, "path", { class: "zero" }), lines = shape(inner, "g", { transform: "scale(.1)" });
  const veil = shape(inner, "rect", { class: "veil", height }), cursor = shape(inner, "path", { class: "cursor" });
  const marks = shape(svg, "g", { transform: `translate(${STRIP.left} ${STRIP.top})` });
  const tall = height + STRIP.top + STRIP.bottom + (last ? 16 : 0);
  let width = 0, x, y, laid = "", drawn = "";

  function draw(room, series, [low, high], key) {
    const { steps, step } = figure.state, place = `${room} ${steps} ${low} ${high}`;
    if (place !== laid) layOut(room, steps, low, high, laid = place);
    if (drawn !== (drawn = `${place} ${key}`)) trace(series);
    const px = x.at(step);
    cursor.setAttribute("d", `M${px} 0V${height}`);
    veil.setAttribute("x", px);
    series.forEach(({ values, bound }, i) => {
      const py = y.at(values[step]), seen = !bound && py >= -1 && py <= height + 1;
      marks.children[i].setAttribute("transform", seen ? `translate(${px} ${py})` : "translate(-999)");
    });
  }
  function layOut(room, steps, low, high) {
    width = Math.max(40, room - STRIP.left - STRIP.right);
    x = scale(0, steps, STRIP.inset, width - STRIP.inset);
    y = scale(low, high, height, 0);
    set(svg, { width: room, height: tall });
    set(inner, { width, height });
    veil.setAttribute("width", width);
    zero.setAttribute("d", `M0 ${y.at(0)}H${width}`);
    stripAxes(frame, x, y, width, last);
  }
  function trace(series) {
    while (lines.children.length > series.length) { lines.lastChild.remove(); marks.lastChild.remove(); }
    while (lines.children.length < series.length) { shape(lines, "path"); shape(marks, "circle", { class: "marker", r: 3.6 }); }
    series.forEach(({ name, values, colour = quantityColour(name), dash = "none", stems, bound }, i) => {
      const line = lines.children[i];
      set(line, {
        class: bound ? "line bound" : "line", "data-name": name, style: `--c: ${colour}; --dash: ${dash}`,
        d: stems && width > 4 * values.length ? stalks(values, x, y) : trail(values, x, y) + (bound ? trail(values.map((v) => -v), x, y) : ""),
      });
      marks.children[i].style.setProperty("--c", colour);
    });
  }
  const stepAt = (px) => clamp(Math.round(x.back(px)), 0, figure.state.steps);
  return { svg, draw, stepAt, valueAt: (py) => y.back(py), size: () => ({ width: width + STRIP.left + STRIP.right, height: tall }) };
}

function stripAxes(parent, x, y, width, last) {
  parent.replaceChildren();
  parent.setAttribute("transform", `translate(${STRIP.left} ${STRIP.top})`);
  shape(parent, "rect", { class: "frame", width, height: y.from });
  for (const v of ticks(y, y.from / 24)) {
    shape(parent, "path", { class: "tick", d: `M0 ${y.at(v)}h-4` });
    shape(parent, "text", { class: "mark", x: -6, y: y.at(v) + 4, "text-anchor": "end" }, amount(v, 6));
  }
  for (const v of last ? ticks(x, x.to / 70) : []) {
    shape(parent, "path", { class: "tick", d: `M${x.at(v)} ${y.from}v4` });
    shape(parent, "text", { class: "mark", x: x.at(v), y: y.from + 15, "text-anchor": "middle" }, amount(v, 6));
  }
  if (last) shape(parent, "text", { class: "mark", x: -16, y: y.from + 15, "text-anchor": "end" }, "step");
}

// A line in tenths of a pixel.
function trail(values, x, y) {
  let d = "", pen = "M";
  for (let t = 0; t < values.length; t++) {
    const py = Math.round(10 * y.at(values[t]));
    if (Math.abs(py) <= FAR) d += pen + Math.round(10 * x.at(t)) + " " + py;
    pen = Math.abs(py) <= FAR ? "L" : "M";
  }
  return d;
}

// A stem and a dot for each step.
function stalks(values, x, y) {
  let d = "";
  for (let t = 0; t < values.length; t++) {
    const px = Math.round(10 * x.at(t)), py = Math.round(10 * y.at(values[t])), foot = Math.round(10 * y.at(0));
    if (Math.abs(py) <= FAR) d += `M${px} ${foot}V${py}m-18 0a18 18 0 1 0 36 0a18 18 0 1 0-36 0`;
  }
  return d;
}

function quantityColour(name) {
  return `var(--q-${name}, var(--q-${name.split("_")[0]}, var(--ink)))`;
}

// Calls `move` with the place of a pointer while it is held down. Where the page scrolls instead, all is as before.
function whileHeld(figure, svg, move, end = () => {}) {
  let before = null;
  const at = (event) => {
    const box = svg.getBoundingClientRect();
    move(event.clientX - box.left - STRIP.left, event.clientY - box.top - STRIP.top);
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    before = figure.state;
    svg.setPointerCapture(event.pointerId);
    at(event);
  });
  svg.addEventListener("pointermove", (event) => { if (before) at(event); });
  svg.addEventListener("pointerup", () => { before = null; end(); });
  svg.addEventListener("pointercancel", () => {
    end();
    if (before) figure.set({ ...before });
    before = null;
  });
}

// Symbols with their lines and, at the step, their values; and in a word what they are.
function legend(figure, entries, word) {
  const cells = entries.map(() => element("output", {}));
  const keys = entries.map(({ name, html, colour = quantityColour(name), dash }, i) => {
    const line = shape(null, "svg");
    shape(line, "path", { class: "line", d: "M0 6H22" });
    const symbol = name ? [element("span", { class: "q", "data-name": name, html: html ?? figure.name(name).symbol ?? name })] : [];
    return element("span", { class: "key", style: `--c: ${colour}; --dash: ${dash}` }, line, ...symbol, cells[i]);
  });
  const show = (values) => values.forEach((v, i) => put(cells[i], typeof v === "string" ? v : v === undefined ? "" : `= ${amount(v)}`));
  const words = () => entries.map(({ name, colour = quantityColour(name) }, i) => ({ colour: name === STEP ? "var(--ink)" : colour, text: `${name} ${cells[i].textContent}`.trim() }));
  return { el: element("div", { class: `legend ${word ? "single" : ""}` }, ...keys, element("span", { class: "word" }, word)), show, words };
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A rule: its equations, and a plot for each group of its quantities, at last one of its step.
function ruleCard(figure, run) {
  const rule = figure.rule(run), { colour } = figure.look(run), label = figure.label(run);
  const equations = equationList(figure, run);
  const plots = [...groups(rule).map((names) => quantityPlot(figure, label, names)), stepPlot(figure, run)];
  const side = element("div", { class: "plots" }, ...plots.flatMap((plot) => [plot.title.el, plot.svg]));
  const name = element("div", { class: "title", hidden: Object.keys(figure.spec.runs).length < 2 }, swatch(figure, run, figure.index(run)), label);
  const tip = element("div", { class: "tip", hidden: true, role: "status" });
  const el = element("div", { class: "pane", role: "group", "aria-label": label, style: `--c: ${colour}` },
    element("div", { class: "inside" }, element("div", {}, name, equations.el), side), tip);
  let numbers = {};
  nameSymbols(figure, el, equations.el, tip, () => numbers);
  return {
    run, el, label, plots,
    room: () => side.clientWidth,
    draw(stream, room, reach) {
      numbers = numbersAt(figure, stream);
      equations.show(numbers);
      for (const plot of plots) plot.draw(stream, room, reach);
    },
  };
}

// Names that differ only in what has been done to them share a plot.
function groups(rule) {
  const found = new Map();
  for (const name of [...rule.states, ...rule.values, "theta"]) {
    const stem = name.replace(/_(hat|max|t|next|inf|prev|reg)$/, "");
    found.set(stem, [...(found.get(stem) ?? []), name].sort((a, b) => a.length - b.length));
  }
  return [...found.values()];
}

function quantityPlot(figure, label, names) {
  const entries = names.map((name, i) => ({ name, dash: DASHES[i % DASHES.length] }));
  const word = names.length < 3 ? figure.name(names[0]).meaning.split(/[:,]/)[0] : "";
  return titled(figure, strip(figure, 76, false), entries, word, `${names.join(" and ")} of ${label}`, ({ of, key }) => ({
    values: names.map((name) => of[name]),
    told: names.map((name) => of[name][figure.state.step]),
    range: figure.remember(`range ${label} ${names[0]}`, key, () => rangeOf(names.map((name) => of[name]), names[0] !== "theta")),
  }));
}

// A plot under its legend; `now` gives the values of its lines, what the legend says of them, and the range.
function titled(figure, plot, entries, word, about, now) {
  const title = legend(figure, entries, word);
  set(plot.svg, { role: "img", "aria-label": `${about} against the step` });
  whileHeld(figure, plot.svg, (px) => figure.set({ step: plot.stepAt(px) }));
  return {
    ...plot, title,
    draw(stream, room, reach) {
      const { values, told, range } = now(stream, reach);
      plot.draw(room, entries.map((entry, i) => ({ ...entry, values: values[i] })), range, stream.key);
      title.show(told);
    },
  };
}

function rangeOf(lines, withZero) {
  let low = withZero ? 0 : Infinity, high = withZero ? 0 : -Infinity;
  for (const v of lines.flat()) {
    if (v < low && v > -Infinity) low = v;
    if (v > high && v < Infinity) high = v;
  }
  if (low > high) return [-1, 1];
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (size > HUGE) return [-HUGE, HUGE];
  if (!(high - low > TINY + 1e-9 * size)) return size > TINY ? [low - size, low + size] : [-1, 1];
  const room = 0.1 * (high - low);
  return [low < 0 || !withZero ? low - room : low, high > 0 || !withZero ? high + room : high];
}

// The step over the learning rate, and how far it can go.
function stepPlot(figure, run) {
  const { hyper, bounds } = figure.rule(run), rate = "lr" in hyper ? ` / ${figure.name("lr").symbol}` : "";
  const entries = [
    { name: STEP, html: `step${rate}`, colour: figure.look(run).colour, dash: "none" },
    ...bounds.map((_, i) => ({ name: "", colour: "var(--ink)", dash: DASHES[1 + i % 2], bound: true })),
  ];
  return titled(figure, strip(figure, 96, true), entries, "", `step over learning rate of ${figure.label(run)}`, ({ of, bounds }, reach) => {
    const { step } = figure.state, top = 1.1 * reach;
    const words = ({ label, values: { [step]: v } }) => (Number.isFinite(v) ? `${label} ±${short(v)}${v > top ? ", off the plot" : ""}` : `no ${label}`);
    return { values: [of[STEP], ...bounds.map(({ values }) => values)], told: [of[STEP][step], ...bounds.map(words)], range: [-top, top] };
  });
}

// All numbers of a step by their keys in the equations: before it (m_old) and after it (m).
function numbersAt(figure, { hyper, corrected, of }) {
  const t = figure.state.step, found = { ...hyper, t: corrected ? t : Infinity };
  for (const [name, values] of Object.entries(of)) {
    found[`${name}_old`] = values[t - 1];
    found[name] = values[t];
  }
  return found;
}

// The equations, each with the numbers of the step under it.
function equationList(figure, run) {
  const rule = figure.rule(run), slots = [], note = element("div", { class: "note" });
  const rows = rule.lines.map((line) => {
    const filled = element("div", { class: "filled", html: line });
    slots.push(...numberSlots(filled.firstChild));
    return element("div", { class: "equation" }, element("div", { html: line }), filled);
  });
  const el = element("div", {
    class: "equations", tabindex: 0, role: "group", "aria-label": `equations of ${figure.label(run)}; left and right name their symbols`,
  }, note, ...rows);
  return {
    el,
    show(numbers) {
      const { step } = figure.state;
      el.classList.toggle("before", step === 0);
      put(note, step ? `in step ${step}` : "before the first step");
      for (const { key, number, bare } of slots) {
        const v = numbers[key], text = v === undefined ? "–" : amount(v, key in rule.hyper ? 6 : 4);
        put(number, v < 0 && !bare ? `(${text})` : text);
      }
    },
  };
}

// In place of each symbol room for a number, and a dot between factors. A negative number can be bare at the beginning.
function numberSlots(math) {
  const made = (tag, text = "") => {
    const node = document.createElementNS(math.namespaceURI, tag);
    node.textContent = text;
    return node;
  };
  const slots = [...math.querySelectorAll("[data-name]")].map((symbol) => {
    const number = made("mn");
    symbol.replaceChildren(number);
    return { key: symbol.dataset.name, number, symbol };
  });
  const is = (part, ...fences) => (part.tagName === "mo" ? fences.includes(part.textContent) : !["mtext", "mspace"].includes(part.tagName));
  for (const row of [math, ...math.querySelectorAll("mrow:not([data-name]), msqrt, mtd")]) {
    for (const part of [...row.children].slice(1)) {
      if (is(part.previousElementSibling, ")") && is(part, "(")) part.before(made("mo", "·"));
    }
  }
  return slots.map(({ key, number, symbol }) => {
    const before = symbol.previousElementSibling;
    return { key, number, bare: symbol.parentNode.tagName !== "msup" && (!before || "=(,|".includes(before.textContent)) };
  });
}

// Says what a symbol is that the pointer or the left and right keys are on, and shows where else it stands.
function nameSymbols(figure, el, list, tip, numbers) {
  let current = -1;
  const symbols = [...list.querySelectorAll(".equation > :first-child [data-name]")];
  const plain = (key) => (key in figure.library.names ? key : key.replace(/_old$/, ""));
  function name(symbol) {
    const key = symbol?.dataset.name, known = key && plain(key) in figure.library.names;
    for (const node of el.querySelectorAll("[data-name]")) node.classList.toggle("lit", Boolean(known) && plain(node.dataset.name) === plain(key));
    tip.hidden = !known;
    if (!known) return;
    const value = numbers()[key], when = plain(key) === key ? "" : ", before the step";
    tip.textContent = `${plain(key)}: ${figure.name(plain(key)).meaning}${when}${value === undefined ? "" : ` = ${amount(value)}`}`;
    const box = symbol.getBoundingClientRect(), frame = el.getBoundingClientRect();
    tip.style.left = `${clamp(box.left - frame.left - 20, 0, Math.max(0, frame.width - tip.offsetWidth))}px`;
    tip.style.top = `${box.bottom - frame.top + 6}px`;
  }
  el.addEventListener("pointerover", (event) => name(event.target.closest?.("[data-name]")));
  el.addEventListener("pointerleave", () => name(null));
  list.addEventListener("blur", () => name(null));
  list.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") name(null);
    if (!by) return;
    event.preventDefault();
    current = clamp(current + by, 0, symbols.length - 1);
    symbols[current].scrollIntoView({ block: "nearest", inline: "nearest" });
    name(symbols[current]);
  });
}

// The numbers, and the picture.

function streamRows(figure, runs) {
  const names = quantities(runs), rows = [["rule", "step", ...names]];
  for (const { label, of } of runs) {
    for (let t = 0; t <= figure.state.steps; t++) rows.push([label, t, ...names.map((name) => of[name]?.[t] ?? "")]);
  }
  return rows;
}

function quantities(runs) {
  return [...new Set(runs.flatMap(({ of }) => Object.keys(of))), STEP].filter((name, i, all) => all.lastIndexOf(name) === i);
}

function streamTables(figure, runs) {
  const { step, steps } = figure.state, names = quantities(runs);
  const now = [["quantity", ...runs.map(({ label }) => label)], ...names.map((name) => [name, ...runs.map(({ of }) => of[name]?.[step] ?? "")])];
  const columns = runs.flatMap(({ label, of }) => Object.keys(of).filter((name) => name !== "g").map((name) => [`${label} ${name}`, of[name]]));
  const { g } = currentGradients(figure), head = ["step", "g", ...columns.map(([name]) => name)];
  return [table(now, `At step ${step}`), stepTable(steps, head, (t) => [t, g[t - 1] ?? "", ...columns.map(([, values]) => values[t] ?? "")])];
}

// The gradients, and under them a column of plots for each rule, each with its legend in print.
function streamPicture(source, cards, print) {
  const parts = [];
  const place = ({ title, ...plot }, x, y, label) => {
    const { width, height } = plot.size(), row = shape(print, "g"), line = shape(row, "text", { class: "axis", x: 8, y: 15 }, label);
    for (const { colour, text } of title.words()) shape(line, "tspan", { style: `--c: ${colour}`, dx: 9 }, text);
    parts.push({ part: row, x, y, width, height: 20 }, { part: plot.svg, x, y: y + 20, width, height });
    return [x + width, y + 20 + height];
  };
  print.replaceChildren();
  let [width, top] = place({ ...source.plot, title: source.title }, 0, 4, ""), left = 0, height = top;
  for (const { label, plots } of cards) {
    let right = left, low = top + 6;
    for (const plot of plots) [right, low] = place(plot, left, low, plot === plots[0] ? label : "");
    [left, width, height] = [right + 16, Math.max(width, right), Math.max(height, low)];
  }
  return { parts, width, height };
}
