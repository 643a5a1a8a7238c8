// What every page shares: its start data, wording, small DOM helpers, the banner, and calls of the server.

const start = JSON.parse(document.body.dataset.start);

export const me = start.me;
export const lang = start.lang;
export const data = start;

// The wording of a key with {names} filled in.
export function t(key, values = {}) {
  const text = start.texts[key];
  if (text === undefined) throw new Error(`no wording for ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// The wording of a key put together from data, or the data itself where there is none.
export function tOr(key, text) {
  return start.texts[key] ?? text;
}

// zh or en of something that has both.
export function say(both) {
  return (both && (both[lang] ?? both.zh)) || "";
}

// Things named one after the other, as the language does.
export function listed(things) {
  return things.join(t("and_then"));
}

export function byId(id) {
  return document.getElementById(id);
}

// An element; `text` is set as text, everything else as attribute (true: present, false or null: left out).
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "text") node.textContent = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Says it to people who hear the page; the same text twice is said twice.
export function announce(text) {
  const place = byId("spoken");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
}

let fading = 0;

// kind: error, warning or done, which goes by itself. With an action a button is shown that does it.
export function banner(kind, text, action = null) {
  const place = byId("banner");
  place.className = `banner banner-${kind}`;
  place.replaceChildren(el("span", { text }));
  if (action) {
    const button = el("button", { type: "button", class: "small", text: action.text });
    button.addEventListener("click", action.run);
    place.append(button);
  }
  place.hidden = false;
  clearTimeout(fading);
  if (kind === "done") fading = setTimeout(noBanner, 4000);
}

export function noBanner() {
  byId("banner").hidden = true;
}

// What the server refused: the sentence people read, the status, and a code where it gives one.
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// The server was not reached, or it broke: trying again may help.
export class Unreachable extends Error {}

const PATIENCE = 30_000; // ms until a call counts as lost

export async function call(path, body = undefined) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) Object.assign(headers, { "Content-Type": "application/json", "X-CSRF": start.csrf });
  let answer;
  try {
    answer = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Unreachable(path);
  }
  if (answer.status >= 500) throw new Unreachable(path);
  const content = await answer.json().catch(() => null);
  if (answer.ok && content !== null) return content;
  if (answer.status === 401 && start.me) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => {}); // the page is leaving
  }
  const error = content?.error ?? {};
  throw new Refused(answer.status, error.code ?? content?.code ?? null, say(error) || t("refused", { status: answer.status }));
}

const WAITS = [2, 4, 8, 15, 30]; // seconds between tries

// Calls until the server answers; meanwhile a banner says so and offers to try at once. Refusals are thrown.
export async function callPatiently(path, body = undefined) {
  for (let tries = 0; ; tries += 1) {
    try {
      const answer = await call(path, body);
      if (tries) banner("done", t("back_online"));
      return answer;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      await pause(WAITS[Math.min(tries, WAITS.length - 1)]);
    }
  }
}

function pause(seconds) {
  return new Promise((done) => {
    const finish = () => {
      clearInterval(clock);
      clearTimeout(timer);
      removeEventListener("online", finish);
      done();
    };
    let left = seconds;
    const tell = () => banner("error", t("offline", { seconds: left }), { text: t("retry_now"), run: finish });
    const clock = setInterval(() => { left -= 1; if (left > 0) tell(); }, 1000);
    const timer = setTimeout(finish, seconds * 1000);
    addEventListener("online", finish);
    tell();
  });
}

export function percent(share, digits = 0) {
  return `${(100 * share).toFixed(digits)}%`;
}

// 75 → "1 分 15 秒"; long ones lose the seconds.
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return t("seconds", { s: whole });
  if (whole < 3600) return t("minutes", { m: Math.floor(whole / 60), s: whole % 60 });
  return t("hours", { h: Math.floor(whole / 3600), m: Math.floor((whole % 3600) / 60) });
}

export function whole(number) {
  return Number(number).toLocaleString(lang === "zh" ? "zh-CN" : "en-US");
}

// The header of every page: the language switch keeps the rest of the address, logging out empties the tab's drafts.
export function startHeader() {
  const other = document.querySelector(".language");
  const address = new URL(location.href);
  address.searchParams.set("lang", new URL(other.href).searchParams.get("lang"));
  other.href = address.pathname + address.search;
  byId("logout")?.addEventListener("click", async () => {
    try {
      await call("/api/logout", {});
    } catch (error) {
      if (error instanceof Unreachable) return banner("error", t("offline_short"));
    }
    sessionStorage.clear();
    location.assign("/login");
  });
}
