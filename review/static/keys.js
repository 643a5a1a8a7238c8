// The keys of the judging page. Single keys work wherever nobody is typing; dialogs keep their own.

import { announce, byId, t } from "./page.js";

const SIZES = 5; // steps of the text's size
const PERSONAL = { g: "general", s: "sensitive", b: "biometric" };
const VERDICTS = { 1: "qualified", 2: "unqualified", 3: "unclear" };

export function bindKeys(act) {
  const plain = {
    Enter: act.confirm,
    u: act.undo,
    j: () => act.walk(1),
    k: () => act.walk(-1),
    f: act.hit,
    r: act.openPicker,
    n: () => byId("note").focus(),
    o: openJump,
    "?": () => openTop("help"),
    h: () => toggleHits(),
    "+": () => resize(1),
    "=": () => resize(1),
    "-": () => resize(-1),
    Escape: () => act.phase() === "looking" && act.back(),
    " ": () => act.page(1),
    PageDown: () => act.page(1),
    PageUp: () => act.page(-1),
  };
  for (const [key, verdict] of Object.entries(VERDICTS)) plain[key] = () => act.choose(verdict);
  for (const [key, kind] of Object.entries(PERSONAL)) plain[key] = () => act.personal(kind);

  addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (typing(event)) return;
    const own = ["Enter", " "].includes(event.key) && event.target.closest("button, a, summary, input");
    const action = plain[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (own || !action || (event.repeat && !["PageDown", "PageUp", " "].includes(event.key))) return;
    event.preventDefault();
    action();
  });

  byId("jump-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const number = Number(byId("jump-to").value);
    byId("jump").close();
    if (Number.isInteger(number) && number > 0) act.look(number);
  });
  document.querySelectorAll("[data-open]").forEach((button) => {
    button.addEventListener("click", () => (button.dataset.open === "jump" ? openJump() : openTop(button.dataset.open)));
  });
  document.querySelectorAll("[data-close]").forEach((button) => {
    button.addEventListener("click", () => button.closest("dialog").close());
  });
  resize(0);
}

// In the note Enter ends the note (Shift+Enter is a new line), Escape too.
function typing(event) {
  const note = byId("note");
  if (event.target !== note || note.readOnly) return event.target.matches("input:not([type=checkbox]), select");
  if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
    event.preventDefault();
    byId("text").focus({ preventScroll: true });
  }
  return true;
}

// A dialog that is longer than the screen begins at its beginning, wherever its button is.
function openTop(name) {
  byId(name).showModal();
  byId(name).scrollTop = 0;
}

function openJump() {
  byId("jump-to").value = "";
  byId("jump").showModal();
}

function toggleHits() {
  const off = byId("text").classList.toggle("no-hits");
  announce(t(off ? "hits_off" : "hits_on"));
}

function resize(step) {
  const before = Number(localStorage.getItem("text-size") ?? 2);
  const size = Math.min(SIZES, Math.max(1, before + step));
  localStorage.setItem("text-size", String(size));
  document.body.dataset.size = size;
}
