"""Second readings of a folded text: what it says once look-alikes, marks in between, repeats or splits are undone.

A reading knows for each of its characters where it came from, and where it departs from the text: only hits that hold
a departure are new. Departures are rare, so only their neighbourhood is read again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transforms.components import split_table
from transforms.lookalikes import HAN_ALIKE, INVISIBLE, LETTER_ALIKE, MARK, PLAIN, alike_table
from transforms.matching import BETWEEN, PREFIXES, Found, are_wordlike, is_among, joined_ranges, prefix_hash
from transforms.normalise import DIGIT, HAN, LETTER, SEPARATOR, Normalised, between_han, kind_table
from transforms.text import CodePoints, Offsets

LONGEST = 16  # characters of a term: longer ones are found only as they are written
LONGEST_GAP = 3  # marks in a row that are read over; longer rows are ornament between texts
_LEAST_LETTER = np.uint32(ord("a"))  # folded letters and Han characters are no less
_LETTERS = np.uint32(26)
_LETTER_RUN = 3  # letters in a row that are taken for one: doubled letters are spelling

_GAP, _HAN = 1, 2
_SOUNDS = [ord("/"), ord("[")]  # before what is written in phonetic letters
# Where the blocks of scripts begin: Latin, Greek, Cyrillic, Armenian, others, Cherokee, others, Latin, Greek, others.
_SCRIPTS = np.array([0x370, 0x400, 0x530, 0x590, 0x13A0, 0x1400, 0x1D00, 0x1F00, 0x2000], dtype=np.uint32)
_GREEK = 1

VERSION = 3

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Reading:
    """Pieces of documents as read, a zero behind each.

    A hit on `[p, q)` covers `[first[p], last[q - 1] + 1)` of the folded text. `changed` are characters read as another,
    and letters read for several; `joined` those before which something was left out. `pieces` are their borders in the
    folded text, a row a piece.
    """

    codes: CodePoints
    pieces: Offsets
    first: Offsets
    last: Offsets
    changed: Mask
    joined: Mask

    @property
    def departs(self) -> bool:
        """Whether it departs from the text anywhere."""
        return bool(self.changed.any() or self.joined.any())

    @property
    def altered(self) -> Offsets:
        """How many characters before each place are changed or joined, one number more than characters."""
        return _running(self.changed | self.joined)

    @property
    def starts(self) -> Offsets:
        """The pieces as one document: the zeros part them well enough."""
        return np.array([0, len(self.codes)], dtype=np.int64)

    def bounds(self, places: Offsets) -> tuple[Offsets, Offsets]:
        """Where in the reading the pieces that hold these places begin and end."""
        ends = np.flatnonzero(self.codes == BETWEEN)
        piece = np.searchsorted(ends, places)
        return np.append(0, ends + 1)[piece], ends[piece]

    def crosses(self, found: Found) -> Mask:
        """Which occurrences hold a changed character, or two between which something was left out."""
        changed, joined = _running(self.changed), _running(self.joined)
        holds: Mask = (changed[found.high] > changed[found.low]) | (joined[found.high] > joined[found.low + 1])
        return holds

    def whole(self, found: Found, documents: Offsets) -> Mask:
        """Which occurrences do not touch the edge of a piece that is cut out of a document: what follows is unknown.

        Occurrences are ranges of the folded text, `documents` the borders of documents in it.
        """
        low, high = self.pieces[np.searchsorted(self.pieces[:, 0], found.low, side="right") - 1].T
        inside: Mask = ((found.low > low) | is_among(low, documents)) & (
            (found.high < high) | is_among(high, documents)
        )
        return inside

    def in_text(self, found: Found) -> Found:
        """The occurrences as ranges of the folded text."""
        return Found(found.entry, self.first[found.low], self.last[found.high - 1] + 1)


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Digest of what is read as what."""
    digest = hashlib.sha256(f"readings/{VERSION}".encode())
    for table in (*alike_table(), *split_table()):
        digest.update(table.tobytes())
    return digest.hexdigest()


def around(folded: Normalised, at: Offsets) -> Reading | None:
    """The text as written, so far around the places `at` as terms can reach. None where there are no places."""
    if len(at) == 0:
        return None
    document = np.searchsorted(folded.starts, at, side="right")
    low = np.maximum(at - LONGEST - LONGEST_GAP, folded.starts[document - 1])
    high = np.minimum(at + LONGEST + LONGEST_GAP + 1, folded.starts[document])
    codes, places = joined_ranges(folded.codes, low, high)
    nowhere = np.zeros(len(codes), dtype=np.bool_)
    behind = np.flatnonzero(codes == BETWEEN)
    pieces = np.stack([places[np.append(0, behind[:-1] + 1)], places[behind - 1] + 1], axis=1)
    return Reading(codes, pieces, places, places, nowhere, nowhere)


def disguises(codes: CodePoints) -> Offsets:
    """Where something stands that `undisguised` might undo, documents' borders not looked at."""
    alike = alike_table()[0].take(codes)
    at = np.flatnonzero(alike != PLAIN)
    before, behind = np.maximum(at - 1, 0), np.minimum(at + 1, len(codes) - 1)
    amid = _may_be_amid_han(alike, codes, before) & _may_be_amid_han(alike, codes, behind)
    found: Offsets = at[(alike[at] != MARK) | amid]
    lone = _lone_letters(codes)
    return np.union1d(found, lone) if len(lone) else found


def _lone_letters(codes: CodePoints) -> Offsets:
    """Latin letters between Han characters, with a blank or mark on at least one side: 加 v 信."""
    letter = codes - _LEAST_LETTER < _LETTERS  # unsigned: what lies before wraps round
    at = np.flatnonzero(letter[1:-1] & ~letter[:-2] & ~letter[2:]) + 1
    places = _amid_table()
    before, behind = places.take(codes[at - 1]), places.take(codes[at + 1])
    at = at[(before > 0) & (behind > 0) & ((before == _GAP) | (behind == _GAP))]
    for step in (-1, 1):
        beside = at + step
        for _ in range(LONGEST_GAP):
            beside = np.clip(beside + step * (places.take(codes[beside]) == _GAP), 0, len(codes) - 1)
        at = at[places.take(codes[beside]) == _HAN]
    lone: Offsets = at
    return lone


@lru_cache(maxsize=1)
def _amid_table() -> npt.NDArray[np.uint8]:
    """For each code point whether it is a Han character, a blank or mark, or neither."""
    table = np.zeros(len(kind_table()), dtype=np.uint8)
    table[(kind_table() == SEPARATOR) | (alike_table()[0] == MARK)] = _GAP
    table[kind_table() == HAN] = _HAN
    return table


def _may_be_amid_han(alike: npt.NDArray[np.uint8], codes: CodePoints, beside: Offsets) -> Mask:
    kinds = kind_table().take(codes[beside])
    amid: Mask = (kinds == HAN) | (kinds == SEPARATOR) | (alike[beside] != PLAIN)
    return amid


def undisguised(text: Reading) -> Reading:
    """With look-alikes read as what they look like, without fillers, and without marks between Han characters.

    A single Latin letter amid Han characters (加 v 信) is one of them there. What is read as Latin, `_in_latin_words` says.
    """
    table, read_as = alike_table()
    alike = table.take(text.codes)
    kinds = kind_table().take(text.codes)
    kinds[alike == HAN_ALIKE] = HAN
    changed = alike == HAN_ALIKE
    letters = np.flatnonzero(alike == LETTER_ALIKE)
    if len(letters):
        changed[letters[_in_latin_words(text.codes, kinds, alike, letters)]] = True
    codes = np.where(changed, read_as.take(text.codes), text.codes)
    keep = alike != INVISIBLE
    loose = np.flatnonzero((alike == MARK) | (kinds == SEPARATOR) | ~keep)
    whole = np.array([0, len(codes)], dtype=np.int64)
    kinds[_amid_han(codes, kinds, loose)] = HAN
    keep[between_han(kinds, loose, whole, LONGEST_GAP)] = False
    joined = np.diff(np.flatnonzero(keep), prepend=-1) > 1
    return _kept(text, codes, text.last, text.changed | changed, text.joined, keep, joined)


def _amid_han(codes: CodePoints, kinds: npt.NDArray[np.uint8], loose: Offsets) -> Offsets:
    """Single Latin letters with a Han character before and behind them, right there or past what is `loose`."""
    solid = np.ones(len(codes), dtype=np.bool_)
    solid[loose] = False
    places = np.flatnonzero(solid)
    letter = codes[places] - _LEAST_LETTER < _LETTERS
    at = np.flatnonzero(letter[1:-1]) + 1
    han = kinds[places] == HAN
    amid: Offsets = places[at[han[at - 1] & han[at + 1]]]
    return amid


def _in_latin_words(codes: CodePoints, kinds: npt.NDArray[np.uint8], alike: npt.NDArray[np.uint8], at: Offsets) -> Mask:
    """Which of the look-alikes `at` stand in words that are to be read as Latin.

    None does where a letter of the word has no Latin look-alike, and in sounds written /so/ or [so]. A word of
    look-alikes alone must not be Greek, and no other word around may be of its script: рот is Russian beside открыл.
    """
    wordlike = (kinds == LETTER) | (kinds == DIGIT) | (alike == LETTER_ALIKE) | (alike == INVISIBLE)
    border = np.diff(wordlike.view(np.int8), prepend=0) != 0
    word = np.cumsum(border)
    foreign = (kinds == LETTER) & (codes >= 0x80) & (alike != LETTER_ALIKE)
    plain = wordlike & (codes < 0x80)
    own = word[at]
    first = np.flatnonzero(border)[own - 1]  # of the word
    sound = (first > 0) & np.isin(codes[first - 1], _SOUNDS)
    good = ~np.isin(own, word[foreign]) & ~sound
    alone = ~np.isin(own, word[plain])  # look-alikes and nothing else
    script = _script(codes)
    piece = np.cumsum(codes == BETWEEN)
    native = np.isin(_in_piece(piece[at], script[at]), _in_piece(piece[foreign], script[foreign]))
    mixed = np.isin(own, own[1:][(own[1:] == own[:-1]) & (np.diff(script[at]) != 0)])
    latin: Mask = good & ~(alone & ~mixed & ((script[at] == _GREEK) | native))
    return latin


def _script(codes: CodePoints) -> Offsets:
    """A number for the script of each letter, as far as scripts with look-alikes go."""
    return np.searchsorted(_SCRIPTS, codes, side="right")


def _in_piece(piece: Offsets, script: Offsets) -> Offsets:
    return piece * (len(_SCRIPTS) + 1) + script


class Triples:
    """Which three characters stand next to one another in a term. A repeat inside a term stands between two others."""

    def __init__(self, terms: Sequence[str]) -> None:
        joined = "\0".join(terms)
        codes = np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32)
        self._known = np.zeros(PREFIXES, dtype=np.bool_)
        self._known[prefix_hash([codes[:-2], codes[1:-1], codes[2:]])] = True

    def might_hold(self, before: CodePoints, at: CodePoints, behind: CodePoints) -> Mask:
        """False where the three characters certainly stand in no term."""
        return self._known.take(prefix_hash([before, at, behind]))


def repeats(codes: CodePoints, within: Triples) -> Offsets:
    """Where something stands that `collapsed` might undo inside a term, documents' borders not looked at.

    Letters that repeat at an end of a term matter too: they hide that a word begins or ends there.
    """
    heads, lengths = _runs(codes)
    behind = np.minimum(heads + lengths + 1, len(codes) - 1)
    matter = within.might_hold(codes[np.maximum(heads - 1, 0)], codes[heads], codes[behind])
    matter |= kind_table().take(codes[heads]) == LETTER
    heads, lengths = heads[matter], lengths[matter]
    return np.repeat(heads + 1 + lengths - np.cumsum(lengths), lengths) + np.arange(int(lengths.sum()))


def _runs(codes: CodePoints) -> tuple[Offsets, Offsets]:
    """Repeats taken for one character: where they begin, and how many more of it follow.

    A word that is one letter all over (AAA级, www) is none.
    """
    again = np.flatnonzero((codes[1:] == codes[:-1]) & (codes[1:] >= _LEAST_LETTER)) + 1  # equal to the one before
    begins = np.flatnonzero(np.diff(again, prepend=-2) > 1)
    heads, lengths = again[begins] - 1, np.diff(begins, append=len(again))
    kinds = kind_table().take(codes[heads])
    behind = heads + lengths + 1
    part = (heads > 0) & are_wordlike(codes[heads - 1])
    part |= (behind < len(codes)) & are_wordlike(codes[np.minimum(behind, len(codes) - 1)])
    wanted = (kinds == HAN) | ((kinds == LETTER) & (lengths + 1 >= _LETTER_RUN) & part)
    return heads[wanted], lengths[wanted]


def collapsed(text: Reading) -> Reading:
    """With repeated Han characters, and letters repeated more than once, taken for one.

    A hit that begins or ends in such a run covers one of its characters. Of Han characters the text as written holds it
    too; of letters it does not, for no word begins or ends inside the run.
    """
    heads, lengths = _runs(text.codes)
    ends = heads + lengths  # the last of a run stays
    gone = np.zeros(len(text.codes) + 1, dtype=np.int8)
    gone[heads] += 1
    gone[ends] -= 1
    last, joined, changed = text.last.copy(), text.joined.copy(), text.changed.copy()
    last[ends] = text.last[heads]
    joined[ends] = True
    changed[ends[kind_table().take(text.codes[ends]) == LETTER]] = True
    return _kept(text, text.codes, last, changed, joined, np.cumsum(gone[:-1]) == 0)


def splits(codes: CodePoints) -> Offsets:
    """Where the left half of a character stands before its right half, documents' borders not looked at."""
    lefts, pairs, _ = split_table()
    at = np.flatnonzero(lefts.take(codes[:-1]))
    pair = _pairs(codes, at)
    found: Offsets = at[pairs[np.minimum(np.searchsorted(pairs, pair), len(pairs) - 1)] == pair]
    return found


def composed(text: Reading) -> Reading:
    """With characters split into their halves put together again. Of pairs that overlap, the first counts."""
    _, pairs, wholes = split_table()
    taken: list[int] = []
    for place in splits(text.codes).tolist():
        if not taken or place > taken[-1] + 1:
            taken.append(place)
    at = np.array(taken, dtype=np.int64)
    codes, last, changed = text.codes.copy(), text.last.copy(), text.changed.copy()
    codes[at], last[at], changed[at] = wholes[np.searchsorted(pairs, _pairs(codes, at))], text.last[at + 1], True
    keep = np.ones(len(codes), dtype=np.bool_)
    keep[at + 1] = False
    return _kept(text, codes, last, changed, text.joined, keep)


def _pairs(codes: CodePoints, at: Offsets) -> npt.NDArray[np.uint64]:
    return (codes[at].astype(np.uint64) << np.uint64(32)) | codes[at + 1]


def _kept(
    text: Reading,
    codes: CodePoints,
    last: Offsets,
    changed: Mask,
    joined: Mask,
    keep: Mask,
    besides: Mask | None = None,
) -> Reading:
    """What stays of a reading. `besides` are further joints among what stays."""
    stayed = np.flatnonzero(keep)
    joints = joined[stayed] if besides is None else joined[stayed] | besides
    return Reading(codes[stayed], text.pieces, text.first[stayed], last[stayed], changed[stayed], joints)


def _running(counted: Mask) -> Offsets:
    return np.concatenate([[0], np.cumsum(counted)]).astype(np.int64)
