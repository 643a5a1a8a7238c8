// Lead and auditor look at an item: text, everybody's readings, the machine's findings. The server keeps a record of it.

import { Refused, banner, byId, call, el, t, tOr, whole } from "./page.js";
import { Findings } from "./findings.js";
import { readingCard } from "./form.js";
import { Reader } from "./reader.js";

let reader = null;

// The part of the dashboard that asks for a number.
export function lookForm(vocabulary) {
  const number = el("input", { inputmode: "numeric", pattern: "[0-9]+", required: true, "aria-label": t("col_item"), placeholder: t("col_item") });
  const form = el("form", { class: "ask" }, number, el("button", { type: "submit", text: t("go") }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    look(Number(number.value), vocabulary);
  });
  return form;
}

async function look(number, vocabulary) {
  let found;
  try {
    found = await call(`/api/item/${number}`);
  } catch (error) {
    return banner("error", error instanceof Refused ? error.message : t("offline_short"));
  }
  reader ??= new Reader(byId("text"));
  const { item, readings, machine } = found;
  byId("item-no").textContent = t("item_no", { no: item.item_no });
  byId("item-facts").textContent = [t(`bucket_${item.bucket}`), item.stage ? tOr(`stage_${item.stage}`, item.stage) : "", t("chars", { chars: whole(item.chars) })].filter(Boolean).join(" · ");
  byId("earlier").replaceChildren(...(readings.length
    ? readings.map((one) => readingCard(`${one.person} · ${t(`reading_${one.reading}`)}`, one, vocabulary))
    : [el("p", { class: "faint", text: t("no_readings") })]));
  byId("looked").showModal();
  reader.show(item.text, item.bucket, { counting: false });
  new Findings(reader, vocabulary).show(machine);
  byId("machine-hint").hidden = true; // its keys belong to the judging page
  byId("text").focus();
}

byId("looked-close").addEventListener("click", () => byId("looked").close());
