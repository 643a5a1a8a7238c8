"""What an emitted corpus consists of: which shards make which files, in steps of their own, and under which keys."""

import contextlib
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config import Limits
from pipeline.plan import Unit
from pipeline.store.output import Run

VERSION = 2
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Piece:
    """A unit and the file of the decisions on it, row by row."""

    unit: Unit
    documents: str


@dataclass(frozen=True)
class Bundle:
    """What one step writes: the shards packed into a unit, or all parts of one shard.

    `targets` maps shard names to paths below the corpus; `key` changes with anything that can change the files;
    `previous` are the entries of the corpus in use that were written under the same key.
    """

    pieces: tuple[Piece, ...]
    targets: dict[str, str]
    key: str
    previous: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        """Name of the first unit."""
        return self.pieces[0].unit.name

    @property
    def weight(self) -> int:
        """Estimated bytes of text."""
        return sum(piece.unit.weight for piece in self.pieces)


def make_bundles(run: Run, units: Sequence[Unit], limits: Limits, masking: str | None, current: Path) -> list[Bundle]:
    """All bundles, with what the corpus in use has of them. `masking` is the masker's fingerprint, None without one."""
    digests = run.manifest["files"]
    previous: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with contextlib.suppress(OSError, ValueError, KeyError):
        for entry in json.loads((current / MANIFEST).read_bytes())["files"]:
            previous[entry["key"]].append(entry)
    targets = target_names(units)
    grouped: dict[tuple[str, str], list[Piece]] = defaultdict(list)
    for unit in units:
        first = unit.members[0] if unit.members else None
        split = first is not None and first.parts > 1
        piece = Piece(unit, str(run.folder / _decisions(unit)))
        if first is not None:
            grouped[unit.source.id, first.shard.name if split else f"/{unit.name}"].append(piece)
    bundles = []
    for pieces in grouped.values():
        own = {m.shard.name: targets[p.unit.source.id, m.shard.name] for p in pieces for m in p.unit.members}
        content = [
            VERSION,
            masking,
            [[p.unit.key(limits), digests[_decisions(p.unit)]["sha256"]] for p in pieces],
            sorted(own.items()),
        ]
        key = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
        bundles.append(Bundle(tuple(pieces), own, key, tuple(previous.get(key, ()))))
    return bundles


def _decisions(unit: Unit) -> str:
    """The file of the decisions on a unit, in the run's folder."""
    return f"documents/{unit.name}.parquet"


def target_names(units: Sequence[Unit]) -> dict[tuple[str, str], str]:
    """Where each shard goes: source and shard name without its suffixes. Where that clashes, a source keeps the suffixes."""
    shards = {(u.source.id, m.shard.name): m.shard.layout for u in units for m in u.members}
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for source, shard in shards:
        names[source][shard] = without_suffixes(shard)
    clashing = {source for source, own in names.items() if max(Counter(own.values()).values()) > 1}
    return {
        (source, shard): f"{source}/{shard if source in clashing else names[source][shard]}.parquet"
        for source, shard in shards
    }


def without_suffixes(shard: str) -> str:
    """A shard's name without what tells its format and compression."""
    folder, slash, name = shard.rpartition("/")
    kept = name
    for known in (_COMPRESSIONS, _FORMATS):
        stem, dot, suffix = kept.rpartition(".")
        if dot and stem and suffix.lower() in known:
            kept = stem
    return f"{folder}{slash}{kept}"


_COMPRESSIONS = frozenset({"gz", "zst", "zstd", "bz2", "xz"})
_FORMATS = frozenset(
    {"jsonl", "ndjson", "json", "parquet", "parq", "pq", "warc", "wet", "csv", "tsv", "txt", "text", "md"}
)
