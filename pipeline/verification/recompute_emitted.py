"""What the manifests of emitted corpora state, made again from the run's documents and findings.

The corpora themselves lie outside the output folder; their files have digests in these manifests.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipeline.database import parquet_list, quoted
from pipeline.emission.emitted import MASK, EmittedCorpus, corpora
from pipeline.emission.masking import total
from pipeline.errors import RunFailed
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from pipeline.verification.recomputation import Recomputation, mapping_difference
from schemas.personal_information import catalogue

SIZES = ("documents", "bytes", "audited_bytes", "file_bytes")


def emitted(data: Recomputation) -> Iterator[str]:
    """Every corpus of the run holds all that was admitted, and a masked one has masked all that was found."""
    try:
        found = corpora(Output(data.run.folder.parent.parent), data.run.folder.name)
    except RunFailed as error:
        yield from str(error).splitlines()
        return
    for corpus in found:
        name, manifest = corpus.path.name, corpus.manifest
        for problem in (*_whole(data, corpus), *(_masked(data, corpus) if corpus.mode == MASK else ())):
            yield f"{name}: {problem}"
        if manifest["run_manifest_sha256"] != sha256_file(data.run.folder / "manifest.json"):
            yield f"{name}: 不是这次运行的 / is not of this run"
        if manifest["personal_information"] != corpus.mode:
            yield f"{name}: 个人信息的处理方式与文件名不符 / personal_information is not what its name says"


def _whole(data: Recomputation, corpus: EmittedCorpus) -> Iterator[str]:
    manifest = corpus.manifest
    admitted = {
        f"{source}/{shard}": [documents, int(size)]
        for source, shard, documents, size in data.rows(
            "SELECT source_id, shard, count(*), sum(bytes) FROM documents WHERE admitted GROUP BY ALL"
        )
    }
    entries: list[dict[str, Any]] = manifest["files"]
    stated = {f"{e['source_id']}/{e['shard']}": [e["documents"], e["audited_bytes"]] for e in entries}
    yield from mapping_difference("files", admitted, stated)
    sums: dict[str, Any] = {"files": len(entries), **{size: sum(e[size] for e in entries) for size in SIZES}}
    if corpus.mode == MASK:
        sums["masked"] = total([e["masked"] for e in entries])
    yield from mapping_difference("totals", sums, manifest["totals"])
    if _frame(data) != manifest["frame_sha256"]:
        yield "frame_sha256: 与准入语料不符 / is not that of the admitted documents"
    if corpus.mode != MASK and any(e["bytes"] != e["audited_bytes"] or "masked" in e for e in entries):
        yield "files: 未脱敏的语料与审计的大小不符 / of a corpus that keeps its texts sizes differ from the audited ones"


def _frame(data: Recomputation) -> str:
    digest = hashlib.sha256()
    rows = data.sql.execute("SELECT doc_id, content_hash FROM documents WHERE admitted ORDER BY ALL")
    while block := rows.fetchmany(8192):
        digest.update("".join(f"{doc_id}\n{content_hash}\n" for doc_id, content_hash in block).encode())
    return digest.hexdigest()


def _masked(data: Recomputation, corpus: EmittedCorpus) -> Iterator[str]:
    """By shard and type as many documents and findings as the audit found: of those that count it keeps all."""
    kept = [name for name, kind in catalogue().types.items() if kind.class_ == "organisation"]
    listed = f"[{', '.join(map(quoted, kept))}]::VARCHAR[]"
    documents = {
        f"{source}/{shard} {kind}": count
        for source, shard, kind, count in data.rows(
            f"""SELECT source_id, shard, kind, count(*) FROM
            (SELECT source_id, shard, unnest(list_concat(pii_types, other_types)) AS kind FROM documents WHERE admitted)
            WHERE NOT list_contains({listed}, kind) GROUP BY ALL"""
        )
    }
    stated: dict[str, int] = {}
    masked: Counter[str] = Counter()
    for entry in corpus.manifest["files"]:
        for kind, counts in entry["masked"]["by_type"].items():
            place = f"{entry['source_id']}/{entry['shard']} {kind}"
            stated[place], masked[place] = counts["documents"], counts["findings"]
    yield from mapping_difference("masked", documents, stated)
    for source, shard, kind, findings in data.rows(
        f"""SELECT source_id, shard, pii_type, count(*) FROM findings
        WHERE admitted AND verdict IN ('personal_information', 'credential') AND NOT list_contains({listed}, pii_type)
        GROUP BY ALL ORDER BY ALL"""
    ):
        number = masked[f"{source}/{shard} {kind}"]
        if number != findings:
            yield f"masked {source}/{shard} {kind}: 记载 / stated {number}，审计 / audited {findings}"
    assert corpus.texts is not None
    strangers = data.rows(
        f"SELECT count(*) FROM {parquet_list([corpus.texts])} WHERE content_hash NOT IN "
        "(SELECT content_hash FROM documents WHERE admitted AND len(pii_types) + len(other_types) > 0)"
    )[0][0]
    if strangers:
        yield f"{corpus.texts.name}: {strangers} 条不属于含个人信息的准入语料 / are not of admitted documents with findings"
