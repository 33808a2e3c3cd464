// Recorded trainings: curves of rules at the best of their settings or at chosen ones, and how the order hangs on the budget.

const FREE = "best";
const HIGHER = 4;  // the plot of rates goes up to so many times the lowest of the chosen scores; what is above is an arrow
const MARGIN = { left: 50, right: 14, top: 20, bottom: 34 };
const ROUND = [[1, 2, 3, 4, 5, 7], [1, 2, 3, 5], [1, 2, 5], [1]];

// Who is first: the arithmetic of lib.explorer.race.

// The tables with numbers only: a run that diverged has the worst value that there can be.
function completed(tables) {
  const whole = (values, worst) => values.map((seeds) => seeds.map((run) => run.map((v) => v ?? worst)));
  const grid = ([rule, { settings, ...measures }]) => [rule, {
    settings, ...Object.fromEntries(Object.entries(measures).map(([name, values]) => [name, whole(values, name === "test_accuracy" ? 0 : Infinity)])),
  }];
  return Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, {
    ...table, rules: Object.fromEntries(Object.entries(table.rules).map(grid)),
  }]));
}

// What a state means for its experiment, which may have fewer epochs, seeds and measures than another one.
function scopeOf(tables, state) {
  const table = tables[state.experiment], all = table.seeds.map((_, i) => i);
  const seeds = all.filter((i) => table.seeds[i] === state.seed);
  return {
    table, epochs: Math.min(state.epochs, table.epochs), seeds: seeds.length ? seeds : all,
    measure: table.measures.includes(state.measure) ? state.measure : "train_loss",
  };
}

// The rules that are on, first one first: {run, kept, tries, chosen, value, scores}.
function standing(tables, state, after) {
  const { table, epochs, measure, seeds } = scopeOf(tables, state);
  const entrants = state.rules.filter((run) => run in table.rules).map((run) => {
    const grid = table.rules[run], means = (name) => grid[name].map((runs) => mean(seeds.map((i) => runs[i].slice(0, after ?? epochs))));
    const losses = means("train_loss"), scores = means(measure);
    const kept = keptSettings(run, grid.settings, state).sort((a, b) => order(losses[a], losses[b]));
    const tries = Math.min(state.tries, kept.length);
    return { run, kept: kept.length, tries, chosen: kept[0], scores, value: expected(kept.map((i) => scores[i]), tries) };
  });
  return entrants.sort((a, b) => (measure === "test_accuracy" ? order(b.value, a.value) : order(a.value, b.value)));
}

function order(a, b) {
  return a < b ? -1 : +(a > b);
}

function mean(runs) {
  let sum = 0, count = 0;
  for (const run of runs) for (const v of run) { sum += v; count++; }
  return sum / count;
}

// The settings that agree with what was chosen by hand; a value that this grid has not leaves the choice free.
function keptSettings(run, settings, state) {
  const names = Object.keys(settings[0]).filter((name) => settings.some((setting) => setting[name] === state[`${run}.${name}`]));
  return settings.map((_, i) => i).filter((i) => names.every((name) => settings[i][name] === state[`${run}.${name}`]));
}

// The score of the best of so many settings, drawn without replacement from all, which come best first.
function expected(scores, tries) {
  let chance = tries / scores.length, sum = 0;
  scores.forEach((score, i) => {
    if (chance) sum += chance * score;
    chance *= (scores.length - i - tries) / (scores.length - i - 1);
  });
  return sum;
}

function many(number, one, several = `${one}s`) {
  return `${number} ${number === 1 ? one : several}`;
}

function told(measure, value) {
  const share = measure === "test_accuracy";
  return amount(+(share ? 100 * value : value).toPrecision(12), 3) + (share ? " %" : "");
}

function standingSentence({ tables, state, label, measures }) {
  const { table, epochs, measure, seeds } = scopeOf(tables, state), entrants = standing(tables, state);
  if (!entrants.length) return "No rule is switched on.";
  const known = Math.max(...entrants.map(({ kept }) => kept)), tries = Math.min(state.tries, known);
  const tried = tries === known ? "all tries" : `${many(tries, "try", "tries")} a rule`;
  const seed = seeds.length < table.seeds.length ? ` of seed ${state.seed}` : "";
  const what = `${entrants.some((each) => each.tries < each.kept) ? "expected " : ""}mean ${measures[measure]}`;
  const scores = entrants.map(({ run, value }) => `${label(run)} ${told(measure, value)}`).join(", ");
  return `After ${many(epochs, "epoch")}${seed} and ${tried}, ${what}: ${scores}${otherwise(entrants)}.`;

  // The nearest other number of epochs after which another rule would be first.
  function otherwise([{ run }, ...more]) {
    if (!more.length) return "";
    const others = Array.from({ length: table.epochs }, (_, i) => i + 1).sort((a, b) => Math.abs(a - epochs) - Math.abs(b - epochs));
    for (const other of others) {
      const [first] = standing(tables, state, other);
      if (first.run !== run) return `; ${label(first.run)} would be first after ${many(other, "epoch")}`;
    }
    return `; ${label(run)} is first after any number of epochs`;
  }
}

// A choice in a link; the spec has what may be chosen.
function readChoice({ spec: { allowed } }, key, text) {
  const one = (word) => {
    const found = allowed[key].find((choice) => String(choice) === word);
    if (found === undefined) throw new Error(`${key} must be one of ${allowed[key].join(", ")}, not ${word}.`);
    return found;
  };
  return key === "rules" ? (text && [...new Set(text.split(",").map(one))]) || [] : one(text);
}

// The panels.

function racePanels(figure) {
  const { spec } = figure, tables = completed(spec.tables);
  const now = () => figure.remember("standing", JSON.stringify(figure.state), () => {
    const scope = scopeOf(tables, figure.state), ranking = standing(tables, figure.state);
    const entrants = ranking.map((entrant) => ({ ...entrant, ...scope.table.rules[entrant.run], runs: medians(entrant, scope) }));
    return { ...scope, ranking: entrants, log: figure.state.logarithmic && scope.measure !== "test_accuracy" };
  });
  const curves = epochChart(figure, now), rates = rateChart(figure, now), list = rankingList(figure, now), rows = choiceRows(figure, now);
  const budget = [budgetSlider(figure, "epochs", now), budgetSlider(figure, "tries", now)];
  const settings = raceSettings(figure, now);
  return {
    panels: element("div", { class: "panels race" }, curves.el, rates.el,
      element("div", { class: "budget", role: "group", "aria-label": "budget" }, ...budget), list, rows),
    ...settings.parts,
    controls: [...budget, list, rows].map((row) => ({ row })).concat(settings.controls),
    draw() { curves.draw(); rates.draw(); },
    sentence: () => figure.remember("sentence", JSON.stringify(figure.state), () => standingSentence({ tables, state: figure.state, label: figure.label, measures: spec.measures })),
    rows: () => [["rule", "setting", "epoch", "lower quartile", "median", "upper quartile"], ...now().ranking.flatMap((entrant) =>
      entrant.runs.map((values, i) => [figure.label(entrant.run), settingOf(entrant), i + 1, ...values]).slice(0, now().epochs))],
    tables: () => raceTables(figure, now()),
    picture: () => beside(curves.parts(), rates.parts()),
  };
}

// Lower quartile, median and upper quartile over the seeds of each epoch of the chosen setting.
function medians({ run, chosen }, { table, measure, seeds }) {
  const runs = table.rules[run][measure][chosen];
  return runs[0].map((_, epoch) => {
    const values = seeds.map((i) => runs[i][epoch]).sort(order);
    return [0.25, 0.5, 0.75].map((share) => {
      const place = share * (values.length - 1), i = Math.floor(place), rest = place - i;
      return rest ? values[i] + rest * (values[i + 1] - values[i]) : values[i];
    });
  });
}

function settingOf({ settings, chosen }) {
  return Object.entries(settings[chosen]).map(([name, value]) => `${name} ${amount(value, 3)}`).join(", ");
}

function raceSettings(figure, now) {
  const { allowed, measures } = figure.spec, made = settingsOf(), { parts: { head, settings }, add } = made;
  const choose = (key, text) => figure.set({ [key]: readChoice(figure, key, text) });
  // Only what the experiment has can be chosen.
  const offer = (key, choices, known, chosen) => {
    const row = menu({ choose }, key, key, choices.map(([value, text]) => [value, text ?? value])), options = [...row.querySelectorAll("option")];
    row.show = () => {
      for (const option of options) option.hidden = option.disabled = !known(option.value);
      row.querySelector("select").value = chosen();
    };
    if (choices.length > 1) add(head, "", row);
  };
  offer("experiment", allowed.experiment.map((name) => [name, name.replaceAll("_", ", ")]), () => true, () => figure.state.experiment);
  offer("measure", allowed.measure.map((name) => [name, measures[name]]), (name) => now().table.measures.includes(name), () => now().measure);
  const known = (seed) => now().table.seeds.includes(+seed);
  offer("seed", allowed.seed.map((seed) => [seed]), (seed) => seed === "all" || known(seed), () => (known(figure.state.seed) ? figure.state.seed : "all"));
  add(settings, "logarithmic", toggle(figure, "logarithmic", "logarithmic axis of a loss"));
  return made;
}

function budgetSlider(figure, key, now) {
  const words = { epochs: "epochs of a run", tries: "settings tried of a rule" }[key];
  const most = () => (key === "epochs" ? now().table.epochs : Math.max(...Object.values(now().table.rules).map(({ settings }) => settings.length)));
  const range = ranged(figure, key, words, () => figure.set({ [key]: +range.value }), { min: 1 });
  const count = element("output", {}), row = element("div", { class: "slider" }, element("span", { class: "name" }, key), range, count);
  row.show = () => {
    const top = most(), value = Math.min(figure.state[key], top);
    range.max = top;
    range.value = value;
    range.setAttribute("aria-valuetext", `${value} of ${top} ${words}`);
    count.textContent = `${value} of ${top}`;
  };
  return row;
}

// An ordered list; a bar is as long as its score is high.
function rankingList(figure, now) {
  const list = element("ol", { class: "ranking", "aria-label": "ranking" });
  list.show = () => {
    const { ranking, measure } = now(), most = Math.max(...ranking.map(({ value }) => value).filter(Number.isFinite), 1e-9);
    list.replaceChildren(...ranking.map((entrant) => {
      const { run } = entrant, { colour } = figure.look(run), share = Math.min(1, entrant.value / most);
      return element("li", { "data-run": run, style: `--c: ${colour}; --share: ${100 * share}%` },
        swatch(figure, run, figure.index(run)), element("span", { class: "who" }, figure.label(run)),
        element("strong", {}, told(measure, entrant.value)), element("span", { class: "how" }, how(entrant)));
    }));
  };
  const how = ({ tries, kept, ...entrant }) => (kept < 2 ? `${settingOf(entrant)}, by hand`
    : tries < kept ? `expected, ${tries} of ${kept} tried` : `best of ${kept}: ${settingOf(entrant)}`);
  return list;
}

// One row for each rule: a chip that switches it on and off, a slider over the recorded values of each hyper-parameter.
function choiceRows(figure, now) {
  const rows = Object.keys(figure.spec.runs).map((run, index) => {
    const names = Object.keys(figure.spec.state).filter((key) => key.startsWith(`${run}.`)).map((key) => key.slice(run.length + 1));
    const label = figure.label(run), entrant = () => now().ranking.find((each) => each.run === run);
    const sliders = names.map((name) => choiceSlider(figure, run, name, entrant));
    const best = button(`best settings of ${label}`, "best", () => {
      const { settings, chosen, kept } = entrant(), free = kept === settings.length;
      figure.set(Object.fromEntries(names.map((name) => [`${run}.${name}`, free ? settings[chosen][name] ?? FREE : FREE])));
    }, { class: "best" });
    const chip = button(label, "", () => figure.flip(run), { class: "chip", "data-run": run });
    chip.replaceChildren(swatch(figure, run, index), element("span", {}, label));
    const row = element("div", { class: "run", role: "group", "aria-label": label, style: `--c: ${figure.look(run).colour}` },
      chip, element("div", { class: "first" }, element("div", {}, ...sliders), best));
    row.show = () => {
      const found = entrant();
      row.hidden = !(run in now().table.rules);
      row.classList.toggle("off", !found);
      chip.setAttribute("aria-pressed", Boolean(found));
      if (!found) return;
      best.setAttribute("aria-pressed", found.kept === found.settings.length);
      sliders.forEach((each) => each.show(found));
    };
    return row;
  });
  const list = element("div", { class: "runs several" }, ...rows);
  list.show = () => rows.forEach((row) => row.show());
  return list;
}

function choiceSlider(figure, run, name, entrant) {
  const { symbol, meaning } = figure.name(name), values = () => valuesOf(entrant(), name);
  const key = `${run}.${name}`, range = ranged(figure, key, meaning, () => figure.set({ [key]: values()[range.value] }));
  const count = element("output", {}), row = element("div", { class: "slider" },
    element("span", { class: "name", title: meaning, "aria-hidden": "true", html: symbol }), range, count);
  row.show = ({ settings, chosen, ...found }) => {
    const all = valuesOf({ settings }, name), value = settings[chosen][name];
    row.hidden = all.length < 2;
    if (row.hidden) return;
    range.max = all.length - 1;
    range.value = all.indexOf(value);
    count.textContent = amount(value, 3);
    range.setAttribute("aria-valuetext", `${meaning} ${amount(value, 3)}, ${figure.state[key] === value ? "by hand" : FREE}`);
  };
  return row;
}

function valuesOf({ settings }, name) {
  return [...new Set(settings.map((setting) => setting[name]))].filter((v) => v !== undefined).sort(order);
}

// Drawings: a frame, what is cut at it, and a place to read from by pointer and keys.

function raceChart(figure, label) {
  const moved = { transform: `translate(${MARGIN.left} ${MARGIN.top})` };
  const svg = shape(null, "svg", { "aria-hidden": "true", class: "readable" }), frame = shape(svg, "g", moved);
  const inside = shape(svg, "svg", { overflow: "hidden", x: MARGIN.left, y: MARGIN.top }), above = shape(svg, "g", moved);
  const tip = element("div", { class: "tip", hidden: true });
  const el = element("div", { class: "chart", role: "slider", tabindex: 0, "aria-label": label, onblur: () => { tip.hidden = true; } }, svg, tip);
  let size = {};
  return {
    el, svg, inside, above,
    // The scales for [low, high, log] across and [values, log] up.
    layOut([left, right, flat], [values, log], names) {
      const room = el.clientWidth, width = Math.max(40, room - MARGIN.left - MARGIN.right), height = Math.round(clamp(width * 0.62, 170, 300));
      const [low, high] = reach(values, log), x = scale(left, right, 0, width, flat), y = { ...scale(low, high, height, 0, log), marks: marksOf(low, high, log) };
      size = { width: room, height: height + MARGIN.top + MARGIN.bottom };
      set(svg, size);
      set(inside, { width, height });
      axes(frame, x, y, names);
      return { x, y, width, height };
    },
    at(event) {
      const box = svg.getBoundingClientRect();
      return [event.clientX - box.left - MARGIN.left, event.clientY - box.top - MARGIN.top];
    },
    say(px, py, lines) {
      tip.hidden = !lines;
      if (!lines) return;
      tip.replaceChildren(...lines.map((line) => element("div", {}, line)));
      tip.style.left = `${clamp(px + MARGIN.left + 12, 0, Math.max(0, el.clientWidth - tip.offsetWidth))}px`;
      tip.style.top = `${py + MARGIN.top + 12}px`;
    },
    value(now, most, text) {
      for (const [name, value] of Object.entries({ valuemin: 0, valuemax: most, valuenow: now, valuetext: text })) el.setAttribute(`aria-${name}`, value);
    },
    keys(move) {
      el.addEventListener("keydown", (event) => {
        const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-1e3, 0], End: [1e3, 0] }[event.key];
        if (!way) return;
        event.preventDefault();
        move(...way);
      });
    },
    parts: () => ({ ...size, parts: [{ part: svg, x: 0, y: 0, ...size }] }),
  };
}

// The room that finite values need.
function reach(values, log) {
  const finite = values.filter((v) => Number.isFinite(v) && (!log || v > 0));
  if (!finite.length) return [0.1, 1];
  const low = Math.min(...finite), high = Math.max(...finite), room = log ? Math.max(1.01, (high / low) ** 0.06) : 0.06 * (high - low) || 0.01;
  return log ? [low / room, high * room] : [low - room, high + room];
}

// Round numbers on a logarithmic axis, not too many of them; undefined where those of `ticks` will do.
function marksOf(low, high, log) {
  if (!log) return undefined;
  const decades = Array.from({ length: 40 }, (_, i) => i - 20);
  const marks = ROUND.map((heads) => decades.flatMap((power) => heads.map((head) => +`${head}e${power}`)).filter((v) => v >= low && v <= high));
  return marks[0].length < 3 ? ticks({ low, high }, 4) : marks.find(({ length }) => length < 6);
}

// The measure against the epoch, faint behind the budget.
function epochChart(figure, now) {
  const chart = raceChart(figure, "curves, to be read with the arrow keys"), { inside, svg } = chart;
  const bands = shape(inside, "g"), cursor = shape(inside, "path", { class: "cursor" }), lines = shape(inside, "g", { transform: "scale(.1)" });
  const marks = shape(inside, "g"), reading = shape(inside, "path", { class: "reading" });
  let x, y, height, epoch = 1;

  function draw() {
    const { table, epochs, measure, ranking, log } = now(), room = 0.03 * (table.epochs - 1);
    const values = ranking.flatMap(({ runs }) => runs.flat());
    ({ x, y, height } = chart.layOut([Math.max(0.5, 1 - room), table.epochs + room], [values, log], { across: "epoch", up: figure.spec.measures[measure] }));
    const strands = ranking.toReversed().map(({ run, runs }) => ({ run, found: points(runs.length, (i) => x.at(i + 1), (i) => y.at(runs[i][1])) }));
    sketch(lines, marks, strands, { step: epochs - 1 }, figure, true);
    bands.replaceChildren();
    for (const { run, runs } of ranking) {
      const side = (k) => points(Math.min(epochs, runs.length), (i) => x.at(i + 1), (i) => y.at(runs[i][k]));
      const d = polyline([...side(0), ...side(2).reverse()]);
      shape(bands, "path", { class: "band", transform: "scale(.1)", d, style: `--c: ${figure.look(run).colour}` });
    }
    cursor.setAttribute("d", `M${x.at(epochs)} 0V${height}`);
    epoch = Math.min(epoch, table.epochs);
    chart.value(epoch, table.epochs, read().join(", "));
  }
  function read() {
    const { measure, ranking } = now();
    return [`epoch ${epoch}`, ...ranking.map(({ run, runs }) => {
      const [low, middle, high] = runs[epoch - 1].map((v) => told(measure, v));
      return `${figure.label(run)} ${middle}${low === high ? "" : ` (${low} to ${high})`}`;
    })];
  }
  function readAt(to, py) {
    epoch = clamp(to, 1, now().table.epochs);
    reading.setAttribute("d", `M${x.at(epoch)} 0V${height}`);
    chart.say(x.at(epoch), py, read());
    chart.value(epoch, now().table.epochs, read().join(", "));
  }
  const leave = () => { chart.say(0, 0, null); reading.setAttribute("d", ""); };
  for (const kind of ["pointerdown", "pointermove"]) svg.addEventListener(kind, (event) => {
    const [px, py] = chart.at(event);
    readAt(Math.round(x.back(px)), py);
  });
  svg.addEventListener("pointerleave", leave);
  chart.el.addEventListener("blur", leave);
  chart.keys((across, up) => readAt(epoch + across - up, 10));
  return { ...chart, draw };
}

// The score against the learning rate, a ring around what is chosen.
function rateChart(figure, now) {
  const chart = raceChart(figure, "learning rates, left and right choose one, up and down the rule"), { inside, above, svg } = chart;
  const lines = shape(inside, "g");
  let x, y, width, height, current = null, drawn = [];

  function draw() {
    const { table, measure, ranking, log } = now(), all = Object.values(table.rules).flatMap(({ settings }) => settings.map(({ lr }) => lr));
    const up = `mean ${figure.spec.measures[measure]}`, picked = ranking.map(({ scores, chosen }) => scores[chosen]);
    const cap = measure === "test_accuracy" ? 1 : Math.max(HIGHER * Math.min(...picked), ...picked.filter(Number.isFinite));
    const values = ranking.flatMap(({ scores }) => scores).filter((score) => score <= cap);
    ({ x, y, width, height } = chart.layOut([Math.min(...all) / 1.6, Math.max(...all) * 1.6, true], [values, log], { across: "learning rate", up }));
    lines.replaceChildren();
    above.replaceChildren();
    drawn = ranking.map((entrant) => ({ ...entrant, points: lineOf(entrant).map((i) => ({
      lr: entrant.settings[i].lr, score: entrant.scores[i], px: x.at(entrant.settings[i].lr), py: y.at(entrant.scores[i]),
    })).map((point) => ({ ...point, off: point.score > cap, py: point.score > cap ? 0 : point.py })) }));
    for (const { run, points, settings, chosen } of drawn.toReversed()) {
      const { colour, dash } = figure.look(run), style = `--c: ${colour}; --dash: ${dash}`, fine = points.filter(({ score }) => Number.isFinite(score));
      shape(lines, "path", { class: "line", style, d: polyline(fine.map(({ px, score }) => `${px} ${Math.max(-FAR, y.at(score))}`)) });
      for (const { px, py, off } of points) {
        const kind = off ? { class: "cross", d: "M-5 9L0 3L5 9" } : { class: "marker", d: MARKERS[figure.index(run) % MARKERS.length] };
        shape(above, "path", { ...kind, style, transform: `translate(${px} ${py}) scale(.8)` });
      }
      const { px, py } = points.find(({ lr }) => lr === settings[chosen].lr);
      shape(above, "circle", { class: run === current ? "choice now" : "choice", style, cx: px, cy: py, r: 9 });
    }
    tell();
  }
  const lineOf = ({ settings, chosen }) => settings.map((_, i) => i).filter((i) => Object.keys(settings[i]).every((name) => name === "lr" || settings[i][name] === settings[chosen][name]));
  const words = ({ run, settings, chosen, scores }) => `${figure.label(run)}, learning rate ${amount(settings[chosen].lr, 3)}, ${told(now().measure, scores[chosen])}`;
  const whose = () => drawn.find(({ run }) => run === current) ?? drawn[0];
  function tell() {
    const found = whose(), at = found ? found.points.findIndex(({ lr }) => lr === found.settings[found.chosen].lr) : 0;
    chart.value(at, Math.max(0, (found?.points.length ?? 0) - 1), found ? words(found) : "no rule");
  }
  const choose = (run, lr) => { current = run; figure.set({ [`${run}.lr`]: lr }); };
  const nearest = (points, far) => points.reduce((a, b) => (far(b) < far(a) ? b : a));
  const under = (px, py) => nearest(drawn.flatMap(({ run, points }) => points.map((point) => ({ ...point, run }))), (p) => Math.hypot(p.px - px, p.py - py));

  let held = null;
  whileHeld(figure, svg, (px, py) => {
    if (!drawn.length) return;
    const [ax, ay] = [px + STRIP.left - MARGIN.left, py + STRIP.top - MARGIN.top];
    held ??= under(ax, ay).run;
    choose(held, nearest(drawn.find(({ run }) => run === held).points, (p) => Math.abs(p.px - ax)).lr);
  }, () => { held = null; });
  svg.addEventListener("pointermove", (event) => {
    if (!drawn.length) return;
    const [px, py] = chart.at(event), { run, lr, score, ...at } = under(px, py);
    chart.say(at.px, at.py, [figure.label(run), `learning rate ${amount(lr, 3)}`, Number.isFinite(score) ? told(now().measure, score) : "diverges"]);
  });
  svg.addEventListener("pointerleave", () => chart.say(0, 0, null));
  chart.keys((across, down) => {
    const found = whose();
    if (!found) return;
    if (down) {
      current = drawn[(drawn.indexOf(found) + down + drawn.length) % drawn.length].run;
      figure.later();
    } else {
      const at = found.points.findIndex(({ lr }) => lr === found.settings[found.chosen].lr);
      choose(found.run, found.points[clamp(at + across, 0, found.points.length - 1)].lr);
    }
  });
  return { ...chart, draw };
}

// The numbers.

function raceTables(figure, { ranking, epochs, measure }) {
  const order = [["rule", figure.spec.measures[measure], "settings", "tried", "chosen"], ...ranking.map((entrant) =>
    [figure.label(entrant.run), told(measure, entrant.value), entrant.kept, entrant.tries, settingOf(entrant)])];
  const curves = [["epoch", ...ranking.map(({ run }) => figure.label(run))]];
  for (let i = 0; i < epochs; i++) curves.push([i + 1, ...ranking.map(({ runs }) => told(measure, runs[i][1]))]);
  return [table(order, "Ranking, means over the epochs"), table(curves, "Every epoch, medians over the seeds")];
}

KINDS.race = Object.assign(racePanels, { read: readChoice });
