// Asking the server, and telling what it answered.
const token = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** Ask for JSON; returns null, after telling why, where that failed, and without a word where the
 * request was called off. */
export async function ask(url, options = {}, insist = () => false) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    if (!options.signal?.aborted) say(document.body.dataset.noAnswer, { problem: true });
    return null;
  }
  const answer = await response.json().catch(() => ({ error: response.statusText }));
  if (response.ok) return answer;
  if (insist(answer)) return undefined;
  if (answer.can_force) return null;
  say(answer.error ?? response.statusText, { problem: true });
  return null;
}

/** Change something; returns what was done, or null. The message outlives a new page.
 * What contradicts an earlier word is refused; then the user may insist. */
export async function post(url, body = {}, method = "POST") {
  const sent = {
    method,
    headers: { "content-type": "application/json", "x-csrf-token": token },
    body: JSON.stringify(body),
  };
  const insist = (answer) => answer.can_force && !body.force && window.confirm(answer.error);
  const done = await ask(url, sent, insist);
  if (done === undefined) return post(url, { ...body, force: true }, method);
  if (done?.summary) {
    const undo = done.can_undo ?? !url.endsWith("/undo");
    sessionStorage.setItem("message", JSON.stringify({ sentence: done.summary, undo }));
  }
  return done;
}

/** Say what was done last: on this page, or on the one that was loaded after it. */
export function tell() {
  const told = sessionStorage.getItem("message");
  sessionStorage.removeItem("message");
  if (told) say(JSON.parse(told).sentence, JSON.parse(told));
}

/** Show a sentence for a while, with a way back where there is one. */
export function say(sentence, { problem = false, undo = false } = {}) {
  const box = document.createElement("p");
  box.className = problem ? "message problem" : "message";
  box.append(sentence);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.action = "undo";
    button.textContent = document.querySelector(".undo")?.textContent;
    box.append(button);
  }
  const all = document.querySelector("#messages");
  all.append(box);
  while (all.childElementCount > 3) all.firstElementChild.remove();
  setTimeout(() => box.remove(), problem ? 12000 : 8000);
}
