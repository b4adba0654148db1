// Asking the server, and telling what it answered.
const token = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** Ask for JSON; returns null, after telling why, where that failed. */
export async function ask(url, options = {}, insist = () => false) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    say("The album does not answer; is it still running?", { problem: true });
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
  const insist = (answer) => answer.can_force && !body.force && confirmed(answer.error);
  const done = await ask(url, sent, insist);
  if (done === undefined) return post(url, { ...body, force: true }, method);
  if (done?.summary) sessionStorage.setItem("message", done.summary);
  return done;
}

function confirmed(sentence) {
  return window.confirm(sentence);
}

/** Show a sentence for a while, with a way back where there is one. */
export function say(sentence, { problem = false, undo = false } = {}) {
  const box = document.createElement("p");
  box.className = problem ? "message problem" : "message";
  box.append(sentence);
  if (undo && !sentence.startsWith("Undone")) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.action = "undo";
    button.textContent = document.querySelector(".undo")?.textContent ?? "Undo";
    box.append(button);
  }
  document.querySelector("#messages").append(box);
  setTimeout(() => box.remove(), problem ? 12000 : 8000);
}
