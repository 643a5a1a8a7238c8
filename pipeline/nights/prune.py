"""Drops old runs, and what no run refers to in the store of scans (docs/adr/0024).

Published runs hold their files themselves, so whatever is dropped from a store costs time, never a result. Each step
is on record before it is done, and one that was broken off is finished by the next `prune` or `run`.
"""

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import OutputBusy, RunFailed, StoreError, UsageError
from pipeline.nights import history
from pipeline.nights.references import DECIDED, FILE, FOLDER, Going, Register, StoredFile, keys_in, location_of
from pipeline.store.output import Output, Run
from pipeline.store.scans import ScanStore
from pipeline.store.storage import file_system, store_errors
from schemas.chain import read_chain

ROUNDS = ("rounds", "review")  # folders of the output whose files may name runs
_VOUCHING = (DECIDED, "base")  # removed first: while they stand, what they vouch for must be there
_KEPT = frozenset({FOLDER, "answers", "unanswered", "handover", "tmp"})  # not named by keys of layers or decisions
_BATCH = 1000  # files removed in one request of a remote store
_HEX = frozenset("0123456789abcdef")


@dataclass
class Pruned:
    """What `prune` dropped, or would: runs with the bytes they freed, and by store its files."""

    kept: dict[str, str] = field(default_factory=dict)  # run → why
    runs: list[str] = field(default_factory=list)
    bytes: int = 0
    stores: list["PrunedStore"] = field(default_factory=list)


@dataclass
class PrunedStore:
    """Of one store of scans: what was removed, or why nothing was; and how many runs refer to the rest."""

    location: str
    files: int = 0
    bytes: int = 0
    left_alone: str = ""
    other_runs: int = 0
    interrupted: list[str] = field(default_factory=list)


def prune(output: Output, keep: int, dry_run: bool = False) -> Pruned:
    """Keeps the last `keep` runs and those that are named, and drops the rest with what only they referred to.

    Raises OutputBusy while a run of this output, or of another one that shares its scans, is going on.
    """
    output.must_exist()
    if keep < 1:
        raise UsageError("--keep: 至少为 1 / at least 1: the current run always stays")
    with output.held():
        if not dry_run:
            output.tidy()
            history.catch_up(output)
        published = [record["run_id"] for record in _publications(output)]
        gone = history.pruned(output)
        there = [run_id for run_id in published if (output.runs / run_id).is_dir()]
        standing = [run_id for run_id in there if run_id not in gone]
        kept = _kept(output, standing, keep)
        dropped = [run_id for run_id in there if run_id not in kept]
        result = Pruned(kept, dropped)
        stores = [_Store(location, output) for location in _locations(output, there)]
        for store in stores:
            store.must_be_free()
        links = _Links()
        result.bytes = sum(links.freed(path) for run_id in dropped for path in _files(output.runs / run_id))
        if not dry_run:
            history.record_pruned(output, [run_id for run_id in dropped if run_id not in gone])
            for run_id in dropped:
                _drop(output, run_id)
        lost = frozenset(published) - frozenset(kept)
        result.stores = [store.prune(output, frozenset(kept), lost, links, dry_run) for store in stores]
    return result


def named_runs(output: Output, run_ids: Iterable[str]) -> dict[str, str]:
    """The runs that an assessment round, a review or a report stands on, each with the place that names it."""
    wanted = sorted(run_ids)
    named: dict[str, str] = {}
    for folder in ROUNDS:
        for path in sorted((output.folder / folder).rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                found = [run_id for run_id in wanted if run_id.encode() in content or run_id in path.name]
                named |= dict.fromkeys(found, str(path.relative_to(output.folder)))
    for run_id in wanted:
        if (output.runs / run_id / "report").is_dir():
            named.setdefault(run_id, "report")
    return named


def _kept(output: Output, standing: Sequence[str], keep: int) -> dict[str, str]:
    named = named_runs(output, standing)
    kept = {}
    for run_id in standing:
        if output.current is not None and output.current.folder.name == run_id:
            kept[run_id] = "当前 / current"
        elif run_id in named:
            kept[run_id] = f"被引用 / named by {named[run_id]}"
        elif run_id in standing[-keep:]:
            kept[run_id] = f"最近 {keep} 次之一 / one of the last {keep}"
    return kept


def _publications(output: Output) -> list[dict[str, str]]:
    records, broken = read_chain(output.publications)
    if broken:
        raise RunFailed("发布记录被改动 / the record of publications was changed:\n" + "\n".join(broken))
    return records


def _locations(output: Output, run_ids: Sequence[str]) -> list[str]:
    """The stores that runs still there were made with."""
    found = {location_of(Run(output.runs / run_id).manifest, output.folder) for run_id in run_ids}
    return sorted(location for location in found if location is not None)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _drop(output: Output, run_id: str) -> None:
    """Renamed first: a run that is half removed is never taken for one, and `tidy` removes what is left."""
    aside = output.runs / f".pruned-{run_id}"
    if aside.exists():
        shutil.rmtree(aside)
    (output.runs / run_id).rename(aside)
    shutil.rmtree(aside)


class _Links:
    """Counts bytes that removing files frees: those of a file with several names when the last name goes."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[int, int]] = Counter()

    def freed(self, path: Path) -> int:
        """Bytes freed by removing this name, after all names asked about before."""
        told = path.stat()
        if told.st_nlink == 1:
            return told.st_size
        self._seen[told.st_dev, told.st_ino] += 1
        return told.st_size if self._seen[told.st_dev, told.st_ino] == told.st_nlink else 0


class _Store:
    """One store of scans in the course of pruning."""

    def __init__(self, location: str, output: Output) -> None:
        self.store = ScanStore(location)
        self.register = Register(self.store)
        self.found = PrunedStore(location)
        try:
            self.store.check()
        except StoreError as error:
            raise UsageError(f"scans: {error}") from None
        going = self.register.going()
        self.over = [run for run in going if run.run_id in output.published or _is_over(run)]
        self.interrupted = [run for run in going if run not in self.over and _is_interrupted(run, output)]
        self.busy = [run for run in going if run not in self.over and run not in self.interrupted]
        self.found.interrupted = [run.run_id for run in self.interrupted]

    def must_be_free(self) -> None:
        """Raises OutputBusy while another output's run goes on with this store, or may."""
        for going in self.busy:
            raise OutputBusy(
                f"{self.store.location}: 另一输出的运行 {going.run_id}（{going.host}: {going.output}）正在使用这些扫描，未清理 / run "
                f"{going.run_id} of another output ({going.host}: {going.output}) uses these scans, nothing was pruned: wait "
                f"for it; if it was broken off for good, remove {FOLDER}/{going.run_id}.json from the scans"
            )

    def prune(
        self, output: Output, kept: frozenset[str], lost: frozenset[str], links: _Links, dry_run: bool
    ) -> PrunedStore:
        """Removes all files whose key no run refers to, but what an interrupted run may have committed."""
        runs = [run_id for run_id in kept if self._is_of(output, run_id)]
        silent = [run_id for run_id in runs if not (output.runs / run_id / FILE).exists()]
        if silent:
            self.found.left_alone = (
                f"不知道这些运行引用了什么（由较早版本所建），扫描未清理 / made by an earlier version that did not record what they "
                f"refer to, so no scans are dropped: {', '.join(silent)}"
            )
            return self.found
        recorded = self.register.kept()
        if not dry_run:
            self._settle(output, runs, [run_id for run_id in recorded if run_id in lost])
        others = [run_id for run_id in recorded if run_id not in lost and run_id not in kept]
        self.found.other_runs = len(others)
        keys = self.register.keys(others)
        for run_id in runs:
            keys |= keys_in(output.runs / run_id / FILE)
        for folder in self._order():
            self._sweep([file for file in self.register.files(folder) if self._is_loose(file, keys)], links, dry_run)
        if not dry_run:
            self.store.sweep()
        return self.found

    def _is_of(self, output: Output, run_id: str) -> bool:
        return location_of(Run(output.runs / run_id).manifest, output.folder) in (self.store.location, None)

    def _settle(self, output: Output, runs: Sequence[str], dropped: Sequence[str]) -> None:
        """Makes the record of references what it should be before anything goes by it."""
        recorded = self.register.kept()
        for run_id in runs:
            if run_id not in recorded:
                self.register.keep(run_id, output.runs / run_id / FILE)
        for run_id in dropped:
            self.register.drop(run_id)
        for going in self.over:
            self.register.end(going.run_id)

    def _order(self) -> list[str]:
        folders = [folder for folder in self.register.folders() if folder not in _KEPT]
        return sorted(folders, key=lambda folder: (folder not in _VOUCHING, folder))

    def _is_loose(self, file: StoredFile, keys: set[bytes]) -> bool:
        """Whether it is named by a key nobody refers to, and was there before any run that was broken off."""
        stem = Path(file.path).name.partition(".")[0]
        if len(stem) != 64 or not _HEX.issuperset(stem) or bytes.fromhex(stem) in keys:
            return False
        return all(file.time is not None and file.time < going.since for going in self.interrupted)

    def _sweep(self, files: Sequence[StoredFile], links: _Links, dry_run: bool) -> None:
        self.found.files += len(files)
        self.found.bytes += sum(links.freed(Path(file.path)) if self.store.local else file.size for file in files)
        if dry_run:
            return
        if self.store.local:
            for file in files:
                Path(file.path).unlink(missing_ok=True)
            return
        for start in range(0, len(files), _BATCH):
            fs, _ = file_system(self.store.location)
            with store_errors(self.store.location):
                fs.rm([file_system(file.path)[1] for file in files[start : start + _BATCH]])


def _is_over(going: Going) -> bool:
    """Whether a run begun on this machine will never go on: its output was removed, or it was published."""
    if not going.here:
        return False
    output = Output(Path(going.output))
    return not output.folder.is_dir() or going.run_id in output.published


def _is_interrupted(going: Going, output: Output) -> bool:
    """Whether a run is known not to go on just now: it is this output's, which we hold, or one nobody holds."""
    if going.output == str(output.folder) and going.here:
        return True
    with contextlib.suppress(OSError):
        if f'"{going.run_id}"' in output.note.read_text(encoding="utf-8", errors="replace"):
            return True  # also where this machine had another name then, as containers do
    return going.here and not Output(Path(going.output)).is_held()


def show(result: Pruned, dry_run: bool) -> None:
    """Prints what stays and why, what went, and the bytes that freed."""
    for run_id, why in result.kept.items():
        print(f"保留 / kept     {run_id}  {why}")
    word = "将删除 / would drop" if dry_run else "已删除 / dropped"
    for run_id in result.runs:
        print(f"{word} {run_id}")
    print(f"{word}: {len(result.runs)} 次运行 / runs, {_megabytes(result.bytes)}")
    for store in result.stores:
        print(f"{word}: {store.files:,} 个扫描文件 / files of scans, {_megabytes(store.bytes)}: {store.location}")
        if store.left_alone:
            print(f"  {store.left_alone}")
        if store.other_runs:
            print(
                f"  其他输出的 {store.other_runs} 次运行所引用的保留 / what {store.other_runs} runs of other outputs refer to stays"
            )
        for run in store.interrupted:
            print(f"  自中断的运行 {run} 以来写入的保留 / what was written since the interrupted run {run} stays")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
