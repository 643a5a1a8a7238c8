import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import Config, Limits
from pipeline.errors import UsageError
from pipeline.plan import Member, Plan, Shard, Unit, _pack, deal, make_plan
from pipeline.readers import Layout, layout_of
from schemas.sources import SourceRecord

SOURCE = {"id": "s", "name": "s", "kind": "open", "region": "domestic"}
UNIT = 1 << 16
Configure = Callable[..., Config]


def files(folder: Path, *names: str, content: bytes = b'{"text":"a"}\n') -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def plan(configure: Configure, *paths: str, allow_missing: bool = False, **source: object) -> Plan:
    config = configure(sources=[{**SOURCE, "paths": list(paths), **source}], limits={"unit_bytes": UNIT})
    return make_plan(config, allow_missing)


def names(made: Plan) -> list[str]:
    return [member.shard.name for unit in made.units for member in unit.members]


def test_shards_are_in_code_point_order(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/b.jsonl", "d/B.jsonl", "d/a10.jsonl", "d/a9.jsonl", "d/é.jsonl", "d/中.jsonl")
    expected = ["B.jsonl", "a10.jsonl", "a9.jsonl", "b.jsonl", "é.jsonl", "中.jsonl"]
    assert names(plan(configure, "d/*.jsonl")) == expected
    assert names(plan(configure, "d/[a-z]*.jsonl", "d/B.jsonl", "d/é.jsonl", "d/中.jsonl")) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("d/x/1.jsonl", ["1.jsonl"]),
        ("d/x/*.jsonl", ["1.jsonl"]),
        ("d/*/1.jsonl", ["x/1.jsonl", "y/1.jsonl"]),
        ("d/**/*.jsonl", ["x/1.jsonl", "y/1.jsonl", "y/z/2.jsonl"]),
        ("d", ["x/1.jsonl", "y/1.jsonl", "y/z/2.jsonl"]),
        ("d/", ["x/1.jsonl", "y/1.jsonl", "y/z/2.jsonl"]),
        ("d/x/../y/*.jsonl", ["1.jsonl"]),
        ("[cd]/x/*.jsonl", ["d/x/1.jsonl"]),
    ],
)
def test_a_shard_is_named_below_the_fixed_part(
    tmp_path: Path, configure: Configure, path: str, expected: list[str]
) -> None:
    files(tmp_path, "d/x/1.jsonl", "d/y/1.jsonl", "d/y/z/2.jsonl")
    assert names(plan(configure, path)) == expected


def test_hidden_and_underscored_files_and_folders_are_skipped(tmp_path: Path, configure: Configure) -> None:
    files(
        tmp_path, "_top/d/a.jsonl", "_top/d/.b.jsonl", "_top/d/_SUCCESS", "_top/d/_tmp/c.jsonl", "_top/d/.git/d.jsonl"
    )
    assert names(plan(configure, "_top/d")) == ["a.jsonl"]
    assert names(plan(configure, "_top/d/**/*.jsonl")) == ["a.jsonl"]


def test_the_name_of_a_file_may_hold_glob_characters(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/a[1].jsonl", "d/b{2}.jsonl")
    assert names(plan(configure, "d/a[1].jsonl", "d/b{2}.jsonl")) == ["a[1].jsonl", "b{2}.jsonl"]


def test_a_link_is_followed_once(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "real/a.jsonl", "d/b.jsonl")
    (tmp_path / "d" / "link.jsonl").symlink_to(tmp_path / "real" / "a.jsonl")
    (tmp_path / "d" / "loop").symlink_to(tmp_path / "d")
    (tmp_path / "d" / "up").symlink_to(tmp_path)
    assert names(plan(configure, "d/*.jsonl")) == ["b.jsonl", "link.jsonl"]
    assert names(plan(configure, "d/**/*.jsonl")) == ["b.jsonl", "link.jsonl"]
    (tmp_path / "d" / "twin.jsonl").symlink_to(tmp_path / "real" / "a.jsonl")
    with pytest.raises(UsageError, match=r"twin.jsonl: .*the same file is already read as s:link.jsonl"):
        plan(configure, "d/*.jsonl")


def test_a_folder_that_is_a_link_is_followed(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "real/x/a.jsonl")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "linked").symlink_to(tmp_path / "real")
    assert names(plan(configure, "d/**/*.jsonl")) == ["linked/x/a.jsonl"]
    assert names(plan(configure, "d/linked")) == ["x/a.jsonl"]


def test_a_link_to_a_folder_is_followed(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "real/deep/a.jsonl", "d/b.jsonl")
    (tmp_path / "d" / "link").symlink_to(tmp_path / "real")
    assert names(plan(configure, "d/**/*.jsonl")) == ["b.jsonl", "link/deep/a.jsonl"]


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/b.jsonl")
    (tmp_path / "d" / "dangling.jsonl").symlink_to(tmp_path / "gone.jsonl")
    with pytest.raises(UsageError, match="leads nowhere"):
        plan(configure, "d/*.jsonl")
    assert names(plan(configure, "d/*.jsonl", allow_missing=True)) == ["b.jsonl"]


def test_the_folder_of_the_configuration_may_hold_glob_characters(tmp_path: Path) -> None:
    from pipeline.store.listing import list_files

    base = tmp_path / "we[ird]*"
    files(base, "d/x/a.jsonl", "d/b.jsonl")
    for pattern, expected in (
        ("d/**/*.jsonl", ["b.jsonl", "x/a.jsonl"]),
        ("d", ["b.jsonl", "x/a.jsonl"]),
        ("d/b.jsonl", ["b.jsonl"]),
    ):
        assert [file.name for file in list_files(pattern, base)] == expected


def test_the_same_file_in_two_sources_is_an_error(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/a.jsonl")
    records = [{**SOURCE, "paths": ["d/*.jsonl"]}, {**SOURCE, "id": "t", "paths": ["d"]}]
    with pytest.raises(UsageError, match="already read as s:a.jsonl"):
        make_plan(configure(sources=records))


def test_all_problems_of_the_paths_are_told_at_once(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/a.jsonl", "e/a.jsonl", "d/notes.odt")
    with pytest.raises(UsageError) as error:
        plan(configure, "d/*.jsonl", "d/a.jsonl", "e/*.jsonl", "gone/*.jsonl", "d/*.odt", "nosuch://x/*.jsonl")
    told = ["the same file", "a shard of this name", "matches no file", "cannot tell the format", "cannot list files"]
    assert len(error.value.problems) == len(told)
    for text, problem in zip(told, error.value.problems, strict=True):
        assert text in problem
        assert "source s" in problem


def test_missing_paths_may_be_allowed(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/a.jsonl")
    made = plan(configure, "d/*.jsonl", "gone/*.jsonl", "gone.jsonl", allow_missing=True)
    assert names(made) == ["a.jsonl"]
    assert ["gone/*.jsonl" in made.warnings[0], "gone.jsonl" in made.warnings[1]] == [True, True]
    assert all("matches no file" in warning for warning in made.warnings)


HUB = ("data/train.parquet", "README.md", "LICENSE", "dataset_infos.json", ".gitattributes", "loader.py", "img/a.png")


@pytest.mark.parametrize("path", ["d", "d/", "d/**", "d/**/*"])
def test_what_stands_beside_the_data_in_a_folder_is_skipped_with_a_warning(
    tmp_path: Path, configure: Configure, path: str
) -> None:
    files(tmp_path, *(f"d/{name}" for name in HUB))
    for declared in ({}, {"format": "parquet"}):
        made = plan(configure, path, **declared)
        assert "data/train.parquet" in names(made)
        assert not {"README.md", "LICENSE", "dataset_infos.json"} & set(names(made))
        assert "README.md" in made.warnings[0]
    assert names(plan(configure, path)) == ["data/train.parquet"]


def test_a_file_of_unknown_format_that_was_asked_for_is_an_error(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/a.jsonl", "d/loader.py")
    for path in ("d/*", "d/loader.py"):
        with pytest.raises(UsageError, match=r"loader.py: .*cannot tell the format"):
            plan(configure, path)


def test_a_folder_without_data_is_an_error(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/README.md", "d/loader.py")
    with pytest.raises(UsageError, match="no file of a known format"):
        plan(configure, "d")


def test_a_readme_that_is_asked_for_is_a_document(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/README.md")
    assert names(plan(configure, "d/README.md")) == names(plan(configure, "d", format="text")) == ["README.md"]


@pytest.mark.parametrize(
    ("name", "declared", "expected"),
    [
        ("a.jsonl", None, Layout("jsonl")),
        ("a.NDJSON.GZ", None, Layout("jsonl", "gzip")),
        ("a.json.zst", None, Layout("jsonl", "zstd")),
        ("a.jsonl.zstd", None, Layout("jsonl", "zstd")),
        ("a.parquet", None, Layout("parquet")),
        ("part-0.zstd.parquet", None, Layout("parquet")),
        ("a.odt", None, None),
        ("a.txt", "jsonl", Layout("jsonl")),
        ("a.gz", "jsonl", Layout("jsonl", "gzip")),
        ("noname", "parquet", Layout("parquet")),
    ],
)
def test_the_layout_follows_from_the_name(name: str, declared: str | None, expected: Layout | None) -> None:
    assert layout_of(name, declared) == expected


def test_a_large_plain_file_is_cut_into_byte_ranges(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/a.jsonl", content=b"x" * (3 * UNIT + 1))
    made = plan(configure, "d/a.jsonl")
    parts = [unit.members[0] for unit in made.units]
    assert [(m.ordinal, m.parts) for m in parts] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert [parts[0].start, *(m.stop for m in parts)] == [*(m.start for m in parts), 3 * UNIT + 1]
    assert all(m.stop - m.start <= UNIT for m in parts)
    assert made.shards == 1


@pytest.mark.parametrize(("name", "parts"), [("a.jsonl.gz", 3), ("a.jsonl.zst", 3), ("a.jsonl.xz", 1), ("a.csv.gz", 1)])
def test_a_large_archive_is_cut_where_skipping_is_cheap(
    tmp_path: Path, configure: Configure, name: str, parts: int
) -> None:
    files(tmp_path, f"d/{name}", content=b"x" * (3 * UNIT))
    members = [member for unit in plan(configure, "d").units for member in unit.members]
    assert [(m.ordinal, m.parts) for m in members] == [(ordinal, parts) for ordinal in range(parts)]
    assert [members[0].start, *(m.stop for m in members)] == [*(m.start for m in members), 3 * UNIT]


def test_a_large_parquet_file_is_cut_at_row_groups(tmp_path: Path, configure: Configure) -> None:
    (tmp_path / "d").mkdir()
    table = pa.table({"text": [random.Random(i).randbytes(200).hex() for i in range(1000)]})
    pq.write_table(table, tmp_path / "d" / "a.parquet", row_group_size=100, compression="none", use_dictionary=False)
    parts = [unit.members[0] for unit in plan(configure, "d").units]
    groups = [m.groups for m in parts if m.groups is not None]
    assert len(groups) == len(parts) > 2
    assert [groups[0][0], *(last for _, last in groups)] == [*(first for first, _ in groups), 10]
    assert [parts[0].start, *(m.stop for m in parts)] == [*(m.start for m in parts), parts[0].shard.size]
    assert parts[0].start == 0


def test_a_parquet_file_without_a_footer_stays_whole(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/a.parquet", content=b"x" * (3 * UNIT))
    assert [(m.start, m.stop, m.groups) for unit in plan(configure, "d").units for m in unit.members] == [
        (0, 3 * UNIT, None)
    ]


def shard(name: str, size: int) -> Shard:
    return Shard(name, f"/d/{name}", size, "1", Layout("jsonl"))


def packs(shards: list[Shard]) -> set[tuple[str, ...]]:
    return {tuple(member.shard.name for member in pack) for pack in _pack(shards, UNIT)}


def test_a_new_small_file_changes_only_the_packs_around_it() -> None:
    draw = random.Random(7)
    shards = [shard(f"{number:04}.jsonl", draw.randrange(200, 4000)) for number in range(0, 2000, 2)]
    before = packs(shards)
    assert len(before) > 30
    rebuilt = []
    for place in range(1, 2000, 40):
        added = sorted([*shards, shard(f"{place:04}.jsonl", 3000)], key=lambda item: item.name)
        changed = packs(added) - before
        assert f"{place:04}.jsonl" in "".join(map("".join, changed))
        rebuilt.append(len(changed))
    assert max(rebuilt) <= len(before) // 4
    assert sorted(rebuilt)[len(rebuilt) // 2] <= 2  # the next border that a name draws puts the packs back in step


def test_packs_keep_to_the_size_of_a_unit() -> None:
    draw = random.Random(3)
    shards = [shard(f"{number:04}.jsonl", draw.randrange(0, 20000)) for number in range(500)]
    made = list(_pack(shards, UNIT))
    assert [member.shard for pack in made for member in pack] == shards
    assert all(sum(member.weight for member in pack) <= UNIT for pack in made)


def unit(size: int, ordinal: int) -> Unit:
    record = SourceRecord.model_validate({**SOURCE, "paths": ["x"]})
    return Unit(record, ordinal, (Member(shard(f"{ordinal}.jsonl", size), 0, size),))


def test_units_are_dealt_evenly() -> None:
    units = [unit(size, number) for number, size in enumerate([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])]
    hands = deal(units, 3)
    assert sorted(u.ordinal for hand in hands for u in hand) == list(range(10))
    weights = [sum(u.weight for u in hand) for hand in hands]
    assert max(weights) - min(weights) <= 2
    assert hands == deal(units[::-1], 3)


def test_no_hand_is_empty() -> None:
    assert [len(hand) for hand in deal([unit(5, 0), unit(5, 1)], 8)] == [1, 1]
    assert deal([], 8) == []


def test_the_key_of_a_unit_says_what_is_read_and_where_it_lies(tmp_path: Path, configure: Configure) -> None:
    files(tmp_path, "d/a.jsonl")
    os.utime(tmp_path / "d" / "a.jsonl", (1, 1))
    limits = Limits()
    before = plan(configure, "d/*.jsonl").units[0].key(limits)
    shutil.copytree(tmp_path / "d", tmp_path / "copy")
    os.utime(tmp_path / "copy" / "a.jsonl", (1, 1))
    assert plan(configure, "copy/*.jsonl").units[0].key(limits) != before, "equal name, size and time are no proof"
    assert plan(configure, "d/*.jsonl", name="other", evidence={"licence": "MIT"}).units[0].key(limits) == before

    changed = {
        plan(configure, "d/*.jsonl", fields={"text": "body"}).units[0].key(limits),
        plan(configure, "d/*.jsonl", encoding="gb18030").units[0].key(limits),
        plan(configure, "d/*.jsonl", id="other").units[0].key(limits),
        plan(configure, "d/*.jsonl", format="parquet").units[0].key(limits),
        plan(configure, "d/*.jsonl", format="text").units[0].key(limits),
        plan(configure, "d/*.jsonl", format="text", records="line").units[0].key(limits),
        plan(configure, "d/*.jsonl").units[0].key(Limits(expansion=10)),
        plan(configure, "d/*.jsonl").units[0].key(Limits(document_bytes=2048)),
    }
    os.utime(tmp_path / "d" / "a.jsonl", (2, 2))
    changed.add(plan(configure, "d/*.jsonl").units[0].key(limits))
    files(tmp_path, "d/a.jsonl", content=b"longer than before\n")
    os.utime(tmp_path / "d" / "a.jsonl", (1, 1))
    changed.add(plan(configure, "d/*.jsonl").units[0].key(limits))
    assert len(changed - {before}) == 10
