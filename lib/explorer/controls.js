// What the reader moves: sliders, chips, the player, and the row of tools.

const SLIDER = 1000;

// Where a hyper-parameter's slider goes: rates by powers of ten from 0, shares by the distance to 1, others in between.
function travel({ value, low, high, kind, span }) {
  if (kind === "whole") {
    return { to: (p) => +Math.round(10 ** (4 * p)).toPrecision(2), from: (v) => Math.log10(Math.max(1, v)) / 4 };
  }
  if (kind === "share") {
    return { to: (p) => +(1 - 10 ** (-4 * p)).toPrecision(4), from: (v) => -Math.log10(Math.max(1 - v, 1e-4)) / 4 };
  }
  if (kind === "rate") {
    const [a, b] = span ?? (value > 0 && value < 1e-5 ? [-12, 0] : [-5, 1]);
    return {
      to: (p) => (p <= 0 ? 0 : +(10 ** (a + (b - a) * p)).toPrecision(2)),
      from: (v) => (v > 0 ? (Math.log10(v) - a) / (b - a) : 0),
    };
  }
  const [a, b] = [low ?? Math.min(0, 4 * value, -(value === 0)), high ?? Math.max(0, 4 * value, value === 0)];
  return { to: (p) => +(a + (b - a) * p).toPrecision(3), from: (v) => (v - a) / (b - a) };
}

// A range; where a thumb on it turns out to scroll the page, it goes back.
function ranged(figure, key, label, oninput, more) {
  let before;
  return element("input", {
    type: "range", "data-key": key, "aria-label": label, oninput,
    onpointerdown: () => { before = { [key]: figure.state[key] }; }, onpointercancel: () => figure.set(before), ...more,
  });
}

// A slider with a number that can be typed. `read()` gives the value now; `put(v)` is called with a new one.
function slider(figure, key, limits, { symbol, meaning, name }) {
  const { to, from } = travel(limits);
  const range = ranged(figure, key, meaning, () => figure.set({ [key]: to(range.value / SLIDER) }), { max: SLIDER });
  const box = element("input", {
    type: "text", inputmode: "decimal", "data-key": key, "aria-label": meaning,
    onchange: () => { shown = undefined; figure.type(key, box.value); },
  });
  const label = element("span", { class: "name", title: meaning });
  if (symbol) label.append(element("span", { html: symbol, "aria-hidden": "true" }), " ");
  label.append(element("span", { class: "code" }, name));
  const row = element("div", { class: "slider" }, label, range, box);
  let shown;
  row.show = (value) => {
    if (value === shown) return;
    shown = value;
    const place = Math.round(SLIDER * clamp(from(value), 0, 1));
    if (document.activeElement !== range || Math.abs(range.value - place) > 1) range.value = place;
    range.setAttribute("aria-valuetext", `${meaning} ${value}`);
    if (document.activeElement !== box || figure.refused !== key) box.value = value;
  };
  return row;
}

function menu(figure, key, label, choices) {
  const select = element("select", {
    "data-key": key, "aria-label": label, onchange: () => figure.choose(key, select.value),
  }, ...choices.map(([value, text]) => element("option", { value }, text)));
  const row = element("label", { class: "menu" }, element("span", { class: "name" }, label), select);
  row.show = (value) => { select.value = value; };
  return row;
}

function toggle(figure, key, label) {
  const box = element("input", { type: "checkbox", "data-key": key, onchange: () => figure.set({ [key]: box.checked }) });
  const row = element("label", { class: "check" }, box, label);
  row.show = (value) => { box.checked = value; };
  return row;
}

function button(label, text, onclick, attributes = {}) {
  return element("button", { type: "button", title: label, "aria-label": label, onclick, ...attributes }, text);
}

// A ring to drag, or to move with the arrow keys: `take(event)` when it is taken hold of, `drag(event)` while it is held,
// `push(across, up, fine)` for a key.
function handle(role, take, drag, push) {
  let held = false;
  const drop = () => { held = false; };
  const ring = element("button", {
    type: "button", class: "ring", "aria-roledescription": role, onpointerup: drop, onpointercancel: drop,
    onpointerdown: (event) => { held = true; take(event); ring.setPointerCapture(event.pointerId); },
    onpointermove: (event) => { if (held) drag(event); },
    onkeydown: (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      push(...way, event.shiftKey);
    },
  }, element("span", { class: "hint", "aria-hidden": "true" }, "drag me"));
  return ring;
}

// A line as it is drawn in the figure: colour, dash and marker of a run.
function swatch(figure, run, index) {
  const picture = shape(null, "svg", { viewBox: "0 0 34 12", "aria-hidden": "true" });
  shape(picture, "path", { class: "line", d: "M1 6H33", style: `--dash: ${figure.look(run).dash}` });
  shape(picture, "path", { class: "marker", d: MARKERS[index % MARKERS.length], transform: "translate(17 6)" });
  return picture;
}

// Room for what is chosen above the panels and below them; `add` puts a row there, which follows the state's `key`.
function settingsOf() {
  const head = [], settings = [], controls = [];
  return { parts: { head, settings }, controls, add(list, key, row) { controls.push({ key, row }); list.push(row); } };
}

// A text field for a list of numbers.
function entry(figure, key, label) {
  const box = element("input", {
    type: "text", "data-key": key, "aria-label": `${key.replace("_", " ")}, ${label}`, class: "wide",
    onchange: () => { figure.type(key, box.value); if (figure.refused !== key) row.show(figure.state[key]); },
  });
  const row = element("label", { class: "menu" }, element("span", { class: "name" }, label), box);
  row.show = (value) => { box.value = value.join(", "); };
  return row;
}

// One row for each run: a chip that switches it on and off, its first slider, and the others on demand. Where many are
// offered, those that were never on wait in a menu.
function runRows(figure) {
  const { spec } = figure, runs = Object.keys(spec.runs), several = runs.length > 1 && spec.kind !== "plane";
  const met = new Set(runs.length - spec.state.rules.length > 4 ? spec.state.rules : runs);
  const add = element("select", {
    class: "add", "aria-label": "add a rule", onchange: () => { figure.flip(add.value); },
  });
  const rows = runs.map((run, index) => {
    const { hyper } = figure.rule(run), names = Object.keys(hyper), label = figure.label(run);
    const sliders = names.map((name) => slider(figure, `${run}.${name}`, hyper[name], figure.name(name)));
    const rest = element("div", { class: "rest", hidden: several }, ...sliders.slice(1));
    const more = button(`further settings of ${label}`, "⋯", () => {
      rest.hidden = !rest.hidden;
      more.setAttribute("aria-expanded", !rest.hidden);
    }, { "aria-expanded": "false", class: "more", hidden: !several || names.length < 2 });
    const chip = element(several ? "button" : "div", {
      type: several && "button", class: "chip", "data-run": run, onclick: () => several && figure.flip(run),
    }, swatch(figure, run, index), element("span", {}, ...label.split(/(?<=_)/).flatMap((part) => [element("wbr"), part])));
    const first = element("div", { class: "first" }, ...sliders.slice(0, 1), more);
    const row = element("div", { class: "run", role: "group", "aria-label": label, style: `--c: ${figure.look(run).colour}` }, chip, first, rest);
    row.show = () => {
      const on = figure.state.rules.includes(run);
      if (on) met.add(run);
      if (several) chip.setAttribute("aria-pressed", on);
      row.classList.toggle("off", !on);
      row.hidden = !met.has(run);
      names.forEach((name, i) => sliders[i].show(figure.state[`${run}.${name}`]));
    };
    return row;
  });
  const list = element("div", { class: `runs ${several ? "several" : ""}` }, ...rows, add);
  list.show = () => {
    rows.forEach((row) => row.show());
    const others = runs.filter((run) => !met.has(run));
    add.replaceChildren(element("option", { value: "" }, "add a rule …"), ...others.map((run) => element("option", { value: run }, figure.label(run))));
    add.hidden = !several || !others.length;
  };
  return list;
}

// Play, step and scrub through the steps.
function player(figure) {
  let playing = null, began = 0, first = 0;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const go = (step) => figure.set({ step: clamp(step, 0, figure.state.steps) });
  const play = button("play", "▶\uFE0E", () => (playing === null ? start() : stop()), { class: "play" });
  const scrub = ranged(figure, "step", "step", () => { stop(); go(+scrub.value); });
  const count = element("output", { class: "count" });
  const row = element("div", { class: "player" },
    button("back to the start", "«", () => { stop(); go(0); }, { class: "first" }),
    button("one step back", "‹", () => { stop(); go(figure.state.step - 1); }),
    play,
    button("one step on", "›", () => { stop(); go(figure.state.step + 1); }),
    scrub, count);

  function start() {
    first = figure.state.step >= figure.state.steps ? 0 : figure.state.step;
    began = performance.now();
    playing = requestAnimationFrame(frame);
    face();
  }
  function stop() {
    if (playing !== null) cancelAnimationFrame(playing);
    playing = null;
    face();
  }
  function face() {
    play.textContent = playing === null ? "▶\uFE0E" : "❚❚";
    for (const name of ["aria-label", "title"]) play.setAttribute(name, playing === null ? "play" : "pause");
  }
  function frame(now) {
    const { steps } = figure.state, seconds = clamp(steps / 40, 3, 8);
    const share = (now - began) / 1000 / seconds;
    const step = first + Math.floor((still.matches ? Math.floor(share * 8) / 8 : share) * steps);
    go(step);
    if (step >= steps || !row.isConnected) stop();
    else playing = requestAnimationFrame(frame);
  }
  row.show = ({ step, steps }) => {
    scrub.max = steps;
    scrub.value = step;
    count.textContent = `step ${step} of ${steps}`;
    scrub.setAttribute("aria-valuetext", count.textContent);
  };
  return row;
}

// Reset, link, downloads, numbers, full screen.
function tools(figure) {
  const numbers = button("the numbers as a table", "Numbers", () => {
    figure.table.hidden = !figure.table.hidden;
    numbers.setAttribute("aria-expanded", !figure.table.hidden);
    figure.tabulate();
  }, { "aria-expanded": "false" });
  const copied = async (what, text) => {
    const box = element("input", { type: "text", readonly: true, value: text, "aria-label": what, class: "link" });
    try {
      await navigator.clipboard.writeText(text);
      figure.say(`${what} copied.`);
    } catch {
      figure.say(`${what}: `, box);
      box.select();
    }
  };
  const copy = figure.spec.host === "kernel"
    ? button("copy the Python call that makes this figure", "Copy code", () => copied("Code", figure.code()))
    : button("copy a link to this figure as it is now", "Copy link", () => copied("Link", figure.link()));
  const full = button("full screen", "Full screen", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else figure.el.requestFullscreen();
  }, { hidden: !document.fullscreenEnabled });
  return element("div", { class: "tools" },
    button("back to how the figure began", "Reset", () => figure.reset()), copy,
    button("download the picture as SVG", "SVG", () => save(`${figure.spec.id}.svg`, figure.picture().svg, "image/svg+xml")),
    button("download the picture as PNG", "PNG", async () => {
      const { svg, width, height } = figure.picture();
      save(`${figure.spec.id}.png`, await png(svg, width, height), "image/png");
    }),
    button("download the path as CSV", "CSV", () => save(`${figure.spec.id}.csv`, csv(figure.kind.rows(figure)), "text/csv")),
    numbers, full);
}

function csv(rows) {
  return rows.map((row) => row.map((cell) => (/[",]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(",")).join("\n") + "\n";
}

// A table of at most a hundred steps or so, with the same number of steps between them.
function stepTable(steps, head, rowAt) {
  const every = Math.ceil(steps / 100), rows = [head];
  for (let t = 0; t <= steps; t += every) rows.push(rowAt(t));
  return table(rows, `In steps of ${every}`);
}

function table(rows, caption) {
  const [head, ...body] = rows;
  return element("table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...head.map((cell) => element("th", { scope: "col" }, cell)))),
    element("tbody", {}, ...body.map((row) => element("tr", {},
      ...row.map((cell, i) => element(i ? "td" : "th", i ? {} : { scope: "row" }, typeof cell === "number" ? amount(cell, 5) : cell))))));
}
