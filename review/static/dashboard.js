// The dashboard: how far the round is and what it looks like so far. Drawn anew every half minute.

import { lookForm } from "./look.js";
import { Refused, Unreachable, banner, byId, call, duration, el, me, noBanner, percent, say, startHeader, svg, t, whole } from "./page.js";

const EVERY = 30_000;
const THRESHOLD = 0.96; // 8.2 a): at least 96 % of the manual check
const READINGS = ["first", "second", "adjudication"];
const FORMS = [["xlsx", "Excel"], ["label-studio", "Label Studio"], ["csv", "CSV"], ["jsonl", "JSONL"]];
const leads = me.roles.includes("lead");
const oversees = leads || me.roles.includes("auditor");
let asking = null; // these two are kept between drawings: somebody may be filling them in
let handing = null;

async function refresh() {
  if (document.visibilityState !== "visible") return;
  try {
    const [board, vocabulary] = await Promise.all([call("/api/dashboard"), call("/api/vocabulary")]);
    if (oversees && !asking) asking = tile("all", t("dash_look"), lookForm(vocabulary), el("p", { class: "faint", text: t("dash_look_hint") }));
    if (leads && !handing) handing = exports((await call("/api/people")).people);
    draw(board, vocabulary);
    byId("updated").textContent = t("dash_updated", { time: new Date().toISOString().slice(11, 19) });
    noBanner();
  } catch (error) {
    if (error instanceof Refused || error instanceof Unreachable) banner("error", error instanceof Refused ? error.message : t("offline_short"));
    else throw error;
  }
}

function draw(board, vocabulary) {
  const tiles = [completion(board)];
  if (board.pace) tiles.push(ownPace(board.pace));
  if (board.manual) {
    tiles.push(queue(board), rate(board.manual));
    if (board.flags.length) tiles.push(flags(board.flags));
    tiles.push(agreement(board.agreement), risks(board.risks, vocabulary), people(board.people), sources(board.sources));
  }
  const kept = [asking, handing].filter((one) => one !== null);
  const place = byId("board");
  [...place.children].forEach((one) => { if (!kept.includes(one)) one.remove(); });
  place.prepend(...tiles);
  kept.filter((one) => !one.isConnected).forEach((one) => place.append(one));
}

function tile(size, title, ...parts) {
  return el("section", { class: `tile ${size}`, "aria-label": title }, el("h2", { text: title }), ...parts);
}

function figures(pairs) {
  return el("dl", { class: "figures" }, ...pairs.map(([title, value]) => el("div", {}, el("dt", { text: title }), el("dd", { text: value }))));
}

function completion(board) {
  const rows = READINGS.filter((reading) => board.completion[reading]).map((reading) => {
    const { decided, total } = board.completion[reading];
    const name = t(`reading_${reading}`);
    return el("div", { class: "meter" }, el("span", { text: name }),
      el("progress", { max: Math.max(total, 1), value: decided, "aria-label": name }),
      el("span", { text: `${whole(decided)} / ${whole(total)}${total ? ` · ${percent(Math.floor((100 * decided) / total) / 100)}` : ""}` }));
  });
  return tile("two-thirds", t("dash_completion"), ...rows);
}

function ownPace(pace) {
  return tile("third", t("my_pace"), figures([
    [t("pace_decided"), whole(pace.decided)], [t("pace_today"), whole(pace.today)],
    [t("col_median"), pace.median_seconds === null ? "—" : duration(pace.median_seconds)],
  ]));
}

function queue(board) {
  return tile("third", t("dash_queue"), figures([
    [t("queue_adjudication"), whole(board.queue.adjudication)], [t("queue_leased"), whole(board.queue.leased)],
  ]));
}

function rate(manual) {
  const { judged, failures, limit, interval } = manual;
  const parts = [figures([
    [t("dash_qualified"), manual.rate === null ? "—" : percent(floor(manual.rate), 2)],
    [t("dash_judged"), t("of", { part: whole(judged), whole: whole(manual.size ?? judged + manual.needed) })],
    [t("dash_failures"), whole(failures)],
    [t("dash_allowed"), whole(limit)],
  ])];
  if (judged) {
    parts.push(chart(manual));
    const failed = failures > limit;
    const above = 25 * failures <= judged;
    parts.push(el("p", { class: `says ${failed || !above ? "says-bad" : "says-good"}`, text: t(failed ? "dash_failed" : above ? "dash_above" : "dash_below") }));
    parts.push(el("p", { class: "faint", text: t("dash_interval", { confidence: percent(interval.confidence), side: side(interval.side), low: percent(floor(interval.low), 2), high: percent(interval.high, 2) }) }));
  }
  parts.push(el("p", { class: "faint", text: t("dash_rate_hint") }));
  return tile("all", t("dash_rate"), ...parts);
}

// "中文 / English" as it comes from the server, in the page's language.
function side(both) {
  const [zh, en] = both.split(" / ");
  return say({ zh, en: en ?? zh });
}

// What is printed is never better than what was counted.
function floor(share) {
  return Math.floor(share * 10_000 + 1e-9) / 10_000;
}

function chart(manual) {
  const [width, height, left, right, line] = [1000, 92, 14, 986, 44];
  const low = Math.min(0.9, Math.floor((manual.interval.low - 0.005) * 50) / 50);
  const x = (share) => left + ((Math.max(share, low) - low) / (1 - low)) * (right - left);
  const parts = [svg("line", { class: "axis", x1: left, x2: right, y1: 66, y2: 66 })];
  const step = 1 - low > 0.3 ? 0.1 : 1 - low > 0.12 ? 0.05 : 0.02;
  for (let tick = 1; tick >= low - 1e-9; tick -= step) {
    parts.push(svg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: 62, y2: 70 }));
    parts.push(svg("text", { x: x(tick), y: 84, "text-anchor": tick === 1 ? "end" : "middle", text: percent(tick) }));
  }
  parts.push(svg("line", { class: "threshold", x1: x(THRESHOLD), x2: x(THRESHOLD), y1: 18, y2: 66 }));
  parts.push(svg("text", { class: "threshold-text", x: x(THRESHOLD), y: 13, "text-anchor": "middle", text: t("dash_threshold") }));
  parts.push(svg("line", { class: "interval", x1: x(manual.interval.low), x2: x(manual.interval.high), y1: line, y2: line }));
  parts.push(svg("rect", { class: "point", x: x(manual.rate) - 6, y: line - 6, width: 12, height: 12 }));
  const label = `${percent(floor(manual.rate), 2)} (${percent(floor(manual.interval.low), 2)} – ${percent(manual.interval.high, 2)})`;
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${t("dash_rate")}: ${label}` }, ...parts);
}

function flags(list) {
  return tile("all", t("dash_flags"), el("ul", {}, ...list.map((flag) => el("li", {},
    el("span", { class: "flag", text: `${flag.name ?? ""} ${flag.count}` }), el("span", { text: say(flag) })))));
}

function agreement(values) {
  const shown = (value) => (value === null ? "—" : Number(value).toFixed(3));
  return tile("", t("dash_agreement"), figures([
    [t("agree_pairs"), whole(values.pairs)], [t("agree_raw"), values.raw === null ? "—" : percent(floor(values.raw), 1)],
    [t("agree_kappa"), shown(values.kappa)], [t("agree_ac1"), shown(values.ac1)],
    [t("agree_positive"), values.positive === null ? "—" : percent(floor(values.positive), 1)],
  ]), el("p", { class: "faint", text: t("agree_hint") }));
}

function risks(list, vocabulary) {
  if (!list.length) return tile("", t("dash_risks"), el("p", { class: "faint", text: t("none_yet") }));
  const names = new Map(vocabulary.risks.map((risk) => [risk.id, say(risk)]));
  const most = Math.max(...list.map((row) => row.items));
  const sorted = [...list].sort((a, b) => b.items - a.items || (a.risk_id < b.risk_id ? -1 : 1));
  return tile("", t("dash_risks"), el("table", { class: "bars" }, el("tbody", {}, ...sorted.map((row) => el("tr", {},
    el("th", { scope: "row", text: row.risk_id }), el("td", { text: names.get(row.risk_id) ?? "" }),
    el("td", { class: "bar-cell" }, bar(row.items / most, "bar-bad")), el("td", { class: "number", text: whole(row.items) }))))));
}

function bar(share, kind) {
  return svg("svg", { class: "inline-bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: kind, x: 0, y: 0, width: Math.max(1, 100 * share), height: 10 }));
}

function people(list) {
  const rows = list.map((row) => el("tr", {},
    el("th", { scope: "row", text: row.name }),
    ...READINGS.map((reading) => el("td", { class: "number", text: whole(row[reading] ?? 0) })),
    el("td", { class: "number", text: row.median_seconds === null ? "—" : duration(row.median_seconds) }),
    el("td", { class: "number" }, row.fast ? el("span", { class: "flag", text: whole(row.fast) }) : document.createTextNode("0")),
    el("td", { class: "number", text: row.known.of ? `${row.known.right} / ${row.known.of}` : "—" }),
    el("td", { class: "number", text: row.repeats.of ? `${row.repeats.same} / ${row.repeats.of}` : "—" })));
  const titles = [t("col_person"), ...READINGS.map((reading) => t(`reading_${reading}`)), t("col_median"), t("col_fast"), t("col_known"), t("col_repeats")];
  return tile("all", t("dash_people"), table(titles, rows));
}

function sources(list) {
  const stratum = (part) => (part?.items ? `${whole(part.failures)} / ${whole(part.judged)} (${whole(part.items)})` : "—");
  const rows = list.map((row) => el("tr", {},
    el("th", { scope: "row", text: row.source_id }),
    el("td", { class: "number", text: whole(row.judged) }), el("td", { class: "number", text: whole(row.failures) }),
    el("td", { class: "number", text: row.judged ? percent(row.failures / row.judged, 1) : "—" }),
    el("td", { class: "number", text: stratum(row.positive) }), el("td", { class: "number", text: stratum(row.negative) })));
  return tile("all", t("dash_sources"), table([t("col_source"), t("col_judged"), t("col_failures"), t("col_share"), t("col_positive"), t("col_negative")], rows), el("p", { class: "faint", text: t("sources_hint") }));
}

function table(titles, rows) {
  if (!rows.length) return el("p", { class: "faint", text: t("none_yet") });
  return el("table", {}, el("thead", {}, el("tr", {}, ...titles.map((title, index) => el("th", { class: index ? "number" : null, scope: "col", text: title })))), el("tbody", {}, ...rows));
}

// A form of the browser: the answer is a file, and what is refused is shown as the server's own page.
function exports(people) {
  const option = (value, text) => el("option", { value, text });
  const field = (title, control) => el("label", {}, el("span", { text: title }), control);
  const able = people.filter((person) => person.active);
  return tile("all", t("dash_export"),
    el("form", { class: "export", action: "/api/export", method: "get" },
      field(t("col_person"), el("select", { name: "person" }, ...able.map((person) => option(person.name, person.name)))),
      field(t("col_reading"), el("select", { name: "reading" }, ...READINGS.map((reading) => option(reading, t(`reading_${reading}`))))),
      field(t("export_count"), el("input", { name: "count", type: "number", min: 1, max: 100000, value: 100 })),
      field(t("export_form"), el("select", { name: "form" }, ...FORMS.map(([form, name]) => option(form, name)))),
      el("button", { type: "submit", text: t("export_go") })),
    el("p", { class: "faint", text: t("dash_export_hint") }));
}

startHeader();
refresh();
setInterval(refresh, EVERY);
document.addEventListener("visibilitychange", refresh);
