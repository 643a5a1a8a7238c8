"""One run of the evaluation: all tables of a detector beside those of Presidio's own recognizers."""

import time
from contextlib import nullcontext
from pathlib import Path

from benchmarks.personal import detectors, false_alarms, labelled, tables
from benchmarks.personal.scoring import Detector, Result, evaluate
from benchmarks.personal.templates import REPEATS, Document, documents, look_alikes, positives
from benchmarks.personal.variants import EVASIONS, VARIANTS

SHARE = 1.0  # of the documents of the corpus
BUILT_IN_SHARE = 0.02  # they are slow
QUICK_SHARE = 0.02
QUICK_REPEATS = 2


def show(find: Detector, data: Path, share: float = SHARE, repeats: int = REPEATS, listed: Path | None = None) -> None:
    """All tables; those about sets and ordinary text only where `data` holds them."""
    started = time.monotonic()
    built_ins = detectors.built_ins()
    carriers, alike = _documents(repeats)
    found = evaluate([*carriers, *alike], find)
    theirs = evaluate([*carriers, *alike], built_ins)
    print(
        f"\npersonal information: {len(carriers):,} texts with {sum(len(one.spans) for one in carriers):,} values, seeded"
    )
    tables.show_templates(found, theirs, detectors.BUILT_IN_TYPES)
    tables.show_cues(carriers, found)
    tables.show_errors(found, repeats)
    tables.show_look_alikes(found, theirs, alike)
    _show_variants(found, find, repeats)
    if not (data / "pii").is_dir():
        print(f"\nskipped: no labelled sets and no corpus in {data}; name its folder with --data")
    else:
        theirs_labelled = [one for one in labelled.agreements(data, built_ins) if one.set == "pii_presidio_synth_en"]
        tables.show_agreements(labelled.agreements(data, find), theirs_labelled)
        with listed.open("w", encoding="utf-8") if listed else nullcontext() as handle:
            alarms = false_alarms.read(data, find, share, handle)
        tables.show_alarms(alarms, false_alarms.read(data, built_ins, min(share, BUILT_IN_SHARE)))
    print(f"\npersonal information took {time.monotonic() - started:,.0f} s")


def _documents(repeats: int) -> tuple[list[Document], list[Document]]:
    """Texts with values, and at least as many texts that look so as there are values."""
    carriers = documents(positives(), repeats)
    return carriers, look_alikes(sum(len(one.spans) for one in carriers))


def _show_variants(base: Result, find: Detector, repeats: int) -> None:
    for variants, title in (
        (VARIANTS, "other ways of writing the same values: share found, to the code point"),
        (EVASIONS, "written to be overlooked (expected to be lower, no target)"),
    ):
        own = {}
        carriers: list[Document] = []
        for name, change in variants.items():
            carriers = documents(positives(), repeats, change)
            own[name] = (carriers, evaluate(carriers, find))
        plain = Result(flags=base.flags[: len(carriers)])
        tables.show_variants(plain, own, title)
