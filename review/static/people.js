// Accounts of the round, for the lead: add, give roles, switch off. A secret is shown once and never stored here.

import { Refused, banner, byId, call, el, startHeader, t } from "./page.js";

const ROLES = ["annotator", "second", "adjudicator", "lead", "auditor"];

async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    banner("error", error instanceof Refused ? error.message : t("offline_short"));
    return null;
  }
}

async function refresh() {
  const answer = await attempt(() => call("/api/people"));
  if (answer) byId("people").replaceChildren(...answer.people.map(row));
}

async function send(body) {
  const answer = await attempt(() => call("/api/people", body));
  if (!answer) return false;
  await refresh();
  if (answer.secret) showSecret(body.name, answer.secret);
  else banner("done", t("saved"));
  return true;
}

function row(person) {
  const boxes = ROLES.map((role) => el("input", { type: "checkbox", value: role, checked: person.roles.includes(role) }));
  const until = el("input", { type: "date", value: person.qualified_until ?? "", "aria-label": t("qualified_until") });
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const save = button(person.active ? "save_roles" : "switch_on", () => (chosen().length ? send({ action: "roles", name: person.name, roles: chosen(), qualified_until: until.value || null }) : banner("error", t("needs_role"))));
  const off = button("switch_off", () => { if (window.confirm(t("switch_off_sure", { name: person.name }))) send({ action: "off", name: person.name }); });
  const again = button("new_secret", () => { if (window.confirm(t("new_secret_sure", { name: person.name }))) send({ action: "secret", name: person.name }); });
  return el("tr", { class: person.active ? null : "inactive" },
    el("td", { text: person.name }),
    el("td", {}, el("div", { class: "role-set" }, ...boxes.map((box, index) => el("label", {}, box, el("span", { text: t(`role_${ROLES[index]}`) }))))),
    el("td", { class: "until", "data-label": t("qualified_until") }, until),
    el("td", { text: t(person.active ? "active" : "inactive") }),
    el("td", { class: "acts" }, save, person.active ? again : null, person.active ? off : null));
}

function button(key, run) {
  const made = el("button", { type: "button", class: "small", text: t(key) });
  made.addEventListener("click", run);
  return made;
}

function showSecret(name, secret) {
  byId("secret-for").textContent = t("secret_for", { name });
  byId("secret-value").textContent = secret;
  byId("secret-copy").textContent = t("copy");
  byId("secret").showModal();
}

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const roles = [...byId("add").querySelectorAll("[name=role]:checked")].map((box) => box.value);
  if (!roles.length) return banner("error", t("needs_role"));
  const name = byId("new-name").value.trim();
  if (await send({ action: "add", name, roles, qualified_until: byId("new-until").value || null })) byId("add").reset();
});
byId("secret-copy").addEventListener("click", async () => {
  if (!navigator.clipboard) return getSelection().selectAllChildren(byId("secret-value")); // not offered without TLS
  await navigator.clipboard.writeText(byId("secret-value").textContent);
  byId("secret-copy").textContent = t("copied");
});
byId("secret-close").addEventListener("click", () => byId("secret").close());
byId("secret").addEventListener("close", () => { byId("secret-value").textContent = ""; });
startHeader();
refresh();
