"""Hash-chained logs: append-only files of JSON lines, each carrying the hash of the line before.

A changed, removed or inserted line breaks the chain. What a chain cannot show is its own end cut off: so the head is
recorded elsewhere (run manifests carry the head of the blacklist log).
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

GENESIS = "0" * 64


def digest(record: dict[str, Any]) -> str:
    """Digest of a record without its own digest."""
    content = {key: value for key, value in record.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def read_chain(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """All records, and what is wrong with the chain, a line each. A file that is not there is an empty chain."""
    records: list[dict[str, Any]] = []
    problems: list[str] = []
    previous = GENESIS
    for number, line in enumerate(path.read_bytes().split(b"\n") if path.exists() else [], start=1):
        if not line:
            continue
        try:
            record = json.loads(line)
            intact = digest(record) == record["sha256"] and record["previous"] == previous and line == as_line(record)
            previous = record["sha256"]
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.append(f"{path}:{number}: 不是完整的记录 / not a whole record")
            continue
        if not intact:
            problems.append(
                f"{path}:{number}: 哈希链断开，此行或前一行被改动 / the chain breaks: this line or the one before changed"
            )
        records.append(record)
    return records, problems


def append_to_chain(path: Path, contents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Appends records behind the last and returns them as written, synced to disk.

    A last line without its end is what a crash leaves; it was never acknowledged and is cut off first.
    """
    cut_torn_line(path)
    records, _ = read_chain(path)
    previous = records[-1]["sha256"] if records else GENESIS
    written = []
    for content in contents:
        record = {**content, "previous": previous}
        record["sha256"] = previous = digest(record)
        written.append(record)
    if written:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as handle:
            handle.write(b"".join(as_line(record) + b"\n" for record in written))
            handle.flush()
            os.fsync(handle.fileno())
    return written


def cut_torn_line(path: Path) -> None:
    """Removes a last line that has no end: its writer was killed before anybody was told of it.

    A whole record is never removed: one that lacks only the line feed gets it, one with anything else behind it was
    tampered with and stays for read_chain to report.
    """
    if not path.exists():
        return
    content = path.read_bytes()
    begin = content.rfind(b"\n") + 1
    if begin == len(content):
        return
    tail = content[begin:].decode("utf-8", "replace")
    try:
        _, end = json.JSONDecoder().raw_decode(tail)
    except ValueError:
        with path.open("r+b") as handle:
            handle.truncate(begin)
    else:
        if end == len(tail):
            with path.open("ab") as handle:
                handle.write(b"\n")


def as_line(record: dict[str, Any]) -> bytes:
    """The one way a record is written; a byte that changed nothing for a JSON reader still shows."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True).encode()
