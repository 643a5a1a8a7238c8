import itertools
import os
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FileDamaged
from pipeline.store import scans
from pipeline.store.scans import ScanStore, TableFile, layer_key

SCHEMA = pa.schema(
    [
        pa.field("n", pa.int64(), nullable=False),
        pa.field("text", pa.large_string()),
        pa.field("tags", pa.list_(pa.field("element", pa.string(), nullable=False))),
    ]
)


def rows(count: int) -> pa.Table:
    texts = [None if n % 5 == 0 else "中" * (n % 7) for n in range(count)]
    tags = [None if n % 3 == 0 else ["a"] * (n % 4) for n in range(count)]
    return pa.table(
        [pa.array(range(count), pa.int64()), pa.array(texts, pa.large_string()), pa.array(tags, SCHEMA[2].type)],
        schema=SCHEMA,
    )


def write(path: Path, table: pa.Table, cuts: list[int]) -> Path:
    file = TableFile(path, SCHEMA)
    borders = [0, *sorted(min(cut, len(table)) for cut in cuts), len(table)]
    for low, high in itertools.pairwise(borders):
        for batch in table.slice(low, high - low).combine_chunks().to_batches() or [
            pa.RecordBatch.from_pylist([], schema=SCHEMA)
        ]:
            file.write(batch)
    assert file.rows == len(table)
    file.close({"rows": file.rows, "name": "层"})
    return path


@pytest.fixture
def store(tmp_path: Path) -> ScanStore:
    return ScanStore(str(tmp_path / "scans"))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 70), st.lists(st.integers(0, 70), max_size=8))
def test_the_bytes_of_a_file_do_not_depend_on_the_batches(
    tmp_path_factory: pytest.TempPathFactory, count: int, cuts: list[int]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scans, "ROWS_PER_GROUP", 16)
        whole = write(folder / f"whole-{os.getpid()}", rows(count), [])
        parts = write(folder / f"parts-{os.getpid()}", rows(count), cuts)
    assert whole.read_bytes() == parts.read_bytes()


def test_a_file_reads_back_with_its_metadata_in_groups_of_fixed_size(
    tmp_path: Path, store: ScanStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "ROWS_PER_GROUP", 16)
    path = str(write(tmp_path / "file", rows(40), [3, 39]))
    with store.open(path) as file:
        assert [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)] == [16, 16, 8]
        assert file.read().equals(rows(40))
    assert store.metadata(path) == {"rows": 40, "name": "层"}


@pytest.mark.parametrize("location", ["{}/scans", "memory://scans-test"])
def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path, location: str) -> None:
    store = ScanStore(location.format(tmp_path))
    path = store.path("base", layer_key("unit", "print", SCHEMA))
    with store.workspace() as folder:
        made = write(folder / "base.parquet", rows(9), [])
        assert not store.exists(path)
        store.commit(made, path)
    assert store.exists(path)
    assert store.metadata(path)["rows"] == 9
    store.fetch(path, tmp_path / "copy")
    assert store.read_bytes(path) == (tmp_path / "copy").read_bytes()
    store.discard_file(path)
    assert not store.exists(path)


def test_a_commit_replaces_what_another_made_of_the_same(store: ScanStore) -> None:
    path = store.path("decided", "ab" * 32, ".json")
    for content in (b"one", b"two"):
        store.commit_bytes(content, path)
        assert store.read_bytes(path) == content


def test_nothing_is_left_behind_by_a_failure(store: ScanStore) -> None:
    path = store.path("base", "cd" * 32)
    with pytest.raises(RuntimeError), store.workspace() as folder:
        file = TableFile(folder / "base.parquet", SCHEMA)
        file.write(rows(3).to_batches()[0])
        file.abandon()
        raise RuntimeError
    assert not store.exists(path)
    assert list((Path(store.location) / "tmp").iterdir()) == []


def test_only_what_the_dead_left_is_swept(store: ScanStore) -> None:
    tmp = Path(store.location) / "tmp"
    host = socket.gethostname()
    dead, alive, elsewhere = tmp / f"{host}-{2**22 + 1}-x", tmp / f"{host}-{os.getpid()}-x", tmp / "elsewhere-1-x"
    for folder in (dead, alive, elsewhere):
        folder.mkdir(parents=True)
    store.sweep()
    assert sorted(tmp.iterdir()) == sorted([alive, elsewhere])


def test_damage_of_a_page_is_found_when_it_is_read(tmp_path: Path, store: ScanStore) -> None:
    path = write(tmp_path / "file", rows(1000), [])
    content = path.read_bytes()
    with store.open(str(path)) as file:
        chunks = [file.metadata.row_group(0).column(c) for c in range(file.metadata.num_columns)]
        places = [chunk.data_page_offset + chunk.total_compressed_size // 2 for chunk in chunks]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(FileDamaged), store.open(str(path)) as file:
            file.read()


def test_the_key_of_a_layer_follows_from_unit_fingerprint_and_columns() -> None:
    parts = [
        ("a", "b", SCHEMA),
        ("a", "c", SCHEMA),
        ("ab", "", SCHEMA),
        ("", "ab", SCHEMA),
        ("a", "b", SCHEMA.remove(0)),
    ]
    assert len({layer_key(*part) for part in parts}) == len(parts)


def test_a_discarded_folder_may_be_gone_already(store: ScanStore) -> None:
    store.commit_bytes(b"x", f"{store.location}/handover/x")
    store.discard("handover")
    store.discard("handover")
    assert not store.exists(f"{store.location}/handover/x")


def test_workspaces_of_dead_processes_are_swept_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    store = ScanStore(str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = tmp_path / "tmp" / f"{socket.gethostname()}-{ended.pid}-0123456789ab"
    elsewhere = tmp_path / "tmp" / f"another-host-{ended.pid}-0123456789ab"
    for folder in (dead, elsewhere):
        folder.mkdir(parents=True)
    with store.workspace() as mine:
        store.sweep()
        assert mine.is_dir()
    assert not dead.exists()
    assert elsewhere.is_dir()


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "gone"])
@pytest.mark.parametrize(("layer", "vouching"), [("base", None), ("rejects", "base"), ("documents", "decided")])
def test_a_damaged_file_is_withdrawn_with_the_one_that_vouches_for_it(
    store: ScanStore, tmp_path: Path, layer: str, vouching: str | None, damage: str
) -> None:
    key = "ab" * 32
    path = store.path(layer, key)
    with store.workspace() as folder:
        store.commit(write(folder / "made.parquet", rows(50), []), path)
    suffix = ".json" if vouching == "decided" else ".parquet"
    if vouching:
        store.commit_bytes(b"{}", store.path(vouching, key, suffix))
    content = Path(path).read_bytes()
    spoilt = {"empty": b"", "cut": content[: len(content) // 2], "flipped": content[:40] + b"\xff" + content[41:]}
    if damage == "gone":
        Path(path).unlink()
    else:
        Path(path).write_bytes(spoilt[damage])
    with pytest.raises(FileDamaged, match="run again"), store.open(path) as file:
        file.read()
    assert not store.exists(path)
    assert not vouching or not store.exists(store.path(vouching, key, suffix))


def test_what_a_reader_does_wrong_is_not_taken_for_damage(store: ScanStore) -> None:
    path = store.path("base", "ab" * 32)
    with store.workspace() as folder:
        store.commit(write(folder / "made.parquet", rows(5), []), path)
    with pytest.raises(ValueError, match="mine"), store.open(path):
        raise ValueError("mine")
    assert store.exists(path)
