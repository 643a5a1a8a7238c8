"""Sources that hold what a listed one held, told again: none of them is admitted under its new name."""

from collections.abc import Iterator

from blacklist.log import replay
from pipeline.nights import history
from pipeline.origins.held import KEY, Held, Listing, active_sources, as_stated, listing
from pipeline.origins.renames import Having, Rename, domain_counts, held_texts, judged
from pipeline.store.output import Run
from pipeline.verification.recomputation import Recomputation
from schemas.chain import GENESIS


def renames(data: Recomputation) -> Iterator[str]:
    """What listed sources held is carried on, and who holds it is listed or lifted for this very content."""
    stated = data.manifest.get(KEY)
    if stated is None:
        if active_sources(data.events[: _place(data, data.manifest["blacklist_head"])]):
            yield "manifest.json: 未载明黑名单来源曾有的分片：请重新运行 / does not say what listed sources held: run again"
        return
    events = data.events[: _place(data, stated["blacklist_head"])]
    known = as_stated(stated, events, _earlier(data, stated["before"]), data.sources, data.profile.diversity.merge)
    yield from _carried(data, known)
    found = _found(data, known)
    data.renamed = frozenset(one.source_id for one in found)
    ruleset, versions = data.manifest["ruleset_sha256"], data.manifest["source_versions"]
    entries = {
        entry.source_key: entry
        for entry in replay(data.events[: _place(data, data.manifest["blacklist_head"])])
        if entry.scope != "domain"
    }
    for one in found:
        if not one.same:
            continue
        entry = entries.get(one.source_id)
        lifted = entry is not None and (entry.source_version, entry.ruleset_sha256) == (
            versions.get(one.source_id),
            ruleset,
        )
        if entry is None or not (entry.active or lifted):
            yield (
                f"{one.source_id}: 与黑名单来源 {one.listed} 有 {one.shards} 个分片、{one.texts} 条抽取的正文相同，却不在黑名单 / holds {one.shards} shards "
                f"and {one.texts} sampled texts of the listed source {one.listed}, yet is not blacklisted"
            )


def _place(data: Recomputation, head: str) -> int:
    """How many events the log had when that was its head; all of them where it never was."""
    if head == GENESIS:
        return 0
    return next(
        (place for place, event in enumerate(data.events, start=1) if event["sha256"] == head), len(data.events)
    )


def _earlier(data: Recomputation, before: str | None) -> frozenset[str]:
    """The sources of the run before, by the history: the run itself may be pruned."""
    records = [record for record in history.runs(data.output) if record["run_id"] == before]
    return frozenset(row["source_id"] for record in records for row in record["sources"])


def _carried(data: Recomputation, known: Listing) -> Iterator[str]:
    """What is stated against the run before, while that is there."""
    listed = active_sources(data.events[: _place(data, known.head)])
    if sorted(known.held) != listed:
        yield f"manifest.json {KEY}: 不是当时黑名单上的来源 / are not the sources listed then: {', '.join(listed)}"
        return
    before = Run(data.output.runs / known.before) if known.before is not None else None
    if before is None or not before.folder.is_dir():
        return
    again = listing(data.output, data.events[: _place(data, known.head)], before, data.sources, known.merge)
    for name in listed:
        if again.held[name] not in (known.held[name], Held()):  # nothing is left where earlier runs were pruned
            yield (
                f"manifest.json {KEY} {name}: 不是运行 {known.before} 以来所载 / is not what was held up to the run {known.before}"
            )


def _found(data: Recomputation, known: Listing) -> list[Rename]:
    audited = {(row["source_id"], row["shard"]): row["audited"] for row in data.stored("ledger")}
    shards = [
        (shard["source_id"], part["sha256"])
        for shard in data.manifest["shards"]
        for part in shard["parts"]
        if part["sha256"] and audited.get((shard["source_id"], shard["shard"]))
    ]
    texts, domains = held_texts(known, data.rows, "documents"), domain_counts(known, data.rows, "documents", "1")
    return judged(known, Having(shards, texts, domains))
