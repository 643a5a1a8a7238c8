"""The documents of plain files, folders or globs, for commands that only want to look at text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.config import Limits
from pipeline.errors import ShardUnreadable, UsageError
from pipeline.plan import Member, Shard, Unit
from pipeline.readers import is_companion, layout_of
from pipeline.readers.base import Tray
from pipeline.scan import read_unit
from pipeline.store.listing import Found, list_files
from schemas.sources import Fields, SourceRecord
from transforms.text import TextBatch


def batches_of(patterns: Sequence[str], fields: Fields | None = None) -> Iterator[TextBatch]:
    """The texts of all files the patterns name, in order, in batches; records without a text are left out.

    Raises UsageError where a pattern names no file, or a file is in no known format or cannot be read.
    """
    source = SourceRecord.model_validate(
        {
            "id": "text",
            "name": "text",
            "kind": "open",
            "region": "domestic",
            "paths": list(patterns),
            "fields": (fields or Fields.model_validate({"id": None, "url": None})).model_dump(),
        }
    )
    limits = Limits()
    for file in files_of(patterns):
        layout = layout_of(Path(file.location).name, None)
        assert layout is not None, file.name
        shard = Shard(file.name, file.location, file.size or 0, file.version, layout)
        unit = Unit(source, 0, (Member(shard, 0, shard.size),))
        try:
            yield from (TextBatch(records) for records in read_unit(unit, Tray(limits.document_bytes), limits))
        except ShardUnreadable as error:
            raise UsageError(f"{file.location}: 读不了 / cannot be read: {error.detail}") from None


def files_of(patterns: Sequence[str]) -> list[Found]:
    """The files the patterns name, by place. Raises UsageError where one names none, or a file in no known format."""
    files: dict[str, Found] = {}
    problems = []
    for pattern in patterns:
        try:
            found = [file for file in list_files(pattern, Path.cwd()) if not is_companion(Path(file.name).name)]
        except (OSError, ValueError, ImportError) as error:
            problems.append(f"{pattern}: 无法列出文件 / cannot list files: {error}")
            continue
        if not found:
            problems.append(f"{pattern}: 没有匹配到文件 / matches no file")
        unknown = [file.name for file in found if layout_of(Path(file.location).name, None) is None]
        problems += [f"{pattern}: 格式不明 / unknown format: {name}" for name in unknown[:5]]
        files |= {file.identity: file for file in found}
    if problems:
        raise UsageError(problems)
    return sorted(files.values(), key=lambda file: file.location)
