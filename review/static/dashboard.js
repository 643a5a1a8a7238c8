// The dashboard: how far the round is and what it looks like so far. Drawn anew every half minute.

import { lookForm } from "./look.js";
import { Refused, Unreachable, banner, byId, call, duration, el, me, noBanner, percent, say, startHeader, svg, t, whole } from "./page.js";
import { ending, rate } from "./rate.js";
import { figures, floor, table, tile } from "./tiles.js";

const EVERY = 30_000;
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
    const open = me.round.state === "open" && !board.ending; // else there is nothing to hand out
    if (leads && open) handing = exports((await call("/api/people")).people, handing);
    else if (!open) { handing?.remove(); handing = null; }
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
  if (board.ending) tiles.unshift(ending(board.ending));
  if (board.manual) {
    if (!board.ending) tiles.push(queue(board), rate(board.manual));
    if (board.flags.length) tiles.push(flags(board.flags));
    tiles.push(agreement(board.agreement), risks(board.risks, vocabulary), people(board.people), sources(board.sources));
  }
  const kept = [asking, handing].filter((one) => one !== null);
  const place = byId("board");
  [...place.children].forEach((one) => { if (!kept.includes(one)) one.remove(); });
  place.prepend(...tiles);
  kept.filter((one) => !one.isConnected).forEach((one) => place.append(one));
}

function completion(board) {
  const rows = READINGS.filter((reading) => board.completion[reading]).map((reading) => {
    const { decided, total } = board.completion[reading];
    const name = t(`reading_${reading}`);
    return el("div", { class: "meter" }, el("span", { text: name }),
      el("progress", { max: Math.max(total, 1), value: decided, "aria-label": name }),
      el("span", { text: `${whole(decided)} / ${whole(total)}${total ? ` · ${percent(Math.floor((100 * decided) / total) / 100)}` : ""}` }));
  });
  return tile(board.ending && board.manual ? "all" : "two-thirds", t("dash_completion"), ...rows);
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
    [t("queue_reserved"), whole(board.queue.reserved)],
  ]));
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

// A form of the browser: the answer is a file, and what is refused is shown as the server's own page. Offered are only
// those who may do the reading that is chosen; the form stays as it is while somebody fills it in.
function exports(people, made) {
  const form = made ?? exportForm();
  const [person, reading] = [form.querySelector("[name=person]"), form.querySelector("[name=reading]")];
  const fit = () => {
    const able = people.filter((one) => one.readings.includes(reading.value)).map((one) => one.name);
    const before = person.value;
    person.replaceChildren(...able.map((name) => el("option", { value: name, text: name, selected: name === before })));
    form.querySelector("button").disabled = person.disabled = !able.length;
    form.querySelector("[data-nobody]").hidden = able.length > 0;
  };
  reading.onchange = fit;
  fit();
  return form;
}

function exportForm() {
  const option = (value, text) => el("option", { value, text });
  const field = (title, control) => el("label", {}, el("span", { text: title }), control);
  return tile("all", t("dash_export"),
    el("form", { class: "export", action: "/api/export", method: "get" },
      field(t("col_reading"), el("select", { name: "reading" }, ...READINGS.map((reading) => option(reading, t(`reading_${reading}`))))),
      field(t("col_person"), el("select", { name: "person" })),
      field(t("export_count"), el("input", { name: "count", type: "number", min: 1, max: 100000, value: 100 })),
      field(t("export_form"), el("select", { name: "form" }, ...FORMS.map(([form, name]) => option(form, name)))),
      el("button", { type: "submit", text: t("export_go") })),
    el("p", { class: "says says-bad", "data-nobody": true, hidden: true, text: t("export_nobody") }),
    el("p", { class: "faint", text: t("dash_export_hint") }));
}

startHeader();
refresh();
setInterval(refresh, EVERY);
document.addEventListener("visibilitychange", refresh);
