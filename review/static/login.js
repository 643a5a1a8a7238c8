// Logs in and goes where the person wanted to go, within this site only.

import { Refused, banner, byId, call, noBanner, t } from "./page.js";

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = byId("login").querySelector("button");
  button.disabled = true;
  noBanner();
  try {
    await call("/api/login", { name: byId("name").value.trim(), secret: byId("secret").value.trim() });
    location.assign(wanted());
  } catch (error) {
    banner("error", error instanceof Refused ? error.message : t("offline_short"));
    byId("secret").select();
    byId("secret").focus();
  } finally {
    button.disabled = false;
  }
});

// A path of this site; anything else (another host, //host, \host) becomes the start.
function wanted() {
  const asked = new URLSearchParams(location.search).get("next") ?? "/";
  try {
    const target = new URL(asked, location.origin);
    return asked.startsWith("/") && target.origin === location.origin ? target.pathname + target.search : "/";
  } catch {
    return "/";
  }
}
