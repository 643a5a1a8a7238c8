"""Worker processes end with the run that started them, however it ended: nobody would wait for what they do."""

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
        while _alive(caller):
            time.sleep(_INTERVAL)
    except OSError:  # gone already
        pass
    else:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
    os._exit(1)  # whatever is half done was not committed; the next run clears it away


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
