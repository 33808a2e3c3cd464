// What the theme uses of Bootstrap, menus; and what Bootstrap's script does in the theme, the way back to the top. Labels
// of buttons are the browser's own.
import Dropdown from "bootstrap/js/src/dropdown.js";

window.bootstrap = { Dropdown };

addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll('[data-bs-toggle="tooltip"]').forEach((button) => {
    button.title ||= button.dataset.bsTitle;
    button.ariaLabel ??= button.title;
  });

  const back = document.getElementById("pst-back-to-top");
  const header = document.querySelector(".bd-header");
  if (!back || !header) return;
  back.addEventListener("click", () => scrollTo(0, 0));
  let before = scrollY;
  addEventListener("scroll", () => {
    back.style.display = scrollY < before && scrollY > header.getBoundingClientRect().bottom ? "block" : "none";
    before = scrollY;
  }, { passive: true });
});
