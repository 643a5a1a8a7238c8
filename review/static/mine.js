// The list of what I decided, newest first, a page at a time.

import { Refused, banner, byId, callPatiently, el, listed, startHeader, t } from "./page.js";

const PAGE = 50;
let last = null;

async function more() {
  let answer;
  try {
    answer = await callPatiently(`/api/mine?limit=${PAGE}${last === null ? "" : `&before=${last}`}`);
  } catch (error) {
    if (error instanceof Refused) return banner("error", error.message);
    throw error;
  }
  byId("mine").append(...answer.decided.map(row));
  last = answer.decided.at(-1)?.seq ?? last;
  byId("more").hidden = answer.decided.length < PAGE;
  byId("mine-none").hidden = byId("mine").children.length > 0;
}

function row(entry) {
  const number = el("td", { class: "number" });
  number.append(entry.undone ? el("s", { text: entry.item_no }) : el("a", { href: `/judge?reading=${entry.reading}&item=${entry.item_no}`, text: entry.item_no }));
  return el("tr", { class: entry.undone ? "undone" : null }, number,
    el("td", { text: t(`reading_${entry.reading}`) }),
    el("td", {}, el("span", { class: `verdict verdict-${entry.verdict}`, text: t(`verdict_${entry.verdict}`) }), entry.undone ? el("span", { class: "faint", text: ` ${t("undone_sign")}` }) : null),
    el("td", { text: listed(entry.risks ?? []) }),
    el("td", { class: "when", text: (entry.at ?? "").slice(0, 19).replace("T", " ") }));
}

startHeader();
byId("more").addEventListener("click", more);
more();
