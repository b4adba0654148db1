// Clicks on a page whose scripts are still on their way are kept, and done when they are there.
const early = [];

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || document.documentElement.dataset.ready || button.closest("form[action]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!early.includes(button)) early.push(button);
}, true);

document.addEventListener("ready", () => { for (const button of early.splice(0)) button.click(); });
