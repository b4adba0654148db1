// The page of a photo: boxes to be clicked, a box to be drawn, moments of a clip.
import { post } from "./api.js";
import { choose } from "./picker.js";

const page = document.querySelector("[data-photo]");
if (page) start(page);

function start(page) {
  const video = page.querySelector("video");
  const svg = page.querySelector(".boxes");
  if (video) {
    const to = (ms) => { video.currentTime = ms / 1000; };
    video.addEventListener("loadedmetadata", () => { if (Number(video.dataset.at)) to(Number(video.dataset.at)); }, { once: true });
    page.addEventListener("click", (event) => {
      const moment = event.target.closest(".moment");
      if (moment) { to(Number(moment.dataset.at)); video.play(); }
    });
  }
  page.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.who) name(Number(button.dataset.who), button.dataset.of);
    else if (button?.dataset.not) act("/api/v1/faces/reject", { face_ids: [Number(button.dataset.not)] });
    const box = event.target.closest(".box");
    if (box && !drawing) name(Number(box.dataset.face));
  });
  page.addEventListener("keydown", (event) => {
    const box = event.target.closest(".box");
    if (box && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      name(Number(box.dataset.face));
    }
  });
  for (const part of page.querySelectorAll("[data-face]")) {
    const same = () => page.querySelectorAll(`[data-face="${part.dataset.face}"]`);
    for (const on of ["pointerenter", "focusin"]) part.addEventListener(on, () => same().forEach((one) => one.classList.add("lit")));
    for (const off of ["pointerleave", "focusout"]) part.addEventListener(off, () => same().forEach((one) => one.classList.remove("lit")));
  }

  async function act(url, body) {
    if (await post(url, body)) location.reload();
  }

  async function name(face, of = "") {
    const who = await choose({ without: of ? [Number(of)] : [] });
    if (who) act("/api/v1/faces/move", { face_ids: [face], ...who });
  }

  // A box drawn by hand.
  const draw = page.querySelector("#draw");
  const hint = page.querySelector("#draw-hint");
  const rect = svg?.querySelector(".drawing");
  let drawing = false;
  let from = null;
  const set = (on) => {
    drawing = on;
    draw.setAttribute("aria-pressed", String(on));
    hint.hidden = !on;
    svg.classList.toggle("open", on);
    if (!on) { rect.setAttribute("hidden", ""); from = null; }
  };
  const place = (event) => {
    const frame = svg.getBoundingClientRect();
    const x = (event.clientX - frame.left) / frame.width * Number(page.dataset.width);
    const y = (event.clientY - frame.top) / frame.height * Number(page.dataset.height);
    return [Math.min(Math.max(x, 0), Number(page.dataset.width)), Math.min(Math.max(y, 0), Number(page.dataset.height))];
  };
  const corners = (to) => [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
  draw?.addEventListener("click", () => set(!drawing));
  svg?.addEventListener("pointerdown", (event) => {
    if (!drawing) return;
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    from = place(event);
  });
  svg?.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [left, top, right, bottom] = corners(place(event));
    rect.removeAttribute("hidden");
    for (const [key, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) rect.setAttribute(key, value);
  });
  svg?.addEventListener("pointerup", async (event) => {
    if (!from) return;
    const box = corners(place(event));
    from = null;
    if (box[2] - box[0] < 8 || box[3] - box[1] < 8) return;
    const who = await choose();
    if (who) act(`/api/v1/photos/${page.dataset.photo}/faces`, { box, ...who });
    set(false);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && drawing) set(false); });
}
