"""A whole round in browsers: a real run is drawn from, four people judge it by keyboard, it is closed, DuckDB has it."""

import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.audits import SCRIPT, audit, make_corpus
from tests.review_browser import CHROMIUM, Person, browser, serving, sitting

__all__ = ["browser"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")

ITEMS = 26  # read twice each: 52 decisions, and one more by the adjudicator
BAD, DISPUTED = 5, 7  # items judged not qualified by both, and by one alone
PEOPLE = {"初一": "annotator", "初二": "annotator", "复一": "second", "裁一": "adjudicator"}


def _command(group: str, *arguments: object) -> str:
    """`corpus-audit round|review …`; what it prints."""
    done = subprocess.run(
        [*SCRIPT, group, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("day")
    corpus = make_corpus(folder / "corpus")
    out = folder / "out"
    audit("run", corpus.config, "--out", out)
    expected = datetime.now(UTC) + timedelta(seconds=6)
    _command(
        "round", "open", out, "--by", "主管", "--value-name", "某期开奖号", "--value-source", "公报", "--value-digits", 10,
        "--value-expected", expected.isoformat(timespec="seconds"), "--changes", "首轮", "--manual", ITEMS,
        "--stage-sample", 0, "--positive", 0, "--negative", 0, "--known", 0, "--repeat", 0,
    )  # fmt: skip
    while datetime.now(UTC) < expected + timedelta(seconds=1):
        time.sleep(0.2)  # the value must not be given before it is published
    _command("round", "draw", out, "--value", "0123456789", "--by", "主管")
    return out


def _judge(person: Person, wavers: bool = False) -> int:
    """Answers the item that is shown by keys, and leaves the machine's findings on the screen."""
    person.phase("judging")
    if person.item == DISPUTED and wavers:
        return person.decide("3")
    if person.item != BAD:
        return person.decide("1")
    person.press("2")
    person.page.keyboard.type("1h")
    person.press("Enter", "Enter", "g", "n")
    person.page.keyboard.type("赌博与假发票")
    person.press("Enter")
    return person.decide()


def _judge_all(person: Person) -> list[int]:
    done = []
    while True:
        person.page.wait_for_selector('body[data-phase="judging"], body[data-phase="finished"]')
        if person.page.locator('body[data-phase="finished"]').count():
            return done
        done.append(_judge(person, wavers=True))
        person.press("Enter")


def test_four_people_judge_a_round_and_duckdb_shows_it(drawn: Path, browser: Any) -> None:
    secrets = {
        name: _command("review", "user", "add", drawn, name, "--roles", role, "--by", "主管").split()[1]
        for name, role in PEOPLE.items()
    }
    with serving(drawn) as server:
        with sitting(browser, server.url) as one, sitting(browser, server.url) as other:
            one.log_in("初一", secrets["初一"])
            other.log_in("初二", secrets["初二"])
            firsts: list[int] = []
            for person in [one, other] * (ITEMS // 2):
                firsts.append(_judge(person))
                person.press("Enter")
            one.phase("finished")
            other.phase("finished")
            assert sorted(firsts) == list(range(1, ITEMS + 1))
            one.must_be_clean()
            other.must_be_clean()
        with sitting(browser, server.url) as person:
            person.log_in("复一", secrets["复一"])
            seconds = _judge_all(person)
            assert sorted(seconds) == sorted(firsts)
            assert seconds != firsts  # in an order of the reader's own
            person.must_be_clean()
        with sitting(browser, server.url) as person:
            person.log_in("裁一", secrets["裁一"])
            person.phase("judging")
            assert person.item == DISPUTED
            shown = person.page.inner_text("#earlier")
            assert "无法判定" in shown and not any(
                name in person.page.inner_text("body") for name in ("初一", "初二", "复一")
            )
            _judge(person)
            person.press("Enter")
            person.phase("finished")
            person.must_be_clean()
        assert f"{ITEMS:,} / {ITEMS:,}" in _command("review", "status", drawn, "--check")
        _command("round", "close", drawn, "--by", "主管")
        with sitting(browser, server.url) as person:  # nobody judges a closed round
            person.log_in("初一", secrets["初一"])
            person.page.goto(f"{server.url}/judge")
            person.phase("finished")

    with duckdb.connect(str(next(drawn.glob("rounds/*/round.duckdb"))), read_only=True) as base:
        readings = base.execute("SELECT reading, person, count(*) FROM readings GROUP BY ALL ORDER BY ALL").fetchall()
        finals = base.execute("SELECT f.item_no, f.verdict, f.how, f.risks FROM finals f ORDER BY f.item_no").fetchall()
        notes = base.execute("SELECT DISTINCT note FROM readings WHERE verdict = 'unqualified'").fetchall()
    half = ITEMS // 2
    assert readings == [
        ("adjudication", "裁一", 1),
        ("first", "初一", half),
        ("first", "初二", half),
        ("second", "复一", ITEMS),
    ]
    assert len(finals) == ITEMS and {row[2] for row in finals if row[0] != DISPUTED} == {"agreed"}
    assert finals[DISPUTED - 1][1:] == ("qualified", "adjudicated", [])
    assert [row[:2] for row in finals if row[1] != "qualified"] == [(BAD, "unqualified")]
    assert finals[BAD - 1][3] == ["A1-h"] and notes == [("赌博与假发票",)]
