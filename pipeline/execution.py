"""Runs the graph on an engine, and shows how far it is."""

import argparse
import builtins
import contextlib
import errno
import logging
import os
import re
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pipeline.errors import RunFailed, StoreError, UsageError
from pipeline.events import read_progress

_STEP = re.compile(r"\s*\[while running [^\]]*\]")
_TRACEBACK = "Traceback (most recent call last):\n"
_EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][A-Za-z_0-9.]{0,99})(?:: (?P<text>.*))?\Z", re.DOTALL)
# whose messages are ours and name files, settings and documents, never what a document says
_OWN = re.compile(
    r"(?:pipeline\.errors\.\w+|schemas\.loading\.DocumentError"
    r"|transforms\.pii\.GateError|transforms\.classifier\.ModelError|transforms\.tokens\.TokenizerError"
    r"|transforms\.keywords\.VariantError|transforms\.scorers\.base\.ScorerError)"
)

LOCAL = "FnApiRunner"
ENGINE_LOG = "engine.log"


@dataclass(frozen=True)
class Engine:
    """Which Beam runner executes the graph, with how many workers, and options passed on to it."""

    runner: str = LOCAL
    workers: int = 1
    options: tuple[str, ...] = ()

    @property
    def shares_files(self) -> bool:
        """Whether workers see this machine's files."""
        return self.runner == LOCAL or "--environment_type=LOOPBACK" in self.options

    def hands(self, units: int) -> int:
        """In how many lists work is dealt: one a local worker, one a unit elsewhere."""
        return self.workers if self.runner == LOCAL else units

    def flags(self) -> list[str]:
        """Pipeline options. `DirectRunner` is never used: it tries to download another engine first."""
        flags = [f"--runner={self.runner}", *self.options]
        if self.runner == LOCAL and self.workers > 1:
            flags += ["--direct_running_mode=multi_processing", f"--direct_num_workers={self.workers}"]
        return flags


def check_engine(engine: Engine) -> None:
    """Raises UsageError for a runner or an option that Beam does not know, before anything is written."""
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    known = {*StandardOptions.KNOWN_RUNNER_NAMES, LOCAL}
    if engine.runner not in known and "." not in engine.runner:
        raise UsageError(f"--runner: {engine.runner}: 没有这个引擎 / no such runner; known: {', '.join(sorted(known))}")
    _options(PipelineOptions, engine)


def execute(job: Any, engine: Engine, folder: Path, weight: int, build: Callable[[Any, Any], None], title: str) -> None:
    """Runs the graph that `build` wires to its end. Raises RunFailed with the cause in one sentence."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    options = _options(PipelineOptions, engine)
    failure: list[BaseException] = []

    def work() -> None:
        try:
            pipeline = beam.Pipeline(options=options)
            build(pipeline, job)
            pipeline.run().wait_until_finish()
        except BaseException as error:
            traceback.print_exc()  # to the engine's log
            failure.append(error)

    thread = threading.Thread(target=work, name="beam", daemon=True)
    with _engine_log(folder / ENGINE_LOG) as stderr:
        thread.start()
        _watch(thread, folder, weight, stderr, title)
    if failure:
        raise _explained(failure[0])


def _options(kind: Any, engine: Engine) -> Any:
    """Pipeline options with every flag understood: Beam itself drops an unknown one with no more than a warning."""
    flags = engine.flags()
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for options in {option.__name__: option for option in _subclasses(kind)}.values():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(flags)
    if unknown:
        raise UsageError(
            f"未知的 Beam 选项 / unknown Beam options: {' '.join(unknown)}: check them against the runner's documentation"
        )
    return kind(flags)


def _subclasses(kind: Any) -> list[Any]:
    return [c for sub in kind.__subclasses__() for c in (sub, *_subclasses(sub)) if "_add_argparse_args" in vars(c)]


def quiet_logging() -> None:
    """Call before Beam is imported: it warns about libraries this project does not use. Real warnings stay."""
    warnings.filterwarnings("ignore", module="apache_beam")
    logging.getLogger().addFilter(lambda record: "apitools not found" not in record.getMessage())
    logging.getLogger("apache_beam").setLevel(logging.ERROR)


@contextlib.contextmanager
def _engine_log(path: Path) -> Iterator[TextIO]:
    """Sends what engine and workers print to a file for the time being; yields the real standard error.

    What libraries print of errors may quote the text they fail on, so the file is for its owner alone. It goes when the
    run is complete.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    path.touch(mode=0o600)
    path.chmod(0o600)
    with path.open("wb") as log, os.fdopen(saved, "w", encoding="utf-8", errors="replace", closefd=True) as stderr:
        os.dup2(log.fileno(), 2)
        try:
            yield stderr
        finally:
            os.dup2(stderr.fileno(), 2)


def _watch(thread: threading.Thread, folder: Path, weight: int, stderr: TextIO, title: str) -> None:
    """Waits for the thread, with a progress bar where somebody looks at a terminal."""
    if not stderr.isatty():
        follow(thread, folder, lambda documents, size, seconds: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[documents]:,} 条 / documents"),
        TextColumn("{task.fields[speed]:.1f} MB/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stderr), transient=True) as progress:
        task = progress.add_task(title, total=max(weight, 1), documents=0, speed=0.0)

        def show(documents: int, size: int, seconds: float) -> None:
            speed = size / 1e6 / max(seconds, 1e-3)
            progress.update(task, completed=min(size, weight), documents=documents, speed=speed)

        follow(thread, folder, show)


def follow(thread: threading.Thread, folder: Path, show: Callable[[int, int, float], None]) -> None:
    """Calls `show(documents, bytes, seconds)` a few times a second while the thread works."""
    begun = time.monotonic()
    while thread.is_alive():
        thread.join(0.3)
        documents, size = read_progress(folder)
        show(documents, size, time.monotonic() - begun)


def _explained(error: BaseException) -> BaseException:
    """The error a person can act on, out of whatever the engine wrapped it in."""
    if isinstance(error, KeyboardInterrupt | UsageError):
        return error
    text = _STEP.sub("", str(error)).strip()
    if isinstance(error, RunFailed):
        return RunFailed(text)
    if isinstance(error, StoreError):
        return StoreError(text)
    if os.strerror(errno.ENOSPC) in text:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if isinstance(error, OSError):
        return error
    cause = _own_words(text, error)
    if "Channel closed prematurely" in text:
        cause = "一个工作进程被终止（内存不足或被杀） / a worker process was killed (out of memory, or by someone): run again to go on"
    return RunFailed(f"运行失败 / the run failed: {cause}")


def _own_words(text: str, error: BaseException) -> str:
    """The message, if it is one of ours, of the exception an engine reports as a traceback; else the type alone.

    Messages of libraries quote what they fail on, and that may be corpus text.
    """
    _, reported, last = text.rpartition(_TRACEBACK)
    kind, said = f"{type(error).__module__}.{type(error).__qualname__}", text
    if reported:
        lines = last.splitlines()
        behind = next((number for number, line in enumerate(lines) if line[:1] not in ("", " ")), len(lines))
        found = _EXCEPTION.match("\n".join(lines[behind:]).strip())
        kind, said = (found["type"], found["text"] or "") if found else (kind, "")
    if said and (_OWN.fullmatch(kind) or _is_of_files(kind)):
        return said
    return (
        f"{kind.removeprefix('builtins.')}（原文可能含语料，不予显示；见运行文件夹的 {ENGINE_LOG}，仅属主可读） / its message may quote corpus "
        f"text and is withheld: see {ENGINE_LOG} in the folder of the run, which its owner alone may read"
    )


def _is_of_files(kind: str) -> bool:
    found = getattr(builtins, kind, None)
    return isinstance(found, type) and issubclass(found, OSError)
