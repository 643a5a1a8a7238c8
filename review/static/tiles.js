// Parts the dashboard is made of.

import { el, t } from "./page.js";

export function tile(size, title, ...parts) {
  return el("section", { class: `tile ${size}`, "aria-label": title }, el("h2", { text: title }), ...parts);
}

export function figures(pairs) {
  return el("dl", { class: "figures" }, ...pairs.map(([title, value]) => el("div", {}, el("dt", { text: title }), el("dd", { text: value }))));
}

export function table(titles, rows) {
  if (!rows.length) return el("p", { class: "faint", text: t("none_yet") });
  const made = el("table", {}, el("thead", {}, el("tr", {}, ...titles.map((title, index) => el("th", { class: index ? "number" : null, scope: "col", text: title })))), el("tbody", {}, ...rows));
  return el("div", { class: "scroll" }, made);
}

// What is printed is never better than what was counted.
export function floor(share) {
  return Math.floor(share * 10_000 + 1e-9) / 10_000;
}
