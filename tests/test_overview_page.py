"""The overview of a run: one file that loads and runs nothing, whatever the corpus calls itself."""

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.store.output import Output, Run
from pipeline.terminal.overview_page import write
from pipeline.terminal.overview_page.drawing import Rate, Scale, scale_of, strip
from pipeline.terminal.overview_page.figures import split
from pipeline.terminal.overview_page.page import page_of
from schemas.personal_information import catalogue
from schemas.risks import risks
from tests.audits import SOURCES, audit, jsonl, make_corpus, texts
from tests.test_queries import register

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\u0007{{ 7 * 7 }}'\""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five sources, one of them with a hostile name, another blacklisted for a hostile reason; three rounds."""
    corpus = make_corpus(tmp_path_factory.mktemp("overview"))
    out = corpus.folder / "out"
    sources = [source | ({"name": HOSTILE} if source["id"] == "plain" else {}) for source in SOURCES]
    corpus.write(sources=sources, seed="<b>种子</b>")
    audit("run", corpus.config, "--out", out)
    audit("blacklist", "add", out, "packed", "--by", HOSTILE, "--reason", HOSTILE)
    audit("run", corpus.config, "--out", out)
    register(out)
    return out


def run_of(out: Path) -> Run:
    run = Output(out).current
    assert run is not None
    return run


@pytest.fixture(scope="module")
def page(out: Path) -> str:
    return page_of(run_of(out))


class Elements(HTMLParser):
    """All elements of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_it_holds_no_script_no_address_and_no_style_but_its_own(page: str) -> None:
    elements = Elements(page).found
    tags = {tag for tag, _ in elements}
    assert not tags & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "a",
        "form",
        "use",
        "image",
        "b",
        "base",
    } - {"b"}
    attributes = {name for _, attributes in elements for name in attributes}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {
        "style",
        "src",
        "href",
        "xlink:href",
    }
    assert "http://" not in page and "https://" not in page and "url(" not in page and "@import" not in page
    (policy,) = [
        a["content"] for tag, a in elements if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy is not None and policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


def test_what_the_corpus_calls_itself_is_text(page: str) -> None:
    assert "&lt;/style&gt;&lt;script&gt;alert(1)" in page and "&lt;b&gt;种子" in page
    assert "<script" not in page and "\u202e" not in page and "\u0007" not in page and "\\u202e" in page
    assert "{{ 7 * 7 }}" in page


def test_it_shows_what_the_run_says(out: Path, page: str) -> None:
    result = run_of(out).result
    text = re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    for risk in risks():
        assert risk in text
    for row in result["sources"]:
        assert row["source_id"] in text and f"{row['documents']:,}" in text
        assert f"{row['violation_rate']:.2%}" in text
    for part in ("admitted_documents", "records_read", "violations"):
        assert f"{result['totals'][part]:,}" in text
    words = (
        "漏斗",
        "台账",
        "黑名单",
        "条款结论",
        "R0002",
        "已放弃",
        "broken_json",
        "口径须知：征求意见稿口径",
        "未经标准原文核对",
    )
    for word in words:
        assert word in text
    assert result["personal_information"]
    for row in result["personal_information"]:
        assert catalogue().types[row["pii_type"]].zh in text
    assert run_of(out).manifest["run_id"] in text


def test_equal_runs_give_equal_bytes(out: Path, page: str, tmp_path: Path) -> None:
    assert write(run_of(out), tmp_path / "a.html").read_bytes() == page.encode()
    shutil.copytree(out, tmp_path / "elsewhere", symlinks=True)
    assert page_of(run_of(tmp_path / "elsewhere")) == page
    assert str(out) not in page


def test_it_is_written_where_it_may_be(out: Path, tmp_path: Path) -> None:
    run = run_of(out)
    for target in (tmp_path, tmp_path / "nowhere" / "x.html", run.folder / "x.html", out / "current" / "report.html"):
        with pytest.raises(UsageError, match="--to"):
            write(run, target)
    copy = tmp_path / "out"
    shutil.copytree(out, copy, symlinks=True)
    shutil.rmtree(copy / "rounds")  # which is no real round
    assert write(run_of(copy), copy / "overview.html").is_file()
    assert [path.name for path in copy.iterdir() if path.name.endswith(".tmp")] == []
    audit("verify", copy, "--quick")


def test_rates_are_placed_so_that_near_and_far_are_both_seen() -> None:
    scale = scale_of([0.001, 0.19], 0.05)
    assert scale.top == 0.2
    places = [scale.x(rate) for rate in (0, 0.001, 0.01, 0.05, 0.19, 0.2)]
    assert places == sorted(places) and len({*places}) == 6
    assert scale_of([], 0.05).top == 0.1 and scale_of([0.9], 0.05).top == 1.0
    assert Scale(0.1).x(0.5) == Scale(0.1).x(0.1)


@pytest.mark.parametrize(("rows", "first"), [(0, 0), (45, 45), (46, 40), (300, 40)])
def test_long_tables_are_folded_and_nothing_is_dropped(rows: int, first: int) -> None:
    cut = split(range(rows))
    assert len(cut.first) == first and [*cut.first, *cut.rest] == [*range(rows)]


def test_every_source_has_its_dot_in_the_strip() -> None:
    rates = [Rate(i % 30 / 100, 0.0, 1.0, 0.0, "bad" if i % 30 > 5 else "fine") for i in range(300)]
    drawn = strip(rates, scale_of([0.3], 0.05), 0.05)
    assert drawn.count("<circle") == 300
    assert min(float(y) for y in re.findall(r'cy="([^"]*)"', drawn)) > 0


def many(folder: Path, count: int) -> Path:
    """A run of so many small sources."""
    sources = []
    for number in range(count):
        name = f"site_{number:03d}.example-with-a-rather-long-name"
        (folder / name).mkdir(parents=True)
        rows = [{"id": f"{i}", "text": text} for i, text in enumerate(texts(name, 8, every=number % 7 * (number % 2)))]
        (folder / name / "a.jsonl").write_bytes(jsonl(rows))
        kind, region = ("open", "overseas") if number % 3 else ("self_collected", "domestic")
        sources.append(
            {"id": name, "name": f"第 {number} 个来源", "kind": kind, "region": region, "paths": [f"{name}/*.jsonl"]}
        )
    (folder / "config.json").write_text(json.dumps({"seed": "many", "sources": sources}), encoding="utf-8")
    audit("run", folder / "config.json", "--out", folder / "out")
    return folder / "out"


@pytest.mark.parametrize("count", [1, pytest.param(300, marks=pytest.mark.slow)])
def test_one_source_and_three_hundred_can_be_read(count: int, tmp_path: Path) -> None:
    page = page_of(run_of(many(tmp_path, count)))
    assert page.count("site_000.example") >= 1
    assert ("<details>" in page) is (count > 45)
    assert page.count('class="dot') == (count if count <= 45 else 2 * count)
    shown(page, tmp_path)


def shown(page: str, folder: Path, **options: Any) -> Any:
    """The page in a real browser: nothing is asked for, nothing complained about, nothing runs over the edge."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    (folder / "page.html").write_text(page, encoding="utf-8")
    asked, told = [], []
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        view = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        view.on("request", lambda request: asked.append(request.url))
        view.on("console", lambda message: told.append(message.text))
        view.on("dialog", lambda dialog: told.append(dialog.message))
        view.goto((folder / "page.html").as_uri())
        wide = view.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        colour = view.evaluate("getComputedStyle(document.body).backgroundColor")
        text = view.inner_text("main")
        browser.close()
    assert len(asked) == 1 and told == [] and wide == 0
    return colour, text


def test_a_browser_shows_it_by_day_and_by_night(page: str, tmp_path: Path) -> None:
    day, text = shown(page, tmp_path, color_scheme="light")
    night, _ = shown(page, tmp_path, color_scheme="dark")
    assert day != night
    assert "</style><script>alert(1)</script>" in text
