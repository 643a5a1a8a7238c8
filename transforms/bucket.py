"""What a document is: its language, whether it is source code, and the bucket it is audited in (zh, en, code, other).

The script decides first: text that is mostly Han without kana or hangul is Chinese, and fastText, slow and no better
there, is not asked. The rest goes through the language model with its first words. Code is told from prose by its
lines, and only for documents with enough of the signs code is made of; a code document keeps the language of its
comments and names, but is audited as code.
"""

import hashlib
import unicodedata
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models import LANGUAGE_MODEL
from schemas import layers
from transforms.text import BLOCK_CODE_POINTS, CodePoints, Offsets, TextBatch

VERSION = 1

UNDETERMINED = "und"  # ISO 639-2 for a text whose language cannot be told

# Kinds of characters. Everything above OTHER_LETTER is no letter.
HAN, KANA_HANGUL, LATIN, OTHER_LETTER, DIGIT, BLANK, LINE_END, SIGN, PLAIN = range(9)
_KINDS = 9
_SIGNS = "{}()[]<>;=_+*/\\|&^%$#@~`\"'"  # what source code is full of and prose is not

HAN_SHARE = 0.3  # of the bytes of letters: a Han character of 3 bytes stands for a word of six Latin letters
HAN_LIMIT = 0.4  # of the bytes of letters: above it a document is not looked at as code
HAN_SHARE_IN_CODE = 0.04  # comments are a small part of a file
KANA_SHARE = 0.03  # of the East Asian characters: a single の is no Japanese
SIGN_SHARE = 0.03  # of the characters: below it a document is not looked at as code
CODE_SHARE = 0.6  # of the text in lines that say what they are
READ = 10_000  # characters of a document that are looked at for code
ASKED = 300  # characters the language model sees
CONFIDENCE = 0.2  # of the model; below it the language is left open
DOUBT = 0.5  # below it an ASCII text with an English word and ENGLISH_AT_LEAST is English after all
ENGLISH_AT_LEAST = 0.05

# Two of these in an ASCII text make it English: asking the model would cost forty times as much.
_ENGLISH = (" the ", " and ", " of ", " that ", " with ", " you ", " this ", " are ", " have ", " for ", " my ", " it ")
_ENOUGH_ENGLISH = 2

_CHINESE = frozenset({"zh", "yue", "wuu"})
_PREFIX = "__label__"

Flags = npt.NDArray[np.bool_]
Predict = Callable[[list[str], int, float, str], tuple[list[list[str]], list[npt.NDArray[np.float32]]]]


@lru_cache(maxsize=1)
def kind_table() -> npt.NDArray[np.uint8]:
    """For each code point its kind."""
    table = np.full(0x110000, PLAIN, dtype=np.uint8)
    for code in range(0x20000):
        category = unicodedata.category(chr(code))
        if category[0] == "L":
            table[code] = LATIN if code < 0x80 else OTHER_LETTER
        elif category == "Nd":
            table[code] = DIGIT
        elif chr(code).isspace():
            table[code] = BLANK
    for low, high in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x323AF), (0xF900, 0xFAFF), (0x3007, 0x3007)):
        table[low : high + 1] = HAN
    for low, high in ((0x3041, 0x3096), (0x30A1, 0x30FA), (0x31F0, 0x31FF), (0xFF66, 0xFF9D), (0x1100, 0x11FF)):
        table[low : high + 1] = KANA_HANGUL
    table[0xAC00:0xD7A4] = KANA_HANGUL
    for char in _SIGNS:
        table[ord(char)] = SIGN
    table[0x0A] = LINE_END
    table.flags.writeable = False
    return table


# How lines of code open, by their first four characters. Words that also open lines of prose are not here.
# fmt: off
_OPENINGS = (
    "impo", "def ", "clas", "retu", "publ", "priv", "prot", "stat", "cons", "let ", "var ", "elif", "func", "pack",
    "usin", "name", "stru", "void", "try:", "try{", "catc", "swit", "brea", "pass", "rais", "self", "prin", "echo",
    "loca", "enum", "exte", "modu", "whil", "else", "proc", "bool", "char", "floa", "doub", "asse", "yiel", "asyn",
    "awai", "elsi", "endi", "#inc", "#def", "#end", "#!/b", "@Ove", "@par", "std:", "temp", "inli", "if (", "SELE",
    "INSE", "CREA",
)
# and the lines that are neither: comments, list items, headings
_COMMENTS = (
    "//", "/*", "*/", "--", ";;", "%%", '""', "''", "<!", "##", "#:", "* ", "# ", "; ", "% ", "- ", "*\n", "#\n",
)
# fmt: on

_FIELD = 21  # bits of a counter, enough for a line; three fit into an int64
_COUNTERS = np.zeros(_KINDS, dtype=np.int64)
_COUNTERS[[SIGN, BLANK, HAN]] = 1, 1 << _FIELD, 1 << 2 * _FIELD


def _packed(*strings: str) -> CodePoints:
    """Up to four ASCII characters, or one of any kind, as one number each."""
    return np.array([sum(ord(char) << 8 * i for i, char in enumerate(string)) for string in strings], dtype=np.uint32)


def code_share(codes: CodePoints, kinds: npt.NDArray[np.uint8], starts: Offsets) -> npt.NDArray[np.float64]:
    """For each document the part of its text in lines of code, among the lines that are clearly code or clearly prose.

    Comments and blank lines count for neither. A document with fences is Markdown: code quoted in a text.
    """
    documents = len(starts) - 1
    begins = np.union1d(np.flatnonzero(kinds == LINE_END) + 1, starts[:-1])
    begins = begins[begins < len(codes)]
    visible = np.flatnonzero((kinds != BLANK) & (kinds != LINE_END))
    place = np.append(np.searchsorted(visible, begins), len(visible))
    filled = place[:-1] < place[1:]
    begins, first, last = begins[filled], visible[place[:-1][filled]], visible[place[1:][filled] - 1]
    document = np.searchsorted(starts, begins, side="right") - 1
    length = last - first + 1

    totals = np.cumsum(_COUNTERS[kinds])
    counted = totals[last] - totals[first] + _COUNTERS[kinds[first]]
    signs = (counted & ((1 << _FIELD) - 1)) / length
    words = (counted >> _FIELD & ((1 << _FIELD) - 1)) + 1
    han = counted >> 2 * _FIELD

    opening = np.zeros(len(first), dtype=np.uint32)
    for i in range(4):
        # what follows the line may belong to the next document
        char = np.where(first + i <= last, codes[np.minimum(first + i, last)], ord("\n"))
        opening |= np.minimum(char, 0x7F).astype(np.uint32) << np.uint32(8 * i)
    end = codes[last]
    # the semicolon of &#128514; ends no statement
    entity = np.zeros(len(first), dtype=np.bool_)
    for i in range(2, 9):
        entity |= codes[np.maximum(last - i, first)] == ord("&")
    entity &= (end == ord(";")) & np.isin(kinds[np.maximum(last - 1, first)], [LATIN, DIGIT])

    closes = np.isin(end, _packed(*"{};")) & ~entity
    leans = np.isin(end, _packed(*"(),[]:=>\\+"))
    sentence = np.isin(end, _packed(*".!?。！？…"))
    opens = np.isin(opening, _packed(*_OPENINGS))
    tag = (codes[first] == ord("<")) & (end == ord(">")) & (words < 12) & (han == 0)
    points = (
        2 * closes.astype(np.int8)
        + leans
        + 2 * tag
        + 2 * opens
        + (signs > 0.08)
        + (signs > 0.15)
        + (first - begins >= 2)
        - 2 * sentence
        - 2 * ((signs < 0.03) & ~opens)
        - 2 * entity
        - (words >= 12)
        - 2 * (2 * han > length)
    )
    comment = np.isin(opening & 0xFFFF, _packed(*_COMMENTS)) | _in_comment(opening, codes, first, last, document)
    fence = np.isin(opening & 0xFFFFFF, _packed("```", "~~~")) & (first == begins)
    alone = np.bincount(document, minlength=documents)[document] == 1
    code = (points >= np.where(alone, 4, 2)) & ~comment
    prose = (points <= 0) & ~comment
    weight = np.minimum(length, 200)  # a long paragraph is no more than three lines of code
    as_code = np.bincount(document, weight * code, minlength=documents)
    as_prose = np.bincount(document, weight * prose, minlength=documents)
    fenced = np.bincount(document, fence, minlength=documents) >= 2
    share: npt.NDArray[np.float64] = np.where(fenced, 0.0, as_code / np.maximum(as_code + as_prose, 1))
    return share


def _in_comment(opening: CodePoints, codes: CodePoints, first: Offsets, last: Offsets, document: Offsets) -> Flags:
    """Which lines stand inside a comment in the manner of C or a documentation string in that of Python."""
    tail = codes[last] | codes[np.maximum(last - 1, first)] << np.uint32(8)
    start, stop = opening & 0xFFFF == _packed("/*"), tail == _packed("/*")  # read from the right: */
    quoted, unquoted = (opening & 0xFFFF == _packed('""')), tail == _packed('""')
    opened = (start & ~stop).astype(np.int32) - (stop & ~start)
    turned = (quoted ^ unquoted) | (quoted & (last - first == 2))
    # state before the line, counted from the first line of its document
    depth, turns = np.cumsum(opened) - opened, np.cumsum(turned) - turned
    before = np.searchsorted(document, document)
    inside: Flags = (depth > depth[before]) | ((turns - turns[before]) % 2 == 1)
    return inside


@lru_cache(maxsize=1)
def _load(path: Path) -> Predict:
    """The language model, once a process."""
    import fasttext

    predict: Predict = fasttext.FastText._FastText(model_path=str(path)).f.multilinePredict
    return predict


class Bucket:
    """Stage: language, kind of content, bucket and size of each document (the `BUCKET_COLUMNS` of the base layer)."""

    name: ClassVar[str] = "base"
    schema: ClassVar[pa.Schema] = pa.schema([layers.BASE.field(column) for column in layers.BUCKET_COLUMNS])

    def fingerprint(self) -> str:
        """Digest of the rules, the character tables (they follow Python's Unicode) and the language model."""
        digest = hashlib.sha256(f"bucket/{VERSION}".encode())
        digest.update(kind_table().tobytes())
        digest.update(LANGUAGE_MODEL.read_bytes())
        return digest.hexdigest()

    @cached_property
    def _predict(self) -> Predict:
        return _load(LANGUAGE_MODEL)

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """One row a document."""
        rows = len(batch)
        counts = np.zeros((rows, _KINDS), dtype=np.int64)
        for block in batch.blocks:
            counts[block.first : block.first + len(block)] = _count(kind_table().take(block.codes), block.starts)
        code = _is_code(batch, counts)
        chinese = _is_chinese(counts, code)
        wordless = counts[:, :DIGIT].sum(axis=1) == 0
        language = np.where(chinese, "zh", UNDETERMINED).astype(object)
        asked = np.flatnonzero(~chinese & ~wordless)
        language[asked] = self._ask([batch.strings[row] for row in asked])
        bucket = np.where(np.isin(language, list(_CHINESE)), "zh", np.where(language == "en", "en", "other"))
        columns = [
            pa.array(language, pa.string()),
            pa.array(np.where(code, "code", "text"), pa.string()),
            pa.array(np.where(code, "code", bucket), pa.string()),
            pa.array(batch.utf8_bytes),
            pa.array(batch.chars),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _ask(self, texts: list[str]) -> list[str]:
        """The language of each text by its first words, or UNDETERMINED where that cannot be told."""
        languages: list[str] = ["en"] * len(texts)
        places, lines, english = [], [], []
        for place, text in enumerate(texts):
            line = " ".join(text[: 2 * ASKED].split())[:ASKED]
            found = sum(word in line for word in _ENGLISH) if line.isascii() else 0
            if found < _ENOUGH_ENGLISH:
                places.append(place)
                lines.append(line + "\n")
                english.append(found > 0)
        labels, certainty = self._predict(lines, 3, 0.0, "strict")
        for place, names, sure, maybe in zip(places, labels, certainty, english, strict=True):
            likely = {name.removeprefix(_PREFIX): score for name, score in zip(names, sure.tolist(), strict=True)}
            best = next(iter(likely), UNDETERMINED)
            if maybe and likely.get(best, 0.0) < DOUBT and likely.get("en", 0.0) >= ENGLISH_AT_LEAST:
                languages[place] = "en"
            elif likely.get(best, 0.0) < CONFIDENCE:
                languages[place] = UNDETERMINED
            else:
                languages[place] = best
        return languages


def _count(kinds: npt.NDArray[np.uint8], starts: Offsets) -> npt.NDArray[np.int64]:
    """For each document (row) the number of characters of each kind (column)."""
    documents = len(starts) - 1
    keys = np.repeat(np.arange(documents, dtype=np.int64) * _KINDS, np.diff(starts)) + kinds
    return np.bincount(keys, minlength=documents * _KINDS).reshape(documents, _KINDS)


def _han_share(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The part of Han characters in the bytes of letters."""
    han = 3 * counts[:, HAN]
    letters = han + 3 * counts[:, KANA_HANGUL] + counts[:, LATIN] + 2 * counts[:, OTHER_LETTER]
    share: npt.NDArray[np.float64] = han / np.maximum(letters, 1)
    return share


def _is_chinese(counts: npt.NDArray[np.int64], code: Flags) -> Flags:
    least = np.where(code, HAN_SHARE_IN_CODE, HAN_SHARE)
    east_asian = counts[:, HAN] + counts[:, KANA_HANGUL]
    chinese: Flags = (_han_share(counts) >= least) & (counts[:, KANA_HANGUL] <= KANA_SHARE * east_asian)
    return chinese


def _is_code(batch: TextBatch, counts: npt.NDArray[np.int64]) -> Flags:
    code: Flags = (counts[:, SIGN] > SIGN_SHARE * counts.sum(axis=1)) & (_han_share(counts) < HAN_LIMIT)
    # few documents get here, so they are gathered from all blocks: small arrays are slow
    chosen: list[int] = []
    pieces: list[CodePoints] = []
    for block in batch.blocks:
        for place in np.flatnonzero(code[block.first : block.first + len(block)]).tolist():
            chosen.append(block.first + place)
            pieces.append(block.codes[block.starts[place] : min(block.starts[place + 1], block.starts[place] + READ)])
        if sum(map(len, pieces)) > BLOCK_CODE_POINTS or (pieces and block is batch.blocks[-1]):
            codes = np.concatenate(pieces)
            starts = np.cumsum([0, *map(len, pieces)])
            code[chosen] = code_share(codes, kind_table().take(codes), starts) >= CODE_SHARE
            chosen, pieces = [], []
    return code
