// What the theme uses of Bootstrap: menus, labels of buttons, and the way back to the top.
import Dropdown from "bootstrap/js/src/dropdown.js";
import Tooltip from "bootstrap/js/src/tooltip.js";

window.bootstrap = { Dropdown, Tooltip };

addEventListener("DOMContentLoaded", () => {
  const delay = { show: 500, hide: 100 };
  document.querySelectorAll('[data-bs-toggle="tooltip"]').forEach((button) => new Tooltip(button, { delay }));

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
