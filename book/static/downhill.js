// What is too wide scrolls in its own box, which the keyboard must reach; a box that fits must not be in its way.
// (The theme's own way, which lib/pages.py takes out, measures all boxes of a page again after every change in it.)
(() => {
  const BOXES = ".katex-display, pre, .cell_output > .output, .pst-scrollable-table-container";
  const observer = new ResizeObserver((entries) => entries.forEach(({ target: box }) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }));
  document.fonts.ready.then(() => {
    document.querySelectorAll(BOXES).forEach((box) => observer.observe(box));
  });
})();
