// One question after the other, by keyboard: Y, N, S, and U to take the last answer back.
import { post, say } from "./api.js";

const list = document.getElementById("questions");
if (list) start(list);

function start(list) {
  let busy = false;
  const current = () => list.querySelector(".question:not([hidden])");

  async function answer(said) {
    const question = current();
    if (!question || busy || !said) return;
    busy = true;
    const done = await post("/api/v1/questions/answer", { key: question.dataset.key, answer: said });
    busy = false;
    sessionStorage.removeItem("message");
    if (!done) {
      // Refused: another answer has settled it meanwhile. What is left is asked anew.
      location.reload();
      return;
    }
    say(done.summary, { undo: done.can_undo });
    next(question);
  }

  /** Show the next question; when the list is at its end, ask for more. */
  function next(question) {
    const follower = question.nextElementSibling;
    question.remove();
    const left = list.querySelectorAll(".question").length;
    document.querySelector("h1 small").textContent = document.querySelector("h1 small").textContent.replace(/\d+/, left);
    if (!follower) {
      location.reload();
      return;
    }
    follower.hidden = false;
    follower.querySelector("h2").focus();
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-answer]");
    if (button) answer(button.dataset.answer);
  });
  list.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(new FormData(event.target).get("name")?.trim());
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const question = current();
    const said = { y: "yes", n: "no", s: "skip" }[event.key.toLowerCase()];
    if (said && question && (question.dataset.kind !== "name" || said === "skip")) answer(said);
    else if (event.key.toLowerCase() === "u") document.querySelector(".undo")?.click();
  });
}
