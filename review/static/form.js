// What somebody answers of an item: verdict, risks, personal information, note. Kept in the tab until it is sent.

import { byId, data, el, lang, listed, me, say, t } from "./page.js";

const BLANK = { verdict: null, risks: [], personal: [], note: "" };

export class Form {
  #vocabulary;
  #names;
  #changed;
  #value = structuredClone(BLANK);
  #locked = false;

  constructor(vocabulary, changed) {
    this.#vocabulary = vocabulary;
    this.#names = new Map(vocabulary.risks.map((risk) => [risk.id, say(risk)]));
    this.#changed = changed;
    document.querySelectorAll("[data-personal]").forEach((box) => {
      box.addEventListener("change", () => this.togglePersonal(box.dataset.personal));
    });
    byId("note").addEventListener("input", () => this.#change({ note: byId("note").value }));
  }

  get value() {
    return structuredClone(this.#value);
  }

  get locked() {
    return this.#locked;
  }

  // Shows an answer; a locked one can be read only.
  show(value, locked) {
    this.#value = { ...structuredClone(BLANK), ...value };
    this.#locked = locked;
    byId("note").value = this.#value.note ?? "";
    this.#draw();
  }

  setVerdict(verdict) {
    if (this.#locked) return;
    const change = { verdict };
    if (verdict !== "unqualified") change.risks = [];
    this.#change(change);
  }

  setRisks(risks) {
    const order = this.#vocabulary.risks.map((risk) => risk.id);
    this.#change({ risks: [...risks].sort((a, b) => order.indexOf(a) - order.indexOf(b)) });
  }

  togglePersonal(kind) {
    if (this.#locked) return;
    const personal = new Set(this.#value.personal);
    if (!personal.delete(kind)) personal.add(kind);
    this.#change({ personal: this.#vocabulary.personal.map((one) => one.id).filter((id) => personal.has(id)) });
  }

  // The note as it is sent: control characters, which a paste can bring, become spaces.
  note() {
    return this.#value.note.replace(/\r\n?/g, "\n").replace(/[^\P{Cc}\n]|\p{Cs}/gu, " ").trim();
  }

  // Why it cannot be sent yet (a key of the wording), or null.
  missing() {
    if (!this.#value.verdict) return "choose_verdict";
    if (this.#value.verdict === "unqualified" && !this.#value.risks.length) return "choose_risk";
    return null;
  }

  #change(change) {
    if (this.#locked) return;
    Object.assign(this.#value, change);
    this.#draw();
    this.#changed();
  }

  #draw() {
    const { verdict, risks, personal } = this.#value;
    document.querySelectorAll("[data-verdict]").forEach((button) => {
      button.setAttribute("aria-checked", String(button.dataset.verdict === verdict));
      button.disabled = this.#locked;
    });
    document.querySelectorAll("[data-personal]").forEach((box) => {
      box.checked = personal.includes(box.dataset.personal);
      box.disabled = this.#locked;
    });
    byId("note").readOnly = this.#locked;
    byId("risk-part").hidden = verdict !== "unqualified";
    byId("open-picker").disabled = this.#locked;
    byId("risks").replaceChildren(...risks.map((id) => this.#chosen(id)));
    byId("no-risks").hidden = risks.length > 0;
  }

  #chosen(id) {
    return el("li", {}, el("b", { text: id }), el("span", { text: this.#names.get(id) ?? "", lang }));
  }
}

// Drafts live in the tab (not in the browser's lasting store: notes can hold personal data) and go with the logout.
function key(item) {
  return ["draft", data.me.round?.id, me.name, item.reading, item.item_no, item.content_hash].join(":");
}

export function keepDraft(item, answer, progress) {
  try {
    sessionStorage.setItem(key(item), JSON.stringify({ answer, progress }));
  } catch {
    // a full store loses the draft of a reload, not the answer on the page
  }
}

export function draftOf(item) {
  try {
    return JSON.parse(sessionStorage.getItem(key(item)));
  } catch {
    return null;
  }
}

export function dropDraft(item) {
  sessionStorage.removeItem(key(item));
}

// A reading somebody gave, as a card: on the adjudicator's page as A and B.
export function readingCard(title, reading, vocabulary) {
  const names = new Map(vocabulary.risks.map((risk) => [risk.id, say(risk)]));
  const kinds = new Map(vocabulary.personal.map((kind) => [kind.id, say(kind)]));
  const card = el("section", { class: "earlier" }, el("h3", {}, el("span", { class: title.length > 1 ? "by" : "letter", text: title })));
  card.firstChild.append(el("span", { class: `verdict verdict-${reading.verdict}`, text: t(`verdict_${reading.verdict}`) }));
  if (reading.risks?.length) {
    card.append(el("ul", { class: "risks" }, ...reading.risks.map((id) => el("li", {}, el("b", { text: id }), el("span", { text: names.get(id) ?? "" })))));
  }
  if (reading.personal?.length) {
    card.append(el("p", { class: "faint", text: t("titled", { title: t("personal"), text: listed(reading.personal.map((id) => kinds.get(id) ?? id)) }) }));
  }
  if (reading.note) card.append(el("p", { class: "quoted", dir: "auto", text: reading.note }));
  return card;
}
