"""What a fastText model says about windows of tokens, for many windows at once.

A supervised fastText model is linear: the rows of the input matrix for the tokens of a line, and for its neighbouring
pairs by their hash, are averaged and multiplied with the output matrix. fastText itself reads one line of text at a time
and spends most of its time on looking up words; here the tokens are numbers already, and a sparse matrix product does
the rest. The tests hold both against each other.
"""

import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.text import Offsets
from transforms.windows import Tokens

LARGEST_MODEL = 1 << 30  # bytes

_MAGIC = (793712314).to_bytes(4, "little")  # first bytes of every fastText model
_PREFIX = "__label__"
_END = "</s>"  # fastText's own last token of a line
_PAIR = np.uint64(116049371)  # of Dictionary::addWordNgrams
_OFFSET, _PRIME = np.uint32(2166136261), np.uint32(16777619)  # of the FNV-1a hash fastText uses
_SLOTS = 1 << 20  # of a table of words

Hashes = npt.NDArray[np.uint32]
Odds = npt.NDArray[np.float64]


def _fnv(byte_rows: npt.NDArray[np.uint8], lengths: Offsets) -> Hashes:
    """fastText's hash of strings given as rows of bytes; it takes bytes as signed."""
    hashes = np.full(len(byte_rows), _OFFSET)
    for place in range(byte_rows.shape[1]):
        signed = byte_rows[:, place].view(np.int8).astype(np.int32).view(np.uint32)
        hashes = np.where(place < lengths, (hashes ^ signed) * _PRIME, hashes)
    return hashes


def _character_hashes() -> Hashes:
    """The hash of each code point as a token of its own."""
    text = np.arange(0x110000, dtype=np.uint32)
    text[0xD800:0xE000] = 0xFFFD
    size = np.select([text < 0x80, text < 0x800, text < 0x10000], [1, 2, 3], 4)
    rows = np.zeros((len(text), 4), dtype=np.uint8)
    for total, lead in ((1, 0), (2, 0xC0), (3, 0xE0), (4, 0xF0)):
        mine = size == total
        for place in range(total):
            bits = text[mine] >> np.uint32(6 * (total - 1 - place))
            rows[mine, place] = lead | bits if place == 0 else 0x80 | (bits & 0x3F)
    return _fnv(rows, size)


# How fastText lays out its file: the arguments, counts of the dictionary, behind each word its count and kind; a flag
# and two sizes before each of the two matrices.
_ARGUMENTS, _COUNTS, _ENTRY, _MATRIX = struct.Struct("<4x13id"), struct.Struct("<3i2q"), 9, struct.Struct("<?2q")
_DIM, _BUCKET = 1, 9  # places among the arguments


def check_complete(path: Path) -> None:
    """Raises ValueError unless the file is as long as its own counts say.

    fastText does not look whether what it reads is there: of a file cut short it takes zeros for the rest, and of false
    counts as much memory as they name.
    """
    if path.stat().st_size > LARGEST_MODEL:
        raise ValueError(f"more than {LARGEST_MODEL:,} bytes")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[: len(_MAGIC)] != _MAGIC:
            raise ValueError("wrong first bytes")
        try:
            arguments = _ARGUMENTS.unpack_from(data)
            at = _ARGUMENTS.size
            words, _, labels, _, pruned = _COUNTS.unpack_from(data, at)
            at += _COUNTS.size
            if pruned > 0 or arguments[_DIM] < 1:
                raise ValueError("quantized, or without dimensions")
            for _ in range(words):
                at = _behind(data, at)
            sizes = []
            for rows in (words - labels + arguments[_BUCKET], labels):
                quantized, *shape = _MATRIX.unpack_from(data, at)
                if quantized or shape != [rows, arguments[_DIM]]:
                    raise ValueError("the matrices are not as large as the dictionary says, or quantized")
                sizes.append(4 * rows * arguments[_DIM])
                at += _MATRIX.size + sizes[-1]
        except struct.error:
            raise ValueError("cut short") from None
        if at != len(data):
            raise ValueError(f"{len(data):,} bytes, should be {at:,}")


def _behind(data: mmap.mmap, at: int) -> int:
    """Where the entry of the dictionary at a place ends."""
    end = data.find(b"\0", at)
    if end < 0:
        raise ValueError("cut short")
    return end + 1 + _ENTRY


class LinearModel:
    """A fastText model read from its file. `labels` are its labels without fastText's prefix.

    Raises:
        ValueError: the file is no fastText model, or one that was trained in another way than `models/fit.py` does.
    """

    def __init__(self, path: Path) -> None:
        import fasttext

        check_complete(path)
        try:  # not fasttext.load_model: some distributions print a warning there
            model: Any = fasttext.FastText._FastText(model_path=str(path))
            arguments = model.f.getArgs()
            if model.f.isQuant() or arguments.maxn or arguments.wordNgrams != 2 or arguments.loss.name != "ova":
                raise ValueError("not trained as models/fit.py does: loss ova, wordNgrams 2, maxn 0, not quantized")
            matrix = np.array(model.f.getInputMatrix(), dtype=np.float32)
            self._output = np.array(model.f.getOutputMatrix(), dtype=np.float32)
            words = model.f.getVocab("strict")[0]
            self.labels = tuple(label.removeprefix(_PREFIX) for label in model.f.getLabels("strict")[0])
        except (RuntimeError, MemoryError) as error:
            raise ValueError(str(error)) from error
        if (
            arguments.bucket < 1
            or len(matrix) != len(words) + arguments.bucket
            or len(self._output) != len(self.labels)
        ):
            raise ValueError("the dictionary does not fit the matrices")
        self._bucket = np.uint64(arguments.bucket)
        self._words = len(words)
        self._unknown = len(matrix)  # a row of zeros, for words the model does not know
        self._rows = np.vstack([matrix, np.zeros((1, matrix.shape[1]), dtype=np.float32)])
        self._hash_of = _character_hashes()
        self._row_of = np.full(0x110000, self._unknown, dtype=np.int32)
        self._vocabulary = np.zeros(len(words), dtype=np.uint32)
        self._end_row = self._unknown
        long: list[int] = []
        for row, word in enumerate(words):
            if len(word) == 1:
                self._row_of[ord(word)] = row
            elif word == _END:
                self._end_row = row
            else:
                long.append(row)
        spelled = [words[row].encode("utf-8", "surrogateescape") for row in long]
        width = max(map(len, spelled), default=1)
        letters = np.array([list(word.ljust(width, b"\0")) for word in spelled], dtype=np.uint8).reshape(-1, width)
        self._vocabulary[long] = _fnv(letters, np.array([len(word) for word in spelled], dtype=np.int64))
        end = np.frombuffer(_END.encode(), dtype=np.uint8).reshape(1, -1)
        self._end_hash = _fnv(end, np.array([len(_END)]))[0]
        self._tables = self._place(np.array(long, dtype=np.int32))

    def _place(self, rows: npt.NDArray[np.int32]) -> list[npt.NDArray[np.int32]]:
        """Tables from a part of the hash to the row; words that meet in one table are put into the next."""
        tables: list[npt.NDArray[np.int32]] = []
        while len(rows) and len(tables) < 4:  # two are enough nearly always; equal hashes would never part
            table = np.full(_SLOTS, -1, dtype=np.int32)
            slot = self._slot(self._vocabulary[rows], len(tables))
            table[slot] = rows
            rows = rows[table[slot] != rows]
            tables.append(table)
        return tables

    @staticmethod
    def _slot(hashes: Hashes, table: int) -> Hashes:
        return (hashes >> np.uint32(4 * table)) & np.uint32(_SLOTS - 1)

    def _look_up(self, found: Tokens) -> tuple[Hashes, npt.NDArray[np.int32]]:
        """Hash and row of each token, the row of zeros for a word the model does not know."""
        codes = found.codes.take(found.first).astype(np.intp)
        hashes, rows = self._hash_of.take(codes), self._row_of.take(codes)
        word = np.flatnonzero(found.last > found.first)
        if len(word):
            length = (found.last[word] - found.first[word] + 1).astype(np.uint8)
            order = np.argsort(~length, kind="stable")  # the longest first
            word, length = word[order], length[order]
            spelled = np.full(len(word), _OFFSET)
            first = found.first[word]
            for place in range(int(length[0])):
                going = int(np.searchsorted(~length, ~np.uint8(place)))  # so many words are longer
                letters = found.codes.take(first[:going] + place)
                spelled[:going] = (spelled[:going] ^ letters) * _PRIME
            row = np.full(len(word), self._unknown, dtype=np.int32)
            for number, table in enumerate(self._tables):
                candidate = table.take(self._slot(spelled, number))
                known = (candidate >= 0) & (self._vocabulary[candidate] == spelled)
                row[known] = candidate[known]
            hashes[word], rows[word] = spelled, row
        return hashes, rows

    def odds(self, found: Tokens, low: Offsets, high: Offsets) -> tuple[Odds, Odds]:
        """The log odds of each label (columns) in each window `[low, high)` of tokens (rows); no window may be empty.

        The second is the share of each window's tokens that the model knows.
        """
        mean, known = self._hidden(found, low, high)
        hidden = mean.astype(np.float64)
        result = np.zeros((len(low), len(self._output)))
        for column in range(hidden.shape[1]):  # not by BLAS: its rounding depends on the number of windows
            result += hidden[:, column, None] * self._output[:, column]
        return result, known

    def _hidden(self, found: Tokens, low: Offsets, high: Offsets) -> tuple[npt.NDArray[np.float32], Odds]:
        """The mean of the rows of each window's features: its tokens, its neighbouring pairs, and the end of a line."""
        size = high - low
        total = np.cumsum(size)
        if not len(low):
            return np.zeros((0, self._rows.shape[1]), dtype=np.float32), np.zeros(0)
        hashes, rows = self._look_up(found)
        if total[-1] != len(rows):  # a document too long has gaps between its windows
            taken = np.repeat(low - (total - size), size) + np.arange(total[-1])
            hashes, rows = hashes[taken], rows[taken]
        wide = hashes.view(np.int32).astype(np.int64).view(np.uint64)  # fastText widens hashes as signed numbers
        following = np.empty_like(wide)
        following[:-1] = wide[1:]
        following[total - 1] = self._end_hash.astype(np.int32).astype(np.int64).astype(np.uint64)
        pair = wide * _PAIR + following
        pair -= pair // self._bucket * self._bucket  # numpy divides faster than it takes remainders
        features = np.empty((len(rows), 2), dtype=np.int32)
        features[:, 0] = rows
        features[:, 1] = pair
        features[:, 1] += self._words
        pointer = np.append(0, 2 * total).astype(np.int32)
        ones = np.ones(2 * len(rows), dtype=np.float32)
        shape = (len(low), len(self._rows))
        from scipy import sparse  # slow to import, and not needed where nothing is scored

        summed = sparse.csr_matrix((ones, features.ravel(), pointer), shape=shape, copy=False) @ self._rows
        known = np.add.reduceat(rows != self._unknown, total - size, dtype=np.int64)
        mean: npt.NDArray[np.float32] = (summed + self._rows[self._end_row]) / (size + known + 1)[:, None].astype(
            np.float32
        )
        return mean, known / size
