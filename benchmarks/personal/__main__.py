"""`python -m benchmarks.personal`: how well personal information is found in Chinese text.

Carriers, values and look-alikes are written apart from the rules and need no data; labelled sets and ordinary text are
read from the folder given with --data, where it is there.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.personal.detectors import ours
from benchmarks.personal.evaluation import QUICK_REPEATS, QUICK_SHARE, SHARE, show
from benchmarks.personal.templates import REPEATS

DATA = Path("../shared/data")


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--quick", action="store_true", help="few fillings of each template, a small part of the corpus"
    )
    parser.add_argument("--list", type=Path, help="write the findings in ordinary text here, masked")
    options = parser.parse_args()
    share = QUICK_SHARE if options.quick else SHARE
    show(ours(), options.data, share, QUICK_REPEATS if options.quick else REPEATS, options.list)
    return 0


if __name__ == "__main__":
    sys.exit(main())
