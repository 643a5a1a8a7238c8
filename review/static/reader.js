// Shows one text: in chunks, so that megabytes stay usable; hidden characters visible; findings marked; what was seen counted.
// Everything of the text is set as text nodes: the pane's textContent is the document, character for character.

import { cuts, label, pieces, segments } from "./characters.js";

const BANDS = 8; // parts of a chunk that are seen or not
const TICK = 200; // ms a part must have been on the screen to count as seen
const AT_ONCE = 12; // chunks painted before the first frame; the others when they come near

export class Reader {
  #pane;
  #text = "";
  #chunks = [];
  #segments = [];
  #kinds = [];
  #seen = new Uint8Array(0);
  #onScreen = new Uint8Array(0);
  #seconds = 0;
  #last = 0;
  #counting = false;
  #near;

  constructor(pane) {
    this.#pane = pane;
    this.#near = new IntersectionObserver((entries) => this.#come(entries), { root: pane, rootMargin: "150% 0px" });
    setInterval(() => this.#tick(), TICK);
    document.addEventListener("visibilitychange", () => this.#tick());
  }

  // bucket: zh, en, code or other. counted: what `progress()` gave before, or null. counting: false while looking back.
  show(text, bucket, { progress = null, counting = true } = {}) {
    this.#near.disconnect();
    this.#text = text;
    this.#segments = [];
    this.#pane.replaceChildren();
    this.#pane.className = `text text-${bucket}`;
    this.#pane.lang = bucket === "zh" ? "zh-CN" : bucket === "en" ? "en" : "";
    let from = 0;
    this.#chunks = cuts(text).map((to, index) => {
      const node = document.createElement("div");
      node.className = text[to - 1] === "\n" || to === text.length ? "chunk" : "chunk cut";
      node.dataset.index = index;
      const chunk = { node, from, to, painted: false };
      from = to;
      if (index < AT_ONCE) this.#paint(chunk);
      else node.textContent = text.slice(chunk.from, chunk.to);
      return chunk;
    });
    this.#pane.append(...this.#chunks.map((chunk) => chunk.node));
    this.#chunks.forEach((chunk) => this.#near.observe(chunk.node));
    const same = progress !== null && progress.seen.length === this.#chunks.length;
    this.#seen = same ? Uint8Array.from(progress.seen) : new Uint8Array(this.#chunks.length);
    this.#onScreen = new Uint8Array(this.#chunks.length);
    this.#seconds = same ? progress.seconds : 0;
    this.#counting = counting;
    this.#last = performance.now();
    this.#pane.scrollTop = same ? progress.scroll : 0;
    this.#look();
  }

  // findings: [{start, end, …}] in code points; kinds: the CSS class of each.
  highlight(findings, kinds) {
    this.#kinds = kinds;
    this.#segments = segments(this.#text, findings);
    let next = 0;
    for (const chunk of this.#chunks) {
      while (next < this.#segments.length && this.#segments[next].to <= chunk.from) next += 1;
      const touched = next < this.#segments.length && this.#segments[next].from < chunk.to;
      if (touched || chunk.marked) this.#paint(chunk);
    }
  }

  // The marks of a finding, by its place among those given to `highlight`.
  marks(index) {
    return [...this.#pane.querySelectorAll("mark")].filter((mark) => mark.dataset.hits.split(" ").includes(String(index)));
  }

  goTo(marks) {
    this.#pane.querySelectorAll("mark.here").forEach((other) => other.classList.remove("here"));
    marks.forEach((mark) => mark.classList.add("here"));
    marks[0]?.scrollIntoView({ block: "center" });
  }

  page(direction) {
    this.#pane.scrollBy({ top: direction * this.#pane.clientHeight * 0.88 });
  }

  // The share of the text that was on the screen, 0 … 1, by characters.
  share() {
    this.#tick();
    if (!this.#text.length) return 1;
    let seen = 0;
    this.#chunks.forEach((chunk, index) => {
      seen += ((chunk.to - chunk.from) * bits(this.#seen[index])) / BANDS;
    });
    return Math.min(1, seen / this.#text.length);
  }

  seconds() {
    this.#tick();
    return Math.round(this.#seconds * 10) / 10;
  }

  progress() {
    return { seen: [...this.#seen], seconds: this.#seconds, scroll: this.#pane.scrollTop };
  }

  stop() {
    this.#tick();
    this.#counting = false;
  }

  #come(entries) {
    for (const entry of entries) {
      const chunk = this.#chunks[Number(entry.target.dataset.index)];
      if (entry.isIntersecting && chunk && chunk.node === entry.target && !chunk.painted) this.#paint(chunk);
    }
  }

  #paint(chunk) {
    const parts = [];
    let at = chunk.from;
    const inside = this.#within(chunk);
    for (const segment of inside) {
      const [from, to] = [Math.max(segment.from, chunk.from), Math.min(segment.to, chunk.to)];
      parts.push(...written(this.#text, at, from));
      parts.push(this.#mark(segment, from, to));
      at = to;
    }
    parts.push(...written(this.#text, at, chunk.to));
    chunk.node.replaceChildren(...parts);
    chunk.painted = true;
    chunk.marked = inside.length > 0;
  }

  #within(chunk) {
    let first = firstTrue(this.#segments.length, (index) => this.#segments[index].to > chunk.from);
    const inside = [];
    while (first < this.#segments.length && this.#segments[first].from < chunk.to) inside.push(this.#segments[first++]);
    return inside;
  }

  #mark(segment, from, to) {
    const mark = document.createElement("mark");
    mark.className = ["hit", ...new Set(segment.hits.map((hit) => this.#kinds[hit]))].join(" ");
    if (segment.hits.length > 1) mark.classList.add("hit-several");
    mark.dataset.hits = segment.hits.join(" ");
    mark.append(...written(this.#text, from, to));
    return mark;
  }

  #tick() {
    const now = performance.now();
    const passed = now - this.#last;
    if (passed < TICK / 2) return;
    this.#last = now;
    if (!this.#counting || document.visibilityState !== "visible") {
      this.#onScreen.fill(0);
      return;
    }
    this.#seconds += Math.min(passed, 4 * TICK) / 1000; // a sleeping laptop is not reading
    this.#look();
  }

  // Parts that were on the screen now and a tick ago have been seen.
  #look() {
    const view = this.#pane.getBoundingClientRect();
    const nearby = this.#between(view.top, view.bottom);
    const before = this.#onScreen;
    this.#onScreen = new Uint8Array(this.#chunks.length);
    for (let index = nearby[0]; index < nearby[1]; index += 1) {
      const box = this.#chunks[index].node.getBoundingClientRect();
      let mask = 0;
      for (let band = 0; band < BANDS; band += 1) {
        const middle = box.top + (box.height * (band + 0.5)) / BANDS;
        if (middle >= view.top && middle <= view.bottom) mask |= 1 << band;
      }
      this.#onScreen[index] = mask;
      this.#seen[index] |= mask & before[index];
    }
  }

  #between(top, bottom) {
    const box = (index) => this.#chunks[index].node.getBoundingClientRect();
    const count = this.#chunks.length;
    return [firstTrue(count, (index) => box(index).bottom >= top), firstTrue(count, (index) => box(index).top > bottom)];
  }
}

// The first index from which on `holds` is true, by halving.
function firstTrue(count, holds) {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function bits(mask) {
  let count = 0;
  for (let rest = mask; rest; rest &= rest - 1) count += 1;
  return count;
}

// Nodes for text[from, to). A hidden run keeps its characters, isolated, and CSS shows its name before them.
function written(text, from, to) {
  return pieces(text, from, to).map((piece) => {
    if (!piece.hidden) return document.createTextNode(piece.text);
    const span = document.createElement("span");
    span.className = "unseen";
    span.dataset.label = label(piece.text);
    span.append(document.createTextNode(piece.text));
    return span;
  });
}
