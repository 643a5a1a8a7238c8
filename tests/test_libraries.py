"""The compiled library of a run: committed once its files were found sound, and read back instead of parsed."""

import pickle
from pathlib import Path

import pytest

from lexicon.library import load_library
from pipeline import libraries
from pipeline.libraries import LAYER, find_library, keep_library, library_key
from pipeline.store.scans import ScanStore
from schemas.lexicon import Library
from schemas.loading import DocumentError

HEADER = "term\trisks\ttier\trequires\texcludes\tnote\tsince\n"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "a.tsv", tmp_path / "b.tsv"]
    made[0].write_text(HEADER + "甲词\tA1-a\tblock\n乙词\tA1-b,A2-a\treview\t丙词|丁词\t戊词\n", encoding="utf-8")
    made[1].write_text(HEADER + "己词\tA3-a\tcontext\n", encoding="utf-8")
    return made


def kept(files: list[Path], scans: Path) -> Library:
    """The library as committed there."""
    library, key = find_library(files, str(scans))
    keep_library(library, key, ScanStore(str(scans)))
    return library


def unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(_files: object) -> Library:
        raise AssertionError("parsed again")

    monkeypatch.setattr(libraries, "library_of", parse)


def test_files_that_did_not_change_are_not_parsed_again(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = kept(files, tmp_path / "s")
    unparsed(monkeypatch)
    found, _ = find_library(files, str(tmp_path / "s"))
    assert found.sha256 == compiled.sha256 == load_library(files).sha256
    assert found.entries == compiled.entries == load_library(files).entries
    assert Library(found.entries).sha256 == found.sha256


def test_the_starter_library_is_committed_like_any_other(tmp_path: Path) -> None:
    assert kept([], tmp_path) == find_library([], str(tmp_path))[0] == load_library([])


@pytest.mark.parametrize("line", ["庚词\tA1-a\tblock\n", "# a remark\n"])
def test_any_change_of_a_file_has_it_parsed(files: list[Path], tmp_path: Path, line: str) -> None:
    kept(files, tmp_path / "s")
    with files[1].open("a", encoding="utf-8") as file:
        file.write(line)
    assert find_library(files, str(tmp_path / "s"))[0].entries == load_library(files).entries


def test_the_key_tells_the_same_bytes_in_other_files_apart() -> None:
    assert len({library_key(parts) for parts in ([b"ab"], [b"a", b"b"], [b"b", b"a"], [b"ab", b""], [])}) == 5


def test_a_damaged_file_is_made_anew(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = kept(files, tmp_path / "s")
    (stored,) = (tmp_path / "s" / LAYER).rglob("*.bin")
    data = bytearray(stored.read_bytes())
    data[-3] ^= 1
    stored.write_bytes(bytes(data))
    assert kept(files, tmp_path / "s").entries == compiled.entries
    unparsed(monkeypatch)
    assert find_library(files, str(tmp_path / "s"))[0].entries == compiled.entries


def test_a_malformed_library_is_refused_every_time_and_never_committed(files: list[Path], tmp_path: Path) -> None:
    files[1].write_text(HEADER + "己词\tA9-z\tcontext\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(DocumentError, match=r"b\.tsv:2"):
            find_library(files, str(tmp_path / "s"))
    assert not (tmp_path / "s").exists()


def test_files_that_cannot_be_read_are_named_with_all_else_that_is_wrong(files: list[Path], tmp_path: Path) -> None:
    files[1].write_text(HEADER + "己词\tA9-z\tcontext\n", encoding="utf-8")
    with pytest.raises(DocumentError) as told:
        find_library([*files, tmp_path / "gone.tsv"], str(tmp_path / "s"))
    assert [any(name in problem for problem in told.value.problems) for name in ("b.tsv:2", "gone.tsv")] == [True, True]


def test_a_library_travels_without_being_unpacked(files: list[Path]) -> None:
    compiled = load_library(files)
    there = pickle.loads(pickle.dumps(compiled))
    assert "entries" not in vars(there)
    assert there == compiled
    assert there.entries == compiled.entries
    assert pickle.loads(pickle.dumps(there)).entries == compiled.entries
