// The page where people judge: one item at a time, by keyboard.
// Phases: loading, judging (an item is leased), sending, shown (decided, the machine's findings stand beside), looking
// (an own item of before), lost (the lease is gone), finished (nothing left to read).

import { Refused, Unreachable, announce, banner, byId, call, callPatiently, data, duration, el, me, noBanner, percent, say, startHeader, t, tOr, whole } from "./page.js";
import { Findings } from "./findings.js";
import { Form, draftOf, dropDraft, keepDraft, readingCard } from "./form.js";
import { Lease } from "./lease.js";
import { Pace } from "./pace.js";
import { Picker } from "./picker.js";
import { Reader } from "./reader.js";
import { bindKeys } from "./keys.js";

const reading = data.reading;
const reader = new Reader(byId("text"));
const lease = new Lease((error) => lost(error));
const pace = new Pace(data.me.round?.id);
let vocabulary, form, picker, findings;
let phase = "loading";
let item = null; // the one leased to me, or just decided
let mine = { list: [], at: -1, whole: false }; // own decided items, newest first

function enter(name) {
  phase = name;
  document.body.dataset.phase = name;
  byId("confirm").disabled = !["judging", "shown", "looking", "lost", "finished"].includes(name);
  drawConfirm();
}

function drawConfirm() {
  const missing = phase === "judging" ? form.missing() : null;
  const texts = { shown: "go_on", looking: "back_to_current", lost: "fetch_again", finished: "look_again", sending: "sending", loading: "loading" };
  byId("confirm-text").textContent = phase === "judging" ? t(missing ?? "confirm") : t(texts[phase]);
  byId("confirm").classList.toggle("waiting", missing !== null);
}

async function next() {
  enter("loading");
  let answer;
  try {
    answer = await callPatiently("/api/next", { reading });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return finished(error.message);
  }
  drawProgress(answer.progress);
  if (!answer.item) return finished(say(answer.reason));
  const draft = draftOf(answer.item);
  judge(answer.item, draft?.answer ?? {}, draft?.progress ?? null);
}

function judge(given, answer, progress) {
  item = given;
  lease.hold(item, reading);
  findings.hide();
  showItem(item, progress, true);
  form.show(answer, false);
  enter("judging");
  drawShare();
  byId("text").focus({ preventScroll: true });
  announce(t("item_spoken", { no: item.item_no, chars: whole(item.chars), bucket: t(`bucket_${item.bucket}`) }));
}

function showItem(shown, progress, counting) {
  byId("item").hidden = false;
  byId("nothing").hidden = true;
  byId("item-no").textContent = t("item_no", { no: shown.item_no });
  byId("item-facts").textContent = [t(`bucket_${shown.bucket}`), shown.stage ? tOr(`stage_${shown.stage}`, shown.stage) : "", t("chars", { chars: whole(shown.chars) })].filter(Boolean).join(" · ");
  byId("earlier").replaceChildren(...(shown.earlier ?? []).map((one, index) => readingCard(one.person ?? "AB"[index], one, vocabulary)));
  byId("earlier-part").hidden = !shown.earlier?.length;
  reader.show(shown.text, shown.bucket, { progress, counting });
}

function finished(why) {
  item = null;
  lease.drop();
  reader.show("", "other", { counting: false });
  byId("item").hidden = true;
  byId("nothing").hidden = false;
  byId("nothing-why").textContent = why || t("finished_text");
  findings.hide();
  form.show({}, true);
  enter("finished");
  announce(byId("nothing-why").textContent);
}

async function send() {
  const missing = form.missing();
  if (missing) {
    announce(t(missing));
    byId("confirm").classList.remove("nudge");
    requestAnimationFrame(() => byId("confirm").classList.add("nudge"));
    if (missing === "choose_risk") openPicker();
    return;
  }
  noBanner(); // of an undo that was refused, say
  const answer = form.value;
  const body = { item_no: item.item_no, reading, ...answer, note: form.note(), read_share: reader.share(), seconds: reader.seconds(), content_hash: item.content_hash };
  keep();
  form.show(answer, true);
  enter("sending");
  let receipt;
  try {
    receipt = await callPatiently("/api/decide", body); // sent again where the answer was lost: the server knows it
  } catch (error) {
    form.show(answer, false);
    return refused(error, "judging");
  }
  decided(receipt, body.seconds);
}

function decided(receipt, seconds) {
  dropDraft(item);
  lease.drop();
  reader.stop();
  mine = { list: [], at: -1, whole: false };
  pace.add(seconds);
  drawProgress(receipt.progress);
  enter("shown");
  findings.show(receipt.machine);
  announce(t("decided_spoken", { no: item.item_no, count: receipt.machine.findings.length }));
  byId("text").focus({ preventScroll: true });
}

function refused(error, back) {
  if (!(error instanceof Refused)) throw error;
  if (back === "judging" && (error.status === 409 || error.code === "lease_lost")) return lost(error);
  enter(back);
  banner("error", error.message);
  announce(error.message);
}

// Somebody else may have the item by now. What was typed stays on the page, and comes back if the item does.
function lost(error) {
  keep();
  lease.drop();
  form.show(form.value, true);
  enter("lost");
  const text = `${t("lease_lost")}${error?.message ? ` (${error.message})` : ""}`;
  banner("warning", text);
  announce(text);
}

async function undo() {
  if (!["judging", "shown", "finished"].includes(phase)) return;
  keep();
  const was = phase;
  enter("loading");
  let answer;
  try {
    answer = await call("/api/undo", {}); // never sent twice: that would take back one more
  } catch (error) {
    enter(was);
    return trouble(error);
  }
  mine = { list: [], at: -1, whole: false };
  if (answer.item.reading !== reading) return location.assign(`/judge?reading=${answer.item.reading}`); // it waits there
  drawProgress(answer.progress);
  judge(answer.item, answer.said ?? {}, null);
  banner("done", t("undone", { no: answer.item.item_no }));
}

// j and k walk through what I decided, newest first; past the newest is the current item again. A step at a time,
// however fast the keys come.
let walking = Promise.resolve();

function walk(step) {
  walking = walking.then(() => walkOne(step));
}

async function walkOne(step) {
  if (!["judging", "shown", "looking", "finished"].includes(phase)) return;
  const at = mine.at + step;
  if (at < 0) return phase === "looking" ? back() : undefined;
  if (at >= mine.list.length && !mine.whole) await moreOfMine();
  if (at >= mine.list.length) return announce(t("no_more_mine"));
  const entry = mine.list[at];
  if (await look(entry.item_no)) mine.at = at;
}

async function moreOfMine() {
  const before = mine.list.at(-1)?.seq;
  try {
    const answer = await call(`/api/mine?limit=50${before === undefined ? "" : `&before=${before}`}`);
    mine.list.push(...answer.decided.filter((entry) => !entry.undone));
    mine.whole = answer.decided.length < 50;
  } catch (error) {
    trouble(error);
    mine.whole = true;
  }
}

async function look(number) {
  let found;
  try {
    found = await call(`/api/item/${number}`);
  } catch (error) {
    trouble(error);
    return false;
  }
  keep();
  reader.stop();
  const own = found.readings.find((one) => (one.person ?? me.name) === me.name);
  const others = found.readings.filter((one) => one !== own); // lead and auditor see everybody's
  enter("looking");
  findings.hide();
  showItem({ ...found.item, earlier: others }, null, false);
  form.show(own ?? {}, true);
  if (found.machine) findings.show(found.machine);
  announce(t("looking_spoken", { no: number }));
  byId("text").focus({ preventScroll: true });
  return true;
}

function trouble(error) {
  if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
  const text = error instanceof Refused ? error.message : t("offline_short");
  banner("error", text);
  announce(text);
}

function back() {
  mine.at = -1;
  noBanner();
  if (!item || lease.item !== item) return next();
  const draft = draftOf(item);
  judge(item, draft?.answer ?? {}, draft?.progress ?? null);
}

function keep() {
  if (phase === "judging" && item) keepDraft(item, form.value, reader.progress());
}

function openPicker() {
  if (form.locked) return;
  picker.open(form.value.risks, (risks) => {
    form.setRisks(risks);
    byId("text").focus({ preventScroll: true });
  });
}

function confirm() {
  if (phase === "judging") send();
  else if (["shown", "lost", "finished"].includes(phase)) { noBanner(); next(); }
  else if (phase === "looking") back();
  else byId("banner").querySelector("button")?.click(); // the server cannot be reached: try at once
}

function choose(verdict) {
  if (phase !== "judging") return;
  form.setVerdict(verdict);
  byId("text").focus({ preventScroll: true }); // so that Enter submits, wherever the focus was
  announce(t(`verdict_${verdict}`));
  if (verdict === "unqualified") openPicker();
}

function drawProgress(progress) {
  if (!progress) return;
  byId("progress").max = Math.max(1, progress.total);
  byId("progress").value = progress.decided;
  byId("progress-text").textContent = t("progress", { decided: whole(progress.decided), total: whole(progress.total), mine: whole(progress.mine) });
  const each = pace.median() ?? data.me.pace?.median_seconds ?? null;
  byId("pace").textContent = each === null ? t("left", { left: whole(progress.left) }) : t("pace", { each: duration(each), left: whole(progress.left), time: duration(progress.left * each) });
}

function drawShare() {
  if (phase !== "judging") return;
  const share = reader.share();
  byId("read-share").textContent = t("read_share", { share: percent(Math.floor(share * 100) / 100) });
  byId("read-bar").value = share;
}

async function begin() {
  startHeader();
  vocabulary = await callPatiently("/api/vocabulary");
  findings = new Findings(reader, vocabulary);
  form = new Form(vocabulary, () => { drawConfirm(); keep(); });
  picker = new Picker(vocabulary);
  byId("criteria").replaceChildren(...say(vocabulary.criteria).split(/\n+/).map((line) => el("p", { text: line })));
  byId("open-picker").addEventListener("click", openPicker);
  byId("confirm").addEventListener("click", confirm);
  document.querySelectorAll("[data-verdict]").forEach((button) => button.addEventListener("click", () => choose(button.dataset.verdict)));
  setInterval(() => { drawShare(); keep(); }, 1000);
  addEventListener("pagehide", keep);
  bindKeys({ choose, confirm, undo, walk, look, back, openPicker, page: (way) => reader.page(way), hit: () => findings.next(), personal: (kind) => form.togglePersonal(kind), phase: () => phase });
  const asked = new URLSearchParams(location.search).get("item");
  if (asked && /^\d+$/.test(asked) && (await look(Number(asked)))) return;
  next();
}

begin();
