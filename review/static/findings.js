// What the machine says of an item, shown after the verdict: a list beside the text, marks in it. Offsets are half-open
// from 0; people read the first and the last character, counted from 1.

import { byId, el, say, t, tOr } from "./page.js";

const LISTED = 200; // a text can hold thousands; all are marked and stepped through, so many have a line

export class Findings {
  #reader;
  #vocabulary;
  #kinds;
  #findings = [];
  #at = -1;

  constructor(reader, vocabulary) {
    this.#reader = reader;
    this.#vocabulary = vocabulary;
    this.#kinds = new Map((vocabulary.pii_types ?? []).map((kind) => [kind.id, say(kind)]));
  }

  hide() {
    byId("machine").hidden = true;
    this.#findings = [];
  }

  show(machine) {
    this.#findings = [...machine.findings].sort((a, b) => a.start - b.start || a.end - b.end);
    this.#at = -1;
    const names = new Map(this.#vocabulary.risks.map((risk) => [risk.id, say(risk)]));
    const summary = [];
    if (machine.risks.length) summary.push([t("machine_risks"), machine.risks.map((id) => `${id} ${names.get(id) ?? ""}`)]);
    if (machine.candidate_risks.length) summary.push([t("machine_candidates"), machine.candidate_risks.map((id) => `${id} ${names.get(id) ?? ""}`)]);
    if (machine.pii_types.length) summary.push([t("machine_personal"), machine.pii_types.map((id) => this.#kinds.get(id) ?? id)]);
    byId("machine-summary").replaceChildren(
      ...(summary.length
        ? summary.flatMap(([title, values]) => [el("dt", { text: title }), ...values.map((value) => el("dd", { text: value }))])
        : [el("dt", { class: "nothing", text: machine.withheld ? t("machine_withheld") : t("machine_nothing") })]),
    );
    const rows = this.#findings.slice(0, LISTED).map((finding, index) => this.#row(finding, index));
    const more = this.#findings.length - rows.length;
    if (more > 0) rows.push(el("li", { class: "faint", text: t("machine_more", { count: more }) }));
    byId("machine-list").replaceChildren(...rows);
    byId("machine-hint").hidden = !this.#findings.length;
    byId("machine").hidden = false;
    this.#reader.highlight(this.#findings, this.#findings.map((finding) => (finding.risk_id ? "hit-risk" : "hit-personal")));
  }

  next() {
    if (!this.#findings.length) return;
    this.#go((this.#at + 1) % this.#findings.length);
  }

  #row(finding, index) {
    const what = finding.risk_id ?? this.#kinds.get(finding.pii_type) ?? finding.pii_type ?? "";
    const score = finding.score === null || finding.score === undefined ? "" : finding.score.toFixed(2);
    const button = el("button", { type: "button", class: `finding ${finding.risk_id ? "is-risk" : "is-personal"}`, "data-hit": index },
      el("b", { text: what }),
      el("span", { text: t("found_by", { detector: finding.detector, start: finding.start + 1, end: finding.end }) }),
      el("span", { class: "faint", text: [tOr(`found_${finding.verdict}`, finding.verdict), score].filter(Boolean).join(" ") }));
    button.addEventListener("click", () => this.#go(index));
    return el("li", {}, button);
  }

  #go(index) {
    this.#at = index;
    byId("machine-list").querySelectorAll("button").forEach((button) => {
      button.classList.toggle("here", Number(button.dataset.hit) === index);
    });
    byId("machine-list").querySelector(`[data-hit="${index}"]`)?.scrollIntoView({ block: "nearest" });
    this.#reader.goTo(this.#reader.marks(index));
  }
}
