"""The command line. Results go to files and stdout, logs and progress to stderr; exit codes are those of the contract."""

import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import typer

from pipeline.errors import AuditError, StoreError

INTERRUPTED = 130


def main() -> NoReturn:
    """Console script: runs the application and turns errors into one message and an exit code."""
    from pipeline.engine.execution import quiet_logging

    quiet_logging()
    signal.signal(signal.SIGTERM, _interrupt)
    from pipeline.terminal.commands import app

    try:
        code = app(standalone_mode=False)
    except AuditError as error:
        _say(f"错误 / error: {error}")
        code = error.exit_code
    except StoreError as error:
        _say(f"错误 / error: {error}")
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        code = 0
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - nobody reads on
    except Exception as error:  # the outermost edge: anything else is a fault of ours
        show = getattr(error, "show", None)  # the usage errors of typer, which carries a click of its own
        if show is not None:
            show()
            code = 2
        else:
            traceback.print_exc()
            _say("内部错误，请附上以上内容报告 / an internal error: please report it with the lines above")
            code = 3
    if code == INTERRUPTED:  # typer itself makes this code of a Ctrl-C in a command
        _say("已中断；重新运行会从已提交处继续 / interrupted; run again to go on from what is committed")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)  # engines leave threads behind that would keep the process


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """A scheduler's SIGTERM ends a run like Ctrl-C does."""
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print("".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text), file=sys.stderr)
