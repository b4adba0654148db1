// What every page has: changes with a message and undo, and lists that go on where the page ends.
import { grids } from "./grid.js";
import { post, say } from "./api.js";
import "./person.js";
import "./photo.js";
import "./review.js";
import "./facemap.js";
import "./live.js";

async function act(action) {
  const done = await post(`/api/v1/${action}`);
  if (done) location.reload();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) act(button.dataset.action);
});

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey) {
    event.preventDefault();
    act("undo");
  } else if (event.key === "/" && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    document.querySelector("#search")?.focus();
  }
});

for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.submit());
}

const told = sessionStorage.getItem("message");
if (told) {
  sessionStorage.removeItem("message");
  say(told, { undo: true });
}
grids();
