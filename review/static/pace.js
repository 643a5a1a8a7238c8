// How long this person takes for an item, from the last ones of this tab.

const KEPT = 20;
const ENOUGH = 3; // items before a pace is worth showing

export class Pace {
  #key;
  #seconds;

  constructor(round) {
    this.#key = `pace:${round}`;
    try {
      this.#seconds = JSON.parse(sessionStorage.getItem(this.#key)) ?? [];
    } catch {
      this.#seconds = [];
    }
  }

  add(seconds) {
    this.#seconds = [...this.#seconds, seconds].slice(-KEPT);
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#seconds));
    } catch {
      // the pace of before a reload is not worth a message
    }
  }

  median() {
    if (this.#seconds.length < ENOUGH) return null;
    const sorted = [...this.#seconds].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
