"""Fills a new review file from what a round has drawn: items, texts, verdicts carried over, and what is open to be read."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import RunFailed
from pipeline.store.scans import sha256_file
from review.database import Database
from review.events import append
from review.schema import FREEZE, SCHEMA
from rounds.tables import FIRST, REPEAT, SECOND
from schemas.chain import read_chain

_LEAST_GAP, _GAPS = 20, 60  # a repeated text comes after that many other decisions of its reader, by the seed
_ROWS = 64


def fill(database: Database, folder: Path, drawn: dict[str, Any], about: dict[str, str], now: float) -> None:
    """Makes the tables in one transaction; nothing happens where they are there already."""
    items = folder / "items.parquet"
    with database.read() as connection:
        if is_made(connection):
            return
    with database.write() as connection:
        if is_made(connection):  # by another process meanwhile
            return
        checked_file(items, drawn["items_sha256"])
        _execute(connection, SCHEMA)
        seed = str(drawn["seed"])
        for row in read_items(items):
            _insert(connection, row, seed)
        _carry(connection, items, folder.parent)
        _execute(connection, FREEZE)
        told = {**about, "items_sha256": drawn["items_sha256"], "machine_sha256": drawn["machine_sha256"], "seed": seed}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", told.items())
        append(connection, now, "review_opened", **told)


def is_made(connection: sqlite3.Connection) -> bool:
    """Whether the tables are there."""
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone() is not None


def checked_file(path: Path, sha256: str) -> None:
    """Raises RunFailed unless the file is the one the register names."""
    if not path.is_file():
        raise RunFailed(f"{path}: 文件不在 / the file is not there: restore it from a backup of OUT/rounds")
    if sha256_file(path) != sha256:
        raise RunFailed(f"{path}: 与登记的摘要不符 / is not the file the register names: restore it from a backup")


def read_items(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of items.parquet, a few at a time: texts may be long."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS):
            yield from batch.to_pylist()


def gap_of(seed: str, item_no: int) -> int:
    """After how many other decisions its reader meets a repeated text: nobody can count on it."""
    return _LEAST_GAP + int(hashlib.sha256(f"{seed}\ngap\n{item_no}".encode()).hexdigest()[:8], 16) % _GAPS


def item_row(row: dict[str, Any], seed: str) -> tuple[Any, ...]:
    """An item of the round as the table `items` has it."""
    samples = json.dumps(row["samples"], ensure_ascii=False)
    carried = row["carried_from"] is not None
    gap = gap_of(seed, row["item_no"]) if row["kind"] == REPEAT else 0
    kept = (row["item_no"], row["kind"], row["bucket"], row["stage"], row["source_id"], row["content_hash"])
    return (*kept, len(row["text"]), samples, int(row["second"]), row["repeat_of"], gap, int(carried))


def _insert(connection: sqlite3.Connection, row: dict[str, Any], seed: str) -> None:
    connection.execute(f"INSERT INTO items VALUES ({', '.join('?' * 12)})", item_row(row, seed))
    connection.execute("INSERT INTO texts VALUES (?, ?)", (row["item_no"], row["text"]))
    if row["carried_from"] is None:
        readings = (FIRST, SECOND) if row["second"] else (FIRST,)
        connection.executemany("INSERT INTO open VALUES (?, ?)", [(reading, row["item_no"]) for reading in readings])


def _carry(connection: sqlite3.Connection, items: Path, rounds: Path) -> None:
    """The verdicts of items whose verdict holds from an earlier round. Raises RunFailed where one cannot be found."""
    columns = ["item_no", "doc_id", "content_hash", "carried_from"]
    carried = [row for row in pq.read_table(items, columns=columns).to_pylist() if row["carried_from"] is not None]
    earlier = {name: _finals_of(rounds / name) for name in sorted({row["carried_from"] for row in carried})}
    for row in carried:
        found = earlier[row["carried_from"]].get((row["doc_id"], row["content_hash"]))
        if found is None:
            raise RunFailed(
                f"{items}: 第 {row['item_no']} 条沿用自 {row['carried_from']}，但那里没有结论 / item {row['item_no']} is "
                f"carried from {row['carried_from']}, which has no verdict on it: draw the round again"
            )
        kept = (row["item_no"], found["verdict"], json.dumps(found["risks"]), json.dumps(found["personal"]))
        connection.execute("INSERT INTO carried VALUES (?, ?, ?, ?)", kept)


def _finals_of(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Verdicts of a closed round by document and text. Raises RunFailed where its files are not those on record."""
    stated: dict[str, Any] = {}
    for event in read_chain(folder.parent / "register.ndjson")[0]:
        if event["round"] == folder.name:
            stated |= event
    for name in ("items", "finals"):
        checked_file(folder / f"{name}.parquet", str(stated.get(f"{name}_sha256")))
    try:
        items = pq.read_table(folder / "items.parquet", columns=["item_no", "doc_id", "content_hash"])
        finals = {row["item_no"]: row for row in pq.read_table(folder / "finals.parquet").to_pylist()}
    except (OSError, pa.ArrowException) as error:
        raise RunFailed(f"{folder}: 沿用的轮次读不到 / the round carried over cannot be read: {error}") from None
    return {
        (row["doc_id"], row["content_hash"]): finals[row["item_no"]]
        for row in items.to_pylist()
        if row["item_no"] in finals
    }


def _execute(connection: sqlite3.Connection, script: str) -> None:
    """The statements of a script within the transaction; executescript() would end it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
