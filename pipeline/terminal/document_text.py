"""The text of one document, read from its shard again and checked against its hash."""

import pyarrow as pa

from pipeline.config import Limits
from pipeline.errors import UsageError
from pipeline.plan import Member, Shard, Unit
from pipeline.readers import layout_of
from pipeline.readers.base import Tray
from pipeline.scan import read_unit
from pipeline.store.output import Run
from pipeline.terminal.opening import open_audit
from schemas.sources import SourceRecord
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch


def document_text(run: Run, doc_id: str) -> list[str]:
    """The text of a document, read from its shard and checked against its hash; every copy of a repeated id."""
    with open_audit(run) as connection:
        query = 'SELECT source_id, shard, "row", content_hash FROM documents WHERE doc_id = ? ORDER BY shard, "row"'
        places = connection.execute(query, [doc_id]).fetchall()
    if not places:
        raise UsageError(f"没有这个语料编号 / no document has this id: {doc_id}")
    return [_read(run, *place) for place in places]


def _read(run: Run, source_id: str, shard_name: str, row: int, content_hash: str) -> str:
    source = next(SourceRecord.model_validate(s) for s in run.manifest["config"]["sources"] if s["id"] == source_id)
    entry = next(s for s in run.manifest["shards"] if (s["source_id"], s["shard"]) == (source_id, shard_name))
    layout = layout_of(shard_name, source.format)
    assert layout is not None, shard_name
    limits = Limits.model_validate(run.manifest["config"]["limits"])
    shard = Shard(shard_name, entry["url"], entry["bytes"], entry["version"], layout)
    unit = Unit(source, 0, (Member(shard, 0, shard.size),))
    for records in read_unit(unit, Tray(limits.document_bytes), limits):
        rows = records.column("row").to_pylist()
        if row in rows:
            batch = TextBatch(records.take(pa.array([rows.index(row)])))
            if content_hashes(batch)[0].as_py().hex() == content_hash:
                return batch.strings[0]
            break
    raise UsageError(
        f"{source_id}/{shard_name} 第 {row} 行与审计时不同 / row {row} of {source_id}/{shard_name} is not what was audited: the shard changed"
    )
