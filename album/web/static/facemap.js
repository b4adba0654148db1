// The map of faces: drawn on a canvas, looked at by zooming, selected by a loop around faces.
import { ask } from "./api.js";
import { filled } from "./grid.js";

const frame = document.querySelector("[data-map]");
if (frame) start(frame);

const ODDEST = 24;
const SHOWN = 300; // so few faces in view are drawn as faces, more as dots
const hue = (id) => (id * 137.508) % 360;

/** Tell whether a point lies in a polygon: count the edges to its right. */
function inside([x, y], loop) {
  let odd = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [loop[i], loop[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

async function start(frame) {
  const canvas = frame.querySelector("canvas");
  const peek = frame.querySelector(".peek");
  const map = await ask(frame.dataset.map);
  frame.querySelector(".loading").remove();
  if (!map) return;
  const names = new Map(map.people.map((one) => [one.id, one.label]));
  const pen = canvas.getContext("2d");
  const view = { scale: 1, x: 0, y: 0 };
  let loop = null;
  let moving = null;
  let chosen = new Set();
  document.getElementById("map-count").textContent = frame.dataset.count.replace("{n}", map.spots.length);

  const side = () => Math.min(canvas.clientWidth, canvas.clientHeight) / 2.1;
  const toScreen = ({ x, y }) => [
    canvas.clientWidth / 2 + (x * view.scale + view.x) * side(),
    canvas.clientHeight / 2 + (y * view.scale + view.y) * side(),
  ];
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;

  const pictures = new Map();
  let due = 0;

  /** Return the face of a spot once it is here; until then it is asked for, and drawn later. */
  function picture(spot) {
    let image = pictures.get(spot.face_id);
    if (!image) {
      image = new Image();
      image.onload = () => { due ||= requestAnimationFrame(() => { due = 0; draw(); }); };
      image.src = spot.picture;
      pictures.set(spot.face_id, image);
    }
    return image.complete && image.naturalWidth ? image : null;
  }

  function draw() {
    const ratio = devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    pen.scale(ratio, ratio);
    const inView = map.spots.map((spot) => [spot, ...toScreen(spot)])
      .filter(([, x, y]) => x > -40 && y > -40 && x < canvas.clientWidth + 40 && y < canvas.clientHeight + 40);
    const asFaces = inView.length <= SHOWN;
    const size = asFaces ? Math.min(30, 14 * Math.sqrt(view.scale)) : Math.min(9, 4 * Math.sqrt(view.scale));
    for (const [spot, x, y] of inView) {
      const colour = `hsl(${hue(spot.person_id)} 65% ${dark ? 62 : 45}%)`;
      pen.beginPath();
      pen.arc(x, y, size, 0, 7);
      pen.fillStyle = colour;
      pen.fill();
      const face = asFaces && picture(spot);
      if (face) {
        pen.save();
        pen.clip();
        pen.drawImage(face, x - size, y - size, 2 * size, 2 * size);
        pen.restore();
      }
      if (face || chosen.has(spot.face_id)) {
        pen.lineWidth = 3;
        pen.strokeStyle = chosen.has(spot.face_id) ? (dark ? "#fff" : "#000") : colour;
        pen.stroke();
      }
    }
    if (loop) {
      pen.beginPath();
      loop.forEach(([x, y]) => pen.lineTo(x, y));
      pen.setLineDash([6, 4]);
      pen.lineWidth = 2;
      pen.strokeStyle = dark ? "#fff" : "#333";
      pen.stroke();
      pen.setLineDash([]);
    }
  }

  function list(spots, picked) {
    const title = document.getElementById("map-list-title");
    if (picked) title.textContent = title.dataset.chosen;
    const template = document.getElementById("face-card");
    const items = spots.map((spot) => {
      const who = names.get(spot.person_id);
      return filled(template, { ...spot, picture: spot.picture.replace("/96.jpg", "/176.jpg"), url: `/photos/${spot.photo_id}`, caption: who, alt: who });
    });
    document.dispatchEvent(new CustomEvent("unpick"));
    document.getElementById("map-list").replaceChildren(...items);
    if (!picked) return;
    for (const box of document.querySelectorAll("#map-list .pick")) {
      box.checked = true;
      box.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const nearest = (point) => {
    let best = null;
    let least = 14 ** 2;
    for (const spot of map.spots) {
      const [x, y] = toScreen(spot);
      const far = (x - point[0]) ** 2 + (y - point[1]) ** 2;
      if (far < least) [best, least] = [spot, far];
    }
    return best;
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (event.shiftKey) moving = [at(event), { ...view }];
    else loop = [at(event)];
  });
  canvas.addEventListener("pointermove", (event) => {
    const point = at(event);
    if (loop) loop.push(point);
    else if (moving) {
      view.x = moving[1].x + (point[0] - moving[0][0]) / side();
      view.y = moving[1].y + (point[1] - moving[0][1]) / side();
    } else {
      const spot = nearest(point);
      peek.hidden = !spot;
      if (spot) {
        peek.querySelector("img").src = spot.picture;
        peek.querySelector("span").textContent = names.get(spot.person_id);
        peek.style.left = `${Math.min(point[0] + 14, canvas.clientWidth - 120)}px`;
        peek.style.top = `${Math.min(point[1] + 14, canvas.clientHeight - 130)}px`;
      }
      return;
    }
    requestAnimationFrame(draw);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (loop) {
      const one = loop.length < 5 && nearest(at(event));
      const found = one ? [one] : map.spots.filter((spot) => inside(toScreen(spot), loop));
      chosen = new Set(found.map((spot) => spot.face_id));
      if (found.length) list(found, true);
    }
    loop = moving = null;
    draw();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY / 400);
    const [x, y] = at(event);
    const [cx, cy] = [(x - canvas.clientWidth / 2) / side(), (y - canvas.clientHeight / 2) / side()];
    view.x = cx - (cx - view.x) * factor;
    view.y = cy - (cy - view.y) * factor;
    view.scale *= factor;
    draw();
  }, { passive: false });
  addEventListener("resize", draw);

  const people = document.getElementById("map-people");
  for (const one of map.people.slice(0, 40)) {
    const item = document.createElement("li");
    const link = Object.assign(document.createElement("a"), { href: one.url });
    const mark = Object.assign(document.createElement("span"), { className: "mark" });
    mark.style.background = `hsl(${hue(one.id)} 65% ${dark ? 62 : 45}%)`;
    link.append(mark, one.label);
    item.append(link);
    people.append(item);
  }
  list([...map.spots].sort((a, b) => b.odd - a.odd).slice(0, ODDEST), false);
  draw();
}
