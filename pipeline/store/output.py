"""The output folder: who holds it, which run is current, and the steps by which a run becomes the current one."""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from blacklist.log import EVENTS
from pipeline.errors import OutputBusy, RunFailed, UsageError
from pipeline.store.salt import make_or_read_salt
from pipeline.store.scans import sha256_file
from schemas.chain import append_to_chain, cut_torn_line, read_chain

MARKER = ".corpus-audit"
BUILDING = ".building"
NOTE = ".begun.json"
LOCK = ".lock"
_LOOKS = 5
_UNHASHED = {"manifest.json", "events.ndjson"}


@dataclass(frozen=True)
class Output:
    """An output folder as the public contract lays it out."""

    folder: Path

    @property
    def runs(self) -> Path:
        """Published runs, and the one being built."""
        return self.folder / "runs"

    @property
    def building(self) -> Path:
        """The run being built; left behind by an interrupted one."""
        return self.runs / BUILDING

    @property
    def note(self) -> Path:
        """What the run that was begun last is called and leaves (pipeline/begun.py)."""
        return self.runs / NOTE

    @property
    def published(self) -> frozenset[str]:
        """Ids of all runs that ever were published."""
        return frozenset(str(record["run_id"]) for record in read_chain(self.publications)[0])

    @property
    def publications(self) -> Path:
        """The chain of published runs."""
        return self.folder / "publications.ndjson"

    @property
    def blacklist(self) -> Path:
        """Folder of the blacklist log."""
        return self.folder / "blacklist"

    def prepare(self) -> None:
        """Makes the folder, or makes sure that it is ours. Raises UsageError."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: 输出位置是一个文件 / the output is a file: name a folder with --out")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            marker = self.folder / MARKER
            if not marker.exists():
                if any(self.folder.iterdir()):
                    raise UsageError(
                        f"{self.folder}: 文件夹里有别的内容，不会在其中写入 / the folder holds something else and is left alone: name an "
                        f"empty or new one with --out"
                    )
                marker.write_text("corpus-audit output, layout 1\n", encoding="utf-8")
            self.runs.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.folder}: 无法写入 / cannot be written: {error.strerror}") from error

    def salt(self) -> bytes:
        """The secret under which personal information is digested. Raises UsageError."""
        return make_or_read_salt(self.folder)

    def must_exist(self) -> None:
        """Raises UsageError unless this is an output folder."""
        if not (self.folder / MARKER).exists():
            raise UsageError(f"{self.folder}: 不是 corpus-audit 的输出文件夹 / not an output folder of corpus-audit")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds the folder against other runs. Raises OutputBusy. The kernel lets go when the process dies."""
        with locked(
            self.folder,
            f"{self.folder}: 另一个运行正在使用该输出文件夹 / another run holds this output folder: wait for it, or use another --out",
        ):
            yield

    def is_held(self) -> bool:
        """Whether a run holds the folder now; told without leave to write there."""
        try:
            with (self.folder / LOCK).open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @property
    def current(self) -> "Run | None":
        """The current run, if any was published."""
        link = self.folder / "current"
        return Run(link.resolve()) if link.is_symlink() and link.exists() else None

    @property
    def readable(self) -> "Run | None":
        """The current run unless its manifest or numbers are damaged, in which case a run builds the next one."""
        run = self.current
        try:
            return run if run is not None and run.manifest["files"] and run.result["totals"] else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def tidy(self) -> None:
        """After an interruption: makes `current` the last published run and drops runs that never were published."""
        cut_torn_line(self.publications)
        cut_torn_line(self.blacklist / EVENTS)
        records, problems = read_chain(self.publications)
        if problems:
            raise RunFailed(
                "发布记录被改动，不再写入 / the record of publications was changed; nothing is written:\n"
                + "\n".join(problems)
            )
        published = {record["run_id"] for record in records}
        for folder in self.runs.iterdir():
            if folder.name not in (BUILDING, NOTE) and folder.name not in published:
                _remove(folder)
        existing = [record["run_id"] for record in records if (self.runs / record["run_id"]).is_dir()]
        if existing and (self.current is None or self.current.folder.name != existing[-1]):
            self._switch(existing[-1])

    @contextlib.contextmanager
    def at_its_place(self, run_id: str) -> Iterator[Path]:
        """The run being built under the path it will have once published."""
        link = self.runs / run_id
        link.symlink_to(BUILDING)
        try:
            yield link
        finally:
            link.unlink()

    def publish(self, run_id: str) -> None:
        """Makes the finished run in `building` the current one; each step is atomic and `tidy` completes a broken row."""
        target = self.runs / run_id
        for path in self.building.rglob("*"):
            if path.is_file():
                path.chmod(0o444)
        self.building.rename(target)
        synced(self.runs)
        append_to_chain(
            self.publications, [{"run_id": run_id, "manifest_sha256": sha256_file(target / "manifest.json")}]
        )
        self._switch(run_id)

    def _switch(self, run_id: str) -> None:
        link = self.folder / ".current.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("runs") / run_id)
        link.replace(self.folder / "current")
        synced(self.folder)

    def clear_building(self) -> None:
        """Removes what an interrupted run left."""
        if self.building.exists():
            _remove(self.building)


@dataclass(frozen=True)
class Run:
    """A published run."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The run's manifest."""
        content: dict[str, Any] = json.loads((self.folder / "manifest.json").read_bytes())
        return content

    @cached_property
    def result(self) -> dict[str, Any]:
        """The run's numbers."""
        content: dict[str, Any] = json.loads((self.folder / "result.json").read_bytes())
        return content


@contextlib.contextmanager
def locked(folder: Path, busy: str) -> Iterator[None]:
    """Holds a folder against other processes. Raises OutputBusy with the message `busy`."""
    try:
        handle = (folder / LOCK).open("a")
    except OSError as error:
        raise UsageError(f"{folder}: 无法写入 / cannot be written: {error.strerror}") from None
    with handle:
        for attempt in range(_LOOKS, -1, -1):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not attempt:
                    raise OutputBusy(busy) from None
                time.sleep(0.1)  # it may be no more than a `status` that looks whether somebody is there
        yield


def file_digests(run: Path, known: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Size and sha256 of every file of a run but the manifest itself and the events, by path in the run.

    `known` are digests of files the caller has read through in this very run; those are not read again.
    """
    known = known or {}
    return {
        name: {"bytes": path.stat().st_size, "sha256": known.get(name) or sha256_file(path)}
        for path in sorted(run.rglob("*"))
        if path.is_file() and (name := str(path.relative_to(run))) not in _UNHASHED
    }


def write_json(path: Path, content: Any) -> None:
    """Writes JSON for people and programs: sorted keys, indented, UTF-8."""
    path.write_text(json.dumps(content, ensure_ascii=False, sort_keys=True, indent=2) + "\n", encoding="utf-8")


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def synced(path: Path) -> None:
    """Returns when what was written to a file, or renamed in a folder, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
