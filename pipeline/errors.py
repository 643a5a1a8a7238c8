"""Errors a person must act on. Each carries the exit code of the public contract; its text says what, where, what to do."""

import errno
import os
from collections.abc import Iterable

_OF_DISKS = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS))


class AuditError(Exception):
    """Base of all errors shown to users without a traceback."""

    exit_code = 3


class UsageError(AuditError):
    """Bad usage or configuration, an empty glob, an unreachable store. Nothing was published."""

    exit_code = 2

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class RunFailed(AuditError):  # noqa: N818 - reads as what happened
    """The run failed, or its books do not balance."""

    exit_code = 3


WITHDRAWN = "已提交的文件损坏，已作废 / a committed file was damaged and is withdrawn"


class FileDamaged(RunFailed):
    """A committed file does not read back. It is withdrawn, so that running again makes it anew; the text names it."""

    def __init__(self, text: str) -> None:
        super().__init__(text if WITHDRAWN in text else f"{text}: {WITHDRAWN}: run again and it is made anew")


class OutputBusy(AuditError):  # noqa: N818
    """Another run holds the output folder."""

    exit_code = 4


class StoreError(OSError):
    """A remote store refuses or fails; the text names the URL and what to do."""


class StoreSilent(StoreError):  # noqa: N818
    """A remote store does not answer at all, so nothing is known about the file asked for."""


class ShardUnreadable(Exception):  # noqa: N818 - internal: becomes a quarantined shard
    """Reading a shard failed for a reason outside its content: permission, input/output error, changed while read."""

    def __init__(self, member: int, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.member = member
        self.reason = reason
        self.detail = detail
        self.shard = f"#{member}"  # its source and name, where they are known


def tells_of_disk(error: Exception) -> bool:
    """Whether an error of a library that wraps those of the system says that a disk is full or fails."""
    return any(text in str(error) for text in _OF_DISKS)
