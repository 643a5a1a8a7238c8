"""The sums of the tables: they agree with each other and with the evidence, and whatever is flipped is named."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import RunFailed
from pipeline.store.output import Output
from report.evidence.extract import extract
from report.evidence.workspace import Workspace, open_workspace
from report.model import Table
from report.tables.filling import NOTHING, fill_tables
from report.tables.sums import BUCKETS, check_sums, require_sums
from tests.audits import SOURCES, audit, jsonl, make_corpus
from tests.filled_tables import of, rows, wide, workspace
from tests.report_base import changed, real_evidence, real_output
from tests.test_stages_apart import add_apart
from tests.test_tokens import make_tokenizer
from tests.wide_evidence import HOSTILE, widen

__all__ = ["real_evidence", "real_output", "wide", "workspace"]  # fixtures


def test_sums_of_the_real_run_and_round_agree(workspace: Workspace) -> None:
    assert check_sums(fill_tables(workspace), workspace) == []
    total = of(workspace, "C-1")["total"]
    assert (total["bytes"], total["documents"]) == tuple(
        workspace.rows("SELECT admitted_bytes AS b, admitted_documents AS d FROM record.facts")[0].values()
    )


@pytest.mark.parametrize(
    ("sources", "tokens"), [(0, "none"), (12, "exact"), (12, "sampled"), (60, "sampled"), (60, "none")]
)
def test_sums_agree_for_every_width_and_way_of_counting_tokens(workspace: Workspace, sources: int, tokens: str) -> None:
    with changed(workspace) as given:
        widen(given, sources, tokens)
        tables = {table.id: table for table in fill_tables(given)}
        assert check_sums(tables.values(), given) == []
        known = given.value(
            "SELECT sum(tokens) FROM audit.bucket_stats WHERE phase = 'admitted' AND stage NOT IN ('preference', 'safety')"
        )
    assert rows(tables["C-1"])["total"]["tokens"] == known
    assert (NOTHING in rows(tables["C-3T"])) is (tokens == "none")


HOLY = "第一章 起初。ISBN 978-7-115-42802-8，版权所有，未经许可不得转载。"
FRENCH = "Le conseil municipal a adopté hier soir le budget de la commune pour la prochaine année scolaire, numéro {}."


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of a real rehearsal: tokens of a share, sources apart, a source of two regions, books, other languages."""
    folder = tmp_path_factory.mktemp("mixed")
    corpus = make_corpus(folder / "c")
    more = add_apart(folder / "c")
    (folder / "c" / "books").mkdir()
    books = [{"text": f"{HOLY}第{i}页", "url": f"https://books.example.org/{i}"} for i in range(30)]
    books += [{"text": FRENCH.format(i), "url": f"https://livres.example.net/{i}"} for i in range(60)]
    (folder / "c" / "books" / "a.jsonl").write_bytes(jsonl(books))
    more.append(
        {"id": "books", "name": HOSTILE[0], "kind": "open", "region": "overseas", "paths": ["books/*"], "stage": "sft"}
        | {"region_basis": "出版地", "regions": {"example.org": "domestic", "example.net": "hk_mo_tw"}}
    )
    make_tokenizer(folder / "c" / "tokenizer.json")
    tokenizer = {"file": "tokenizer.json", "share": "0.3"}
    corpus.write(sources=[*SOURCES, *more], tokenizer=tokenizer)
    audit("run", corpus.config, "--out", folder / "o")
    output = Output(folder / "o")
    assert output.current is not None
    extract(output, output.current, None, {}, {}, folder / "evidence")
    return folder / "evidence"


def test_sums_of_a_real_run_of_many_kinds_agree(mixed: Path) -> None:
    with open_workspace(mixed) as given:
        assert check_sums(fill_tables(given), given) == []
        sizes, origins, types = of(given, "C-1"), of(given, "C-3"), of(given, "C-2")
        assert sizes["sft"]["documents"] == 90 and sizes["total"]["tokens"] > 0 and sizes["total"]["tokens_error"] > 0
        assert "tokenizer" in sizes["total"]["tokenizer"]
        assert (
            origins["open_domestic"]["zh"] > 0
            and origins["open_hk_mo_tw"]["other"] > 0
            and origins["open_overseas"]["all"] == 0
        )
        assert [key for key in types if key.startswith("other:")] == ["other:fr"]
        assert of(given, "T11H")["books:isbn"]["admitted"] == 30 and of(given, "T11P")["total"]["documents"] == 30
        assert of(given, "C-4")["books"]["region"].endswith("（混合，按域名拆分 / mixed, by domain）")
        assert of(given, "C-4")["books"]["name"] == HOSTILE[0]
        apart = given.value(
            "SELECT sum(admitted_documents) FROM audit.source_stats WHERE stage IN ('safety', 'preference')"
        )
        assert sizes["safety"]["documents"] + sizes["preference"]["documents"] == apart


# Each flips one number of the evidence; the tables the difference has to be named by.
FLIPS = [
    ("UPDATE audit.composition SET bytes = bytes + 1 WHERE {one}", ["C-1 Σ bytes", "record.facts"]),
    ("UPDATE audit.composition SET documents = documents - 1 WHERE {one}", ["C-1 Σ documents", "audit.funnel"]),
    ("UPDATE audit.composition SET stage = 'other' WHERE {one}", ["C-1 Σ", "C-4 Σ"]),
    ("UPDATE audit.sources SET treated_as = 'unknown' WHERE source_id = 's001'", ["C-3/total/all", "C-2/total/bytes"]),
    ("UPDATE audit.bucket_stats SET bytes = bytes + 1 WHERE {one} AND phase = 'admitted'", ["audit.bucket_stats", "C-1 Σ bytes"]),
    ("UPDATE audit.bucket_stats SET tokens_sampled_documents = documents WHERE phase = 'admitted'", ["C-1 Σ tokens", "audit.bucket_stats"]),
    ("UPDATE audit.source_stats SET admitted_documents = admitted_documents + 1 WHERE {one}", ["audit.source_stats"]),
    ("UPDATE audit.source_stats SET documents = documents + 1 WHERE {one}", ["T05 Σ documents", "audit.ledger"]),
    ("UPDATE audit.region_stats SET bytes = bytes + 1 WHERE {one}", ["audit.region_stats"]),
    ("UPDATE audit.funnel SET documents = documents + 1 WHERE {one} AND step = 'admitted'", ["audit.funnel"]),
    ("UPDATE audit.funnel SET bytes = bytes + 1 WHERE {one} AND step = 'admitted'", ["audit.funnel"]),
    ("UPDATE audit.funnel SET documents = documents + 1 WHERE step = 'collected' AND {one}", ["T07 collected − admitted"]),
    ("UPDATE audit.exclusions SET documents = documents + 1 WHERE exclusion_reason = 'filtered' AND source_id = 's001'", ["T07S Σ documents"]),
    ("UPDATE audit.exclusions SET bytes = bytes + 1 WHERE exclusion_reason IS NULL AND source_id = 's001'", ["audit.exclusions"]),
    ("UPDATE audit.ledger SET records_read = records_read + 1 WHERE {one}", ["audit.ledger s000 a.jsonl"]),
    ("UPDATE audit.ledger SET audited = audited + 1, records_read = records_read + 1 WHERE {one}", ["audit.ledger", "T05 Σ documents"]),
    ("UPDATE record.facts SET rejected = 1", ["record.facts.rejected"]),
    ("UPDATE record.facts SET admitted_bytes = admitted_bytes - 1", ["record.facts", "C-1 Σ bytes"]),
    ("UPDATE record.facts SET documents = documents + 1", ["T07/collected/documents"]),
    ("UPDATE round.manual_result SET judged = judged + 1", ["C-7/manual/judged", "T09 ="]),
    ("UPDATE round.manual_result SET failures = failures + 1", ["C-7/manual/failures", "T09D"]),
    ("UPDATE round.manual_result SET unclear = 3", ["C-7/manual/unclear", "round.finals"]),
    ("UPDATE round.manual_result SET population = population + 1", ["C-7/manual/population", "record.register"]),
    ("UPDATE record.rounds SET manual_failures = 5 WHERE round = 'R0001'", ["record.rounds", "C-7/manual/failures"]),
    ("UPDATE round.finals SET verdict = 'unqualified', risks = ['A1-f'] WHERE item_no = 1", ["C-7/manual/failures", "T09D"]),
    ("DELETE FROM round.finals WHERE item_no = 1", ["round.finals", "C-7/manual/judged"]),
    ("DELETE FROM audit.technical_sample WHERE {one}", ["C-7/technical/judged", "T10 Σ items"]),
    ("UPDATE audit.technical_sample SET qualified = false WHERE {one}", ["C-7/technical judged − failures"]),
    ("UPDATE audit.keyword_library SET counted = counted + 1 WHERE risk_id = 'A1-a'", ["C-8/A1-a block + review", "record.keywords"]),
    ("UPDATE audit.keyword_library SET counted = counted + 1, block = block + 1 WHERE risk_id = 'all'", ["C-8/all/counted", "record.keywords"]),
    ("UPDATE record.keywords SET counted = NOT counted WHERE {one}", ["C-8/all/counted"]),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "named"), FLIPS, ids=[f"{number:02d}" for number in range(len(FLIPS))])
def test_a_flipped_number_of_the_evidence_is_named(wide: Workspace, statement: str, named: list[str]) -> None:
    table = next(word for word in statement.split() if "." in word)
    where = statement.partition("{one}")[2].removeprefix(" AND ") or "true"
    one = f"rowid = (SELECT min(rowid) FROM {table} WHERE {where})"
    with changed(wide, statement.replace("{one}", one)) as given:
        found = check_sums(fill_tables(given), given)
    for name in named:
        assert any(name in line for line in found), found


def numbers_of(table: Table, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for row in table.rows:
        yield from ((row.key, name) for name in names if isinstance(row.values.get(name), int))


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("C-1", ("bytes", "tokens", "documents")),
        ("C-2", ("bytes", "tokens", "documents")),
        *((name, (*BUCKETS, "all")) for name in ("C-3", "C-3T", "C-3N")),
        ("C-4", ("bytes", "documents")),
        ("T07", ("removed",)),
    ],
)
def test_a_flipped_cell_is_found_whichever_it_is(wide: Workspace, table: str, columns: tuple[str, ...]) -> None:
    tables = fill_tables(wide)
    place = next(number for number, one in enumerate(tables) if one.id == table)
    cells = list(numbers_of(tables[place], columns))
    assert len(cells) >= len(columns)
    for key, column in cells[:: max(1, len(cells) // 12)]:
        flipped = tuple(
            dataclasses.replace(row, values={**row.values, column: row.values[column] + 1}) if row.key == key else row
            for row in tables[place].rows
        )
        given = [*tables[:place], dataclasses.replace(tables[place], rows=flipped), *tables[place + 1 :]]
        assert any(table in line for line in check_sums(given, wide)), (key, column)


def test_a_report_whose_sums_differ_is_refused_by_name(wide: Workspace) -> None:
    require_sums(fill_tables(wide), wide)
    named = pytest.raises(RunFailed, match=r"C-1 Σ bytes = \d+ ≠ .*record\.facts = \d+")
    with changed(wide, "UPDATE record.facts SET admitted_bytes = admitted_bytes + 1") as given, named:
        require_sums(fill_tables(given), given)


def test_a_blank_table_and_a_repeated_key_are_named(wide: Workspace) -> None:
    tables = list(fill_tables(wide))
    blank = dataclasses.replace(tables[0], rows=())
    twice = dataclasses.replace(tables[-1], rows=(tables[-1].rows[0], tables[-1].rows[0]))
    found = check_sums([blank, *tables[1:-1], twice], wide)
    assert any(line.startswith("C-1: 空表") for line in found)
    assert any(line.startswith(f"T21/{twice.rows[0].key}: 编号重复") for line in found)
