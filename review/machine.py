"""What the machine says of an item: shown to those who have judged it, and to those who never judge it."""

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from review.filling import checked_file

_SHOWN = ("risks", "candidate_risks", "pii_types", "findings")
# for a text that is in the round more than once: who saw its findings would not read the next copy blind
NOTHING: dict[str, Any] = {**{name: [] for name in _SHOWN}, "withheld": True}


class Machine:
    """The rows of machine.parquet by item; read when first asked for, once its digest is checked."""

    def __init__(self, path: Path, sha256: str) -> None:
        self._path = path
        self._sha256 = sha256
        self._lock = threading.Lock()
        self._table: pa.Table | None = None
        self._places: dict[int, int] = {}

    def load(self) -> None:
        """Reads and checks the file now. Raises RunFailed."""
        self._read()

    def of(self, item_no: int) -> dict[str, Any]:
        """Risks, candidates, kinds of personal information and findings. What a text was written for is never told."""
        table = self._read()
        place = self._places.get(item_no)
        if place is None:
            return {name: [] for name in _SHOWN}
        row = table.slice(place, 1).select(list(_SHOWN)).to_pylist()[0]
        return {name: row[name] for name in _SHOWN}

    def expected(self) -> list[dict[str, Any]]:
        """The risks known-answer texts were written for, by item; for figures of people alone."""
        rows: list[dict[str, Any]] = self._read().select(["item_no", "expected"]).to_pylist()
        return rows

    def _read(self) -> pa.Table:
        with self._lock:
            if self._table is None:
                checked_file(self._path, self._sha256)
                table = pq.read_table(self._path)
                self._places = {item: place for place, item in enumerate(table["item_no"].to_pylist())}
                self._table = table
            return self._table
