"""Sources on the blacklist under another name: who holds now what a listed source held (疑似改名).

A listing follows the shards and the texts, not the name. Shards are compared everywhere; texts in sources the run before
did not have, which costs nothing in a night without any. A site or a data set in common, of a source that came when the
listed one had gone, is a sign people look at: good sources share them too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blacklist.log import Entry
from pipeline.database import BOUNDED, connect, parquet_list, quoted
from pipeline.decisions import DecidedUnit
from pipeline.origins.held import BY, Listing, Query

_FEWEST = 8  # sampled texts another source must hold before they tell anything
DATASET, SITE = "dataset", "site"


@dataclass(frozen=True, order=True)
class Rename:
    """A source that may be a listed one: its shards in common, `texts` of `sampled` documents, and lesser signs.

    `same`: it holds what the listed one held, and is listed with it.
    """

    source_id: str
    listed: str
    shards: int
    texts: int
    sampled: int
    same: bool
    signs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Having:
    """What sources of a run have: shards and texts (source, hash), and documents by source and domain."""

    shards: Iterable[tuple[str, str]]
    texts: Iterable[tuple[str, str]] = ()
    domains: Mapping[tuple[str, str | None], int] = field(default_factory=dict)


def renames(
    listed: Listing, units: Sequence[DecidedUnit], documents: Sequence[Path], groups: Sequence[Path]
) -> list[Rename]:
    """The renames among decided units; `documents` and `groups` are their files, in the same order."""
    if not listed.held:
        return []
    new = [file for unit, file in zip(units, documents, strict=True) if unit.source_id not in listed.earlier]
    texts: list[tuple[str, str]] = []
    domains: dict[tuple[str, str | None], int] = {}
    with connect(memory=BOUNDED) as sql:

        def query(asked: str) -> list[tuple[Any, ...]]:
            return sql.execute(asked).fetchall()

        if new:
            texts = held_texts(listed, query, parquet_list(new))
        if groups:
            domains = domain_counts(listed, query, parquet_list(groups), "n")
    return judged(listed, Having(_read_shards(units), texts, domains))


def held_texts(listed: Listing, query: Query, documents: str) -> list[tuple[str, str]]:
    """Of sources the run before did not have: which sampled texts each holds."""
    wanted = sorted({text for held in listed.held.values() for text in held.texts})
    new = sorted(frozenset(listed.datasets) - listed.earlier)
    if not wanted or not new:
        return []
    hashes, names = (", ".join(map(quoted, some)) for some in (wanted, new))
    found = query(
        f"SELECT DISTINCT source_id, content_hash FROM {documents} WHERE source_id IN ({names}) AND content_hash IN ({hashes})"
    )
    return [(source, text) for source, text in found]


def domain_counts(listed: Listing, query: Query, documents: str, weight: str) -> dict[tuple[str, str | None], int]:
    """Documents by domain of the sources whose size or sites matter. A row stands for `weight` documents."""
    likened = [listed.likened(name) for name, held in listed.held.items() if held.sites]
    sampled = any(held.texts for held in listed.held.values())
    new = frozenset(listed.datasets) - listed.earlier if sampled else frozenset[str]()
    wanted = sorted(new.union(*likened))
    if not wanted:
        return {}
    names = ", ".join(map(quoted, wanted))
    rows = query(
        f"SELECT source_id, domain, sum({weight}) FROM {documents} WHERE source_id IN ({names}) GROUP BY source_id, domain"
    )
    return {(source, domain): int(count) for source, domain, count in rows}


def judged(listed: Listing, having: Having) -> list[Rename]:
    """Every source that shows anything of a listed one."""
    same, known = _common(listed, having.shards, "shards"), _common(listed, having.texts, "texts")
    sizes: Counter[str] = Counter()
    for (source, _), count in having.domains.items():
        sizes[source] += count
    signs = dict(_signs(listed, having.domains, sizes))
    renamed = []
    for source, name in sorted(same.keys() | known.keys() | signs.keys()):
        shards, texts, sampled = same[source, name], known[source, name], len(listed.held[name].texts)
        holds = shards > 0 or _mostly(listed, name, texts, sizes[source])
        if holds or (source, name) in signs:
            renamed.append(Rename(source, name, shards, texts, sampled, holds, signs.get((source, name), ())))
    return renamed


def _signs(
    listed: Listing, domains: Mapping[tuple[str, str | None], int], sizes: Mapping[str, int]
) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Data set and site in common, of sources that came when the listed one had gone."""
    numerator, denominator = listed.merge
    for name, held in listed.held.items():
        for source in sorted(listed.likened(name)):
            signs: tuple[str, ...] = ()
            if held.dataset is not None and listed.datasets[source] == held.dataset:
                signs += (DATASET,)
            shared = (domains.get((source, site), 0) for site in held.sites)
            if any(count and count * denominator >= numerator * sizes[source] for count in shared):
                signs += (SITE,)
            if signs and listed.names.get(name) != source:
                yield (source, name), signs


def _common(listed: Listing, having: Iterable[tuple[str, str]], part: str) -> Counter[tuple[str, str]]:
    """How much of what a listed source held another one has. What was renamed back is not the other's new name."""
    owners: dict[str, list[str]] = defaultdict(list)
    for name, held in listed.held.items():
        for one in getattr(held, part):
            owners[one].append(name)
    pairs = ((source, name) for source, one in set(having) for name in owners.get(one, ()))
    return Counter(pair for pair in pairs if pair[0] != pair[1] and listed.names.get(pair[1]) != pair[0])


def _mostly(listed: Listing, name: str, texts: int, documents: int) -> bool:
    """Whether most of the listed source is in another one, or most of that one was in the listed source."""
    numerator, denominator = listed.merge
    held = listed.held[name]
    sampled = len(held.texts)
    if texts < max(1, min(_FEWEST, sampled)):
        return False
    there = texts * denominator >= numerator * sampled
    return there or texts * held.documents * denominator >= numerator * documents * sampled


def _read_shards(units: Sequence[DecidedUnit]) -> Iterator[tuple[str, str]]:
    """Source and sha256 of every shard, or part of one, of a shard that holds documents."""
    audited: Counter[tuple[str, str]] = Counter()
    parts: list[tuple[str, str, str]] = []
    for unit in units:
        for member, book in zip(unit.scanned.unit.members, unit.scanned.ledgers, strict=True):
            audited[unit.source_id, member.shard.name] += book.audited
            if book.sha256:
                parts.append((unit.source_id, member.shard.name, book.sha256))
    return ((source, digest) for source, shard, digest in parts if audited[source, shard])


def following(told: Rename, entry: Entry, **evidence: Any) -> dict[str, Any]:
    """The listing of a source that holds what a listed one held, as strict as that one's own."""
    return {
        "event": "blacklisted",
        "source_key": told.source_id,
        "scope": entry.scope,
        "reason": (
            f"疑似改名：与黑名单来源 {told.listed} 有 {told.shards} 个分片相同，其抽取的 {told.sampled} 条正文中有 {told.texts} 条在此 / suspected rename: "
            f"holds {told.shards} shards of the listed source {told.listed}, and {told.texts} of {told.sampled} texts sampled of it"
        ),
        "by": BY,
        "evidence": {"renamed_from": told.listed, **{key: getattr(told, key) for key in ("shards", "texts", "sampled")}}
        | evidence,
    }
