"""What auditors see of a real round that people closed: in the queries, the shell, the overview and a notebook."""

import re
from pathlib import Path

import pytest

from pipeline.store.output import Output
from pipeline.terminal.overview_page.page import page_of
from pipeline.terminal.shell import closed
from rounds.register import find_round
from tests.audits import audit, make_corpus
from tests.test_notebooks import NOTEBOOKS, executed, outputs, problems
from tests.test_queries import rows_of, run_of
from tests.test_round_closing import by_machine, close, draw, judge


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, its first round judged and closed, and a second round that is only open to judge."""
    folder = tmp_path_factory.mktemp("query-rounds")
    audit("run", make_corpus(folder / "c").config, "--out", folder / "o")
    draw(folder / "o")
    judge(folder / "o", by_machine)
    close(folder / "o")
    draw(folder / "o", begin=5, from_verdicts=True)
    return folder / "o"


def test_the_queries_say_what_the_register_says(out: Path) -> None:
    first = find_round(Output(out), "R0001")
    assert first.drawn is not None and first.closed is not None
    drawn = {row["sample"]: row["items"] for row in rows_of(out, "draws") if row["round"] == "R0001"}
    assert drawn == first.drawn["sizes"]
    populations = {row["sample"]: row["population"] for row in rows_of(out, "draws") if row["round"] == "R0001"}
    assert populations == first.drawn["strata"]
    one, two = rows_of(out, "rounds")
    manual = first.closed["outcome"]["manual"]
    assert (one["manual_judged"], one["manual_failures"], one["failures_allowed"], one["conclusion"]) == (
        manual["judged"],
        manual["failures"],
        manual["allowed"],
        manual["conclusion"],
    )
    assert one["value"] == first.drawn["value"] and one["frame_documents"] == first.opened["frame"]["documents"]
    assert one["state"].startswith("已关闭") and two["state"] == "判定中 / being judged"


def test_a_table_of_rounds_fits_a_screen_and_says_what_it_leaves_out(out: Path) -> None:
    for name, shown in (("rounds", 10), ("draws", 9)):
        every = len(rows_of(out, name)[0])
        told = audit("query", out, name).stdout
        assert f"{shown} / {every} 列" in told and "--format csv" in told
        assert "sha256" not in told and "R0001" in told


def test_a_confirmed_suspension_is_in_the_log_with_its_round(out: Path) -> None:
    (event,) = [row for row in rows_of(out, "lifts") if row["round_or_run"] == "R0001"]
    assert (event["event"], event["source_key"]) == ("confirmed", "bad")
    assert event["judged_by_people"] > 0 and event["found_by_people"] > 0


def test_the_shell_has_the_rounds_tables_and_draws_its_sample_again(out: Path) -> None:
    with closed(run_of(out)) as (connection, warnings):
        assert not warnings
        (counts,) = connection.execute("SELECT judged, failures FROM r0001.manual_result").fetchall()
        again = connection.execute(
            "SELECT doc_id FROM documents, r0001.round_info i WHERE admitted "
            'ORDER BY manual_key(i.seed, doc_id, content_hash), doc_id, shard, "row" LIMIT ?',
            [counts[0]],
        ).fetchall()
        items = connection.execute(
            "SELECT doc_id FROM r0001.items_drawn WHERE list_contains(samples, 'manual')"
        ).fetchall()
        assert sorted(again) == sorted(items)
        assert connection.execute('FROM r0001."v_抽检结果"').fetchall()


def test_the_overview_shows_every_round(out: Path) -> None:
    text = re.sub(r"<[^>]*>", " ", page_of(run_of(out)))
    (one, _) = rows_of(out, "rounds")
    assert "R0001" in text and "R0002" in text and "开奖号" in text
    assert f"{one['manual_failures']:,} / {one['manual_judged']:,}（{one['failures_allowed']:,}）" in text


def test_the_notebook_shows_what_people_found(out: Path) -> None:
    (notebook,) = [notebook for notebook in NOTEBOOKS if notebook.name.startswith("03")]
    book = executed(notebook, out)
    shown = "".join(output.get("text", "") for output in outputs(book))
    assert problems(book) == []
    assert "R0001 closed" in shown and "R0002 drawn" in shown and "adjudicated" in shown and "agreed" in shown
