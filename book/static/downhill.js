// What scrolls in its own box must be reached by the keyboard, and what fits must not be in its way.
// (The theme's own way, which lib/pages.py takes out, measures all boxes of a page again after every change in it.)
(() => {
  const BOXES = ".katex-display, article :is(pre, .cell_output > .output, .pst-scrollable-table-container)";
  const scrolls = (box) => box.scrollWidth > box.clientWidth
    || (box.scrollHeight > box.clientHeight && getComputedStyle(box).overflowY !== "hidden");
  const observer = new ResizeObserver((entries) => entries.forEach(({ target: box }) => {
    box.tabIndex = scrolls(box) ? 0 : -1;
  }));
  document.fonts.ready.then(() => {
    document.querySelectorAll(BOXES).forEach((box) => observer.observe(box));
  });
})();

// Paper is light, and shows what a reader could open.
(() => {
  const root = document.documentElement;
  let theme, closed = [];
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    closed = [...document.querySelectorAll(".bd-article details:not([open])")].filter((box) => !box.closest(".downhill"));
    closed.forEach((box) => { box.open = true; });
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
    closed.forEach((box) => { box.open = false; });
  });
})();

// A switch that unfolds a solution says of what.
addEventListener("load", () => {
  const title = (box) => box?.querySelector(".admonition-title").textContent.trim();
  document.querySelectorAll(".admonition-title > .toggle-button").forEach((button) => {
    const box = button.closest(".admonition"), before = box.previousElementSibling?.closest(".exercise");
    button.ariaLabel = [title(box), ...(before ? [title(before)] : [])].join(" to ");
  });
});

// The contents of a page, which lie over it on a phone, close when a section was chosen.
addEventListener("click", ({ target }) => {
  if (target.closest("dialog[open] a[href^='#']")) target.closest("dialog").close();
});

// A reader who comes back finds what was on top: until its sections are laid out, a page is not as long as it was.
(() => {
  const blocks = [...document.querySelectorAll(".bd-article section > *")], topOf = (block) => block.getBoundingClientRect().top;
  const again = ["reload", "back_forward"].includes(performance.getEntriesByType("navigation")[0].type);
  const [number, top] = (sessionStorage[location.pathname] ?? "").split(" "), block = again && blocks[number];
  const restore = (frames) => {
    scrollBy({ top: topOf(block) - top, behavior: "instant" });
    if (frames) requestAnimationFrame(() => restore(frames - 1));
    else history.scrollRestoration = "auto";
  };
  if (block) {
    history.scrollRestoration = "manual";
    addEventListener("pageshow", () => restore(20), { once: true });
  }
  addEventListener("pagehide", () => {
    const shown = blocks.findLast((one) => one.checkVisibility({ contentVisibilityAuto: true }) && topOf(one) < 120);
    sessionStorage[location.pathname] = shown ? `${blocks.indexOf(shown)} ${topOf(shown)}` : "";
  });
})();
