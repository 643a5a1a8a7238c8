"""Adds up the results of many jobs in order, in processes of their own, and goes on where it was interrupted."""

import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.scale.gauge import Gauge, Step

R = TypeVar("R")

_SAVED_EVERY = 30.0  # seconds
_SAID_EVERY = 60.0
_AHEAD = 4  # jobs a worker that may be under way or waiting to be added


@dataclass(frozen=True)
class Reading:
    """The result of a job and what its steps took."""

    result: Any
    steps: dict[str, Step]


@dataclass(frozen=True)
class Folder:
    """Where results are kept between attempts, and with how many workers and what they are set up."""

    path: Path
    workers: int
    gauge: Gauge

    def fold(
        self,
        name: str,
        work: Callable[[Any], Reading],
        jobs: Sequence[Any],
        setup: tuple[Callable[..., None], tuple[Any, ...]],
        start: R,
        add: Callable[[R, Any], R],
    ) -> R:
        """`add` of all results in the order of the jobs, from `start` or from where an earlier attempt came to."""
        file = self.path / f"{name}.pickle"
        done, total, steps = pickle.loads(file.read_bytes()) if file.exists() else (0, start, {})
        saved = said = time.monotonic()
        print(f"{name}: {len(jobs) - done} of {len(jobs)} chunks to do", flush=True)
        for number, reading in enumerate(self._readings(work, jobs[done:], setup), done + 1):
            total = add(total, reading.result)
            for step, took in reading.steps.items():
                steps.setdefault(step, Step()).add(took)
            if time.monotonic() - saved > _SAVED_EVERY or number == len(jobs):
                _save(file, (number, total, steps))
                saved = time.monotonic()
            if time.monotonic() - said > _SAID_EVERY:
                print(f"  {number} of {len(jobs)}", flush=True)
                said = time.monotonic()
        for step, took in steps.items():
            self.gauge.book(step, took)
        return total  # type: ignore[no-any-return]

    def _readings(
        self, work: Callable[[Any], Reading], jobs: Sequence[Any], setup: tuple[Callable[..., None], tuple[Any, ...]]
    ) -> Iterable[Reading]:
        """In order, and never more of them under way than can be held."""
        if not jobs:
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, context, initializer=setup[0], initargs=setup[1]) as pool:
            left = iter(jobs)
            under_way: list[Future[Reading]] = [pool.submit(work, job) for job in islice(left, _AHEAD * self.workers)]
            while under_way:
                yield under_way.pop(0).result()
                under_way += [pool.submit(work, job) for job in islice(left, 1)]


def _save(file: Path, content: Any) -> None:
    made = file.with_suffix(".tmp")
    made.write_bytes(pickle.dumps(content))
    made.replace(file)
