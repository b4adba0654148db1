// The page of a person: forms that say one thing each, and what is done with chosen faces.
import { post } from "./api.js";
import { choose } from "./picker.js";

const person = Number(document.querySelector("[data-person]")?.dataset.person ?? 0);
const bar = document.getElementById("selection");
const chosen = new Set();
let last = null;

function after(done) {
  if (!done) return;
  if (done.kind === "merge" && done.person_ids[0] !== person) location.href = `/people/${done.person_ids[0]}`;
  else location.reload();
}

for (const form of document.querySelectorAll("form[data-patch]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [[field, value]] = [...new FormData(form)];
    after(await post(form.dataset.patch, { [field]: value.trim() || null }, "PATCH"));
  });
  if ("auto" in form.dataset) form.addEventListener("change", () => form.requestSubmit());
}

function show() {
  if (!bar) return;
  bar.hidden = chosen.size === 0;
  bar.querySelector(".number").textContent = chosen.size;
  const cover = bar.querySelector('[data-faces="cover"]');
  cover.disabled = chosen.size !== 1;
  cover.hidden = !person;
}

document.addEventListener("unpick", () => {
  chosen.clear();
  show();
});

// A block of faces that comes back into the page shows what was chosen in it.
document.addEventListener("filled", ({ detail }) => {
  for (const box of detail.querySelectorAll(".pick")) box.checked = chosen.has(Number(box.value));
});

document.addEventListener("change", (event) => {
  if (!event.target.matches(".pick")) return;
  const boxes = [...document.querySelectorAll(".pick")];
  const now = boxes.indexOf(event.target);
  const from = last !== null && event.target.dataset.shift ? boxes.indexOf(last) : now;
  const [low, high] = [Math.min(from, now), Math.max(from, now)];
  for (const box of from < 0 ? [event.target] : boxes.slice(low, high + 1)) {
    box.checked = event.target.checked;
    if (box.checked) chosen.add(Number(box.value));
    else chosen.delete(Number(box.value));
  }
  last = event.target;
  show();
});

document.addEventListener("click", async (event) => {
  const pick = event.target.closest(".pick");
  if (pick) {
    if (event.shiftKey) pick.dataset.shift = "1";
    else delete pick.dataset.shift;
  }
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.post) after(await post(button.dataset.post));
  else if (button.dataset.hide) after(await post(button.dataset.hide, { hidden: button.dataset.value === "true" }, "PATCH"));
  else if (button.dataset.merge) {
    const other = await choose({ without: [person], anew: false });
    if (other?.person_id) after(await post("/api/v1/people/merge", { person_ids: [person, other.person_id] }));
  } else if (button.dataset.faces) after(await faces(button.dataset.faces, [...chosen]));
});

async function faces(what, face_ids) {
  if (what === "reject") return post("/api/v1/faces/reject", { face_ids });
  // On the map the faces may be of several people; they become one new person.
  if (what === "split" && !person) return post("/api/v1/faces/move", { face_ids });
  if (what === "split") return post(`/api/v1/people/${person}/split`, { face_ids });
  if (what === "cover") return post(`/api/v1/people/${person}`, { cover: face_ids[0] }, "PATCH");
  if (what === "move") {
    const who = await choose({ without: [person] });
    return who && post("/api/v1/faces/move", { face_ids, ...who });
  }
  chosen.clear();
  for (const box of document.querySelectorAll(".pick:checked")) box.checked = false;
  show();
  return null;
}
