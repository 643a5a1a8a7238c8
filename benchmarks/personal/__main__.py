"""`python -m benchmarks.personal`: how well personal information is found in Chinese text.

Carriers, values and look-alikes are written apart from the rules and need no data; labelled sets and ordinary text are
read from the folder given with --data, where it is there. Rules are written by what the development sets show;
the held-out set only judges them.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.personal.detectors import ours
from benchmarks.personal.evaluation import QUICK_REPEATS, QUICK_SHARE, SHARE, show
from benchmarks.personal.templates import REPEATS
from schemas.loading import DocumentError

DATA = Path("../shared/data")


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--quick", action="store_true", help="few fillings of each template, a small part of the corpus"
    )
    parser.add_argument(
        "--list", type=Path, help="write the findings in ordinary text here, to be judged: holds raw text"
    )
    parser.add_argument(
        "--held-out-errors",
        action="store_true",
        help="name the held-out templates with errors: not for who writes rules",
    )
    options = parser.parse_args()
    share = QUICK_SHARE if options.quick else SHARE
    repeats = QUICK_REPEATS if options.quick else REPEATS
    try:
        show(ours(), options.data, share, repeats, options.list, options.held_out_errors)
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
