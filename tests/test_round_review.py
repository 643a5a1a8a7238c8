"""The review of a round is begun at the draw and on record: one that is gone, begun anew or rolled back is missed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import RunFailed
from pipeline.store.output import Output
from review.beginning import begin, live_heads
from review.store import ReviewStore
from rounds.closing import close
from rounds.opening import abandon_round
from rounds.register import Round, find_round
from rounds.summary import facts_of
from rounds.verification import checks, unproved
from tests.reviews import draw_round, known, plain
from tests.round_runs import audited, own, ready

__all__ = ["audited", "own", "ready"]

FILE = Path("review", "R0001", "review.sqlite")
REMEDY = "restore it from a backup, or abandon the round"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output with a drawn round, its review as it was begun."""
    draw_round(tmp_path / "o", [*plain(3, second=True), known(4, "已知答案")])
    return tmp_path / "o"


def at_work(out: Path, name: str) -> str:
    """Somebody gets an account: an event of the log. Its new head."""
    store = ReviewStore.open(Output(out), find_round(Output(out)))
    store.add_person(name, ["annotator"], by="主管")
    head = store.head()
    store.shut()
    return head


def published(out: Path, name: str) -> None:
    """What a run that is published now records of the reviews."""
    folder = out / "runs" / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"review_heads": live_heads(Output(out))}))


def told(out: Path, quick: bool = True) -> str:
    """Everything `verify` says of rounds whose review is meant."""
    found = [problem for _, problems in checks(Output(out), quick) for problem in problems]
    return "\n".join(problem for problem in found if "review/" in problem or "review.sqlite" in problem)


def test_a_drawn_round_has_its_review_on_record_and_for_its_owner_alone(out: Path) -> None:
    found = find_round(Output(out))
    store = ReviewStore.open(Output(out), found)
    (first,) = store.log()
    store.shut()
    assert found.drawn is not None and found.drawn["review_begun"] == first["sha256"]
    assert first["items_sha256"] == found.drawn["items_sha256"]
    assert [path.stat().st_mode & 0o777 for path in (out / FILE, (out / FILE).parent)] == [0o600, 0o700]
    assert told(out) == ""


def _begun_anew(out: Path) -> None:
    found = find_round(Output(out))
    assert found.drawn is not None
    (out / FILE).unlink()
    begin(Output(out), found, found.drawn, 1.0)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda out: (out / FILE).unlink(), "is gone"),
        (lambda out: shutil.rmtree(out / "review"), "is gone"),
        (_begun_anew, "is not the review that was begun when the round was drawn"),
        (lambda out: (out / FILE).write_bytes(b""), "cannot be read"),
    ],
)
@pytest.mark.parametrize(
    "step",
    [
        ReviewStore.open,  # serve, status, user, import, export
        facts_of,  # round status, round list
        lambda output, found: close(output, found, "主管"),
    ],
)
def test_a_review_that_is_gone_or_another_stops_all_that_needs_it(
    own: Path, harm: Callable[[Path], None], says: str, step: Callable[[Output, Round], object]
) -> None:
    at_work(own, "甲")
    harm(own)
    found = find_round(Output(own))
    with pytest.raises(RunFailed, match=says) as caught:
        step(Output(own), found)
    assert says == "cannot be read" or REMEDY in str(caught.value)
    assert (says == "is gone") is not (own / FILE).exists(), "nothing is made in its place"


def test_verify_misses_a_review_that_is_gone_until_its_round_is_given_up(out: Path) -> None:
    shutil.rmtree(out / "review")
    assert "review/R0001/review.sqlite: 文件缺失" in told(out)
    abandon_round(Output(out), "李", "审核文件丢失")
    assert told(out) == ""
    assert any("R0001 放弃前判了什么" in line for line in unproved(Output(out)))


def test_verify_names_a_review_that_was_begun_anew(out: Path) -> None:
    _begun_anew(out)
    assert "is not the review that was begun" in told(out, quick=False)


def test_a_review_taken_back_behind_what_a_run_recorded_is_missed(out: Path) -> None:
    at_work(out, "甲")
    published(out, "20260101T000000Z-00000001")
    shutil.copytree(out / "review", out / "kept")
    head = at_work(out, "乙")
    published(out, "20260102T000000Z-00000002")
    assert live_heads(Output(out)) == {"R0001": head}
    assert told(out) == ""
    shutil.rmtree(out / "review")
    (out / "kept").rename(out / "review")
    said = told(out)
    assert "the event that was last when run 20260102T000000Z-00000002 was published is missing" in said
    assert "00000001" not in said


def test_a_run_records_no_head_of_a_review_that_is_over_or_cannot_be_read(out: Path) -> None:
    (out / FILE).write_bytes(b"no database" * 1000)
    assert live_heads(Output(out)) == {}, "a run is not held up by it"
    abandon_round(Output(out), "李", "坏了")
    assert live_heads(Output(out)) == {}
    assert live_heads(Output(out / "nothing")) == {}


def test_what_a_roll_back_between_two_runs_hides_is_said_to_be_unproved(out: Path) -> None:
    assert any("a review that was taken back" in line for line in unproved(Output(out)))
