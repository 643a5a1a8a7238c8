"""Runs the graph on an engine, and shows how far it is."""

import builtins
import contextlib
import errno
import logging
import os
import re
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from pipeline.engine.engine_log import ENGINE_LOG, diverted
from pipeline.engine.engines import Engine, check_engine, pipeline_options
from pipeline.engine.local_worker import command
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

_STARTER = "run_worker"  # the engine's thread that waits for a worker process
_GRACE = 5.0  # seconds for the engine to notice that a worker died
_KILLED = "一个工作进程被终止（内存不足或被杀） / a worker process was killed (out of memory, or by someone): run again to go on"

_ENGINES_WORDS = (
    (
        re.compile(r"NoResourceAvailable|Could not acquire the minimum required resources|Slot request .*timed out"),
        "集群没有足够的空闲槽位 / the cluster has not enough free slots: add TaskManagers, or lower --parallelism",
    ),
    (
        re.compile(
            r"Could not (?:connect to|retrieve|complete).*(?:rest|Rest|cluster)|Failed to submit|Connection refused"
        ),
        "集群没有应答 / the cluster does not answer: check --flink_master and that its JobManager is up, then run again",
    ),
    (
        re.compile(
            r"Channel closed prematurely|StatusRuntimeException|RemoteTransportException|Process died|hanging up|Connection reset"
            r"|TaskManager .*(?:no longer reachable|timed out)|TaskExecutor .*(?:lost|released)|TaskManager was lost"
        ),
        _KILLED,
    ),
)
__all__ = ["ENGINE_LOG", "Engine", "check_engine", "execute", "follow", "quiet_logging"]


def execute(job: Any, engine: Engine, folder: Path, weight: int, build: Callable[[Any, Any], None], title: str) -> None:
    """Runs the graph that `build` wires to its end. Raises RunFailed with the cause in one sentence."""
    import apache_beam as beam

    options = pipeline_options(engine.flags())
    failure: list[BaseException] = []
    running: list[Any] = []

    def work() -> None:
        try:
            pipeline = beam.Pipeline(runner=_own_runner() if engine.starts_workers else None, options=options)
            build(pipeline, job)
            running.append(pipeline.run())
            running[0].wait_until_finish()
        except BaseException as error:
            failure.append(error)
            with contextlib.suppress(OSError):  # a full disk
                traceback.print_exc()  # to the engine's log

    with diverted(folder / ENGINE_LOG) as stderr, _losses() as losses:
        thread = threading.Thread(target=work, name="beam", daemon=True)
        thread.start()
        try:
            _watch(thread, folder, weight, stderr, title, losses)
        except KeyboardInterrupt:
            _cancel(running)
            raise
    if failure:
        raise _explained(failure[0])
    if thread.is_alive():
        raise RunFailed(f"运行失败 / the run failed: {_KILLED}")


@contextlib.contextmanager
def _losses() -> Iterator[list[float]]:
    """The times at which worker processes of the local engine died.

    The engine itself notices the loss of a worker it talks to; for one that dies before, it would wait for ever.
    """
    losses: list[float] = []
    default = threading.excepthook

    def noted(arguments: Any) -> None:
        if arguments.thread is not None and arguments.thread.name == _STARTER:
            losses.append(time.monotonic())
        default(arguments)

    threading.excepthook = noted
    try:
        yield losses
    finally:
        threading.excepthook = default


def _own_runner() -> Any:
    """The local engine with worker processes as this project starts them."""
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    return FnApiRunner(SubprocessSDKEnvironment.from_command_string(command()))


def _cancel(running: list[Any]) -> None:
    """Tells an engine that works elsewhere to stop: it would go on without us."""
    for result in running:
        with contextlib.suppress(Exception):
            result.cancel()


def quiet_logging() -> None:
    """Call before Beam is imported: it warns about libraries this project does not use. Real warnings stay."""
    warnings.filterwarnings("ignore", module="apache_beam")
    logging.getLogger().addFilter(lambda record: "apitools not found" not in record.getMessage())
    logging.getLogger("apache_beam").setLevel(logging.ERROR)


def _watch(
    thread: threading.Thread, folder: Path, weight: int, stderr: TextIO, title: str, losses: list[float]
) -> None:
    """Waits for the thread, with a progress bar where somebody looks at a terminal."""
    if not stderr.isatty():
        follow(thread, folder, lambda documents, size, seconds: None, losses)
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

        follow(thread, folder, show, losses)


def follow(
    thread: threading.Thread, folder: Path, show: Callable[[int, int, float], None], losses: Sequence[float] = ()
) -> None:
    """Calls `show(documents, bytes, seconds)` a few times a second while the thread works.

    Comes back with the thread alive where a worker was lost and the engine does not notice.
    """
    begun = time.monotonic()
    while thread.is_alive() and not (losses and time.monotonic() - losses[0] > _GRACE):
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
    if _TRACEBACK not in text or "Channel closed prematurely" in text:
        cause = next((said for found, said in _ENGINES_WORDS if found.search(text)), cause)
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
