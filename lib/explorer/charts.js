// Drawing: elements, scales, axes, and paths of many points.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "html") made.innerHTML = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function shape(parent, tag, attributes = {}, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(made, attributes);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

const STAR = "M0-8L2-2.6 7.8-2.5 3.1 1 4.8 6.6 0 3.2-4.8 6.6-3.1 1-7.8-2.5-2-2.6z";

function scale(low, high, from, to, log = false) {
  const flat = log ? Math.log10 : (v) => v;
  const origin = flat(low), unit = (to - from) / (flat(high) - origin);
  const at = (v) => clamp(from + (flat(v) - origin) * unit, -1e9, 1e9);
  const back = (p) => { const u = origin + (p - from) / unit; return log ? 10 ** u : u; };
  return { low, high, log, from, to, at, back };
}

function ticks({ low, high, log }, count) {
  const [a, b] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  if (!(b - a > 1e-9 * Math.max(Math.abs(a), Math.abs(b)))) return [low];
  const rough = (b - a) / count, power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].find((n) => n * power >= rough) * power;
  if (log) step = Math.max(1, Math.round(step));
  const found = [];
  for (let i = Math.ceil(a / step - 1e-9); i * step <= b + 1e-9 * step; i++) found.push(log ? 10 ** (i * step) : i * step);
  return found;
}

// A frame with ticks, and the names of what is on the axes.
function axes(parent, x, y, { across = "", up = "", rows = 4, columns = 5 } = {}) {
  parent.replaceChildren();
  shape(parent, "rect", {
    class: "frame", x: x.from, y: y.to, width: Math.max(0, x.to - x.from), height: Math.max(0, y.from - y.to),
  });
  for (const v of ticks(x, columns)) {
    shape(parent, "path", { class: "tick", d: `M${x.at(v)} ${y.from}v4` });
    shape(parent, "text", { class: "mark", x: x.at(v), y: y.from + 15, "text-anchor": "middle" }, amount(v, 6));
  }
  for (const v of y.marks ?? ticks(y, rows)) {
    shape(parent, "path", { class: "tick", d: `M${x.from} ${y.at(v)}h-4` });
    shape(parent, "text", { class: "mark", x: x.from - 6, y: y.at(v) + 4, "text-anchor": "end" }, amount(v, 6));
  }
  if (across) shape(parent, "text", { class: "axis", x: x.to, y: y.from + 29, "text-anchor": "end" }, across);
  if (up) shape(parent, "text", { class: "axis", x: x.from, y: y.to - 6 }, up);
}

const EDGE = { left: 40, right: 12, top: 18, bottom: 34 };

// A picture on a canvas under a drawing with axes: what is `inside` is cut at the frame, what is `above` is not.
function sheet(...parts) {
  const canvas = element("canvas", { "aria-hidden": "true" }), svg = shape(null, "svg", { role: "img" });
  const at = { x: EDGE.left, y: EDGE.top }, moved = { transform: `translate(${at.x} ${at.y})` };
  const frame = shape(svg, "g", moved), inside = shape(svg, "svg", { overflow: "hidden", ...at }), above = shape(svg, "g", moved);
  let size, place;
  return {
    canvas, svg, inside, above, el: element("div", { class: "map" }, canvas, svg, ...parts),
    // Fill the room for [low, high, log] across and up; returns the scales.
    layOut(room, across, up, names) {
      const width = Math.max(40, room - EDGE.left - EDGE.right);
      const height = Math.round(clamp(innerHeight * 0.6, 560, width * 0.86));
      const [x, y] = [scale(...across.slice(0, 2), 0, width, across[2]), scale(...up.slice(0, 2), height, 0, up[2])];
      size = { width: width + EDGE.left + EDGE.right, height: height + EDGE.top + EDGE.bottom };
      place = { ...at, width, height };
      set(svg, size);
      set(inside, { width, height });
      Object.assign(canvas.style, { left: `${at.x}px`, top: `${at.y}px`, width: `${width}px`, height: `${height}px` });
      axes(frame, x, y, names);
      return { x, y, width, height };
    },
    parts: () => ({ ...size, parts: [{ part: canvas, ...place }, { part: svg, x: 0, y: 0, ...size }] }),
  };
}

const FAR = 200000;  // tenths of a pixel: nothing is drawn further out

// Points of a path as whole tenths of a pixel. It is cut where it goes far out, in the direction in which it went.
function points(count, xAt, yAt) {
  const found = [];
  for (let i = 0, x0 = 0, y0 = 0; i < count; i++) {
    let x = 10 * xAt(i), y = 10 * yAt(i);
    const reach = Math.max(Math.abs(x), Math.abs(y));
    if (!(reach <= FAR)) {
      const dx = x - x0, dy = y - y0, far = Math.max(Math.abs(dx), Math.abs(dy));
      if (i && Number.isFinite(far)) found.push(`${Math.round(x0 + dx / far * FAR)} ${Math.round(y0 + dy / far * FAR)}`);
      return found;
    }
    x0 = Math.round(x); y0 = Math.round(y);
    found.push(x0 + " " + y0);
  }
  return found;
}

function polyline(found, from = 0, to = found.length) {
  return found.length > from ? "M" + found.slice(from, to).join("L") : "";
}

const MARKERS = [
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M-4-4h8v8h-8z", "M0-5L5 4H-5z", "M0-5.5L5.5 0L0 5.5L-5.5 0z",
  "M0 5L5-4H-5z", "M-5-2h3v-3h4v3h3v4h-3v3h-4v-3h-3z",
];

// Filled contours of a loss, closer together where it is low, a line where one level meets the next.
function contours(canvas, loss, x, y, ratio) {
  const style = getComputedStyle(canvas);
  const [low, high, line] = ["--map-low", "--map-high", "--map-line"].map((name) => rgb(style.getPropertyValue(name)));
  const width = Math.round((x.to - x.from) * ratio), height = Math.round((y.from - y.to) * ratio);
  if (width < 2 || height < 2) return;
  canvas.width = width; canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  const heights = new Float64Array(width * height);
  let bottom = Infinity, top = -Infinity;
  for (let j = 0, k = 0; j < height; j++) {
    const v = y.back(y.to + (j + 0.5) / ratio);
    for (let i = 0; i < width; i++, k++) {
      const h = heights[k] = loss.value(x.back(x.from + (i + 0.5) / ratio), v);
      if (h < bottom) bottom = h;
      if (h > top && h < Infinity) top = h;
    }
  }
  const bands = 15, level = Uint8Array.from(heights, (h) => Math.min(bands, bands * Math.cbrt((h - bottom) / (top - bottom))));
  for (let k = 0; k < level.length; k++) {
    const edge = level[k] !== level[k + 1] || level[k] !== level[k + width];
    for (let c = 0; c < 3; c++) {
      image.data[4 * k + c] = edge && k + width < level.length ? line[c] : low[c] + (high[c] - low[c]) * level[k] / bands;
    }
    image.data[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.trim().slice(i, i + 2), 16));
}

// A picture of its own from the figure's parts: [element (canvas or svg), x, y] on paper, styles written out.
function standalone(parts, width, height, paper) {
  const page = shape(null, "svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  shape(page, "rect", { width, height, fill: paper });
  for (const { part, x, y, width, height } of parts) {
    if (part instanceof HTMLCanvasElement) shape(page, "image", { x, y, width, height, href: part.toDataURL() });
    else {
      const copy = shape(page, "svg", { x, y, width, height });
      copy.append(...[...part.children].map(written));
    }
  }
  return new XMLSerializer().serializeToString(page);
}

const WRITTEN = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "font-size",
  "font-family", "font-weight", "vector-effect",
];

function written(node) {
  const copy = node.cloneNode(false);
  if (node.nodeType === Node.ELEMENT_NODE) {
    const style = getComputedStyle(node);
    if (style.display === "none") return document.createComment("");
    for (const name of WRITTEN) copy.setAttribute(name, style.getPropertyValue(name));
    copy.removeAttribute("class");
    copy.append(...[...node.childNodes].map(written));
  }
  return copy;
}

function save(name, content, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

async function png(svg, width, height, ratio = 2) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await image.decode();
  const canvas = element("canvas", { width: width * ratio, height: height * ratio });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
