"""How detectors travel: not at all within this process, else as one file, beside the run or the scans.

The file holds the detectors themselves (libraries and rules, pickled) and, for workers that do not see this machine's
files, the model files they name by path. Its name is not its content's, but its digest travels in the graph: a worker
takes no other. A process fetches and loads it once. A graph holds no more of the detectors than where to find them:
engines pickle every step several times.
"""

import hashlib
import os
import pickle
import platform
import socket
import tempfile
import threading
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline import __version__
from pipeline.detectors import LIBRARIES, Detectors
from pipeline.errors import RunFailed
from pipeline.store.scans import ScanStore, sha256_file, workspace_prefix
from pipeline.store.storage import is_remote
from schemas.scorers import OnnxSettings
from transforms.classifier import LABELS_FILE, MODEL_FILE, Classifier
from transforms.confirm import Confirm
from transforms.scorers.onnx import OnnxClassifier, model_files
from transforms.tokens import Tokens

_PICKLE = "detectors.pickle"
_FILES = "files"


@dataclass(frozen=True)
class Shipped:
    """Detectors as a file of the store.

    `software` are the versions of what computes with them; `seen` are local shards that every worker must see.
    """

    store: str
    path: str
    sha256: str
    fingerprint: str
    software: tuple[tuple[str, str], ...]
    seen: tuple[tuple[str, int], ...] = ()

    def unpack(self, folder: Path) -> Detectors:
        """The detectors, with their files below `folder`. Raises RunFailed where this machine lacks what it needs."""
        self._must_see()
        _must_agree(self.software)
        store, packed = ScanStore(self.store), folder / "packed"
        store.sweep()  # what killed workers of this machine left
        try:
            store.fetch(self.path, packed)
        except FileNotFoundError:
            raise _unseen(self.path) from None
        if sha256_file(packed) != self.sha256:
            raise _other(self.path)
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)
        packed.unlink()
        detectors = pickle.loads((folder / _PICKLE).read_bytes())
        assert isinstance(detectors, Detectors)
        detectors = _relocated(detectors, folder / _FILES)
        if detectors.fingerprint != self.fingerprint:
            raise RunFailed(f"{_here()}的检测规则不同 / computes by other rules: install the same corpus-audit there")
        return detectors

    def _must_see(self) -> None:
        """Raises RunFailed: else every local shard would be set aside as gone."""
        for path, size in self.seen:
            try:
                there = Path(path).stat().st_size
            except OSError:
                there = None
            if there != size:
                raise _unseen(path)


@dataclass(frozen=True)
class Packed:
    """Detectors as a file of this machine, for processes that see it and run the same software."""

    path: str
    sha256: str

    def unpack(self) -> Detectors:
        """The detectors. Raises RunFailed where the file is not what was packed."""
        content = Path(self.path).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise _other(self.path)
        detectors = pickle.loads(content)
        assert isinstance(detectors, Detectors)
        return detectors


def _other(path: str) -> RunFailed:
    return RunFailed(f"{path}: 内容与本次运行所发送的不同 / is not what this run sent: run again")


def _here() -> str:
    return f"工作进程所在机器 / the machine of a worker, {socket.gethostname()}: "


def _software() -> tuple[tuple[str, str], ...]:
    versions = [(name, metadata.version(name)) for name in LIBRARIES]
    return (("corpus-audit", __version__), ("python", platform.python_version()), *versions)


def _must_agree(software: tuple[tuple[str, str], ...]) -> None:
    """Raises RunFailed where other versions would compute: results would depend on who worked."""
    own = dict(_software())
    other = [f"{name} {own[name]} ≠ {version}" for name, version in software if own[name] != version]
    if other:
        raise RunFailed(f"{_here()}软件版本不同 / has other versions: {', '.join(other)}: install what the caller has")


def _unseen(path: str) -> RunFailed:
    return RunFailed(
        f"{path}: {_here()}看不到 / does not see it: put shards and scans on an object store, or mount the folder at the "
        "same place on every machine (docs/flink.md)"
    )


@dataclass
class Tools:
    """The detectors as loaded in a process. One step uses them at a time: they keep notes while they work."""

    detectors: Detectors
    lock: threading.RLock
    folder: "tempfile.TemporaryDirectory[str] | None" = None


class Toolbox:
    """Detectors on their way to workers. All steps given the same box share what it holds; a process opens it once.

    The process that packed it holds the detectors as long as the box. Others take what was `sent`.
    """

    def __init__(self, detectors: Detectors, sent: Packed | Shipped | None = None) -> None:
        from apache_beam.utils.shared import Shared

        self._sent = sent
        self._tag = detectors.fingerprint
        self._shared = Shared()
        self._here: Tools | None = None
        if not isinstance(sent, Shipped):
            self._here = self._shared.acquire(lambda: Tools(detectors, threading.RLock()), tag=self._tag)

    def __getstate__(self) -> dict[str, Any]:
        """Without the detectors."""
        return vars(self) | {"_here": None}

    def open(self) -> Tools:
        """The process's tools."""
        tools: Tools = self._shared.acquire(self._load, tag=self._tag)
        return tools

    def _load(self) -> Tools:
        if isinstance(self._sent, Shipped):
            folder = tempfile.TemporaryDirectory(prefix=workspace_prefix())
            return Tools(self._sent.unpack(Path(folder.name)), threading.RLock(), folder)
        if self._sent is None:
            raise RunFailed(
                f"{_here()}没有收到检测器 / was sent no detectors, for none was to work elsewhere: run again"
            )
        return Tools(self._sent.unpack(), threading.RLock())


def pack(detectors: Detectors, path: Path) -> Packed:
    """Writes the detectors for other processes of this machine and its owner alone: they hold the salt."""
    content = pickle.dumps(detectors)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return Packed(str(path.resolve()), hashlib.sha256(content).hexdigest())


def ship(detectors: Detectors, store: ScanStore, handover: str, shards: Iterable[tuple[str, int]]) -> Shipped:
    """Commits the detectors below the handover. `shards` are urls and sizes of what will be read."""
    with store.workspace() as folder:
        packed = folder / "packed"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_PICKLE, pickle.dumps(detectors))
            for name, file in _files(detectors).items():
                archive.write(file, f"{_FILES}/{name}")
        sha256 = sha256_file(packed)
        path = f"{store.location}/{handover}/detectors-{sha256[:16]}.zip"
        store.commit(packed, path)
    return Shipped(store.location, path, sha256, detectors.fingerprint, _software(), _one_a_folder(shards))


def _one_a_folder(shards: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Of the local shards the first of every folder."""
    first: dict[str, tuple[str, int]] = {}
    for url, size in sorted(shards):
        if not is_remote(url):
            first.setdefault(str(Path(url).parent), (url, size))
    return tuple(first.values())


def _files(detectors: Detectors) -> dict[str, Path]:
    """The files that detectors name by path, under the names `_relocated` looks for."""
    found: dict[str, Path] = {}
    for stage in detectors.stages.values():
        if isinstance(stage, Classifier):
            found |= {f"classifier/{name}": stage.model_dir / name for name in (MODEL_FILE, LABELS_FILE)}
        elif isinstance(stage, Tokens):
            found[f"tokens/{stage.file.name}"] = stage.file
    if detectors.confirm is not None and isinstance(detectors.confirm.scorer, OnnxClassifier):
        settings = detectors.confirm.scorer.settings
        model = settings.file("model")
        found |= {f"confirm/{PurePosixPath(file.relative_to(model.parent))}": file for file in model_files(model)}
        found |= {f"confirm-{name}/{settings.file(name).name}": settings.file(name) for name in ("tokenizer", "labels")}
    return found


def _relocated(detectors: Detectors, folder: Path) -> Detectors:
    """The detectors with their files in this folder."""
    stages = dict(detectors.stages)
    for name, stage in detectors.stages.items():
        if isinstance(stage, Classifier):
            stages[name] = Classifier(folder / "classifier")
        elif isinstance(stage, Tokens):
            stages[name] = Tokens(folder / "tokens" / stage.file.name, stage.share)
    confirm = detectors.confirm
    if confirm is not None and isinstance(confirm.scorer, OnnxClassifier):
        scorer = OnnxClassifier(_moved(confirm.scorer.settings, folder))
        confirm = Confirm(confirm.settings, scorer, confirm.library, confirm.first_line, confirm.answers)
    return replace(detectors, stages=stages, confirm=confirm)


def _moved(settings: OnnxSettings, folder: Path) -> OnnxSettings:
    places = {"model": str(folder / "confirm" / settings.file("model").name)}
    for name in ("tokenizer", "labels"):
        places[name] = str(folder / f"confirm-{name}" / settings.file(name).name)
    return settings.model_copy(update={"folder": None, **places})
