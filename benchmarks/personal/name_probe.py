"""`python -m benchmarks.personal.name_probe`: names beside a number in running text, where no label helps.

A made-up mobile number is put behind a labelled name (`pos`), or behind another word (`neg`), of sentences that others
labelled. Read are REACH characters on either side of it; asked for are the names within BESIDE characters of it, to the
code point. Prints shares only. Without the sets it says so and does nothing.
"""

import argparse
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.detection import lines
from benchmarks.personal.detectors import ours
from benchmarks.personal.numbers import mobile
from benchmarks.personal.scoring import Detector, Score
from pii.rule import BESIDE

DATA = Path("../shared/data")
SETS = (("ner_resume_zh", "NAME"), ("ner_cluener", "name"), ("ner_boson", "person_name"))
REACH = 60  # characters of the sentence on either side of the number
_HAN_RUN = re.compile("[\u3400-\u9fff]{2,}")
Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class Probe:
    """A piece of a sentence with a number in it, and the names beside the number."""

    text: str
    names: tuple[tuple[int, int], ...]
    number: tuple[int, int]


def probes(path: Path, label: str, behind_name: bool) -> Iterator[Probe]:
    """One of every sentence that has names, and for `neg` also a word that ends where no name does."""
    for row in lines(path):
        text = row["text"]
        names = [(span["start"], span["end"]) for span in row["spans"] if span["type"] == label]
        if not names:
            continue
        rng = Random(text)
        places = [end for _, end in names] if behind_name else _other_words(text, names)
        if places:
            yield _probe(text, names, rng.choice(places), mobile(rng))


def _other_words(text: str, names: Spans) -> list[int]:
    ends = (run.end() for run in _HAN_RUN.finditer(text))
    return [end for end in ends if not any(start < end <= stop for start, stop in names)]


def _probe(text: str, names: Spans, at: int, number: str) -> Probe:
    low, high = max(0, at - REACH), min(len(text), at + REACH)
    shift = len(number)
    moved = [
        (start - low, end - low) if end <= at else (start - low + shift, end - low + shift)
        for start, end in names
        if (low <= start and end <= at) or (at <= start and end <= high)
    ]
    place = (at - low, at - low + shift)
    near = tuple(name for name in moved if _beside(name, place))
    return Probe(text[low:at] + number + text[at:high], near, place)


def _beside(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] - other[1] <= BESIDE and other[0] - one[1] <= BESIDE


def measure(cases: Sequence[Probe], find: Detector) -> tuple[Score, float]:
    """What is found of the names, and the milliseconds a piece took."""
    score = Score()
    started = time.perf_counter()
    for case in cases:
        found = {(one.start, one.end) for one in find(case.text) if one.type == "PERSON"}
        found = {one for one in found if _beside(one, case.number)}
        right = len(found & set(case.names))
        score += Score(right=right, missed=len(case.names) - right, wrong=len(found) - right)
    return score, 1000 * (time.perf_counter() - started) / max(1, len(cases))


def main() -> None:
    """Prints precision and recall of each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    folder = parser.parse_args().data / "pii"
    find = ours()
    for name, label in SETS:
        path = folder / f"{name}.jsonl.zst"
        if not path.is_file():
            print(f"skipped: no {path}; name the folder of the data with --data")
            continue
        for way, behind_name in (("pos", True), ("neg", False)):
            score, took = measure(list(probes(path, label, behind_name)), find)
            print(
                f"{name:<14} {way}  {score.gold:>5} names  P {score.precision or 0:.2f}  R {score.recall or 0:.2f}"
                f"  {took:.2f} ms"
            )


if __name__ == "__main__":
    main()
