// Picks among the 31 risks with the keyboard: type to search, arrows to move, Enter to take, Enter once more when done.

import { announce, byId, el, lang, listed, say, t } from "./page.js";

export class Picker {
  #risks;
  #groups;
  #rules;
  #options = [];
  #active = -1;
  #chosen = new Set();
  #done = () => {};

  constructor(vocabulary) {
    this.#risks = vocabulary.risks;
    this.#groups = vocabulary.groups;
    this.#rules = vocabulary.criteria.risks ?? {};
    byId("risk-search").addEventListener("input", () => this.#draw());
    byId("risk-search").addEventListener("keydown", (event) => this.#key(event));
    byId("risk-done").addEventListener("click", () => this.#close());
    byId("picker").addEventListener("close", () => this.#finish());
  }

  get isOpen() {
    return byId("picker").open;
  }

  // done(ids) is called when the picker is closed, however that happens: nothing chosen is lost.
  open(chosen, done) {
    this.#chosen = new Set(chosen);
    this.#done = done;
    byId("risk-search").value = "";
    byId("picker").showModal();
    this.#draw();
    byId("risk-search").focus();
  }

  #close() {
    byId("picker").close();
    this.#finish(); // at once: the event comes later than the next key may
  }

  #finish() {
    const done = this.#done;
    this.#done = () => {};
    done([...this.#chosen]);
  }

  #key(event) {
    if (event.isComposing) return; // Enter of an input method takes a word, not a risk
    const typed = byId("risk-search").value.trim();
    if (event.key === "ArrowDown") this.#move(1);
    else if (event.key === "ArrowUp") this.#move(-1);
    else if (event.key === "Enter" && (typed || this.#active >= 0)) this.#take();
    else if (event.key === "Enter" && this.#chosen.size) this.#close();
    else if (event.key === "Enter") announce(t("choose_risk"));
    else if (event.key === " " && !typed && this.#active >= 0) this.#take();
    else if (event.key === "Escape") this.#close();
    else if (event.key === "Backspace" && !byId("risk-search").value && this.#chosen.size) this.#dropLast();
    else return;
    event.preventDefault();
  }

  #move(step) {
    const count = this.#options.length;
    if (!count) return;
    this.#active = this.#active < 0 ? (step > 0 ? 0 : count - 1) : (this.#active + step + count) % count;
    this.#mark();
  }

  #take(id = this.#options[Math.max(this.#active, 0)]?.dataset.risk) {
    if (!id) return announce(t("no_such_risk"));
    if (!this.#chosen.delete(id)) this.#chosen.add(id);
    announce(t(this.#chosen.has(id) ? "risk_taken" : "risk_dropped", { id }));
    byId("risk-search").value = "";
    this.#draw();
    byId("risk-search").focus();
  }

  #dropLast() {
    const last = [...this.#chosen].at(-1);
    this.#chosen.delete(last);
    announce(t("risk_dropped", { id: last }));
    this.#draw();
  }

  #draw() {
    const asked = byId("risk-search").value.trim();
    const found = matching(this.#risks, this.#rules, asked);
    this.#options = [];
    const parts = this.#groups.map((group) => {
      const own = found.filter((risk) => risk.group === group.id);
      if (!own.length) return null;
      const options = own.map((risk) => this.#option(risk, asked));
      this.#options.push(...options);
      const heading = el("div", { class: "group", id: `group-${group.id}`, text: `${group.id} ${say(group)}` });
      return el("div", { role: "group", "aria-labelledby": heading.id }, heading, ...options);
    });
    byId("risk-list").replaceChildren(...parts.filter((part) => part !== null));
    byId("risk-none").hidden = found.length > 0;
    this.#active = asked && found.length ? Math.max(0, this.#options.findIndex((option) => option.dataset.risk === best(found, asked))) : -1;
    byId("risk-count").textContent = this.#chosen.size ? t("risks_chosen", { ids: listed([...this.#chosen]) }) : t("risks_none");
    this.#mark();
  }

  #option(risk, asked) {
    const option = el("div", {
      role: "option", id: `risk-${risk.id}`, class: "option", "data-risk": risk.id, "aria-selected": String(this.#chosen.has(risk.id)), "aria-label": `${risk.id} ${say(risk)}`,
    }, el("span", { class: "tick", "aria-hidden": "true", text: this.#chosen.has(risk.id) ? "✓" : "" }),
    el("b", { text: risk.id }), el("span", { class: "wording", text: say(risk) }));
    if (asked && !named(risk, asked)) option.append(el("small", { class: "found-in", text: say(this.#rules[risk.id]) }));
    option.addEventListener("click", () => this.#take(risk.id));
    return option;
  }

  // The rule people judge by; beside a translation the standard's own wording.
  #rule(id) {
    const risk = this.#risks.find((one) => one.id === id);
    return [id, lang === "zh" ? "" : risk.zh, say(this.#rules[id])].filter(Boolean).join(" · ");
  }

  #mark() {
    this.#options.forEach((option, index) => option.classList.toggle("active", index === this.#active));
    const active = this.#options[this.#active];
    byId("risk-search").setAttribute("aria-activedescendant", active ? active.id : "");
    active?.scrollIntoView({ block: "nearest" });
    byId("risk-rule").textContent = active ? this.#rule(active.dataset.risk) : t("rule_hint");
  }
}

function plain(text) {
  return text.normalize("NFKC").toLowerCase().replace(/[\s-]/g, "");
}

function holds(texts, asked) {
  const wanted = plain(asked);
  return texts.some((text) => plain(text ?? "").includes(wanted));
}

function named(risk, asked) {
  return holds([risk.id, risk.zh, risk.en], asked);
}

// Risks whose id (a1f, 1f), Chinese or English wording, or written rule holds what was typed.
export function matching(risks, rules, asked) {
  return risks.filter((risk) => named(risk, asked) || holds([rules[risk.id]?.zh, rules[risk.id]?.en], asked));
}

// Enter takes the risk whose id was typed, else the first whose name says so, else the first found.
function best(found, asked) {
  const wanted = plain(asked);
  const exact = found.find((risk) => plain(risk.id) === wanted || plain(risk.id).slice(1) === wanted);
  return (exact ?? found.find((risk) => plain(risk.id).includes(wanted)) ?? found.find((risk) => named(risk, asked)) ?? found[0]).id;
}
