"""What the machine says of chosen documents, from the run's own tables: kept apart, for people judge blind."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from rounds.items import Item
from rounds.samples import Document
from rounds.tables import FOUND

Place = tuple[str, str, int]
_PLACES = pa.schema([pa.field("source_id", pa.string()), pa.field("shard", pa.string()), pa.field("row", pa.int64())])
_FACTS = ("risks", "candidate_risks", "illegal_unhealthy", "pii_level", "pii_types")
_NOTHING: Mapping[str, Any] = {
    "risks": [],
    "candidate_risks": [],
    "illegal_unhealthy": False,
    "pii_level": "none",
    "pii_types": [],
    "findings": [],
}


def opinions(sql: duckdb.DuckDBPyConnection, documents: Iterable[Document]) -> dict[Place, dict[str, Any]]:
    """By place: decisions of the run and its findings, in order of position. `sql` is `documents_of` the run."""
    wanted = [dict(zip(_PLACES.names, document.place, strict=True)) for document in documents]
    sql.register("places", pa.Table.from_pylist(wanted, schema=_PLACES))
    here = 'source_id, shard, "row"'
    facts = ", ".join(_FACTS)
    rows = sql.execute(f"SELECT {here}, {facts} FROM documents SEMI JOIN places USING ({here})").fetchall()
    found = {tuple(row[:3]): {**dict(zip(_FACTS, row[3:], strict=True)), "findings": []} for row in rows}
    names = [FOUND.field(index).name for index in range(FOUND.num_fields)]
    listed = ", ".join(f'"{name}"' for name in names)
    order = f'{here}, "start", "end", detector, risk_id, pii_type, verdict, score'
    query = f"SELECT {here}, {listed} FROM findings SEMI JOIN places USING ({here}) ORDER BY {order}"
    for row in sql.execute(query).fetchall():
        found[tuple(row[:3])]["findings"].append(dict(zip(names, row[3:], strict=True)))
    sql.unregister("places")
    return found


def machine_rows(items: Sequence[Item], found: Mapping[Place, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of `machine.parquet`; of a known answer the risk it was written for, the run having never seen it."""
    for item in items:
        said = _NOTHING if item.document is None else found[item.document.place]
        yield {**said, "item_no": item.item_no, "expected": [item.known.risk] if item.known else []}
