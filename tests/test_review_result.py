"""The dashboard of a round that is over: what it came to, in whole numbers, on the real server and in a real browser."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from review.server import make_app
from review.store import ReviewStore
from rounds.register import Register
from rounds.results import RoundResult
from tests.made_rounds import Spec, bad, good, result
from tests.review_browser import CHROMIUM, browser, serving, sitting
from tests.reviews import draw_round, plain

__all__ = ["browser"]

SOURCE = "source:s:positive"
STRATA = {"manual": 90_000, SOURCE: 9_000, "source:s:negative": 81_000}


def passed() -> RoundResult:
    return result([good(3840, "manual"), bad(160, "manual"), good(300, "source:s:negative"), good(60, SOURCE)], STRATA)


def beyond() -> RoundResult:
    return result([good(3839, "manual"), bad(161, "manual")], {"manual": 90_000})


def too_few() -> RoundResult:
    return result([good(30, "manual")], {"manual": 90_000})


def source_above() -> RoundResult:
    specs: Sequence[Spec] = [good(4000, "manual"), bad(60, SOURCE), bad(100, "source:s:negative")]
    return result(specs, STRATA)


def ended(out: Path, came_to: RoundResult | None) -> tuple[Output, str]:
    """A round of two items that is closed with that result, or abandoned; the secret of its lead."""
    output, round_ = draw_round(out, plain(2))
    store = ReviewStore.open(output, round_)
    secret = store.add_person("主管", ["lead"], by="主管")
    store.add_person("甲", ["annotator"], by="主管")
    store.shut()
    if came_to is None:
        Register(output).append({"event": "abandoned", "round": "R0001", "by": "主管", "reason": "机器坏了"})
        return output, secret
    path = round_.folder / "result.json"
    path.write_text(json.dumps(came_to.content, ensure_ascii=False), encoding="utf-8")
    about = {"by": "主管", "result_sha256": sha256_file(path), "passed": came_to.passed}
    Register(output).append({"event": "closed", "round": "R0001", **about})
    return output, secret


def ending(tmp_path: Path, came_to: RoundResult | None) -> dict[str, Any]:
    output, secret = ended(tmp_path / "out", came_to)
    store = ReviewStore.open(output, Register(output).rounds()[0])
    client = TestClient(make_app(store), base_url="http://localhost")
    assert client.post("/api/login", json={"name": "主管", "secret": secret}).status_code == 200
    told: dict[str, Any] = client.get("/api/dashboard").json()["ending"]
    store.shut()
    return told


@pytest.mark.parametrize(
    ("came_to", "literal", "enough", "passes", "holds", "conclusion"),
    [
        (passed, True, True, True, True, "符合"),
        (beyond, False, True, False, False, "不符合"),
        (too_few, True, False, False, False, "不符合"),
        (source_above, True, True, True, False, "符合"),
    ],
)
def test_a_closed_round_tells_its_result(
    tmp_path: Path, came_to: Any, literal: bool, enough: bool, passes: bool, holds: bool, conclusion: str
) -> None:
    content = came_to()
    told = ending(tmp_path, content)
    manual = told["manual"]
    assert (manual["literal"], manual["enough"], manual["passes"], told["passed"]) == (literal, enough, passes, holds)
    assert manual["passes"] == (manual["literal"] and manual["enough"])
    assert manual["conclusion"] == conclusion
    assert manual["failures"] == content.content["manual"]["failures"]
    assert told["sources_above"] == (["s"] if came_to is source_above else [])
    assert (told["state"], told["by"]) == ("closed", "主管")


def test_an_abandoned_round_tells_why_and_one_that_goes_on_nothing(tmp_path: Path) -> None:
    told = ending(tmp_path, None)
    assert (told["state"], told["by"], told["reason"]) == ("abandoned", "主管", "机器坏了")
    output, round_ = draw_round(tmp_path / "out", plain(2))
    store = ReviewStore.open(output, round_)
    secret = store.add_person("主管", ["lead"], by="主管")
    client = TestClient(make_app(store), base_url="http://localhost")
    client.post("/api/login", json={"name": "主管", "secret": secret})
    board = client.get("/api/dashboard").json()
    assert board["ending"] is None
    assert (board["manual"]["size"], board["manual"]["minimum"]) == (2, 4000)
    store.shut()


def test_a_result_that_is_not_the_one_on_record_is_not_shown(tmp_path: Path) -> None:
    output, secret = ended(tmp_path / "out", passed())
    path = output.folder / "rounds" / "R0001" / "result.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"failures": 160', '"failures": 60', 1), encoding="utf-8")
    store = ReviewStore.open(output, Register(output).rounds()[0])
    client = TestClient(make_app(store), base_url="http://localhost")
    client.post("/api/login", json={"name": "主管", "secret": secret})
    assert client.get("/api/dashboard").status_code == 500
    store.shut()


SHOWN = [
    (passed, "符合", ["不合格 160 条（含无法判定）≤ 至多 160 条", "4,000 ≥ 4,000", "本轮通过", "Clopper–Pearson"]),
    (beyond, "不符合", ["不合格 161 条（含无法判定）> 至多 160 条", "本轮未通过"]),
    (too_few, "不符合", ["30 < 4,000，不够数", "没有区间"]),
    (source_above, "符合", ["准入来源超过 5 %：s"]),
    (None, "", ["本轮已放弃", "机器坏了"]),
]


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_the_result_is_a_banner_of_the_dashboard(browser: Any, tmp_path: Path) -> None:
    for number, (came_to, stamp, words) in enumerate(SHOWN):
        output, secret = ended(tmp_path / str(number), came_to() if came_to else None)
        with serving(output.folder, 0, "--round", "R0001") as server, sitting(browser, server.url) as person:
            person.log_in("主管", secret)
            person.page.wait_for_selector(".tile.ending")
            shown = person.page.inner_text(".tile.ending")
            assert all(word in shown for word in words), shown
            if stamp:
                assert person.page.inner_text(".stamp") == stamp
            first = person.page.locator(".tile").first
            assert "ending" in (first.get_attribute("class") or "")
            assert "迄今" not in person.page.inner_text("main") and "导出给其他工具" not in person.page.inner_text(
                "main"
            )
            person.must_be_clean()
