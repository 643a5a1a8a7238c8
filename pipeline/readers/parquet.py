"""Parquet. Row groups are the parts a large file is read in, and the borders damage stays within."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import ShardUnreadable, StoreError
from pipeline.readers.base import BATCH_BYTES, BATCH_DOCUMENTS, Picker, RawFile, Tray, opened
from pipeline.store.storage import open_file

_UNSUSPECTED = 16 << 20  # bytes below which no column is a bomb
_REPEATED = 64 << 20  # bytes a batch may grow to should every row repeat the longest value of its dictionary
_BUFFER = 1 << 20  # without it a row group is held whole: 1.1 GB instead of 115 MB


def segments(url: str, size: int, unit_bytes: int) -> list[tuple[int, int, tuple[int, int] | None]]:
    """Runs of row groups of about `unit_bytes` of the file. A file whose footer cannot be read stays whole.

    Raises StoreError where a store fails: the same file must always be cut the same way.
    """
    try:
        with open_file(url) as handle:
            metadata = pq.ParquetFile(handle).metadata
    except StoreError:
        raise
    except (OSError, pa.ArrowException):
        return [(0, size, None)]
    starts = [_first_byte(metadata.row_group(group)) for group in range(metadata.num_row_groups)]
    if len(starts) < 2 or starts != sorted(starts):
        return [(0, size, None)]
    cuts: list[tuple[int, int, tuple[int, int] | None]] = []
    first = 0
    for group in range(1, len(starts) + 1):
        if group == len(starts) or starts[group] - starts[first] >= unit_bytes:
            start = starts[first] if first else 0
            cuts.append((start, starts[group] if group < len(starts) else size, (first, group)))
            first = group
    return cuts


def _first_byte(group: Any) -> int:
    offsets = []
    for column in range(group.num_columns):
        chunk = group.column(column)
        offsets.append(chunk.data_page_offset)
        if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
            offsets.append(chunk.dictionary_page_offset)
    return min(offsets, default=0)


def read(
    member: int,
    url: str,
    start: int,
    stop: int,
    groups: tuple[int, int] | None,
    paths: tuple[tuple[str, ...], *tuple[str | None, ...]],
    picker: Picker,
    tray: Tray,
    expansion: int = 1000,
) -> Iterator[pa.RecordBatch]:
    """Reads one member into the tray and hands on full batches; a damaged row group costs only what it still held.

    `paths` are those of text, and of id, URL and user. Raises ShardUnreadable where the store fails, as opposed to the content.
    """
    ledger = tray.begin(member)
    with opened(member, url, scattered=True) as handle:
        probe = _Watched(member, handle)
        try:
            file = pq.ParquetFile(
                pa.PythonFile(probe, mode="r"), pre_buffer=False, buffer_size=_BUFFER, page_checksum_verification=True
            )
        except (OSError, pa.ArrowException) as error:
            probe.reraise()
            tray.reject_stretch("corrupt_parquet", f"the footer cannot be read: {_brief(error)}", None)
        else:
            first, last = groups or (0, file.metadata.num_row_groups)
            wanted = _wanted(file.schema_arrow, (*paths[0], *(path for path in paths[1:] if path)))
            stored = sum(file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups))
            if first == 0 and stored != file.metadata.num_rows:
                tray.reject_stretch(
                    "corrupt_parquet",
                    f"the footer promises {file.metadata.num_rows} rows, its row groups {stored}",
                    None,
                )
            for group in range(first, last):
                yield from _row_group(file, group, wanted, paths[0], picker, tray, probe, expansion)
        try:
            handle.seek(start)
        except OSError as error:
            raise ShardUnreadable(member, "unreadable", str(error)) from error
        ledger.sha256 = RawFile(member, handle, start, stop).finish()


class _Watched:
    """A file for pyarrow that remembers a failure of the store, which pyarrow would report as damage."""

    def __init__(self, member: int, handle: Any) -> None:
        self.member = member
        self.handle = handle
        self.failure: ShardUnreadable | None = None
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self.handle.read(size))
        except OSError as error:
            self.failure = ShardUnreadable(
                self.member, "unreadable", f"{type(error).__name__}: {error.strerror or error}"
            )
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self.handle.seek(offset, whence))

    def tell(self) -> int:
        return int(self.handle.tell())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def reraise(self) -> None:
        if self.failure is not None:
            raise self.failure


def _wanted(schema: pa.Schema, paths: tuple[str, ...]) -> list[str]:
    """The top-level columns the paths begin in."""
    wanted = {path if path in schema.names else path.split(".")[0].removesuffix("[*]") for path in paths}
    return [name for name in schema.names if name in wanted]


def _row_group(
    file: pq.ParquetFile,
    group: int,
    wanted: list[str],
    text: tuple[str, ...],
    picker: Picker,
    tray: Tray,
    probe: _Watched,
    expansion: int,
) -> Iterator[pa.RecordBatch]:
    metadata = file.metadata.row_group(group)
    rows, read = metadata.num_rows, 0
    if not any(path in wanted or path.split(".")[0].removesuffix("[*]") in wanted for path in text):
        tray.reject_stretch("missing_text", f"the file has no column {', '.join(text)}", rows)
        return
    chunks = [metadata.column(column) for column in range(metadata.num_columns)]
    chunks = [
        chunk for chunk in chunks if chunk.path_in_schema in wanted or chunk.path_in_schema.split(".")[0] in wanted
    ]
    most = max(_UNSUSPECTED, expansion * sum(chunk.total_compressed_size for chunk in chunks))
    bomb = f"row group {group} holds more than {expansion} times its size: if that is no attack, raise limits.expansion"
    if sum(chunk.total_uncompressed_size for chunk in chunks) > most:
        tray.reject_stretch("bomb", bomb, rows)
        return
    per_row = max(1, metadata.total_byte_size // max(1, rows))
    longest = max(map(_longest, chunks), default=0)
    size = max(1, min(BATCH_DOCUMENTS, BATCH_BYTES // per_row, _REPEATED // max(1, longest)))
    try:
        for batch in file.iter_batches(batch_size=size, row_groups=[group], columns=wanted, use_threads=False):
            most -= batch.nbytes
            if most < 0:
                tray.reject_stretch("bomb", bomb, rows - read)
                return
            _records(batch, picker, tray)
            read += batch.num_rows
            yield from tray.take()
        if read < rows:
            tray.reject_stretch("corrupt_parquet", f"row group {group} ends after {read} of {rows} rows", rows - read)
    except (OSError, pa.ArrowException) as error:
        probe.reraise()
        tray.reject_stretch("corrupt_parquet", f"row group {group} is damaged: {_brief(error)}", rows - read)
    except (ValueError, LookupError, ArithmeticError, TypeError, NotImplementedError) as error:
        # what Python objects cannot hold (a time zone nobody knows), or two columns of one name
        detail = f"row group {group} holds what cannot be read: {type(error).__name__}: {_brief(error)}"
        tray.reject_stretch("unsupported_parquet", detail, rows - read)


def _longest(chunk: Any) -> int:
    """Bytes the longest value of a column's dictionary can have; 0 where it has none and every value is stored."""
    return int(chunk.total_uncompressed_size) if chunk.has_dictionary_page else 0


def _records(batch: pa.RecordBatch, picker: Picker, tray: Tray) -> None:
    plain = {name: _decoded(batch.column(name)) for name in batch.schema.names}
    names = list(plain)
    for values in zip(*plain.values(), strict=True):
        bad = next((value for value in values if isinstance(value, _BadEncoding)), None)
        if bad is not None:
            tray.reject("invalid_encoding", f"not utf-8 at byte {bad.position} of the value", None)
        else:
            picker.pick(dict(zip(names, values, strict=True)), tray, None)


class _BadEncoding:
    def __init__(self, position: int) -> None:
        self.position = position


def _decoded(column: pa.Array) -> list[Any]:
    """The values as Python objects; Arrow trusts a file's strings to be UTF-8, so they are checked here."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            return list(column.to_pylist())
        except UnicodeDecodeError:
            binary = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
            return [_text(value) for value in column.view(binary).to_pylist()]
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [_text(value) for value in column.to_pylist()]
    if pa.types.is_temporal(column.type):  # neither a text nor an id; nanoseconds have no Python object at all
        return [Timestamp() if valid else None for valid in column.is_valid().to_pylist()]
    if pa.types.is_nested(column.type):
        column = pc.cast(column, _timeless(column.type))
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_nested(value) for value in column]


class Timestamp:
    """Stands for a moment or a length of time."""


def _timeless(kind: pa.DataType) -> pa.DataType:
    """A nested type with whole numbers for times, which is all that a text field beside them needs."""
    if pa.types.is_temporal(kind):
        return pa.int32() if kind.bit_width == 32 else pa.int64()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _timeless(field.type)) for field in kind])
    if pa.types.is_large_list(kind):
        return pa.large_list(_timeless(kind.value_type))
    if pa.types.is_list(kind):
        return pa.list_(_timeless(kind.value_type))
    return kind


def _nested(value: pa.Scalar) -> Any:
    """A nested value, or what says that a string somewhere in it is not UTF-8."""
    try:
        return value.as_py()
    except UnicodeDecodeError as error:
        return _BadEncoding(error.start)


def _text(value: bytes | None) -> str | _BadEncoding | None:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        return _BadEncoding(error.start)


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
