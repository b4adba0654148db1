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
  for (const node of item.querySelectorAll("[data-id]")) node.dataset.id = record[node.dataset.id];
  return item;
}

class Grid {
  constructor(list) {
    this.list = list;
    this.template = document.getElementById(list.dataset.template);
    this.total = Number(list.dataset.total);
    this.start = Number(list.dataset.offset);
    this.wanted = new Map();
    this.watcher = new IntersectionObserver((seen) => this.onSeen(seen), { rootMargin: "1200px" });
    this.adopt();
  }

  /** Take what the server has put into the page as the first block, and make room for the rest. */
  adopt() {
    const first = [...this.list.children];
    let at = this.start + first.length;
    if (first.length === 0 || at >= this.total) return;
    this.measure();
    const rest = document.createDocumentFragment();
    for (; at < this.total; at += BLOCK) {
      const block = this.list.cloneNode(false);
      block.removeAttribute("data-grid");
      block.removeAttribute("id");
      block.dataset.at = at;
      block.dataset.count = Math.min(BLOCK, this.total - at);
      block.classList.add("block");
      this.reserve(block);
      rest.append(block);
      this.watcher.observe(block);
    }
    this.list.after(rest);
    document.querySelector(".pages")?.remove();
    addEventListener("resize", () => this.onResize());
  }

  /** Learn how high a row is, and how many fit into it. */
  measure() {
    const style = getComputedStyle(this.list);
    this.columns = style.gridTemplateColumns.split(" ").length;
    this.gap = parseFloat(style.rowGap) || 0;
    this.height = this.list.firstElementChild.getBoundingClientRect().height;
  }

  /** Give an empty block the height that it will have. */
  reserve(block) {
    const rows = Math.ceil(block.dataset.count / this.columns);
    block.style.minHeight = `${rows * (this.height + this.gap) - this.gap}px`;
  }

  onResize() {
    this.measure();
    for (const block of document.querySelectorAll(".block")) if (!block.childElementCount) this.reserve(block);
  }

  onSeen(seen) {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting) this.fill(target);
      else this.empty(target);
    }
  }

  /** Take what is far from the window out of the page, and stop waiting for it. */
  empty(block) {
    clearTimeout(this.wanted.get(block)?.timer);
    this.wanted.get(block)?.abort();
    this.wanted.delete(block);
    if (!block.childElementCount || block.contains(document.activeElement)) return;
    block.style.minHeight = `${block.getBoundingClientRect().height}px`;
    block.replaceChildren();
  }

  /** Ask for a block, unless it is only passed by; blocks that have left meanwhile stay empty. */
  fill(block) {
    if (block.childElementCount || this.wanted.has(block)) return;
    const want = new AbortController();
    this.wanted.set(block, want);
    want.timer = setTimeout(async () => {
      const joint = this.list.dataset.grid.includes("?") ? "&" : "?";
      const url = `${this.list.dataset.grid}${joint}offset=${block.dataset.at}&limit=${block.dataset.count}`;
      const page = await ask(url, { signal: want.signal });
      if (this.wanted.get(block) !== want) return;
      this.wanted.delete(block);
      if (!page) return;
      block.replaceChildren(...page[this.list.dataset.list].map((one) => filled(this.template, one)));
      block.style.minHeight = "";
      document.dispatchEvent(new CustomEvent("filled", { detail: block }));
    }, 60);
  }
}

export function grids() {
  for (const list of document.querySelectorAll("[data-grid]")) new Grid(list);
}
