"""From the configuration to units of work: which shards there are, and how they are split and packed.

Splitting and packing look at names and sizes only, so the same corpus is always cut the same way, and adding a file
changes the pack it falls into and seldom its neighbours (pack borders are chosen by the names of files, as in
content-defined chunking).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from pipeline.config import Config, Limits
from pipeline.errors import StoreError, StoreSilent, UsageError
from pipeline.readers import READER_VERSION, Layout, is_companion, layout_of, segments
from pipeline.store.listing import list_files
from pipeline.store.storage import without_secrets
from schemas.sources import SourceRecord


@dataclass(frozen=True)
class Shard:
    """A file of a source. `version` is its modification time or etag: with the size, what tells that it changed.

    `origin` is the real place of the file. Two files of equal name, size and time are not taken for one another.
    """

    name: str
    url: str
    size: int
    version: str
    layout: Layout
    origin: str = ""


@dataclass(frozen=True)
class Member:
    """A shard, or the part of one that begins at byte `start` and ends before byte `stop`.

    A part holds the records that begin in its range; of columnar shards `groups` names the row groups of the range.
    `ordinal` counts the parts of the shard from 0.
    """

    shard: Shard
    start: int
    stop: int
    groups: tuple[int, int] | None = None
    ordinal: int = 0
    parts: int = 1

    @property
    def weight(self) -> int:
        """Estimated bytes of text, for dealing work evenly."""
        return (self.stop - self.start) * self.shard.layout.expansion


@dataclass(frozen=True)
class Unit:
    """What is scanned, committed and resumed as one: some shards, one shard, or a part of one, all of one source."""

    source: SourceRecord
    ordinal: int
    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        """Name of the unit's files in a run."""
        return f"{self.source.id}-{self.ordinal:05d}"

    @property
    def weight(self) -> int:
        """Estimated bytes of text."""
        return sum(member.weight for member in self.members)

    def key(self, limits: Limits) -> str:
        """Digest of all that decides which records the unit holds and how they are read."""
        content = {
            "reader": READER_VERSION,
            "source": self.source.id,
            "encoding": self.source.encoding,
            "fields": self.source.fields.model_dump(mode="json"),
            "limits": [limits.document_bytes, limits.line_bytes, limits.expansion],
            "members": [
                [
                    *(m.shard.name, m.shard.origin, m.shard.size, m.shard.version, asdict(m.shard.layout)),
                    *(m.start, m.stop, m.groups),
                ]
                for m in self.members
            ],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """All units, in order of source and shard, and warnings about paths that matched nothing."""

    units: tuple[Unit, ...]
    warnings: tuple[str, ...] = ()

    @property
    def shards(self) -> int:
        """Number of shards."""
        return len({(unit.source.id, member.shard.name) for unit in self.units for member in unit.members})


class _Weighed(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def weight(self) -> int: ...


W = TypeVar("W", bound=_Weighed)


def make_plan(config: Config, allow_missing: bool = False) -> Plan:
    """Lists every source's shards and cuts them into units. Raises UsageError with all problems found."""
    problems: list[str] = []
    warnings: list[str] = []
    units: list[Unit] = []
    seen: dict[str, str] = {}
    silent: set[str] = set()
    for source in config.sources:
        shards = _shards(config.base, source, warnings if allow_missing else problems, problems, warnings, seen, silent)
        try:
            for ordinal, members in enumerate(_pack(shards, config.limits.unit_bytes)):
                units.append(Unit(source, ordinal, tuple(members)))
        except StoreError as error:
            problems.append(f"来源 {source.id} / source {source.id}: {error}")
    if problems:
        raise UsageError(problems)
    return Plan(tuple(units), tuple(warnings))


def deal(units: Sequence[W], hands: int) -> list[list[W]]:
    """Units as `hands` lists of about equal weight: the heaviest first, each to the hand with the least."""
    dealt: list[list[W]] = [[] for _ in range(max(1, hands))]
    loads = [0] * len(dealt)
    for unit in sorted(units, key=lambda unit: (-unit.weight, unit.name)):
        lightest = loads.index(min(loads))
        dealt[lightest].append(unit)
        loads[lightest] += unit.weight + 1
    return [hand for hand in dealt if hand]


def _shards(
    base: Path,
    source: SourceRecord,
    missing: list[str],
    problems: list[str],
    warnings: list[str],
    seen: dict[str, str],
    silent: set[str],
) -> list[Shard]:
    """The shards of a source in code-point order of their names. Stores that were `silent` once are not asked again."""
    shards: dict[str, Shard] = {}
    for pattern in source.paths:
        place = f"来源 {source.id} / source {source.id}: paths: {without_secrets(pattern)}"
        scheme = pattern.partition("://")[0]
        if scheme in silent:
            continue
        try:
            files = list_files(pattern, base)
        except StoreSilent as error:
            silent.add(scheme)
            problems.append(f"{place}: 无法列出文件 / cannot list files: {error}")
            continue
        except (OSError, ValueError, ImportError) as error:
            problems.append(f"{place}: 无法列出文件 / cannot list files: {error}")
            continue
        if not files:
            missing.append(
                f"{place}: 没有匹配到文件 / matches no file: check the path (relative to the configuration file), "
                f"or pass --allow-missing"
            )
        broad = _is_broad(pattern, [file.name for file in files])
        skipped: list[str] = []
        for file in files:
            layout = layout_of(file.name, source.format, source.records, source.encoding)
            if not file.name.isprintable() and not _encodable(file.name):
                problems.append(
                    f"{place}: {file.name!r}: 文件名不是 UTF-8 / the name of the file is not UTF-8: rename it"
                )
            elif file.size is None:
                missing.append(
                    f"{place}: {file.name}: 链接指向的文件不存在 / the link leads nowhere: mend or remove it"
                )
            elif broad and (layout is None or (is_companion(file.name) and source.format != "text")):
                skipped.append(file.name)
            elif layout is None:
                problems.append(
                    f"{place}: {file.name}: 无法从文件名判断格式 / cannot tell the format from the name: set `format` for the "
                    f"source: jsonl, parquet, csv, text, warc or wet"
                )
            elif file.identity in seen:
                problems.append(
                    f"{place}: {file.name}: 同一文件出现两次 / the same file is already read as {seen[file.identity]}: remove one path"
                )
            elif file.name in shards:
                problems.append(
                    f"{place}: {file.name}: 同一来源内分片重名 / a shard of this name already comes from "
                    f"{shards[file.name].url}: use one path with a glob above both folders"
                )
            else:
                seen[file.identity] = f"{source.id}:{file.name}"
                shards[file.name] = Shard(file.name, file.location, file.size, file.version, layout, file.origin)
        if skipped:
            some = ", ".join(skipped[:5]) + (", …" if len(skipped) > 5 else "")
            warnings.append(
                f"{place}: 跳过 {len(skipped)} 个不是语料或格式不明的文件 / {len(skipped)} files that are no data or of unknown "
                f"format are skipped: {some}"
            )
        if files and len(skipped) == len(files):
            problems.append(f"{place}: 没有已知格式的文件 / no file of a known format: set `format` for the source")
    return [shards[name] for name in sorted(shards)]


def _is_broad(pattern: str, names: Sequence[str]) -> bool:
    """Whether a path means all below a folder, whatever it is, rather than files chosen by name."""
    last = pattern.rstrip("/").rpartition("/")[2]
    if "*" in pattern or "?" in pattern or "[" in pattern:
        return last == "**" or (last == "*" and "**/" in pattern)
    return list(names) != [last]


def _pack(shards: Iterable[Shard], unit_bytes: int) -> Iterator[list[Member]]:
    """Splits what is large, packs what is small. A pack ends at its size, or where the name of a file says so."""
    pack: list[Member] = []
    weight = 0
    for shard in shards:
        members = list(_members(shard, unit_bytes))
        if len(members) > 1 or members[0].weight >= unit_bytes:
            if pack:
                yield pack
            pack, weight = [], 0
            for member in members:
                yield [member]
            continue
        member = members[0]
        if pack and weight + member.weight > unit_bytes:
            yield pack
            pack, weight = [], 0
        pack.append(member)
        weight += member.weight
        if weight >= unit_bytes // 4 and _border(shard.name, member.weight + 4096, unit_bytes // 4):
            yield pack
            pack, weight = [], 0
    if pack:
        yield pack


def _border(name: str, weight: int, spacing: int) -> bool:
    """Whether a pack ends behind this file: on average once in `spacing` bytes, whatever stands around it."""
    draw = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8])
    return draw * spacing < (weight << 64)


def _members(shard: Shard, unit_bytes: int) -> Iterator[Member]:
    if shard.size * shard.layout.expansion <= unit_bytes + unit_bytes // 2:
        yield Member(shard, 0, shard.size)
        return
    cuts = segments(shard.url, shard.size, shard.layout, unit_bytes)
    for ordinal, (start, stop, groups) in enumerate(cuts):
        yield Member(shard, start, stop, groups, ordinal, len(cuts))


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
