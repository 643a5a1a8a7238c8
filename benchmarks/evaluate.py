"""`make eval`: how well the default library, classifier and policy detect, on the data beside the project.

Tables: labelled sets, evaluation-only messages, ordinary text, the 31 risks one by one, the classifier in-domain and with
each set left out of its training, what all that means for the 5 % rule, and personal information
(`python -m benchmarks.personal`). The data is not part of the project; without it one line says so.
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks import detection, sources
from benchmarks.personal.detectors import ours
from benchmarks.personal.evaluation import QUICK_REPEATS, QUICK_SHARE, SHARE
from benchmarks.personal.evaluation import show as show_personal
from benchmarks.personal.templates import REPEATS
from benchmarks.transfer import show_transfer

DATA = Path("../shared/data")


def main() -> int:
    """Prints the tables, or says what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--quick", action="store_true", help="without training models that leave a set out")
    parser.add_argument("--curves", type=Path, help="also draw the source-level curves into this SVG")
    options = parser.parse_args()
    if not (options.data / "labelled").is_dir():
        print(f"skipped: no labelled data in {options.data}; name its folder with --data")
        return 0
    started = time.monotonic()
    detectors = detection.DefaultDetectors()
    judged = detection.judged_sets(detectors, options.data)
    detection.show_sets(judged)
    detection.show_messages(judged)
    found = detection.ordinary(detectors, options.data)
    detection.show_ordinary(found)
    detection.show_risks(detectors, judged)
    pools = detection.pools(judged, found)
    sources.show(pools)
    if options.curves:
        sources.draw(pools, options.curves)
    if not options.quick:
        show_transfer(options.data)
    quick = (QUICK_SHARE, QUICK_REPEATS)
    show_personal(ours(), options.data, *(quick if options.quick else (SHARE, REPEATS)))
    print(f"\ntook {time.monotonic() - started:,.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
