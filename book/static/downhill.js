// A long equation scrolls in its own box, which the keyboard must reach; one that fits must not be in its way.
// (The theme does the same for code, outputs and tables.)
(() => {
  const observer = new ResizeObserver((entries) => entries.forEach(({ target: box }) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }));
  document.fonts.ready.then(() => {
    document.querySelectorAll(".katex-display").forEach((box) => observer.observe(box));
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
