"""What steps take: seconds, rows and the peak of memory; and a limit on memory that ends the process."""

import contextlib
import importlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from benchmarks.figures import peak_memory
from benchmarks.machine import family

_EVERY = 0.25  # seconds between looks at memory


@dataclass
class Step:
    """Seconds on the clock and of CPU, rows that were worked on, and the peak of resident memory in bytes."""

    wall: float = 0.0
    cpu: float = 0.0
    rows: int = 0
    peak: int = 0

    def add(self, other: "Step") -> None:
        """Adds another reading of the same step."""
        self.wall += other.wall
        self.cpu += other.cpu
        self.rows += other.rows
        self.peak = max(self.peak, other.peak)


@dataclass
class Gauge:
    """Readings by step, in the order in which they first came."""

    rows: int
    steps: dict[str, Step] = field(default_factory=dict)

    def book(self, name: str, step: Step) -> None:
        """Adds a reading."""
        self.steps.setdefault(name, Step()).add(step)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures what this process does meanwhile, on all rows, and says so."""
        fresh_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        step = Step(time.perf_counter() - wall, time.process_time() - cpu, self.rows, peak_memory())
        self.book(name, step)
        print(f"  {name:44}{step.wall:10.1f} s{step.peak / 1e6:9,.0f} MB", flush=True)

    def around(self, name: str, module: str, attribute: str) -> None:
        """Puts the gauge around a function or method of the pipeline; says so where there is none of the name."""
        owner: Any = importlib.import_module(module)
        *parents, last = attribute.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        if last not in vars(owner):
            print(f"{name}: {module} has no {attribute}: not measured by itself")
            return
        function: Callable[..., Any] = vars(owner)[last]

        @wraps(function)
        def gauged(*args: Any, **kwargs: Any) -> Any:
            with self.step(name):
                return function(*args, **kwargs)

        setattr(owner, last, gauged)

    def table(self) -> str:
        """All steps; those that worked on a part of the rows with what all rows would take."""
        head = f"{'step':46}{'rows':>14}{'wall s':>10}{'CPU s':>10}{'µs/row':>9}{'all rows, CPU s':>17}{'peak MB':>9}"
        return "\n".join([head, *(self._row(name, step) for name, step in self.steps.items())])

    def _row(self, name: str, step: Step) -> str:
        each = step.cpu / step.rows if step.rows else 0.0
        return (
            f"{name:46}{step.rows:14,}{step.wall:10.1f}{step.cpu:10.1f}{each * 1e6:9.3f}{each * self.rows:17,.0f}"
            f"{step.peak / 1e6:9,.0f}"
        )


def fresh_peak() -> None:
    """Makes the process's peak of memory its present size, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def limit_memory(limit: int) -> None:
    """Ends this process and its children as soon as they hold more than `limit` bytes together."""

    def watch() -> None:
        while True:
            used = sum(_resident(pid) for pid in family(os.getpid()))
            if used > limit:
                print(f"more than {limit / 1e9:g} GB of memory: {used / 1e9:.2f} GB; ended", flush=True)
                os._exit(1)
            time.sleep(_EVERY)

    threading.Thread(target=watch, daemon=True, name="memory").start()


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
