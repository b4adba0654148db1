// One question after the other, by keyboard: Y, N, S, and U to take the last answer back.
// The page is never loaded anew, and keys that are pressed while an answer is being stored, when no
// question is to be seen, are no answers.
import { post, say, tell } from "./api.js";

const list = document.getElementById("questions");
if (list) start(list);

function start(list) {
  const count = document.querySelector("h1 small");
  const current = () => list.querySelector(".question:not([hidden])");
  const isBusy = () => list.getAttribute("aria-busy") === "true";

  function busy(on) {
    list.setAttribute("aria-busy", String(on));
    for (const button of list.querySelectorAll("button")) button.disabled = on;
  }

  async function answer(said) {
    const question = current();
    if (!question || isBusy() || !said) return;
    busy(true);
    const done = await post("/api/v1/questions/answer", { key: question.dataset.key, answer: said });
    if (done) tell();
    // Refused: another answer has settled it meanwhile. What is left is asked anew.
    if (done && question.nextElementSibling) next(question);
    else await anew();
    busy(false);
  }

  /** Show the question after one that is answered. */
  function next(question) {
    const follower = question.nextElementSibling;
    question.remove();
    show(follower);
  }

  function show(question) {
    const left = list.querySelectorAll(".question").length;
    count.textContent = count.dataset.of.replace("{n}", left);
    document.getElementById("no-more").hidden = left > 0;
    if (!question) return;
    question.hidden = false;
    question.querySelector("h2").focus();
    for (const image of question.nextElementSibling?.querySelectorAll("img") ?? []) image.loading = "eager";
  }

  /** Ask the server what is worth asking now. */
  async function anew() {
    const response = await fetch(location.href).catch(() => null);
    if (!response?.ok) {
      say(document.body.dataset.noAnswer, { problem: true });
      return;
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    list.replaceChildren(...page.getElementById("questions").children);
    show(current());
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-answer]");
    if (button) answer(button.dataset.answer);
  });
  list.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(new FormData(event.target).get("name")?.trim());
  });
  document.addEventListener("reverted", async (event) => {
    event.preventDefault();
    tell();
    busy(true);
    await anew();
    busy(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const question = current();
    const said = { y: "yes", n: "no", s: "skip" }[event.key.toLowerCase()];
    if (said && question && (question.dataset.kind !== "name" || said === "skip")) answer(said);
    else if (event.key.toLowerCase() === "u" && !isBusy()) document.querySelector(".undo")?.click();
  });
  busy(false);
}
