"""The machine, and processes on it: how long one took, and how much memory it and each of its children had at most."""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from pipeline.detectors import LIBRARIES

_EVERY = 0.2  # seconds between looks at the processes
_RUN = "from pipeline.cli import main; main()"


@dataclass(frozen=True)
class Took:
    """What a command took: seconds on the clock and of CPU (children included), and peaks of resident memory.

    `parent` is the peak of the process itself, `workers` those of its descendants, the largest first, in bytes.
    """

    wall: float
    cpu: float
    parent: int
    workers: tuple[int, ...]

    @property
    def largest(self) -> int:
        """Of the process and its workers."""
        return max(self.parent, *self.workers, 0)


def audit_command(config: Path, workers: int = 1) -> list[str]:
    """The command line of an ordinary run."""
    return [sys.executable, "-c", _RUN, "run", str(config), "--workers", str(workers)]


def take(command: list[str], cores: int) -> Took:
    """Runs a command on so many cores. What it prints is shown only where it fails, and then the benchmark ends."""
    with on_cores(cores):
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peaks: dict[int, int] = {}
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peaks, done), daemon=True)
    watcher.start()
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    done.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{printed}")
    parent = peaks.pop(process.pid, 0)
    workers = tuple(sorted((peak for peak in peaks.values() if peak > 50e6), reverse=True))  # not their shells
    return Took(wall, usage.ru_utime + usage.ru_stime, parent, workers)


@contextlib.contextmanager
def on_cores(cores: int) -> Iterator[None]:
    """Processes started meanwhile keep to the last `cores` cores, where the system knows affinity."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    everywhere = sorted(range(os.cpu_count() or 1))
    try:
        os.sched_setaffinity(0, set(everywhere[-cores:]))
        yield
    finally:
        os.sched_setaffinity(0, before)


def _watch(root: int, peaks: dict[int, int], done: threading.Event) -> None:
    """Keeps the last reading of each process: the peak only grows, but starts again when another program is executed."""
    while not done.wait(_EVERY):
        for pid in family(root):
            peak = _peak(pid)
            if peak:
                peaks[pid] = peak


def family(root: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            above = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(above, []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _peak(pid: int) -> int:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    return 0


def need_disk(folder: Path, size: float) -> None:
    """Ends the benchmark where a part would fill the disk: `size` bytes are wanted, 5 GB must stay."""
    free = shutil.disk_usage(folder).free
    if free < size + 5e9:
        sys.exit(
            f"{folder}: {free / 1e9:.0f} GB are free, {(size + 5e9) / 1e9:.0f} are needed: choose another --folder"
        )


def processor() -> str:
    """The model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def described() -> dict[str, str]:
    """Date, machine and versions."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = (f"{name} {metadata.version(name)}" for name in (*LIBRARIES, "numpy", "rjieba", "xxhash"))
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{processor()}, {os.cpu_count()} cores; load average before {load}",
        "python": f"{platform.python_version()}, {platform.system()} {platform.release()}",
        "with": ", ".join(versions),
    }
