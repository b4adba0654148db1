// Choosing a person: by name, with faces; or a name that nobody has yet; or somebody new.
import { ask } from "./api.js";

/** Show the dialog; resolves to { person_id } or { name } or {} for somebody new, null if left. */
export function choose({ without = [], anew = true } = {}) {
  const dialog = document.getElementById("picker");
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const fresh = dialog.querySelector("[data-new]");
  let at = -1;
  let turn = 0;
  fresh.hidden = !anew;
  input.value = "";

  return new Promise((resolve) => {
    const end = (chosen) => {
      dialog.close();
      input.oninput = input.onkeydown = fresh.onclick = dialog.onclose = null;
      resolve(chosen);
    };
    const mark = (to) => {
      const options = [...list.children];
      at = Math.max(-1, Math.min(to, options.length - 1));
      options.forEach((one, n) => one.setAttribute("aria-selected", String(n === at)));
      if (at >= 0) {
        input.setAttribute("aria-activedescendant", options[at].id);
        options[at].scrollIntoView({ block: "nearest" });
      } else input.removeAttribute("aria-activedescendant");
    };
    const option = (record) => {
      const item = document.createElement("li");
      item.id = `pick-${record.id ?? "name"}`;
      item.setAttribute("role", "option");
      if (record.picture) {
        item.append(Object.assign(new Image(44, 44), { src: record.picture.replace("/176.jpg", "/96.jpg"), alt: "" }));
      }
      const words = document.createElement("span");
      words.textContent = record.label;
      const more = document.createElement("small");
      more.textContent = record.fact ?? "";
      words.append(document.createElement("br"), more);
      item.append(words);
      item.onclick = () => end(record.id ? { person_id: record.id } : { name: record.label });
      return item;
    };
    const look = async () => {
      const mine = ++turn;
      const name = input.value.trim();
      const page = await ask(`/api/v1/people?group=all&limit=8&sort=photos&name=${encodeURIComponent(name)}`);
      if (mine !== turn || !page) return;
      const people = page.people.filter((one) => !without.includes(one.id));
      const known = people.some((one) => one.name?.toLowerCase() === name.toLowerCase());
      list.replaceChildren(...people.map(option));
      if (anew && name && !known && !/^\d+$/.test(name)) list.prepend(option({ label: name }));
      mark(name ? 0 : -1);
    };
    input.oninput = look;
    input.onkeydown = (event) => {
      if (event.key === "ArrowDown") mark(at + 1);
      else if (event.key === "ArrowUp") mark(at - 1);
      else if (event.key === "Enter") list.children[at]?.click();
      else return;
      event.preventDefault();
    };
    fresh.onclick = () => end({});
    dialog.onclose = () => end(null);
    dialog.showModal();
    input.focus();
    look();
  });
}
