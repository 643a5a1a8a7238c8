"""The secret of an output folder under which personal information is digested: made once, readable to its owner alone."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UsageError

SALT = "personal-information.salt"
SALT_BYTES = 32
PRIVATE = 0o600
_MADE = "personal-information.new"


def make_or_read_salt(folder: Path) -> bytes:
    """The salt of an output folder that is held; access is narrowed to its owner. Raises UsageError, and OSError of disks."""
    if not os.path.lexists(folder / SALT):
        _make(folder)
    with _opened(folder / SALT) as handle:
        if _mode(handle) & ~PRIVATE:
            try:
                os.fchmod(handle, PRIVATE)
            except OSError as error:
                raise _unusable(folder / SALT, error) from None
        return _content(folder / SALT, handle)


def read_salt(folder: Path) -> tuple[bytes, int] | None:
    """The salt as it lies there and its permissions; None where there is none. Raises UsageError."""
    if not os.path.lexists(folder / SALT):
        return None
    with _opened(folder / SALT) as handle:
        return _content(folder / SALT, handle), _mode(handle)


def _make(folder: Path) -> None:
    """A crash leaves a file under another name, with a salt nothing was digested with: it is thrown away."""
    made = folder / _MADE
    if made.is_dir() and not made.is_symlink():
        raise UsageError(
            f"{made}: 是一个文件夹，盐文件写不了 / a folder stands where the salt of personal information is written first: remove it"
        )
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(SALT_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    made.rename(folder / SALT)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A regular file and nothing that stands for one. A pipe must not make the run wait, hence O_NONBLOCK."""
    if path.is_symlink():
        raise _not_a_file(path)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _not_a_file(path)
        yield handle
    finally:
        os.close(handle)


def _mode(handle: int) -> int:
    return stat.S_IMODE(os.fstat(handle).st_mode)


def _content(path: Path, handle: int) -> bytes:
    """Raises UsageError where the file is not what was written."""
    try:
        salt = bytes.fromhex(os.read(handle, 4 * SALT_BYTES).decode("ascii").strip())
    except ValueError:
        salt = b""
    except OSError as error:
        raise _unusable(path, error) from None
    if len(salt) != SALT_BYTES:
        raise UsageError(
            f"{path}: 盐文件已损坏 / the salt of personal information is damaged: restore it from a copy, or remove it; "
            f"without it all digests change and the documents are scanned again for personal information"
        )
    return salt


def _not_a_file(path: Path) -> UsageError:
    return UsageError(
        f"{path}: 盐须为普通文件，不能是链接、文件夹或管道 / the salt of personal information must be a regular file, no link, folder or "
        f"pipe: put the file itself there, or remove what is there and a new salt is made"
    )


def _unusable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path}: 盐文件无法使用（{error.strerror}）/ the salt of personal information cannot be used ({error.strerror}): it must "
        f"belong to who runs the audit, with permissions 0600"
    )
