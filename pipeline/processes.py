"""Processes of this machine: whether one is there, and workers that end with the run that started them.

Nobody would wait for what a worker of a dead run does.
"""

import os
import select
import threading
import time

_VARIABLE = "CORPUS_AUDIT_CALLER"
_THREAD = "corpus-audit caller"
_INTERVAL = 0.5  # seconds, where the kernel does not tell


def lead() -> None:
    """In the process of the run: workers it starts from now on will follow it."""
    os.environ[_VARIABLE] = str(os.getpid())


def follow() -> None:
    """In a worker: ends this process as soon as the run is no more. Workers on other machines have nobody to follow."""
    caller = os.environ.get(_VARIABLE, "")
    if not caller.isdecimal() or int(caller) == os.getpid():
        return
    if not any(thread.name == _THREAD for thread in threading.enumerate()):
        threading.Thread(target=_outlive, args=(int(caller),), name=_THREAD, daemon=True).start()


def _outlive(caller: int) -> None:
    try:
        handle = os.pidfd_open(caller)
    except (AttributeError, PermissionError):
        while alive(caller):
            time.sleep(_INTERVAL)
    except OSError:  # gone already
        pass
    else:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
    os._exit(1)  # whatever is half done was not committed; the next run clears it away


def alive(pid: int) -> bool:
    """Whether a process is there, whoever it belongs to."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
