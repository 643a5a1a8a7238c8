"""Does the gate of the personal-information stage lose anything: gated beside ungated, document by document.

    python -m benchmarks.gate [--data DIR] [--share 1.0]

Prints by source how many documents were compared, how many pass the gate, what share of the characters rules read, and
the differences: types and positions, never what stands there. Ends with exit code 1 where there is one.
"""

import sys
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.corpus import CORPUS, in_folder
from benchmarks.naive import texts
from pii.detector import Detector


def compare(detector: Detector, documents: list[str], source: str) -> Counter[str]:
    """Counts of one source; differences are printed."""
    counts: Counter[str] = Counter()
    windows_of = detector.gate.windows_of(documents)
    for row, text in enumerate(documents):
        windows = windows_of.get(row, [])
        counts["documents"] += 1
        counts["characters"] += len(text)
        counts["passed"] += bool(windows)
        counts["windows"] += len(windows)
        counts["read"] += sum(window.high - window.low + detector.rules[window.rule].reach for window in windows)
        start = time.process_time()
        gated = detector.spans(text, windows) if windows else []
        middle = time.process_time()
        ungated = detector.spans_ungated(text)
        counts["gated µs"] += round((middle - start) * 1e6)
        counts["ungated µs"] += round((time.process_time() - middle) * 1e6)
        counts["findings"] += len(ungated)
        for span in sorted(set(gated) ^ set(ungated)):
            counts["differences"] += 1
            print(f"{source}, document {row}: {span} only {'gated' if span in gated else 'ungated'}")
    return counts


def main(
    *,
    data: Annotated[Path, typer.Option(help="a folder of sources with records that hold `text`")] = CORPUS,
    share: Annotated[float, typer.Option(help="of the documents, chosen by a hash of the text")] = 0.1,
) -> None:
    detector = Detector()
    total: Counter[str] = Counter()
    names = ("documents", "characters", "passed", "windows", "read", "findings", "differences")
    print(f"{'':18}" + "".join(f"{name:>13}" for name in names) + f"{'ungated/gated':>15}")
    for source, files in in_folder(data).sources.items():
        chosen = [
            text
            for file in files
            for text in texts(file)
            if zlib.crc32(text.encode("utf-8", "replace")) < share * 2**32
        ]
        counts = compare(detector, chosen, source)
        total += counts
        show(source, counts, names)
    show("all", total, names)
    sys.exit(1 if total["differences"] else 0)


def show(title: str, counts: Counter[str], names: tuple[str, ...]) -> None:
    ratio = counts["ungated µs"] / max(counts["gated µs"], 1)
    print(f"{title:18}" + "".join(f"{counts[name]:13,}" for name in names) + f"{ratio:15.1f}", flush=True)


if __name__ == "__main__":
    typer.run(main)
