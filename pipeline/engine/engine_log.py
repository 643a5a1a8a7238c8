"""The log of an engine: what it and its workers print while a graph runs.

What libraries print of errors may quote the text they fail on, so the file is for its owner alone. It goes when the run
is complete.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

ENGINE_LOG = "engine.log"


def open_log(path: Path) -> BinaryIO:
    """The log, to add to."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path.open("ab")


@contextlib.contextmanager
def diverted(path: Path) -> Iterator[TextIO]:
    """Sends what this process and its children print as errors to the log; yields the real standard error."""
    sys.stderr.flush()
    saved = os.dup(2)
    with open_log(path) as log, os.fdopen(saved, "w", encoding="utf-8", errors="replace", closefd=True) as stderr:
        os.dup2(log.fileno(), 2)
        try:
            yield stderr
        finally:
            sys.stderr.flush()
            os.dup2(stderr.fileno(), 2)
