// Pure work on texts: offsets, cuts, characters nobody can see. Nothing here touches the page.
// "Units" are UTF-16 code units, as JavaScript counts; "points" are code points, as the corpus counts.

const CHUNK = 1800; // units a painted piece of text has at least; small enough to lay out at once
const BACK = 240; // how far a cut inside a line looks back for a place between words

const SURROGATE = /[\ud800-\udfff]/;
const BETWEEN = /[\s,.;:!?，。；：！？、）」』】]/;
const CLINGS = /[\p{M}\p{Emoji_Modifier}\u200c\u200d\ufe00-\ufe0f\udc00-\udfff]/u;

// What has no shape of its own, or changes the order of what stands beside it. Tab and line feed are layout.
const HIDDEN = /(?:(?![\t\n\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u115f\u1160\u3164\uffa0\ufffc])+/gu;
const JOINED_BEFORE = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gujarati}\p{Script=Gurmukhi}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Oriya}\p{Script=Sinhala}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Mongolian}]/u;
const JOINED_AFTER = /^[\p{Extended_Pictographic}\u2640\u2642\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gujarati}\p{Script=Gurmukhi}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Oriya}\p{Script=Sinhala}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Mongolian}]/u;

const NAMES = new Map([
  [0xad, "SHY"], [0x61c, "ALM"], [0x200b, "ZWSP"], [0x200c, "ZWNJ"], [0x200d, "ZWJ"], [0x200e, "LRM"], [0x200f, "RLM"],
  [0x2028, "LS"], [0x2029, "PS"], [0x202a, "LRE"], [0x202b, "RLE"], [0x202c, "PDF"], [0x202d, "LRO"], [0x202e, "RLO"],
  [0x2060, "WJ"], [0x2066, "LRI"], [0x2067, "RLI"], [0x2068, "FSI"], [0x2069, "PDI"], [0xfeff, "BOM"],
  [0x7f, "DEL"], [0x00, "NUL"], [0x0d, "CR"], [0x1b, "ESC"], [0x08, "BS"],
]);
const SHOWN = 6; // names a run of hidden characters shows before it is counted

function name(point) {
  return NAMES.get(point) ?? `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
}

// What stands on the page for a run of hidden characters: their names, equal ones counted.
export function label(run) {
  const parts = [];
  let last = null;
  for (const character of run) {
    const own = name(character.codePointAt(0));
    if (last !== null && last.name === own) {
      last.times += 1;
    } else {
      last = { name: own, times: 1 };
      if (parts.length < SHOWN) parts.push(last);
      else parts.more = true;
    }
  }
  const shown = parts.map((part) => (part.times > 1 ? `${part.name}×${part.times}` : part.name)).join(" ");
  return parts.more ? `${shown} …×${[...run].length}` : shown;
}

// Joiners inside emoji and in scripts that need them are part of the writing, not hidden.
function joins(text, start, end) {
  if (end - start !== 1 || (text[start] !== "\u200d" && text[start] !== "\u200c")) return false;
  const before = text.slice(start - (splitsPair(text, start - 1) ? 2 : 1), start);
  return JOINED_BEFORE.test(before) && JOINED_AFTER.test(text.slice(end, end + 2));
}

// The pieces of text[from, to): plain ones and runs of hidden characters, in order; together they are the text.
export function pieces(text, from, to) {
  const found = [];
  const part = text.slice(from, to);
  let done = 0;
  HIDDEN.lastIndex = 0;
  for (const match of part.matchAll(HIDDEN)) {
    const start = match.index;
    let end = start + match[0].length;
    if (part[end - 1] === "\r" && text[from + end] === "\n") end -= 1; // CR LF is a line's end, nothing to show
    if (end === start || joins(text, from + start, from + end)) continue;
    if (start > done) found.push({ text: part.slice(done, start), hidden: false });
    found.push({ text: part.slice(start, end), hidden: true });
    done = end;
  }
  if (done < part.length) found.push({ text: part.slice(done), hidden: false });
  return found;
}

// Where a text may be cut so that no piece is long: after lines, else between words, never inside a character.
export function cuts(text) {
  const ends = [];
  let start = 0;
  while (start < text.length) {
    const newline = text.slice(start + CHUNK - 1, start + 2 * CHUNK).indexOf("\n");
    let end = text.length;
    if (newline >= 0) end = start + CHUNK + newline;
    else if (end - start > 2 * CHUNK) end = insideLine(text, start);
    ends.push(end);
    start = end;
  }
  return ends;
}

function insideLine(text, start) {
  const limit = Math.min(start + CHUNK, text.length);
  const newline = text.lastIndexOf("\n", limit - 1) + 1;
  if (newline > start + CHUNK / 2) return newline;
  for (let end = limit; end > limit - BACK; end -= 1) {
    if (BETWEEN.test(text[end - 1]) && !CLINGS.test(text[end] ?? "")) return end;
  }
  let end = limit;
  for (let steps = 0; steps < 64 && clings(text, end); steps += 1) end -= 1;
  return end > start && !splitsPair(text, end) ? end : limit + (splitsPair(text, limit) ? 1 : 0);
}

function clings(text, at) {
  return splitsPair(text, at) || CLINGS.test(String.fromCodePoint(text.codePointAt(at) ?? 0x20)) || text[at - 1] === "\u200d";
}

function splitsPair(text, at) {
  return /[\ud800-\udbff]/.test(text[at - 1] ?? "") && /[\udc00-\udfff]/.test(text[at] ?? "");
}

// Code-point offsets as offsets in units. Offsets beyond the text become its end.
export function units(text, points) {
  if (!SURROGATE.test(text)) return points.map((point) => Math.min(Math.max(point, 0), text.length));
  const order = points.map((_, index) => index).sort((a, b) => points[a] - points[b]);
  const found = new Array(points.length);
  let unit = 0;
  let point = 0;
  for (const index of order) {
    while (point < points[index] && unit < text.length) {
      unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
      point += 1;
    }
    found[index] = unit;
  }
  return found;
}

// Overlapping findings as pieces that do not overlap: [{from, to, hits: [index, …]}] in units, in order.
export function segments(text, findings) {
  const offsets = units(text, findings.flatMap((finding) => [finding.start, finding.end]));
  const edges = [];
  findings.forEach((_, index) => {
    const [from, to] = [offsets[2 * index], offsets[2 * index + 1]];
    if (from < to) edges.push({ at: from, index, opens: true }, { at: to, index, opens: false });
  });
  edges.sort((a, b) => a.at - b.at);
  const found = [];
  const open = new Set();
  let last = 0;
  for (const edge of edges) {
    if (edge.at > last && open.size) found.push({ from: last, to: edge.at, hits: [...open].sort((a, b) => a - b) });
    last = edge.at;
    if (edge.opens) open.add(edge.index);
    else open.delete(edge.index);
  }
  return found;
}
