"""Two workers beside one, by the slope between two sizes of input, and memory from small input to large."""

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import Corpus, write_config
from benchmarks.inputs import repeated
from benchmarks.machine import Took, audit_command, need_disk, take
from benchmarks.rates import MEMORY, clear, say
from benchmarks.targets import Line

SPEED_UP = 1.85  # two workers over one
_ON_DISK = 2.0  # bytes of copies, layers and results for a byte of text, roundly


@dataclass(frozen=True)
class Point:
    """A run of so many workers over so much text."""

    workers: int
    bytes_of_text: int
    took: Took


class Scaling:
    """Runs over repetitions of one corpus; each size and number of workers is measured once."""

    def __init__(self, corpus: Corpus, size: int, library: Path, folder: Path) -> None:
        self.corpus = corpus
        self.size = size
        self.library = library
        self.folder = folder
        self.points: dict[tuple[int, int], Point] = {}

    def at(self, gigabytes: float, workers: int) -> Point:
        """The run over about so much text."""
        times = max(1, round(gigabytes * 1e9 / self.size))
        if (times, workers) not in self.points:
            self.points[times, workers] = self._run(times, workers)
        return self.points[times, workers]

    def _run(self, times: int, workers: int) -> Point:
        say(f"full audit, {times * self.size / 1e9:.2f} GB, {workers} worker(s)")
        need_disk(self.folder, times * self.size * _ON_DISK)
        corpus = repeated(self.corpus, times, self.folder / "copies")
        folder = self.folder / f"scaling-{times}-{workers}"
        took = take(audit_command(write_config(corpus, self.library, folder), workers), workers)
        totals = json.loads((folder / "out" / "current" / "result.json").read_bytes())["totals"]
        clear(folder)
        return Point(workers, totals["bytes"], took)

    def speed_up(self, small: float, large: float) -> list[Line]:
        """The time the text between two sizes takes with one worker, over that with two."""
        slopes = {}
        for workers in (1, 2):
            low, high = self.at(small, workers), self.at(large, workers)
            slopes[workers] = (high.took.wall - low.took.wall) / ((high.bytes_of_text - low.bytes_of_text) / 1e9)
        between = f"between {small:g} and {large:g} GB"
        return [
            Line("workers", f"one worker, {between}", slopes[1], "s/GB"),
            Line("workers", f"two workers, {between}", slopes[2], "s/GB"),
            Line("workers", "two workers over one", slopes[1] / slopes[2], "×", SPEED_UP),
        ]

    def memory(self, sizes: list[float]) -> list[Line]:
        """Peaks of the parent and the largest worker at each size, with two workers."""
        lines = []
        for size in sizes:
            took = self.at(size, 2).took
            limit, gigabytes = MEMORY / 1e6, f"{size:g} GB"
            lines.append(Line("memory", f"parent, {gigabytes}", took.parent / 1e6, "MB", limit, False))
            largest = max(took.workers, default=0) / 1e6
            lines.append(Line("memory", f"largest worker, {gigabytes}", largest, "MB", limit, False))
        return lines

    def table(self) -> str:
        """All runs."""
        head = f"{'workers':>9}{'GB':>8}{'wall s':>10}{'CPU s':>10}{'MB/s':>8}{'parent MB':>11}  workers MB"
        return "\n".join([head, *(_row(self.points[key]) for key in sorted(self.points))])


def _row(point: Point) -> str:
    took, size = point.took, point.bytes_of_text
    peaks = " ".join(f"{peak / 1e6:,.0f}" for peak in took.workers)
    return (
        f"{point.workers:9}{size / 1e9:8.2f}{took.wall:10.1f}{took.cpu:10.1f}{size / 1e6 / took.wall:8.2f}"
        f"{took.parent / 1e6:11,.0f}  {peaks}"
    )
