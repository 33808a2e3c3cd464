// A figure: its state, the frame around its panels, and the hosts that it lives in.

const KINDS = {
  descent: descentPanels, stream: streamPanels, plane: planePanels,
};
const AGAIN = ["none", "8 4", "3 3", "10 3 2 3"];
const WHOLE = { steps: [1, 10000], step: [0, 10000], seed: [0, 2 ** 32 - 1] };

// anywidget's contract: draw `model` into `el`; returns what undoes it.
function render({ model, el }, library, own = {}) {
  const spec = model.get("spec"), merged = merge(library, own);
  const figure = {
    ...lookup(spec, merged, own.rules), spec, library: merged, el: element("div", {
      class: "stage", onfocusin: ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", ""),  // JupyterLab's
    }),
    state: { ...spec.state, ...model.get("state") }, remember: remembered(), refused: null,
    get loss() { return merged.losses[figure.state.loss]; },
    set(changes) { change(changes); sync(); },
    choose(key, value) {
      if (key === "rules") return figure.set(planeOf(figure, value));
      const axis = key.endsWith("_name") && figure.rule(figure.state.rules[0]).hyper[value];
      figure.set({
        [key]: value,
        ...(key === "loss" && { start: [...merged.losses[value].start], ...("measure" in spec.state && !merged.losses[value].minima.length && { measure: "loss" }) }),
        ...(axis && { [key.replace("name", "range")]: usualRange(axis) }),
      });
    },
    flip(run) {
      const { rules } = figure.state;
      figure.set({ rules: Object.keys(spec.runs).filter((r) => rules.includes(r) !== (r === run)) });
    },
    type(key, text) {
      try {
        const value = read(figure, key, text.trim());
        figure.refused = null;
        figure.set({ [key]: value });
      } catch (problem) {
        figure.refused = key;
        figure.say(problem.message.replace("NaN", text || "none"));
        message.scrollIntoView({ block: "nearest" });
      }
    },
    reset() { figure.refused = null; figure.set({ ...spec.state }); },
    say(...words) { message.replaceChildren(...words); message.hidden = !words.length; },
    link: () => address(figure),
    code: () => model.get("call"),
    picture: () => {
      const { parts, width, height } = figure.kind.picture();
      return { svg: standalone(parts, width, height, getComputedStyle(figure.el).getPropertyValue("--paper")), width, height };
    },
    tabulate() {
      if (!figure.table.hidden) figure.table.replaceChildren(...figure.kind.tables());
    },
    table: element("div", { class: "numbers", hidden: true, tabindex: 0, role: "group", "aria-label": "numbers" }),
    later: schedule,
  };
  const message = element("p", { class: "message", role: "alert", hidden: true });
  const sentence = element("p", { class: "sentence" }), spoken = element("p", { class: "spoken", "aria-live": "polite" });
  let waiting = null, later = null, sending = null, unsent = false, told = "";

  function change(changes) {
    const { steps, step } = figure.state;
    if ("steps" in changes && !("step" in changes)) {
      changes = { ...changes, step: step === steps ? changes.steps : Math.min(step, changes.steps) };
    }
    figure.state = { ...figure.state, ...changes };
    if (!figure.refused) figure.say();
    schedule();
  }
  function schedule() { waiting ??= requestAnimationFrame(draw); }
  function draw() {
    waiting = null;
    try {
      figure.kind.draw();
      for (const control of controls) {
        const value = control.key ? figure.state[control.key] : figure.state;
        if (control.shown !== value) control.row.show(control.shown = value);
      }
      const words = figure.kind.sentence();
      if (words !== told) tell(told = words);
      clearTimeout(later);
      later = setTimeout(figure.tabulate, 150);
    } catch (problem) {
      figure.say(`It cannot be drawn: ${problem.message}`);
    }
  }
  function tell(words) {
    sentence.textContent = words;
    clearTimeout(spoken.timer);
    spoken.timer = setTimeout(() => { spoken.textContent = words; }, 800);
  }
  function sync() {
    unsent = true;
    sending ??= setTimeout(() => {
      sending = null;
      if (!unsent) return;
      unsent = false;
      model.set("state", figure.state);
      model.save_changes();
    }, 80);
  }
  const hear = () => { if (!unsent) change(model.get("state")); };

  figure.kind = KINDS[spec.kind](figure);
  const bar = "step" in spec.state ? [player(figure)] : [], controls = [...figure.kind.controls, ...bar.map((row) => ({ row }))];
  const { head, panels, settings } = figure.kind;
  figure.el.append(
    element("div", { class: "settings", hidden: !head.length }, ...head), panels, ...bar, sentence, spoken, message,
    element("details", {}, element("summary", {}, "Settings"), element("div", { class: "settings" }, ...settings)),
    tools(figure), figure.table);
  el.classList.add("downhill");
  el.append(figure.el);
  model.on("change:state", hear);
  const resize = new ResizeObserver(schedule), theme = new MutationObserver(() => { figure.remember = remembered(); draw(); });
  resize.observe(figure.el);
  for (const node of [document.documentElement, document.body]) {
    theme.observe(node, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class", "theme"] });
  }
  const ended = new AbortController();  // on paper a figure is as wide as a sheet of A4 has room for
  for (const [event, width] of [["beforeprint", "622px"], ["afterprint", ""]]) {
    addEventListener(event, () => { el.style.width = width; draw(); }, ended);
  }
  if (spec.problems) figure.say(spec.problems);
  draw();
  return () => { model.off?.("change:state", hear); resize.disconnect(); theme.disconnect(); ended.abort(); };
}

function merge(library, own) {
  return Object.fromEntries(Object.entries(library).map(([part, known]) => [part, { ...known, ...own[part] }]));
}

// What a figure asks of its library, by the name of a run or of a quantity.
function lookup(spec, library, ownRules = {}) {
  const runs = Object.keys(spec.runs), own = runs.filter((run) => spec.runs[run] in ownRules);
  const rule = (run) => library.rules[spec.runs[run]];
  const before = (run) => runs.slice(0, runs.indexOf(run)).filter((other) => spec.runs[other] === spec.runs[run]).length;
  return {
    rule,
    index: (run) => runs.indexOf(run),
    label: (run) => rule(run).label + (before(run) ? ` (${before(run) + 1})` : ""),
    look: (run) => {
      const key = own.includes(run) ? `own-${own.indexOf(run) % 5}` : spec.runs[run];
      return { colour: `var(--rule-${key})`, dash: before(run) ? AGAIN[before(run) % AGAIN.length] : `var(--dash-${key})` };
    },
    name: (name) => ({ name, symbol: library.names[name]?.math, meaning: library.names[name]?.meaning ?? name }),
    hyper(run) {
      return Object.fromEntries(Object.keys(rule(run).hyper).map((name) => [name, this.state[`${run}.${name}`]]));
    },
  };
}

// The state as text and back, and what it may be.

function read(figure, key, text) {
  const { spec } = figure, own = KINDS[spec.kind].read;
  return own ? own(figure, key, text) : checked(figure, key, parsed(spec.state[key], text));
}

function parsed(like, text) {
  const number = (cell) => (cell === "" ? NaN : Number(cell));
  if (typeof like === "number") return number(text.replace(",", "."));
  if (typeof like === "boolean") return { true: true, false: false }[text];
  if (!Array.isArray(like)) return text;
  const cells = text === "" ? [] : text.split(",");
  return like.length && typeof like[0] === "string" ? cells : cells.map(number);
}

function checked(figure, key, value) {
  const { spec, library } = figure;
  const must = (right, what) => {
    if (!right) throw new Error(`${key} must be ${what}, not ${value}.`);
    return value;
  };
  const oneOf = (...names) => must(names.includes(value), `one of ${names.join(", ")}`);
  const [run, name] = key.split(".");
  if (name) {
    const { low, high } = figure.rule(run).hyper[name];
    const least = low === null ? "" : ` from ${low} on`, most = high === null ? "" : ` and less than ${high}`;
    return must(value >= (low ?? -Infinity) && value < (high ?? Infinity) && Number.isFinite(value), `a number${least}${most}`);
  }
  if (key in WHOLE) return must(value === clamp(Math.round(value), ...WHOLE[key]), `a whole number from ${WHOLE[key].join(" to ")}`);
  if (key === "rules") {
    const alone = spec.kind === "plane", runs = Object.keys(spec.runs);
    return must(value.every((r) => runs.includes(r)) && value.length === (alone ? 1 : new Set(value).size), `${alone ? "one" : "some"} of ${runs.join(", ")}`);
  }
  if (key === "loss") return oneOf(...spec.losses);
  if (key === "noise") return must(value >= 0 && Number.isFinite(value), "a number from 0 on");
  if (key === "start") return must(value.length === 2 && value.every(Number.isFinite), "two numbers");
  if (key.endsWith("_range")) {
    must(value.length === 2 && value[0] < value[1], "two numbers, the smaller first");
    return value.map((v) => checked(figure, `${figure.state.rules[0]}.${figure.state[key.replace("range", "name")]}`, v));
  }
  if (key === "drawn") return must(value.every(Number.isFinite), "numbers");
  if (key === "stream") return oneOf(...Object.keys(library.streams), "worst", "drawn");
  if (key === "measure") return oneOf("loss", "rate");
  if (key.endsWith("_name")) return oneOf(...Object.keys(figure.rule(figure.state.rules[0]).hyper));
  if (typeof spec.state[key] === "boolean") return must(typeof value === "boolean", "true or false");
  return must(Number.isFinite(value), "a number");
}

// The page's address with what differs from the beginning.
function address({ spec, state }) {
  const query = new URLSearchParams({ figure: spec.id });
  for (const key of Object.keys(spec.state)) {
    if (String(state[key]) !== String(spec.state[key])) query.set(key, state[key]);
  }
  return `${location.href.split(/[?#]/)[0]}?${query.toString().replaceAll("%2C", ",")}#${spec.id}`;
}

// The state that the page's address asks for, and in words what of it cannot be.
function linked(spec, library, search) {
  const query = new URLSearchParams(search), state = { ...spec.state }, problems = [];
  if (query.get("figure") !== spec.id) return { state, problems };
  query.delete("figure");
  for (const [key, text] of query) {
    try {
      if (!Object.hasOwn(spec.state, key)) throw new Error(`this figure has no ${key}.`);
      state[key] = read({ ...lookup(spec, library), spec, library, state }, key, text);
    } catch (problem) {
      problems.push(problem.message);
    }
  }
  if (!query.has("step") && query.has("steps")) state.step = state.steps;
  if (!query.has("start") && query.has("loss")) state.start = [...library.losses[state.loss].start];
  if ("step" in state) state.step = Math.min(state.step, state.steps);
  return { state, problems };
}

// The static page: each figure is a div with its spec in it, and begins when it has been read and the reader comes near.

function mountAll(library) {
  const figures = () => document.querySelectorAll(".downhill:not(:has(> .stage)):has(> [type] + *)");
  const mount = (el) => {
    near.unobserve(el);
    const spec = JSON.parse(el.querySelector("[type]").textContent), own = window.downhill?.[spec.id] ?? {};
    const { state, problems } = linked(spec, merge(library, own), location.search);
    if (problems.length) spec.problems = `In the link: ${problems.join(" ").slice(0, 800)} It shows its beginning.`;
    el.id ||= spec.id;
    render({ model: page({ spec, state }), el }, library, own);
  };
  const near = new IntersectionObserver((seen) => seen.forEach(({ isIntersecting, target }) => isIntersecting && mount(target)), { rootMargin: "100%" });
  const look = () => {
    figures().forEach((el) => near.observe(el));
    if (document.readyState === "loading") requestAnimationFrame(look);
  };
  look();
  addEventListener("beforeprint", () => figures().forEach(mount), true);  // before figures hear of it
}

// What anywidget's model is in a kernel, over plain values.
function page(values) {
  return { get: (key) => values[key], set: (key, value) => { values[key] = value; }, save_changes() {}, on() {}, off() {} };
}
