// The library while it is being indexed: numbers as they grow, and anew what could not be read.
const panel = document.querySelector("[data-live]");
if (panel) setInterval(look, 2000);

const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
let ran = panel && !panel.hidden;

async function look() {
  if (document.hidden) return;
  const response = await fetch(panel.dataset.live).catch(() => null);
  if (!response?.ok) return;
  const status = await response.json();
  for (const figure of document.querySelectorAll("[data-figure]")) {
    figure.textContent = thousands(status[figure.dataset.figure]);
  }
  const now = status.indexing;
  const over = ran && !now;
  ran = Boolean(now);
  if (over || Number(document.getElementById("told").dataset.failures) !== status.failures) await anew();
  panel.hidden = !now;
  if (now) show(now);
}

function show(now) {
  const bar = panel.querySelector("progress");
  bar.max = Math.max(now.total, 1);
  const told = panel.querySelector(".told");
  if (now.phase === "grouping") {
    bar.removeAttribute("value");
    told.textContent = panel.dataset.grouping;
    return;
  }
  bar.value = now.done;
  const said = ["done", "total", "faces", "failed"].reduce((text, key) => text.replace(`{${key}}`, thousands(now[key])), panel.dataset.of);
  const minutes = now.seconds_left === null ? null : Math.max(1, Math.round(now.seconds_left / 60));
  told.textContent = minutes === null ? said : `${said} · ${panel.dataset.left.replace("{minutes}", thousands(minutes))}`;
}

/** Show failures and dates as they are now. */
async function anew() {
  const response = await fetch(location.href).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  document.getElementById("told").replaceWith(page.getElementById("told"));
}
