// Numbers of the library that change while it is being indexed.
const panel = document.querySelector("[data-live]");
if (panel) setInterval(look, 2000);

const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

async function look() {
  if (document.hidden) return;
  const response = await fetch(panel.dataset.live).catch(() => null);
  if (!response?.ok) return;
  const status = await response.json();
  for (const figure of document.querySelectorAll("[data-figure]")) {
    figure.textContent = thousands(status[figure.dataset.figure]);
  }
  const now = status.indexing;
  panel.hidden = !now;
  if (!now) return;
  const bar = panel.querySelector("progress");
  bar.max = Math.max(now.total, 1);
  if (now.phase === "grouping") bar.removeAttribute("value");
  else bar.value = now.done;
  panel.querySelector(".told").textContent = now.phase === "grouping"
    ? panel.dataset.grouping
    : panel.dataset.of.replace("{done}", thousands(now.done)).replace("{total}", thousands(now.total)).replace("{faces}", thousands(now.faces));
}
