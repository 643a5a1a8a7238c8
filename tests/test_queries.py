"""The named queries, the macros, and what leaves them: auditors read these, and some of what they read is hostile."""

import csv
import io
import json
import math
import re
import shutil
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from blacklist.log import FORMULA
from blacklist.rule import exceeds
from pipeline.accounting.statistics import wilson
from pipeline.drawing.sampling import keys_of, technical_size
from pipeline.errors import UsageError
from pipeline.nights.nightly import QUERIES
from pipeline.store.output import Output, Run
from pipeline.terminal import query
from pipeline.terminal.opening import open_audit
from schemas.chain import append_to_chain
from schemas.database import macros
from tests.audits import BAD_WORDING, SOURCES, audit, jsonl, make_corpus, sql, texts

HOSTILE = "=HYPERLINK(1) <script>\u202e"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a mixed source, a bad source, a bad domain, and a site of hostile texts."""
    corpus = make_corpus(tmp_path_factory.mktemp("queries"))
    rows = [
        {"id": f"s{i}", "text": text, "url": f"https://{'bad' if i % 2 else 'good'}.site.example/{i}"}
        for i, text in enumerate(texts("sites", 400))
    ]
    for i in range(1, 30, 2):
        rows[i]["text"] += BAD_WORDING * (1 + i % 3) + "电话13800138000"
    for i, row in enumerate(rows):
        row["url"] = f"https://{'bad-shop' if i % 2 and i < 160 else 'good-shop'}.example/{i}"
    (corpus.folder / "sites").mkdir()
    (corpus.folder / "sites" / "a.jsonl").write_bytes(jsonl(rows))
    sites = {
        "id": "sites",
        "name": HOSTILE,
        "kind": "self_collected",
        "region": "domestic",
        "paths": ["sites/*.jsonl"],
        "regions": {"good-shop.example": "overseas"},
    }
    corpus.write(sources=[*SOURCES, sites])
    audit("run", corpus.config, "--out", corpus.folder / "out")
    return corpus.folder / "out"


def run_of(out: Path) -> Run:
    run = Output(out).current
    assert run is not None
    return run


def rows_of(out: Path, name: str) -> list[dict[str, Any]]:
    (answer,) = query.ask(run_of(out), [name])
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)


@pytest.mark.parametrize("named", query.named_queries().values(), ids=lambda named: named.name)
def test_every_query_says_what_it_asks_in_chinese_and_english(named: query.Named) -> None:
    for text in (named.title, named.about):
        chinese, english = text.split(" / ")
        assert is_chinese(chinese)
        assert not is_chinese(english.replace("符合", ""))
    assert not named.sql.startswith("--")


@pytest.mark.parametrize("name", query.named_queries())
def test_every_query_answers_alike_in_every_format(out: Path, name: str, tmp_path: Path) -> None:
    (answer,) = query.ask(run_of(out), [name])
    assert len({*answer.columns}) == len(answer.columns)
    for form in query.FORMATS:
        query.render([answer], form, tmp_path / f"answer.{form}")
    stated = json.loads((tmp_path / "answer.json").read_text("utf-8"))
    written = list(csv.DictReader(io.StringIO((tmp_path / "answer.csv").read_text("utf-8-sig"))))
    sheet = CalamineWorkbook.from_path(tmp_path / "answer.xlsx").get_sheet_by_index(0).to_python()
    assert len(stated) == len(written) == len(sheet) - 1 == len(answer.rows)
    assert answer.title.split(" / ")[0][:10] in (tmp_path / "answer.table").read_text("utf-8")


def test_the_list_names_every_query_and_explain_shows_its_sql(out: Path) -> None:
    listed = audit("query", out).stdout
    assert {line.split()[0] for line in listed.splitlines()} >= {*query.named_queries(), *QUERIES, "text", "why"}
    told = audit("query", out, "sources_by_rate", "draws", "--explain").stdout
    assert "Sources by rate" in told and "各来源违规率" in told
    assert query.named_queries()["draws"].sql.strip() in told
    assert "available: " in audit("query", out, "nothing", "--explain", check=2).stderr


def test_the_worst_examples_of_a_source_come_first_and_masked(out: Path) -> None:
    rows = rows_of(out, "blacklist_reasons")
    assert {(row["source_key"], row["scope"]) for row in rows} >= {("bad", "suspended"), ("bad-shop.example", "domain")}
    for key in {row["source_key"] for row in rows}:
        mine = [row for row in rows if row["source_key"] == key]
        counts = [row["violations"] for row in mine]
        assert [row["example"] for row in mine] == [1, 2, 3, 4, 5]
        assert counts == sorted(counts, reverse=True)
        where = f"source_id = '{key}'" if key == "bad" else f"\"domain\" = '{key}'"
        worst = sql(
            out,
            'SELECT count(*) AS n FROM findings f JOIN documents d USING (source_id, shard, "row") '
            f"WHERE f.verdict = 'violation' AND d.{where} GROUP BY source_id, shard, \"row\" ORDER BY n DESC LIMIT 5",
        )
        assert counts == [n for (n,) in worst]
    assert "13800138000" not in str(rows)


def test_a_sample_is_compared_with_what_the_corpus_makes_likely(out: Path) -> None:
    rows = rows_of(out, "sample_composition")
    for sample in ("manual", "technical"):
        size = sql(out, f"SELECT count(*) FROM {sample}_sample")[0][0]
        for part in ("source", "bucket", "stage"):
            mine = [row for row in rows if (row["sample"], row["divided_by"]) == (sample, part)]
            *parts, total = mine
            assert total["degrees"] == len(parts) - 1
            assert sum(row["drawn"] for row in parts) == total["drawn"] == size
            assert math.isclose(sum(row["expected"] for row in parts), size, abs_tol=0.1)
            assert math.isclose(sum(row["chi_square"] for row in parts), total["chi_square"], abs_tol=0.01)
    population = sql(out, "SELECT count(*) FROM documents WHERE admitted")[0][0]
    size = sql(out, "SELECT count(*) FROM manual_sample")[0][0]
    (row,) = [row for row in rows if (row["sample"], row["value"]) == ("manual", "plain")]
    share = row["admitted"] / population
    spread = math.sqrt(size * share * (1 - share) * (population - size) / (population - 1))
    assert math.isclose(row["standard_deviations"], (row["drawn"] - size * share) / spread, abs_tol=0.006)
    assert all(abs(row["standard_deviations"] or 0) < 4 for row in rows)


def test_buckets_by_origin_split_mixed_sources_and_add_up(out: Path) -> None:
    rows = rows_of(out, "buckets_by_origin")
    for column, phase in (("documents", "admitted"), ("collected_documents", "collected")):
        by_region: dict[str, int] = {}
        for row in rows:
            by_region[row["region"]] = by_region.get(row["region"], 0) + row[column]
        query_ = f"SELECT region, sum(documents)::BIGINT FROM region_stats WHERE phase = '{phase}' GROUP BY region"
        assert {key: value for key, value in by_region.items() if value} == dict(sql(out, query_))
    overseas = [row for row in rows if (row["region"], row["kind"]) == ("overseas", "self_collected")]
    assert sum(row["documents"] for row in overseas) == 320  # good-shop.example of the domestic source `sites`
    total = sql(out, "SELECT sum(bytes)::BIGINT FROM bucket_stats WHERE phase = 'admitted'")[0][0]
    assert sum(row["bytes"] for row in rows) == total


@pytest.mark.parametrize("named", [n for n in query.named_queries().values() if n.brief], ids=lambda named: named.name)
def test_the_columns_of_a_table_are_columns_of_the_query(out: Path, named: query.Named) -> None:
    (answer,) = query.ask(run_of(out), [named.name])
    assert [name for name in answer.columns if name in named.brief] == list(named.brief) != answer.columns


def test_a_file_gets_the_form_its_name_says_and_is_named(out: Path, tmp_path: Path) -> None:
    for name, begin in (("a.csv", b"\xef\xbb\xbf"), ("a.json", b"["), ("a.xlsx", b"PK")):
        target = tmp_path / name
        assert audit("query", out, "ledger", "--to", target).stdout == f"{target}\n"
        assert target.read_bytes().startswith(begin)
    refused = [((), "a.txt"), ((), "a"), (("--format", "csv"), "a.xlsx"), (("--format", "table"), "a.csv")]
    for options, name in refused:
        target = tmp_path / "refused" / name
        target.parent.mkdir(exist_ok=True)
        assert f"--to: {target}" in audit("query", out, "ledger", *options, "--to", target, check=2).stderr
        assert not target.exists()


def test_lifts_are_listed_with_their_evidence(out: Path, tmp_path: Path) -> None:
    copy, proof = tmp_path / "out", tmp_path / "proof.pdf"
    shutil.copytree(out, copy, symlinks=True)
    proof.write_bytes(b"assessed")
    audit("blacklist", "add", copy, "plain.cn", "--scope", "domain", "--by", "@Li", "--reason", HOSTILE)
    people = ("--by", "Li", "--second", "Wang", "--role", "法务", "--second-role", "数据安全", "--reason", "复核")
    audit("blacklist", "lift", copy, "plain.cn", *people, "--evidence", proof)
    rows = rows_of(copy, "lifts")
    assert [(row["event"], row["decided_by"]) for row in rows if row["source_key"] == "plain.cn"] == [
        ("blacklisted", "@Li"),
        ("lifted", "Li + Wang"),
    ]
    assert rows[-1]["file"] == "proof.pdf" and len(rows[-1]["file_sha256"]) == 12
    assert {(row["source_key"], row["scope"]) for row in rows} >= {("bad", "suspended")}
    assert rows[0]["violations"] > 0 and rows[0]["documents"] > 0
    (copy / "blacklist" / "events.ndjson").write_bytes(b'{"seq": 1}\n')
    assert "记录被改动" in audit("query", copy, "lifts", check=3).stderr


def register(out: Path) -> None:
    """Three rounds: one abandoned after a draw that failed, one closed without passing, one just opened."""
    opened = {
        "run_id": "r",
        "frame": {"documents": 7, "sha256": "f" * 64},
        "public_value": {"name": "某指数", "source": "某站"},
    }
    drawn = {
        "seed": "R0002/9",
        "sizes": {"manual": 5, "source:a.b:positive": 2},
        "strata": {"manual": 7, "source:a.b:positive": 3},
    }
    outcome = {"manual": {"judged": 5, "failures": 2, "allowed": 0, "conclusion": "不符合"}}
    steps: list[dict[str, Any]] = [
        {"event": "opened", "round": "R0001", "by": "Li", **opened, "changes": "", "from_verdicts": False},
        {"event": "valued", "round": "R0001", "by": "Li", "value": "8", "seed": "R0001/8"},
        {"event": "draw_failed", "round": "R0001", "reason": "取不到", "problems": 1, "documents": ["a:1"]},
        {"event": "abandoned", "round": "R0001", "by": "Li", "reason": "分片已改"},
        {"event": "opened", "round": "R0002", "by": "Li", **opened, "changes": HOSTILE, "from_verdicts": True},
        {"event": "valued", "round": "R0002", "by": "Li", "value": "9", "seed": "R0002/9"},
        {
            "event": "drawn",
            "round": "R0002",
            "by": "Li",
            "value": "9",
            **drawn,
            "items_sha256": "a" * 64,
            "carried": {"from": None, "items": 0},
        },
        {"event": "closed", "round": "R0002", "by": "Li", "passed": False, "outcome": outcome},
        {"event": "opened", "round": "R0003", "by": "Li", **opened, "changes": "", "from_verdicts": False},
    ]
    now = datetime(2026, 11, 22, tzinfo=UTC).isoformat()
    (out / "rounds").mkdir()
    numbered = [{"seq": seq, "time": now, **step} for seq, step in enumerate(steps, start=1)]
    append_to_chain(out / "rounds" / "register.ndjson", numbered)


def test_every_draw_is_listed_also_the_failed_and_abandoned(out: Path, tmp_path: Path) -> None:
    assert rows_of(out, "draws") == rows_of(out, "rounds") == []
    copy = tmp_path / "out"
    shutil.copytree(out, copy, symlinks=True)
    register(copy)
    rounds = {row["round"]: row for row in rows_of(copy, "rounds")}
    assert [row["state"].split(" / ")[1] for row in rounds.values()] == [
        "abandoned",
        "closed, failed",
        "frozen, to be drawn",
    ]
    assert (rounds["R0002"]["manual_failures"], rounds["R0002"]["manual_judged"]) == (2, 5)
    assert rounds["R0001"]["failed_draws"] == 1 and rounds["R0001"]["abandoned_because"] == "分片已改"
    draws = [
        (row["round"], row["sample"], row["items"], row["population"], row["round_passed"])
        for row in rows_of(copy, "draws")
    ]
    assert draws == [
        ("R0001", None, None, None, None),
        ("R0002", "manual", 5, 7, False),
        ("R0002", "source:a.b:positive", 2, 3, False),
        ("R0003", None, None, None, None),
    ]
    assert rows_of(copy, "draws")[0]["draw_failed_because"] == "取不到"
    written = audit("query", copy, "rounds", "--format", "csv").stdout
    assert f"'{HOSTILE}" in written
    log = copy / "rounds" / "register.ndjson"
    log.write_bytes(log.read_bytes().replace(b'"passed": false', b'"passed": true'))
    assert audit("query", copy, "draws", check=3).stderr
    audit("query", copy, "sources_by_rate")  # which does not read the register


# ---- macros


def test_the_file_holds_the_macros_with_comments_and_verify_agrees(out: Path) -> None:
    stored = dict(sql(out, "SELECT DISTINCT function_name, comment FROM duckdb_functions() WHERE NOT internal"))
    assert stored == {name: macro.comment for name, macro in macros().items()}
    audit("verify", out)


@pytest.mark.slow
def test_a_database_carried_over_from_the_night_before_has_them_once(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path)
    audit("run", corpus.config, "--out", tmp_path / "out")
    (tmp_path / "plain" / "c.jsonl").write_bytes(jsonl([{"id": "new", "text": "新的一篇，说的是天气。"}]))
    audit("run", corpus.config, "--out", tmp_path / "out")
    names = [
        name for (name,) in sql(tmp_path / "out", "SELECT function_name FROM duckdb_functions() WHERE NOT internal")
    ]
    assert sorted(names) == sorted(macros())
    audit("verify", tmp_path / "out")


def test_runs_built_before_get_the_macros_when_they_are_opened(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy, symlinks=True)
    database = run_of(copy).folder / "audit.duckdb"
    database.chmod(0o644)
    with duckdb.connect(str(database)) as connection:
        for name in macros():
            connection.execute(f"DROP MACRO {name}")
    with open_audit(run_of(copy)) as connection:
        assert connection.execute("SELECT rate_exceeds(6, 100), rate_exceeds(5, 100)").fetchall() == [(True, False)]
        comments = connection.execute("SELECT DISTINCT comment FROM duckdb_functions() WHERE NOT internal").fetchall()
    assert {comment for (comment,) in comments} == {macro.comment for macro in macros().values()}


@pytest.fixture(scope="module")
def calculator() -> Any:
    with duckdb.connect() as connection:
        for macro in macros().values():
            connection.execute(macro.create())
        yield connection


@given(n=st.integers(0, 10**7), share=st.floats(0, 1))
def test_the_interval_is_the_one_of_the_run(calculator: Any, n: int, share: float) -> None:
    k = round(n * share)
    (found,) = calculator.execute("SELECT wilson_low(?, ?), wilson_high(?, ?)", [k, n, k, n]).fetchall()
    assert found == pytest.approx(wilson(k, n), abs=1.5e-6)
    assert 0 <= found[0] <= found[1] <= 1


@given(n=st.integers(0, 10**12), v=st.integers(0, 10**12))
def test_the_rule_is_the_one_of_the_blacklist(calculator: Any, n: int, v: int) -> None:
    assert calculator.execute("SELECT rate_exceeds(?, ?)", [v, n]).fetchone() == (exceeds(v, n, (1, 20)),)


@given(seed=st.text(max_size=20), doc_id=st.text(max_size=20), content=st.text(max_size=20))
def test_the_keys_are_those_of_the_samples(calculator: Any, seed: str, doc_id: str, content: str) -> None:
    try:
        (digest,) = keys_of(seed, [doc_id], [content])
    except UnicodeEncodeError:  # lone surrogates are in no document
        return
    given_ = [seed, doc_id, content] * 2
    (keys,) = calculator.execute("SELECT manual_key(?, ?, ?), technical_key(?, ?, ?)", given_).fetchall()
    assert keys == (digest[:16], digest[16:32])


@pytest.mark.parametrize("sample", ["manual", "technical"])
def test_a_sample_is_drawn_again_in_one_line(out: Path, sample: str) -> None:
    population = sql(out, "SELECT count(*) FROM documents WHERE admitted")[0][0]
    size = 150 if sample == "manual" else technical_size(population, Decimal("0.10"))
    drawn = sql(
        out,
        'SELECT doc_id, shard, "row" FROM documents, run_info WHERE admitted '
        f'ORDER BY {sample}_key(seed, doc_id, content_hash), doc_id, shard, "row" LIMIT {size}',
    )
    assert sorted(drawn) == sorted(sql(out, f'SELECT doc_id, shard, "row" FROM {sample}_sample'))


# ---- hostile cells


def sheet_of(tmp_path: Path, *rows: tuple[Any, ...]) -> list[list[Any]]:
    target = tmp_path / "book.xlsx"
    query.render(
        [query.Answer("hostile", "题 / title", [f"c{i}" for i in range(len(rows[0]))], list(rows))], "xlsx", target
    )
    with zipfile.ZipFile(target) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet and "<hyperlink" not in sheet
    found: list[list[Any]] = CalamineWorkbook.from_path(target).get_sheet_by_index(0).to_python()
    return found[1:]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(1)",
        "＝1",
        "\t=1",
        " =1",
        "\u200b=1",
        "\ufeff=1",
        "\x00=1",
        "\r\n=1",
        "=cmd|' /C calc'!A0",
        "\u3000－1",
    ],
)
def test_no_cell_is_taken_for_a_formula(text: str, tmp_path: Path) -> None:
    written = query.csv_of(["c"], [(text,)])
    (cell,) = list(csv.reader(io.StringIO(written, newline="")))[1]
    assert cell == f"'{text}"
    (row,) = sheet_of(tmp_path, (text,))
    assert isinstance(row[0], str)


@given(text=st.text(max_size=40))
def test_a_cell_of_csv_never_begins_with_what_a_spreadsheet_computes(text: str) -> None:
    (cell,) = list(csv.reader(io.StringIO(query.csv_of(["c"], [(text,)]), newline="")))[1] or [""]
    seen = "".join(char for char in cell if char.isprintable()).strip()
    assert not seen.startswith(FORMULA)
    assert cell.removeprefix("'") == text.removeprefix("'") or "\x00" in text or "\r" in text


def test_numbers_a_spreadsheet_cannot_keep_are_text(tmp_path: Path) -> None:
    rows = sheet_of(tmp_path, (float("nan"), float("inf"), 10**18 + 1, 7, 0.5, None, True, ["=a", "b"], "x" * 40_000))
    assert rows[0][:5] == ["nan", "inf", "1000000000000000001", 7, 0.5]
    assert rows[0][7] == "=a; b" and len(rows[0][8]) == 32_000


def test_a_table_of_the_terminal_holds_no_control_character() -> None:
    shown = query.table_of(["a\x1b[2J"], [("\x1b]0;x\x07\u202e\r\nb",), ("\x9b31m",)])
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_more_rows_than_a_sheet_takes_are_refused(tmp_path: Path) -> None:
    answer = query.Answer("long", "题 / title", ["a"], [(1,)] * 1_048_576)
    with pytest.raises(UsageError, match="use csv"):
        query.render([answer], "xlsx", tmp_path / "book.xlsx")
    assert not (tmp_path / "book.xlsx").exists()


@pytest.mark.parametrize("guide", ["auditors.md", "auditors.zh-CN.md"])
def test_the_guide_holds_sql_that_runs_and_queries_that_are_there(out: Path, guide: str) -> None:
    text = (Path(__file__).parents[1] / "docs" / guide).read_text("utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    manual, technical = [sql(out, statement) for statement in block.split(";") if statement.strip()]
    assert sorted(technical) == sorted(sql(out, 'SELECT doc_id, shard, "row" FROM technical_sample'))
    assert {*manual} >= {*sql(out, 'SELECT doc_id, shard, "row" FROM manual_sample')}
    told = {*re.findall(r"`(\w+)`", text)}
    assert {*query.named_queries()} <= told
