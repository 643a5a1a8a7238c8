import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blacklist.blocked import load_blocked
from blacklist.log import COLUMNS, BlacklistLog, ChainBroken, state_csv
from blacklist.rule import Standing, Verdict, exceeds, judge
from schemas.chain import GENESIS, append_to_chain, cut_torn_line, read_chain
from schemas.loading import DocumentError

MAXIMUM = (1, 20)


@pytest.mark.parametrize(
    ("violations", "documents", "expected"),
    [
        (0, 0, False),
        (0, 1, False),
        (1, 1, True),
        (1, 19, True),
        (1, 20, False),
        (1, 21, False),
        (5, 100, False),
        (6, 100, True),
        (50_000_000_000_000_000, 10**18, False),
        (50_000_000_000_000_001, 10**18, True),
    ],
)
def test_exactly_five_percent_is_not_above_five_percent(violations: int, documents: int, expected: bool) -> None:
    assert exceeds(violations, documents, MAXIMUM) == expected
    assert bool(judge({"s": (violations, documents)}, Standing(MAXIMUM))) == expected


def test_verdicts_are_new_and_in_order() -> None:
    counted = dict.fromkeys(("d", "lifted", "a", "listed"), (1, 2)) | {"good": (0, 100)}
    standing = Standing(MAXIMUM, sources=frozenset({"listed", "good"}), lifted=frozenset({"lifted"}))
    assert judge(counted, standing) == [Verdict("a", 1, 2), Verdict("d", 1, 2)]


def event(kind: str, key: str, scope: str = "source", **evidence: Any) -> dict[str, Any]:
    return {"event": kind, "source_key": key, "scope": scope, "reason": "r", "by": "甲", "evidence": evidence}


def test_the_latest_word_on_a_source_is_its_state(tmp_path: Path) -> None:
    log = BlacklistLog(tmp_path)
    assert (log.entries(), log.head()) == ([], GENESIS)
    log.append([event("blacklisted", "b", rate=0.5, threshold="1/20", documents=2, violations=1, run_id="r1")])
    written = log.append([event("blacklisted", "a", "domain"), event("lifted", "b", run_id="r2")])
    assert [(entry.source_key, entry.scope, entry.active) for entry in log.entries()] == [
        ("a", "domain", True),
        ("b", "source", False),
    ]
    assert [record["seq"] for record in log.events()] == [1, 2, 3]
    assert log.head() == written[-1]["sha256"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "blacklist.csv").read_text(encoding="utf-8-sig"))))
    assert [(row["source_key"], row["active"]) for row in rows] == [("a", "True"), ("b", "False")]
    assert log.append([]) == []


CONTENTS = [{"n": 1, "name": "来源"}, {"n": 2}, {"n": 3, "rate": 0.1, "none": None}]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chain") / "log.ndjson"
    append_to_chain(path, CONTENTS[:1])
    append_to_chain(path, CONTENTS[1:])
    return path


def test_a_chain_reads_as_it_was_written(chain: Path) -> None:
    records, problems = read_chain(chain)
    assert problems == []
    assert [{k: v for k, v in r.items() if k not in ("sha256", "previous")} for r in records] == CONTENTS
    assert [records[0]["previous"], records[1]["previous"]] == [GENESIS, records[0]["sha256"]]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_one_changed_byte_is_found_and_costs_no_record(chain: Path, data: st.DataObject) -> None:
    content = bytearray(chain.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = chain.with_name("damaged.ndjson")
    damaged.write_bytes(content)
    cut_torn_line(damaged)
    _, problems = read_chain(damaged)
    assert problems or damaged.read_bytes() == b"".join(chain.read_bytes().splitlines(keepends=True)[:2])
    assert all(str(damaged) in problem for problem in problems)


def test_the_last_line_feed_turned_into_anything_else_is_found(chain: Path) -> None:
    for byte in (b" ", b"\t", b"\r", b"x", b"\0", b"}"):
        damaged = chain.with_name("end.ndjson")
        damaged.write_bytes(chain.read_bytes()[:-1] + byte)
        cut_torn_line(damaged)
        assert read_chain(damaged)[1]


@pytest.mark.parametrize("order", [[1, 2], [0, 2], [0, 0, 1, 2], [1, 0, 2], [0, 1, 2, 1]])
def test_a_removed_repeated_or_moved_line_is_found(chain: Path, order: list[int]) -> None:
    lines = chain.read_bytes().splitlines(keepends=True)
    damaged = chain.with_name("moved.ndjson")
    damaged.write_bytes(b"".join(lines[number] for number in order))
    assert read_chain(damaged)[1]


def test_an_inserted_record_is_found(chain: Path) -> None:
    lines = chain.read_bytes().splitlines(keepends=True)
    forged = chain.with_name("forged.ndjson")
    append_to_chain(forged, [{"n": 9}])
    forged.write_bytes(forged.read_bytes() + b"".join(lines))
    assert read_chain(forged)[1]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_line_that_a_crash_left_unfinished_is_cut_before_the_next(chain: Path, data: st.DataObject) -> None:
    lines = chain.read_bytes().splitlines(keepends=True)
    keep = data.draw(st.integers(0, len(lines[2]) - 2))
    torn = chain.with_name("torn.ndjson")
    torn.write_bytes(lines[0] + lines[1] + lines[2][:keep])
    append_to_chain(torn, [{"n": 4}])
    records, problems = read_chain(torn)
    assert ([record["n"] for record in records], problems) == ([1, 2, 4], [])


def test_a_record_that_lacks_only_its_line_feed_is_kept(chain: Path) -> None:
    torn = chain.with_name("unended.ndjson")
    torn.write_bytes(chain.read_bytes()[:-1])
    append_to_chain(torn, [{"n": 4}])
    records, problems = read_chain(torn)
    assert ([record["n"] for record in records], problems) == ([1, 2, 3, 4], [])


def test_the_log_goes_on_after_a_crash(tmp_path: Path) -> None:
    log = BlacklistLog(tmp_path)
    log.append([event("blacklisted", "a")])
    with log.path.open("ab") as handle:
        handle.write(b'{"event": "blackl')
    log.append([event("blacklisted", "b")])
    assert [entry.source_key for entry in log.entries()] == ["a", "b"]


def test_nothing_is_appended_to_a_log_that_was_changed(tmp_path: Path) -> None:
    log = BlacklistLog(tmp_path)
    log.append([event("blacklisted", "a")])
    changed = log.path.read_text().replace('"blacklisted"', '"lifted"')
    log.path.write_text(changed)
    with pytest.raises(ChainBroken, match=r"events\.ndjson:1"):
        log.append([event("blacklisted", "b")])
    assert log.path.read_text() == changed


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_the_state_holds_no_formulas(tmp_path: Path, cell: str) -> None:
    log = BlacklistLog(tmp_path)
    log.append([{**event("blacklisted", "a", rate=-0.5), "reason": cell, "by": 'a,"b"\nc'}])
    header, row = csv.reader(io.StringIO(state_csv(log.entries()), newline=""))
    assert tuple(header) == COLUMNS
    assert row[COLUMNS.index("reason")] == f"'{cell}"
    assert row[COLUMNS.index("decided_by")] == 'a,"b"\nc'
    assert row[COLUMNS.index("rate")] == "-0.5"


def test_blocked_lists_hold_domains_urls_and_hashes(tmp_path: Path) -> None:
    digest = "Ab" * 32
    (tmp_path / "a.txt").write_text(f"\ufeff# list\nBad.CN\n\nhttp://x.cn/a#b\n{digest}\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text(" other.com.cn \n")
    blocked = load_blocked([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert blocked.domains == {"bad.cn", "other.com.cn"}
    assert blocked.urls == {"x.cn/a"}
    assert blocked.hashes == {digest.lower()}


@pytest.mark.parametrize("line", ["news.example.com", "localhost", "bad.cn.", "bad.cn  # why", "x.com/path"])
def test_a_blocked_domain_that_could_never_match_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(f"good.cn\n{line}\n")
    with pytest.raises(DocumentError, match=r"a\.txt:2: .*not a registrable domain"):
        load_blocked([tmp_path / "a.txt"])
