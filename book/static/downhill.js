// What scrolls in its own box must be reached by the keyboard, and what fits must not be in its way. The theme sees to code,
// outputs and tables when a page loads; this also to equations, and to all of it in what is unfolded later.
(() => {
  const scrolls = (box) => box.scrollWidth > box.clientWidth
    || (box.scrollHeight > box.clientHeight && getComputedStyle(box).overflowY !== "hidden");
  const observer = new ResizeObserver((entries) => entries.forEach(({ target: box }) => {
    box.tabIndex = scrolls(box) ? 0 : -1;
  }));
  document.fonts.ready.then(() => {
    document.querySelectorAll(".katex-display, article :is(pre, .cell_output > .output, .pst-scrollable-table-container)")
      .forEach((box) => observer.observe(box));
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
