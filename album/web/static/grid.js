// Lists of any length: only what is near the window is in the page, in blocks that come and go.
import { ask } from "./api.js";

const BLOCK = 120;

/** Fill a copy of a template from a record: data-text, data-src, data-href name its fields. */
export function filled(template, record) {
  const item = document.createElement("li");
  item.append(template.content.cloneNode(true));
  for (const node of item.querySelectorAll("[data-text]")) node.textContent = record[node.dataset.text] ?? "";
  for (const node of item.querySelectorAll("[data-href]")) node.setAttribute("href", record[node.dataset.href]);
  for (const node of item.querySelectorAll("[data-src]")) {
    const source = record[node.dataset.src];
    if (source) node.setAttribute("src", source);
    else node.replaceWith(Object.assign(document.createElement("span"), { className: "blank" }));
  }
  for (const node of item.querySelectorAll("[data-alt]")) node.alt = record[node.dataset.alt] ?? "";
  for (const node of item.querySelectorAll("[data-value]")) node.value = record[node.dataset.value];
  for (const node of item.querySelectorAll("[data-id]")) node.dataset.id = record.id;
  return item;
}

class Grid {
  constructor(list) {
    this.list = list;
    this.template = document.getElementById(list.dataset.template);
    this.total = Number(list.dataset.total);
    this.start = Number(list.dataset.offset);
    this.blocks = new Map();
    this.watcher = new IntersectionObserver((seen) => this.onSeen(seen), { rootMargin: "1200px" });
    this.adopt();
  }

  /** Take what the server has put into the page as the first block, and make room for the rest. */
  adopt() {
    const first = [...this.list.children];
    let at = this.start + first.length;
    if (first.length === 0 || at >= this.total) return;
    const parent = this.list.parentNode;
    let after = this.list;
    for (; at < this.total; at += BLOCK) {
      const block = this.list.cloneNode(false);
      block.removeAttribute("data-grid");
      block.dataset.at = at;
      block.classList.add("block");
      this.reserve(block, Math.min(BLOCK, this.total - at));
      parent.insertBefore(block, after.nextSibling);
      after = block;
      this.watcher.observe(block);
    }
    document.querySelector(".pages")?.remove();
  }

  /** Give an empty block the height that it will have. */
  reserve(block, count) {
    const one = this.list.firstElementChild.getBoundingClientRect();
    const style = getComputedStyle(this.list);
    const columns = style.gridTemplateColumns.split(" ").length;
    const gap = parseFloat(style.rowGap) || 0;
    const rows = Math.ceil(count / columns);
    block.style.minHeight = `${rows * (one.height + gap) - gap}px`;
  }

  async onSeen(seen) {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting) await this.fill(target);
      else if (target.childElementCount) {
        target.style.minHeight = `${target.getBoundingClientRect().height}px`;
        target.replaceChildren();
      }
    }
  }

  async fill(block) {
    if (block.childElementCount || block.dataset.loading) return;
    block.dataset.loading = "1";
    const joint = this.list.dataset.grid.includes("?") ? "&" : "?";
    const url = `${this.list.dataset.grid}${joint}offset=${block.dataset.at}&limit=${BLOCK}`;
    const page = await ask(url);
    delete block.dataset.loading;
    if (!page) return;
    block.replaceChildren(...page[this.list.dataset.list].map((one) => filled(this.template, one)));
    block.style.minHeight = "";
  }
}

export function grids() {
  for (const list of document.querySelectorAll("[data-grid]")) new Grid(list);
}
