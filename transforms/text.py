"""The unit of work of every scan stage: a RecordBatch of documents and views of its text, each computed once.

Python strings are slow one at a time and large arrays fall out of cache, so the stages work on *blocks*: up to
1024 documents joined into one array of code points. What a stage computes must not depend on where blocks or batches
begin; the tests of the laws run each stage over several ways of splitting the same documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BLOCK_DOCUMENTS = 1024
BLOCK_CODE_POINTS = 128 * 1024

CodePoints = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Neighbouring documents of a batch as one array of code points.

    `first` is the index in the batch of the block's first document; document `first + i` is
    `codes[starts[i]:starts[i + 1]]`. Documents stand directly behind one another, without a separator.
    """

    first: int
    codes: CodePoints
    starts: Offsets

    def __len__(self) -> int:
        return len(self.starts) - 1


class TextBatch:
    """Documents of one batch: the Arrow columns as read, the texts as strings, and the texts as blocks.

    `records` holds at least the column `text` (large_string, no nulls). A stage reads what it needs and returns its own
    columns; it never changes a document.
    """

    def __init__(self, records: pa.RecordBatch) -> None:
        self.records = records
        self.text: pa.LargeStringArray = records.column("text")

    def __len__(self) -> int:
        return int(self.records.num_rows)

    @cached_property
    def strings(self) -> list[str]:
        """The texts as Python strings, in row order."""
        strings: list[str] = self.text.to_pylist()
        return strings

    @cached_property
    def chars(self) -> Offsets:
        """Length of each text in code points."""
        return np.asarray(pc.utf8_length(self.text), dtype=np.int64)

    @cached_property
    def utf8_bytes(self) -> Offsets:
        """Length of each text in bytes of UTF-8."""
        return np.asarray(pc.binary_length(self.text), dtype=np.int64)

    @cached_property
    def blocks(self) -> list[Block]:
        """All documents in row order, many to a block; a document larger than a block stands alone."""
        return list(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        lengths = self.chars
        first = 0
        while first < len(lengths):
            last, total = first, 0
            while last < len(lengths) and last - first < BLOCK_DOCUMENTS:
                if last > first and total + int(lengths[last]) > BLOCK_CODE_POINTS:
                    break
                total += int(lengths[last])
                last += 1
            joined = "".join(self.strings[first:last])
            starts = np.zeros(last - first + 1, dtype=np.int64)
            np.cumsum(lengths[first:last], out=starts[1:])
            yield Block(first, np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32), starts)
            first = last


class Stage(Protocol):
    """A step of the scan: documents in, columns of facts out.

    `name` is the layer the columns are stored in, `schema` the columns a call returns, rows aligned with the batch.
    Calls are pure: equal documents give equal rows, however they are batched.
    """

    name: ClassVar[str]
    schema: ClassVar[pa.Schema]

    def fingerprint(self) -> str:
        """Digest of everything that can change this stage's output for the same text: version, data and model files."""
        ...

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """The facts found in each document of the batch."""
        ...
