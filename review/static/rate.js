// The manual check on the dashboard: how it stands while people judge, and what it came to once the round is over.

import { byId, el, listed, percent, say, svg, t, whole } from "./page.js";
import { figures, floor, tile } from "./tiles.js";

const THRESHOLD = 0.96; // 8.2 a): at least 96 % of the manual check

// While the round goes on: a guide, no verdict.
export function rate(manual) {
  const { judged, failures, limit, interval, size, minimum } = manual;
  const parts = [figures([
    [t("dash_qualified"), manual.rate === null ? "—" : percent(floor(manual.rate), 2)],
    [t("dash_judged"), t("of", { part: whole(judged), whole: whole(size) })],
    [t("dash_failures"), whole(failures)],
    [t("dash_allowed"), whole(limit)],
  ])];
  if (judged) {
    parts.push(chart(manual.rate, interval.low, interval.high, t("dash_rate")));
    const failed = failures > limit;
    const above = 25 * failures <= judged;
    parts.push(el("p", { class: `says ${failed || !above ? "says-bad" : "says-good"}`, text: t(failed ? "dash_failed" : above ? "dash_above" : "dash_below") }));
    parts.push(el("p", { class: "faint", text: t("dash_interval", { side: say(both(interval.side)), low: percent(floor(interval.low), 2), high: percent(interval.high, 2) }) }));
  }
  if (size < minimum) parts.push(el("p", { class: "says says-bad", text: t("dash_too_few", { size: whole(size), minimum: whole(minimum) }) }));
  parts.push(el("p", { class: "faint", text: t("dash_rate_hint") }));
  return tile("all", t("dash_rate"), ...parts);
}

// Once it is over: the verdict first, in whole numbers, then what stands beside it.
export function ending(told) {
  const when = t("ending_by", { by: told.by, time: told.time.slice(0, 16).replace("T", " ") });
  if (told.state === "abandoned") {
    return tile("all ending ending-bad", t("ending_abandoned"), el("p", { text: told.reason }), el("p", { class: "faint", text: when }));
  }
  const { manual } = told;
  const kind = { 符合: "good", 待人工: "unsure" }[manual.conclusion] ?? "bad"; // words of the clause
  const parts = [
    el("p", { class: "conclusion" }, el("span", { class: `stamp stamp-${kind}`, text: conclusion(manual.conclusion) }), el("span", { text: t("ending_clause", { clause: manual.clause }) })),
    el("ul", { class: "grounds" }, ground(manual.literal, t(manual.literal ? "ending_within" : "ending_beyond", { judged: whole(manual.judged), failures: whole(manual.failures), allowed: whole(manual.allowed) })),
      ground(manual.enough, t(manual.enough ? "ending_enough" : "ending_too_few", { judged: whole(manual.judged), minimum: whole(manual.minimum) })),
      ground(!told.doubts.length, t(told.doubts.length ? "ending_doubted" : "ending_relied"), told.doubts),
      ground(told.passed, passed(told))),
  ];
  if (manual.exact_low !== null) {
    parts.push(chart(manual.qualified_share, manual.exact_low, manual.exact_high, t("ending")));
    const shown = (share) => percent(floor(share), 2);
    parts.push(el("p", { text: t("ending_interval", { rate: shown(manual.qualified_share), exact: shown(manual.exact_low), low: shown(manual.wilson_low), high: percent(manual.wilson_high, 2) }) }));
  } else {
    parts.push(el("p", { class: "faint", text: t("ending_no_interval") }));
  }
  if (manual.carried) parts.push(el("p", { text: t("ending_carried", { carried: whole(manual.carried) }) }));
  parts.push(el("details", {}, el("summary", { text: t("ending_basis") }), el("p", { text: manual.basis })));
  parts.push(el("p", { class: "faint", text: when }));
  return tile(`all ending ending-${told.passed || kind !== "good" ? kind : "bad"}`, t("ending"), ...parts);
}

function ground(met, text, reasons = []) {
  const more = reasons.length ? el("ul", {}, ...reasons.map((reason) => el("li", { text: reason }))) : null;
  return el("li", { class: met ? "met" : "unmet" }, el("span", { role: "img", "aria-label": t(met ? "ending_met" : "ending_unmet"), text: met ? "✓" : "✗" }), el("div", {}, el("span", { text }), more));
}

function passed(told) {
  if (told.passed) return t("ending_passed");
  return told.sources_above.length ? t("ending_sources", { sources: listed(told.sources_above) }) : t("ending_not_passed");
}

const CONCLUSIONS = { 符合: "conclusion_pass", 不符合: "conclusion_fail", 待人工: "conclusion_people", 自定义口径: "conclusion_custom" };

function conclusion(word) {
  return CONCLUSIONS[word] ? t(CONCLUSIONS[word]) : word;
}

// "中文 / English" as it comes from the server.
function both(text) {
  const [zh, en] = text.split(" / ");
  return { zh, en: en ?? zh };
}

function chart(share, least, most, title) {
  const width = Math.max(300, Math.min(1000, byId("board").clientWidth - 40)); // so that its words keep their size
  const [height, left, right, line] = [92, 14, width - 14, 44];
  const low = Math.min(0.9, Math.floor((least - 0.005) * 50) / 50);
  const x = (one) => left + ((Math.max(one, low) - low) / (1 - low)) * (right - left);
  const parts = [svg("line", { class: "axis", x1: left, x2: right, y1: 66, y2: 66 })];
  const span = ((1 - low) * 1000) / width;
  const step = span > 0.6 ? 0.2 : span > 0.3 ? 0.1 : span > 0.12 ? 0.05 : 0.02;
  for (let tick = 1; tick >= low - 1e-9; tick -= step) {
    parts.push(svg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: 62, y2: 70 }));
    parts.push(svg("text", { x: x(tick), y: 84, "text-anchor": tick === 1 ? "end" : "middle", text: percent(tick) }));
  }
  parts.push(svg("line", { class: "threshold", x1: x(THRESHOLD), x2: x(THRESHOLD), y1: 18, y2: 66 }));
  parts.push(svg("text", { class: "threshold-text", x: x(THRESHOLD), y: 13, "text-anchor": x(THRESHOLD) > width - 60 ? "end" : "middle", text: t("dash_threshold") }));
  parts.push(svg("line", { class: "interval", x1: x(least), x2: x(most), y1: line, y2: line }));
  parts.push(svg("rect", { class: "point", x: x(share) - 6, y: line - 6, width: 12, height: 12 }));
  const label = `${percent(floor(share), 2)} (${percent(floor(least), 2)} – ${percent(most, 2)})`;
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${label}` }, ...parts);
}
