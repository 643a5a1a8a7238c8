"""Ordinary text: what a classifier must stay silent on. Read from files of documents and cut into pieces."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from models.rows import Row, records, uniform
from schemas.loading import DocumentError
from transforms.classifier import NONE

PIECE = (20, 4000)  # characters; lengths between them are drawn evenly on a logarithmic scale
HELD, DEV = 0.25, 0.15  # of the documents: for the thresholds, for the figures
LIMIT = 4000  # pieces a source and split: ordinary text must not drown the risks

_LETTERS, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
_MADE_UP = (1, 9)  # signs
_SUFFIXES = (".parquet", ".txt", ".jsonl", ".jsonl.gz", ".jsonl.zst")


def documents(path: Path) -> Iterator[str]:
    """The texts of the documents of a file, or of all files of a folder, in a stable order. Raises DocumentError."""
    found = sorted(p for p in path.rglob("*") if p.name.endswith(_SUFFIXES)) if path.is_dir() else [path]
    if not path.exists() or not found:
        raise DocumentError(str(path), [f"没有可读的文本 / no text to read ({', '.join(_SUFFIXES)}) there"])
    for file in found:
        yield from _file(file)


def _file(file: Path) -> Iterator[str]:
    if file.suffix == ".parquet":
        try:
            column = pq.read_table(file, columns=["text"])["text"]
        except (pa.ArrowException, OSError, KeyError) as error:
            raise DocumentError(str(file), [f"无法读取 text 列 / its column text cannot be read: {error}"]) from None
        yield from (text for text in column.to_pylist() if text)
    elif file.suffix == ".txt":
        yield file.read_text(encoding="utf-8", errors="replace")
    else:
        for number, line in records(file):
            try:
                text = orjson.loads(line)["text"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                text = None
            if not isinstance(text, str):
                raise DocumentError(
                    str(file), [f"第 {number} 行没有 text / line {number} is no JSON object with a string `text`"]
                )
            yield text


def pieces(key: str, text: str) -> Iterator[str]:
    """A document cut into consecutive pieces as long as PIECE says; a rest below the shortest is left."""
    shortest, longest = PIECE
    begin = 0
    while begin < len(text) and (begin == 0 or len(text) - begin >= shortest):
        length = round(math.exp(math.log(shortest) + uniform(f"{key}/{begin}") * math.log(longest / shortest)))
        yield text[begin : begin + length]
        begin += length


def ordinary_rows(source: str, path: Path) -> list[Row]:
    """At most LIMIT pieces a split, split by document.

    A document is known by its text: copies of it are of one split and are cut alike, wherever they lie.
    """
    chosen: dict[str, set[tuple[float, str]]] = {"train": set(), "held": set(), "dev": set()}
    for text in documents(path):
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        place = uniform(f"split/{key}")
        split = "held" if place < HELD else "dev" if place < HELD + DEV else "train"
        chosen[split] |= {
            (uniform(f"{key}#{number}"), piece) for number, piece in enumerate(pieces(key, text)) if piece.strip()
        }
    harmless = frozenset({NONE})
    return [
        Row(source, split, harmless, piece, "ordinary")
        for split, found in chosen.items()
        for _, piece in sorted(found)[:LIMIT]
    ]


def scrambled(rows: Sequence[Row], share: float) -> list[Row]:
    """Harmless texts without sense, made from a share of the rows: their characters in random order, made-up
    words and numbers between.

    The model knows pairs of tokens by a hash only. In a kind of text it never saw, code for example, most pairs fall on
    others' places; these texts teach it that such pairs mean nothing.
    """
    result = []
    for row in rows:
        key = f"scrambled/{row.source}/{row.text}"
        if uniform(key) >= share:
            continue
        drawn = np.random.default_rng(int(uniform(f"{key}/seed") * 2**53))
        text = row.text[:600]
        parts = [text[i] for i in drawn.permutation(len(text))]
        for place in range(0, len(parts), 3):
            signs = _LETTERS if drawn.random() < 0.6 else _DIGITS
            made_up = drawn.integers(0, len(signs), int(drawn.integers(*_MADE_UP)))
            parts[place] = f" {''.join(signs[i] for i in made_up)} "
        result.append(replace(row, source="scrambled", text="".join(parts), labels=frozenset({NONE}), form="template"))
    return result
