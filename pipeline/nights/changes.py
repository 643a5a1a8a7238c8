"""What changed from one published run to another: documents, rates, shards, decisions, blacklist and inputs."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from blacklist.log import BlacklistLog, ChainBroken
from blacklist.rule import exceeds
from pipeline.errors import UsageError
from pipeline.nights import history
from pipeline.nights.document_changes import DocumentChanges, compare_documents
from pipeline.store.output import Output, Run
from pipeline.terminal.query import Answer
from schemas.chain import GENESIS, read_chain

TOTAL = "合计 / total"
NEAR = (4, 5)  # of the maximum: from here on a source is near it, at 4 % where the maximum is 5 %
_KINDS = ("new", "changed", "removed")
_SHOWN = 120  # characters of a value of an input
_LABELS = (
    ("software_version", "软件 / software"),
    ("seed", "抽样种子 / seed"),
    ("profile", "口径 / profile"),
    ("policy", "策略 / policy"),
    ("versions.lexicon", "词库 / lexicon"),
    ("versions.stages.keywords", "关键词阶段 / keywords stage"),
    ("versions.stages.classifier", "分类模型 / classifier"),
    ("versions.labels_sha256", "分类模型 / classifier"),
    ("versions.thresholds", "分类阈值 / thresholds"),
    ("versions.stages", "阶段 / stage"),
    ("versions.libraries", "程序库 / library"),
    ("versions.salt", "盐 / salt"),
    ("config.sources", "来源申报 / declared source"),
    ("config.blocked", "屏蔽名单 / blocked lists"),
    ("evidence", "溯源材料 / evidence"),
    ("config", "配置 / configuration"),
)


def baseline(output: Output, run: Run, against: str | None) -> tuple[Run | None, str]:
    """The run to compare with and, where there is none, why. Raises UsageError for a run that cannot be compared with."""
    published = [record["run_id"] for record in read_chain(output.publications)[0]]
    gone = history.pruned(output)
    there = [name for name in published if name not in gone and (output.runs / name).is_dir()]
    if against is not None:
        if against in there:
            return Run(output.runs / against), ""
        was = "已被 prune 清理 / was pruned" if against in gone else "没有这个运行 / no such run"
        raise UsageError(f"--against {against}: {was}; available: {', '.join(there) or '—'}")
    earlier = [name for name in there if name != run.folder.name]
    if earlier:
        return Run(output.runs / earlier[-1]), ""
    if len(published) > 1:
        return None, (
            f"之前的运行都已清理，无可比较；prune 请至少保留 2 次 / all runs before {run.folder.name} were pruned: nothing to compare "
            f"with; prune with --keep 2 or more (rates: query history)"
        )
    return None, "这是第一次发布的运行，无可比较 / this is the first run published: nothing to compare with"


def documents(before: Run, after: Run, examples: int) -> list[Answer]:
    """Documents new, changed and removed by source, and whose admission changed."""
    found = compare_documents(before, after, examples)
    old, new = _documents(before), _documents(after)
    rows: list[tuple[Any, ...]] = []
    for source in sorted(old.keys() | new.keys()):
        counts = [found.kinds[source, kind] for kind in _KINDS]
        ids = [found.examples.get((source, kind), []) for kind in _KINDS]
        rows.append((source, old.get(source, 0), new.get(source, 0), *counts, *ids))
    sums = [sum(row[column] for row in rows) for column in range(1, 6)]
    columns = ["source_id", "documents_before", "documents", *_KINDS, *(f"{kind}_examples" for kind in _KINDS)]
    title = f"语料变化，较 {before.folder.name} / documents against {before.folder.name}"
    return [Answer("changes", title, columns, [(TOTAL, *sums, [], [], []), *rows]), _decisions(found)]


def _decisions(found: DocumentChanges) -> Answer:
    rows = [
        (source, was, now, count, found.examples[source, was, now])
        for (source, was, now), count in sorted(found.flips.items(), key=lambda flip: (-flip[1], flip[0]))
    ]
    columns = ["source_id", "before", "after", "documents", "examples"]
    return Answer("changes_decisions", "同一正文的处置变化 / same text, other decision", columns, rows)


def _documents(run: Run) -> dict[str, int]:
    return {row["source_id"]: row["documents"] for row in run.result["sources"]}


def rates(before: Run, after: Run) -> Answer:
    """Rates of each source, and whether it crossed the maximum or came near it."""
    rows = []
    old, new = ({row["source_id"]: row for row in run.result["sources"]} for run in (before, after))
    limits = [run.manifest["profile"]["source_rate"]["maximum"] for run in (before, after)]
    for source in sorted(old.keys() | new.keys()):
        was, now = old.get(source, {}), new.get(source, {})
        move = movement(zone(was, limits[0]), zone(now, limits[1]))
        counts = [row.get(key) for row in (was, now) for key in ("documents", "violations", "violation_rate")]
        rows.append(
            (source, move, *counts, now.get("rate_low"), now.get("rate_high"), was.get("status"), now.get("status"))
        )
    columns = ["source_id", "movement"]
    columns += [f"{key}{when}" for when in ("_before", "") for key in ("documents", "violations", "rate")]
    columns += ["rate_low", "rate_high", "status_before", "status"]
    title = (
        "违规率变化（过滤前），自门槛的五分之四起为接近 / rates before filtering; near from four fifths of the maximum"
    )
    return Answer("changes_rates", title, columns, sorted(rows, key=lambda row: (row[1] == "", row[0])))


def zone(row: dict[str, Any], maximum: Sequence[int]) -> str:
    """`above` the maximum, `near` it, or `below`; empty without documents. In whole numbers."""
    violations, total = row.get("violations", 0), row.get("documents", 0)
    if not total:
        return ""
    if exceeds(violations, total, (maximum[0], maximum[1])):
        return "above"
    near = violations * maximum[1] * NEAR[1] >= total * maximum[0] * NEAR[0]
    return "near" if near else "below"


def movement(was: str, now: str) -> str:
    """How a source moved between zones; empty where it stayed below, or has gone."""
    if now == "above":
        return "above" if was == "above" else "rose_above"
    if now and was == "above":
        return "fell_to_near" if now == "near" else "fell_below"
    if now == "near":
        return "near" if was == "near" else "came_near"
    return "left_near" if now and was == "near" else ""


def shards(before: Run, after: Run, examples: int) -> Answer:
    """Shards new, changed, gone, and written again with the same bytes, by source."""
    old, new = _shards(before), _shards(after)
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    sizes: Counter[tuple[str, str]] = Counter()
    for source, shard in sorted(old.keys() | new.keys()):
        was, now = old.get((source, shard)), new.get((source, shard))
        kind = _shard_change(was, now)
        if kind:
            names[source, kind].append(shard)
            sizes[source, kind] += (now or was or {}).get("bytes", 0)
    for shard in after.manifest["quarantined"]:
        names[shard["source_id"], "quarantined"].append(shard["shard"])
    rows = [(*key, len(found), sizes[key], found[:examples]) for key, found in sorted(names.items())]
    columns = ["source_id", "change", "shards", "bytes", "examples"]
    title = "分片变化；touched 为重写而内容未变 / shards; touched: written again with the same content"
    return Answer("changes_shards", title, columns, rows)


def _shards(run: Run) -> dict[tuple[str, str], dict[str, Any]]:
    return {(shard["source_id"], shard["shard"]): shard for shard in run.manifest["shards"]}


def _shard_change(was: dict[str, Any] | None, now: dict[str, Any] | None) -> str:
    if was is None or now is None:
        return "new" if was is None else "gone"
    if (was["bytes"], was["version"]) == (now["bytes"], now["version"]):
        return ""
    read = all(part["sha256"] for part in now["parts"])
    return "touched" if read and was["parts"] == now["parts"] else "changed"


def blacklisting(output: Output, before: Run, after: Run) -> Answer:
    """Entries of the blacklist log since the earlier run; what came after the later one takes effect with the next."""
    try:
        events = BlacklistLog(output.blacklist).events()
    except ChainBroken as error:
        raise UsageError(f"黑名单记录被改动 / the blacklist log was changed:\n{error}") from None
    places = {GENESIS: 0} | {event["sha256"]: number for number, event in enumerate(events, start=1)}
    start, stop = (places.get(run.manifest["blacklist_head"], 0) for run in (before, after))
    rows = []
    for number, event in enumerate(events[start:], start=start + 1):
        told = event.get("evidence") or {}
        counts = [told.get(key) for key in ("documents", "violations", "rate")]
        effect = after.folder.name if number <= stop else "下次运行 / next run"
        entry = [event[key] for key in ("time", "event", "source_key", "scope", "reason", "by")]
        rows.append((*entry, *counts, effect))
    columns = ["time", "event", "source_key", "scope", "reason", "by", "documents", "violations", "rate", "in_effect"]
    return Answer(
        "changes_blacklist", "黑名单变化：列入、暂停与解除 / blacklist: entered, suspended, lifted", columns, rows
    )


def inputs(before: Run, after: Run) -> Answer:
    """Which inputs differ: software, configuration, profile, policy, lexicon, models, libraries, evidence."""
    rows: list[tuple[Any, ...]] = [("运行 / run", "run_id", before.folder.name, after.folder.name)]
    rows.append(("运行 / run", "started_at", *(run.manifest["started_at"] for run in (before, after))))
    rows += [("来源改名 / source renamed", "config.sources", was, now) for was, now in _renamed(before, after)]
    old, new = (dict(_flat(_inputs(run.manifest))) for run in (before, after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            label = next((label for prefix, label in _LABELS if key.startswith(prefix)), "其他 / other")
            rows.append((label, key, _cut(old.get(key)), _cut(new.get(key))))
    return Answer("changes_inputs", "输入变化 / inputs that changed", ["what", "input", "before", "after"], rows)


def _inputs(manifest: dict[str, Any]) -> dict[str, Any]:
    content = {
        key: manifest.get(key) for key in ("software_version", "seed", "profile", "policy", "versions", "evidence")
    }
    config = {key: value for key, value in manifest["config"].items() if key not in ("seed", "profile", "policy")}
    config["sources"] = {source["id"]: source for source in config["sources"]}
    return content | {"config": config}


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield place, json.dumps(sorted(value), ensure_ascii=False)  # most are sets, written in any order
    else:
        yield place, json.dumps(value, ensure_ascii=False, sort_keys=True)


def _cut(value: str | None) -> str:
    text = "—" if value is None else value.strip('"')
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _renamed(before: Run, after: Run) -> list[tuple[str, str]]:
    """Sources that went and came with the very same shards."""
    old, new = _contents(before), _contents(after)
    came = {content: source for source, content in new.items() if source not in old}
    return sorted((source, came[content]) for source, content in old.items() if source not in new and content in came)


def _contents(run: Run) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for (source, shard), told in sorted(_shards(run).items()):
        found[source].append(json.dumps([shard, told["bytes"], told["parts"]]))
    return {source: tuple(shards) for source, shards in found.items()}


PARTS: dict[str, Callable[[Output, Run, Run, int], Answer]] = {
    "changes_rates": lambda output, before, after, examples: rates(before, after),
    "changes_shards": lambda output, before, after, examples: shards(before, after, examples),
    "changes_blacklist": lambda output, before, after, examples: blacklisting(output, before, after),
    "changes_inputs": lambda output, before, after, examples: inputs(before, after),
}
