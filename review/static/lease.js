// Keeps the lease of the current item while somebody works on it: renewed at half of its time, if there was activity.

import { Refused, call } from "./page.js";

const IDLE = 5 * 60_000; // ms without a key, a scroll or a move after which a lease is left to run out
const CHECK = 5_000;

export class Lease {
  item = null;
  #reading = "";
  #until = 0;
  #renewAt = 0;
  #active = Date.now();
  #busy = false;
  #onLost;

  constructor(onLost) {
    this.#onLost = onLost;
    for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "scroll"]) {
      addEventListener(kind, () => { this.#active = Date.now(); }, { capture: true, passive: true });
    }
    setInterval(() => this.#check(), CHECK);
    document.addEventListener("visibilitychange", () => this.#check());
  }

  hold(item, reading) {
    this.item = item;
    this.#reading = reading;
    this.#extend(item.lease_until);
  }

  drop() {
    this.item = null;
  }

  #extend(until) {
    this.#until = Date.parse(until);
    this.#renewAt = Date.now() + (this.#until - Date.now()) / 2;
  }

  async #check() {
    const item = this.item;
    if (!item || this.#busy || Date.now() < this.#renewAt || Date.now() - this.#active > IDLE) return;
    this.#busy = true;
    try {
      const answer = await call("/api/renew", { item_no: item.item_no, reading: this.#reading });
      if (this.item === item) this.#extend(answer.lease_until ?? answer.item?.lease_until);
    } catch (error) {
      // Not reached: the next check tries again, and the decision itself says if it was too late.
      if (error instanceof Refused && this.item === item) this.#onLost(error);
    } finally {
      this.#busy = false;
    }
  }
}
