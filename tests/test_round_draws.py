"""Draws that meet trouble: shards that changed or are gone, and kills at any moment."""

import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import RunFailed
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from review.beginning import begin
from review.store import ReviewStore
from rounds.opening import WORK, abandon_round
from rounds.register import find_round
from rounds.summary import facts_of, lines_of
from tests.audits import Corpus, jsonl
from tests.round_runs import EXPECTED, VALUE, Clock, audited, copied, drawn, events_of, items_of, opened, ready

__all__ = ["audited", "ready"]

ROOT = Path(__file__).parent.parent
KILLED = """
import sys
from pathlib import Path
from tests.kill_trap import arm
from tests.round_runs import EXPECTED, VALUE, Clock, drawn
out, at, trace = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
import rounds.drawing
arm(str(out), at=at, trace=trace)
drawn(out, Clock(EXPECTED))
"""


@pytest.fixture(scope="module")
def frozen(audited: tuple[Corpus, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output whose round is open."""
    out = copied(audited[1], tmp_path_factory.mktemp("frozen") / "o")
    opened(out, Clock())
    return out


@pytest.fixture(scope="module")
def whole(ready: Path) -> dict[str, bytes]:
    """What an undisturbed draw writes."""
    return {path.name: path.read_bytes() for path in (ready / "rounds" / "R0001").iterdir()}


@pytest.fixture
def both(audited: tuple[Corpus, Path], frozen: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The corpus, and a copy of the output with the open round."""
    return audited[0].folder, copied(frozen, tmp_path / "o")


def _another_text(corpus: Path) -> None:
    rows = [json.loads(line) for line in gzip.decompress((corpus / "qa" / "a.jsonl.gz").read_bytes()).splitlines()]
    for row in rows:
        row["text"] += "改"
    (corpus / "qa" / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(rows), mtime=0))


def _one_row_before(corpus: Path) -> None:
    path = corpus / "qa" / "a.jsonl.gz"
    path.write_bytes(gzip.compress(jsonl([{"id": "new", "text": "新的一行"}]) + gzip.decompress(path.read_bytes())))


def _cut_off(corpus: Path) -> None:
    path = corpus / "qa" / "a.jsonl.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _longer_parts(corpus: Path) -> None:
    path = corpus / "long" / "a.jsonl"
    path.write_bytes(path.read_bytes() + jsonl([{"id": "x", "text": "更长"}]))


def _other_groups(corpus: Path) -> None:
    shutil.copy(corpus / "table" / "one.parquet", corpus / "long" / "b.parquet")


@pytest.mark.parametrize(
    ("harm", "shard"),
    [
        (_another_text, "qa:"),
        (_one_row_before, "qa:"),
        (_cut_off, "qa:"),
        (lambda corpus: (corpus / "qa" / "a.jsonl.gz").unlink(), "qa:"),
        (lambda corpus: (corpus / "lines" / "a.txt").write_bytes("短\n".encode("gb18030")), "lines:"),
        (lambda corpus: (corpus / "table" / "one.parquet").write_bytes(b"PAR1"), "table:"),
        (_other_groups, "long:"),
    ],
)
def test_a_text_that_cannot_be_had_stops_the_draw(
    both: tuple[Path, Path], tmp_path: Path, whole: dict[str, bytes], harm: Callable[[Path], object], shard: str
) -> None:
    corpus, out = both
    copied(corpus, tmp_path / "kept")
    try:
        harm(corpus)
        with pytest.raises(RunFailed, match="没有替换任何语料") as caught:
            drawn(out, Clock())
        assert shard in str(caught.value)
        assert caught.value.exit_code == 3
        found = find_round(Output(out))
        assert found.state == "open"
        assert len(found.failures) == 1
        assert not found.folder.exists()
        shown = "\n".join(lines_of(facts_of(Output(out), found), brief=True))
        assert "抽取失败" in shown, "a draw that failed stays in the list"
    finally:
        for path in (tmp_path / "kept").rglob("*"):
            if path.is_file():
                shutil.copy2(path, corpus / path.relative_to(tmp_path / "kept"))
    found = drawn(out, Clock())
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == whole, "restored, it is the same draw"
    assert [event["event"] for event in events_of(out)] == ["opened", "valued", "draw_failed", "drawn"]


def test_rows_added_behind_what_was_drawn_change_nothing_drawn(
    both: tuple[Path, Path], tmp_path: Path, whole: dict[str, bytes]
) -> None:
    corpus, out = both
    shard = corpus / "qa" / "a.jsonl.gz"
    kept = shard.read_bytes()
    try:
        shard.write_bytes(gzip.compress(gzip.decompress(kept) + jsonl([{"id": "x", "text": "新"}])))
        found = drawn(out, Clock())
    finally:
        shard.write_bytes(kept)
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == whole


@pytest.mark.parametrize("content", [b"no database at all", b""])
def test_a_damaged_scratch_is_begun_anew(both: tuple[Path, Path], whole: dict[str, bytes], content: bytes) -> None:
    _, out = both
    (out / "rounds" / WORK / "R0001").mkdir(parents=True)
    (out / "rounds" / WORK / "R0001" / "texts.sqlite").write_bytes(content)
    found = drawn(out, Clock())
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == whole


def test_texts_in_the_scratch_that_are_not_what_was_drawn_are_read_again(
    both: tuple[Path, Path], tmp_path: Path, whole: dict[str, bytes]
) -> None:
    operations = _operations(both[1], tmp_path)
    rename = next(i for i, name in enumerate(operations, 1) if name.startswith("rename"))
    assert _killed(both[1], rename, tmp_path / "trace") == -9
    path = both[1] / "rounds" / WORK / "R0001" / "texts.sqlite"
    with sqlite3.connect(path) as database:
        assert database.execute("UPDATE texts SET text = ?", ("换成合格的".encode(),)).rowcount > 100
    found = drawn(both[1], Clock())
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == whole


def test_a_disk_that_fails_is_told_in_one_sentence(both: tuple[Path, Path]) -> None:
    _, out = both
    (out / "rounds" / WORK).write_bytes(b"a file where a folder should be")
    with pytest.raises(RunFailed, match="读写失败"):
        drawn(out, Clock())


def test_a_changed_run_is_not_drawn_from(both: tuple[Path, Path]) -> None:
    _, out = both
    path = next(iter(sorted((out / "current" / "documents").glob("*.parquet"))))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunFailed, match="documents/"):
        drawn(out, Clock())
    assert [event["event"] for event in events_of(out)] == ["opened"], "no value was used up"


def test_an_abandoned_round_leaves_nothing_half_made(both: tuple[Path, Path], tmp_path: Path) -> None:
    _, out = both
    (out / "rounds" / "R0001").mkdir()
    (out / "rounds" / WORK).mkdir(exist_ok=True)
    abandon_round(Output(out), "李", "换期", clock=Clock())
    assert {path.name for path in (out / "rounds").iterdir()} == {".lock", "register.ndjson"}


def test_a_round_abandoned_at_the_last_step_of_its_draw_leaves_no_review(
    both: tuple[Path, Path], tmp_path: Path
) -> None:
    out = both[1]
    assert _killed(out, _last_step(_operations(out, tmp_path)), tmp_path / "trace") == -9
    assert (out / "review" / "R0001" / "review.sqlite").is_file() and find_round(Output(out)).drawn is None
    abandon_round(Output(out), "李", "换期", clock=Clock(EXPECTED))
    assert not any((out / "review").iterdir())


def _last_step(operations: list[str]) -> int:
    """The number of the operation that puts the draw on record."""
    return max(i for i, name in enumerate(operations, 1) if name == "open rounds/register.ndjson")


def test_a_review_begun_for_another_draw_that_was_killed_is_made_anew(both: tuple[Path, Path], tmp_path: Path) -> None:
    out = both[1]
    assert _killed(out, _last_step(_operations(out, tmp_path)), tmp_path / "trace") == -9
    path = out / "review" / "R0001" / "review.sqlite"
    found = Output(out).folder / "rounds" / "R0001"
    other = {"seed": "R0001/1", "items_sha256": sha256_file(found / "items.parquet"), "machine_sha256": "0" * 64}
    path.unlink()
    begin(Output(out), find_round(Output(out)), other, 0.0)  # what another draw would have left
    store = ReviewStore.open(Output(out), drawn(out, Clock()))
    assert [event["seed"] for event in store.log()] == [f"R0001/{VALUE}"]
    store.shut()


def test_a_review_people_were_at_work_on_is_not_made_over(both: tuple[Path, Path], tmp_path: Path) -> None:
    out = both[1]
    copied(out, tmp_path / "before")
    store = ReviewStore.open(Output(out), drawn(out, Clock()))
    store.add_person("甲", ["annotator"], by="主管")
    store.shut()
    kept = (out / "review" / "R0001" / "review.sqlite").read_bytes()
    shutil.copy(tmp_path / "before" / "rounds" / "register.ndjson", out / "rounds" / "register.ndjson")
    with pytest.raises(RunFailed, match="the register knows no such draw"):
        drawn(out, Clock())
    abandon_round(Output(out), "李", "换期", clock=Clock(EXPECTED))
    assert (out / "review" / "R0001" / "review.sqlite").read_bytes() == kept


def _killed(out: Path, at: int, trace: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(out), str(at), str(trace)], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode in (0, -9), done.stderr.decode()
    return done.returncode


def _goes_on(source: Path, folder: Path, at: int, whole: dict[str, bytes]) -> None:
    out = copied(source, folder / f"at-{at}")
    assert _killed(out, at, folder / "trace") == -9
    found = drawn(out, Clock())
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == whole
    assert [event["event"] for event in events_of(out)] == ["opened", "valued", "drawn"]
    assert {path.name for path in (out / "rounds").iterdir()} == {".lock", "register.ndjson", "R0001"}
    assert len(items_of(found)) == found.drawn["items"] if found.drawn else False
    store = ReviewStore.open(Output(out), found)
    assert [event["event"] for event in store.log()] == ["review_opened"] and store.check() == []
    store.shut()
    shutil.rmtree(out)


def _operations(source: Path, folder: Path) -> list[str]:
    out, trace = copied(source, folder / "traced"), folder / "all"
    assert _killed(out, 0, trace) == 0
    return trace.read_text().splitlines()


def test_a_draw_killed_at_its_turning_points_goes_on(
    both: tuple[Path, Path], tmp_path: Path, whole: dict[str, bytes]
) -> None:
    operations = _operations(both[1], tmp_path)
    rename = next(i for i, name in enumerate(operations, 1) if name.startswith("rename"))
    value = next(i for i, name in enumerate(operations, 1) if name == "open rounds/register.ndjson")
    for at in (value, value + 2, rename, rename + 1, len(operations) - 2):
        _goes_on(both[1], tmp_path, at, whole)


@pytest.mark.slow
def test_a_draw_killed_anywhere_goes_on(both: tuple[Path, Path], tmp_path: Path, whole: dict[str, bytes]) -> None:
    for at in range(1, len(_operations(both[1], tmp_path)) + 1):
        _goes_on(both[1], tmp_path, at, whole)


def test_the_value_is_on_record_before_anything_is_drawn_by_it(both: tuple[Path, Path], tmp_path: Path) -> None:
    operations = _operations(both[1], tmp_path)
    rename = next(i for i, name in enumerate(operations, 1) if name.startswith("rename"))
    assert _killed(both[1], rename, tmp_path / "trace") == -9
    assert [(event["event"], event.get("value")) for event in events_of(both[1])] == [
        ("opened", None),
        ("valued", VALUE),
    ]
