"""One run of the evaluation: all tables of a detector beside those of Presidio's own recognizers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from benchmarks.personal import adjudication, detectors, false_alarms, labelled, tables
from benchmarks.personal.scoring import Detector, Result, evaluate
from benchmarks.personal.templates import (
    DEVELOPMENT,
    HELD_OUT,
    REPEATS,
    Document,
    TemplateSet,
    documents,
    look_alikes,
    positives,
)
from benchmarks.personal.variants import EVASIONS, VARIANTS

SHARE = 1.0  # of the documents of the corpus
BUILT_IN_SHARE = 0.02  # they are slow
QUICK_SHARE = 0.02
QUICK_REPEATS = 2


def show(
    find: Detector,
    data: Path,
    share: float = SHARE,
    repeats: int = REPEATS,
    listed: Path | None = None,
    held_out_errors: bool = False,
) -> None:
    """All tables; those about sets and ordinary text only where `data` holds them.

    Raises DocumentError where the list of judged findings is wrong.
    """
    started = time.monotonic()
    judgements = adjudication.load()
    built_ins = detectors.built_ins()
    _show_held_out(find, built_ins, repeats, held_out_errors)
    _show_development(find, repeats)
    if not (data / "pii").is_dir():
        print(f"\nskipped: no labelled sets and no corpus in {data}; name its folder with --data")
    else:
        theirs_labelled = [one for one in labelled.agreements(data, built_ins) if one.set == "pii_presidio_synth_en"]
        tables.show_agreements(labelled.agreements(data, find), theirs_labelled)
        with _opened(listed) as handle:
            alarms = false_alarms.read(data, find, share, judgements, handle)
        tables.show_alarms(alarms)
        sample = min(share, BUILT_IN_SHARE)
        ours = alarms if sample == share else false_alarms.read(data, find, sample, judgements)
        tables.show_built_in_alarms(ours, false_alarms.read(data, built_ins, sample))
    print(f"\npersonal information took {time.monotonic() - started:,.0f} s")


@contextmanager
def _opened(listed: Path | None) -> Iterator[TextIO | None]:
    """A file only its owner reads: it holds text of the corpus."""
    if listed is None:
        yield None
        return
    listed.touch(mode=0o600)
    with listed.open("w", encoding="utf-8") as handle:
        yield handle


def _show_held_out(find: Detector, built_ins: Detector, repeats: int, named: bool) -> None:
    carriers, alike = _documents(HELD_OUT, repeats)
    found, theirs = evaluate([*carriers, *alike], find), evaluate([*carriers, *alike], built_ins)
    print(
        f"\npersonal information, held out: {len(carriers):,} texts with {sum(len(one.spans) for one in carriers):,} values, seeded"
    )
    tables.show_templates(found, HELD_OUT.name, theirs, detectors.BUILT_IN_TYPES)
    tables.show_cues(carriers, found)
    if named:
        tables.show_errors(found, repeats, HELD_OUT.name)
    else:
        tables.show_error_counts(found)
    tables.show_look_alikes(found, theirs, alike)
    _show_variants(found, find, repeats)


def _show_development(find: Detector, repeats: int) -> None:
    for of in DEVELOPMENT:
        carriers, alike = _documents(of, repeats)
        found = evaluate([*carriers, *alike], find)
        tables.show_development(found, of.name)
        tables.show_errors(found, repeats, of.name)


def _documents(of: TemplateSet, repeats: int) -> tuple[list[Document], list[Document]]:
    """Texts with values, and at least as many texts that look so as there are values."""
    carriers = documents(positives(of), repeats)
    return carriers, look_alikes(of, sum(len(one.spans) for one in carriers))


def _show_variants(base: Result, find: Detector, repeats: int) -> None:
    for variants, title in (
        (VARIANTS, "other ways of writing the same values: share found, to the code point"),
        (EVASIONS, "written to be overlooked (expected to be lower, no target)"),
    ):
        own = {}
        carriers: list[Document] = []
        for name, change in variants.items():
            carriers = documents(positives(HELD_OUT), repeats, change)
            own[name] = (carriers, evaluate(carriers, find))
        plain = Result(flags=base.flags[: len(carriers)])
        tables.show_variants(plain, own, title)
