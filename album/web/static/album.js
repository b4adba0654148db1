// What every page has: changes with a message and undo, and lists that go on where the page ends.
import { grids } from "./grid.js";
import { post, tell } from "./api.js";
import "./person.js";
import "./photo.js";
import "./review.js";
import "./facemap.js";
import "./live.js";

let acting = false;

/** Undo or redo once, however often the key is pressed, and show what is there now. */
async function act(action) {
  if (acting) return;
  acting = true;
  const done = await post(`/api/v1/${action}`);
  if (!done) acting = false;
  else if (document.dispatchEvent(new CustomEvent("reverted", { cancelable: true }))) location.reload();
  else acting = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) act(button.dataset.action);
});

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input:not(.pick), select, textarea, dialog, [contenteditable]")) return;
  const control = event.ctrlKey || event.metaKey;
  if (control && event.key.toLowerCase() === "z") {
    event.preventDefault();
    act(event.shiftKey ? "redo" : "undo");
  } else if (event.key === "/" && !control) {
    event.preventDefault();
    document.querySelector("#search")?.focus();
  }
});

for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.submit());
}

tell();
grids();
document.documentElement.dataset.ready = "yes";
document.dispatchEvent(new Event("ready"));
