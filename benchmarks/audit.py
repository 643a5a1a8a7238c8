"""One full audit in a process of its own, with a clock on every stage.

The clock is put around the functions of an ordinary run, so the breakdown belongs to the very run that is measured and
adds up to it; it is read some thirty times a batch of documents, which costs nothing to speak of.

    python -m benchmarks.audit CONFIG FIGURES.json $(date +%s.%N)
"""

import functools
import importlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from benchmarks.figures import Figures, peak_memory

START, LOAD, REST = "start, imports", "load models, library", "rest"
# Where a stage is found: the name it is booked under, module, attribute, and whether what it calls counts as its own.
PLACES = (
    (LOAD, "pipeline.run", "load_detectors", True),
    ("plan", "pipeline.run", "make_plan", True),
    ("read", "pipeline.scan", "read_unit", True),
    ("text as code points", "transforms.text", "TextBatch.strings", False),
    ("text as code points", "transforms.text", "TextBatch.blocks", False),
    ("normalise", "transforms.normalise", "normalise", True),
    ("provenance", "transforms.provenance", "Provenance.__call__", False),
    ("bucket", "transforms.bucket", "Bucket.__call__", False),
    ("content hash", "pipeline.scan", "content_hashes", False),
    ("keywords", "transforms.keywords", "Keywords.__call__", False),
    ("classifier", "transforms.classifier", "Classifier.__call__", False),
    ("personal information", "transforms.pii", "PersonalInformation.__call__", False),
    ("fingerprint", "transforms.fingerprint", "Fingerprint.__call__", False),
    ("rights indicators", "transforms.rights", "Rights.__call__", False),
    ("write layers", "pipeline.graph", "scan_unit", False),
    ("decide", "transforms.decide", "Decider.__call__", True),
    ("decide: files", "pipeline.graph", "decide_unit", False),
    ("tally", "pipeline.graph", "TallyUnits.process", True),
    ("rank", "pipeline.graph", "rank_unit", True),
    ("draw", "pipeline.graph", "draw_technical", True),
    ("draw", "pipeline.graph", "draw_manual", True),
    ("Beam", "pipeline.passes", "execute", False),
    ("domains, copies", "pipeline.passes", "group", True),
    ("samples", "pipeline.drawing.samples", "finish", True),
    ("database", "pipeline.run", "build_database", True),
    ("books, digests, publish", "pipeline.run", "_Builder.build", False),
)
STAGES = (START, *dict.fromkeys(name for name, *_ in PLACES), REST)


class Clock:
    """Books CPU time on the stage at work; a stage that calls another is not charged for it, unless it is `whole`.

    One clock for all threads: with one worker only one of them works at a time.
    """

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STAGES, 0.0)
        self._stack = [(REST, False)]
        self._last = time.process_time()

    def _lap(self) -> None:
        now = time.process_time()
        self.spent[self._stack[-1][0]] += now - self._last
        self._last = now

    @contextmanager
    def stage(self, name: str, whole: bool) -> Iterator[None]:
        if self._stack[-1][1]:
            yield
            return
        self._lap()
        self._stack.append((name, whole))
        try:
            yield
        finally:
            self._lap()
            self._stack.pop()

    def total(self) -> float:
        self._lap()
        return sum(self.spent.values())


def put(clock: Clock, name: str, module: str, attribute: str, whole: bool) -> None:
    """Puts the clock around a function, method, generator or cached property."""
    owner: Any = importlib.import_module(module)
    *parents, last = attribute.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    found = vars(owner)[last]
    if isinstance(found, functools.cached_property):
        timed: Any = functools.cached_property(around(clock, name, whole, found.func))
        timed.__set_name__(owner, last)
    else:
        timed = around(clock, name, whole, found)
    setattr(owner, last, timed)


def around(clock: Clock, name: str, whole: bool, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        with clock.stage(name, whole):
            result = function(*args, **kwargs)
        return each(clock, name, whole, result) if isinstance(result, Iterator) else result

    return timed


def each(clock: Clock, name: str, whole: bool, items: Iterator[Any]) -> Iterator[Any]:
    """The items, the making of each on the clock, and what is done with them not."""
    while True:
        with clock.stage(name, whole):
            item = next(items, items)
        if item is items:
            return
        yield item


def main(config: Path, figures: Path, started: float) -> None:
    """`started` is when the process was: seconds since 1970."""
    from pipeline.engine.execution import quiet_logging

    quiet_logging()
    from pipeline.config import load_config
    from pipeline.run import Options, run

    checked = load_config(config)
    clock = Clock()
    for place in PLACES:
        put(clock, *place)
    clock.spent[START] = time.process_time()
    outcome = run(checked, Options())
    cpu = clock.total()
    totals = json.loads((outcome.folder / "result.json").read_bytes())["totals"]
    Figures(
        bytes_of_text=totals["bytes"],
        documents=totals["documents"],
        cpu_seconds=cpu,
        loading_seconds=clock.spent[START] + clock.spent[LOAD],
        wall_seconds=time.time() - started,
        peak_bytes=peak_memory(),
        stages=clock.spent,
    ).write(figures)


if __name__ == "__main__":
    typer.run(main)
