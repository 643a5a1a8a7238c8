"""`report trace`: for a number its query, the evidence it reads, the value computed anew, and whether the report says it."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.errors import UsageError
from pipeline.store.scans import sha256_file
from report.build import as_json, verdicts_json
from report.evidence.extract import EVIDENCE
from report.evidence.workspace import Workspace, open_workspace
from report.tables.filling import fill_table, fill_tables
from report.tables.trace import trace
from report.verdicts.concluding import conclude
from report.verdicts.rules import load_rules
from tests.report_base import real_evidence, real_output

__all__ = ["real_evidence", "real_output"]  # fixtures

SAME = "报告所载 / in the report: 一致"
DIFFERS = "报告所载 / in the report: 不一致"


def write_report(evidence: Path, folder: Path) -> Path:
    """The parts of a report's folder that trace reads."""
    copytree(evidence, folder / EVIDENCE)
    with open_workspace(folder / EVIDENCE) as workspace:
        verdicts = conclude(workspace)
        tables = [dataclasses.asdict(table) for table in fill_tables(workspace)]
    (folder / "tables.json").write_bytes(as_json(tables))
    (folder / "verdicts.json").write_bytes(verdicts_json(None, verdicts))
    return folder


@pytest.fixture(scope="module")
def report(real_evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the real run and round; to be looked at only."""
    return write_report(real_evidence, tmp_path_factory.mktemp("trace") / "report")


@pytest.fixture(scope="module")
def workspace(report: Path) -> Iterator[Workspace]:
    with open_workspace(report / EVIDENCE) as found:
        conclude(found)
        yield found


def query_of(lines: list[str]) -> str:
    return "\n".join(lines[lines.index("查询 / query:") + 1 : lines.index("所读证据 / evidence read:")])


def files_of(lines: list[str]) -> dict[str, str]:
    """Digests by evidence file."""
    found = (re.fullmatch(r"  ([0-9a-f]{64})  (\S+\.parquet)", line) for line in lines)
    return {match[2]: match[1] for match in found if match}


def value_of(lines: list[str]) -> str:
    return next(line for line in lines if line.startswith("重算")).partition(": ")[2]


@pytest.mark.parametrize(
    ("id", "files"),
    [
        ("C-1/total/bytes", {"audit/composition.parquet", "audit/bucket_stats.parquet"}),
        ("C-3/open_domestic/zh", {"audit/composition.parquet", "audit/sources.parquet"}),
        ("C-7/manual/judged", {"round/manual_result.parquet", "record/facts.parquet"}),
        ("C-8/all/counted", {"audit/keyword_library.parquet"}),
        ("T05/plain/blind_high", {"round/source_results.parquet", "audit/source_stats.parquet"}),
        ("T07/admitted/documents", {"audit/funnel.parquet"}),
    ],
)
def test_a_cell_is_traced_to_its_evidence_and_computed_again(
    report: Path, workspace: Workspace, id: str, files: set[str]
) -> None:
    lines = trace(report, id)
    table, key, column = id.split("/")
    row = next(row for row in fill_table(workspace, table).rows if row.key == key)
    assert value_of(lines) == json.dumps(row.values[column])
    assert files <= set(files_of(lines))
    assert all(digest == sha256_file(report / EVIDENCE / name) for name, digest in files_of(lines).items())
    assert lines[-1].startswith(SAME)
    again = {json.dumps(found[column]) for found in workspace.rows(query_of(lines))}
    assert value_of(lines) in again  # the query as printed gives it, to whoever has nothing but the folder


def test_numbers_of_clauses_are_traced_by_key_and_by_clause(report: Path, workspace: Workspace) -> None:
    lines = trace(report, "K.EVAL.MANUAL/judged")
    assert lines == trace(report, "8.2a/judged")
    assert value_of(lines) == "814" == str(workspace.value(query_of(lines)))
    assert set(files_of(lines)) == {"round/manual_result.parquet"} and lines[-1].startswith(SAME)


def test_numbers_of_all_kinds_and_whole_tables_are_what_the_report_says(report: Path, workspace: Workspace) -> None:
    for verdict in conclude(workspace)[::12]:
        for number in verdict.basis[:1]:
            assert trace(report, number.id)[-1].startswith(SAME), number.id
    for name in ("C-2", "C-6", "C-9R", "T09", "T20D"):
        row = fill_table(workspace, name).rows[-1]
        assert trace(report, name)[-1].startswith(SAME), name
        assert trace(report, f"{name}/{row.key}")[-1].startswith(SAME), row.key


def test_a_clause_is_traced_to_its_conditions(report: Path, workspace: Workspace) -> None:
    verdict = next(one for one in conclude(workspace) if one.clause == "8.2a")
    lines, rules = trace(report, "8.2a"), load_rules()
    assert verdict.reasons  # the corpus is too small for 4000
    for reason in verdict.reasons:
        assert any(line.startswith(f"{reason.verdict} {reason.id}: ") for line in lines), reason.id
        if query := rules.conditions[reason.id].query:
            terms = rules.clauses["K.EVAL.MANUAL"].terms
            assert set(workspace.files(rules.whole(query, terms))) <= set(files_of(lines)), reason.id
    assert value_of(lines) == verdict.verdict and lines[-1].startswith(SAME)
    assert any("trace OUT" in line for line in trace(report, "C-6/sources/verdict"))


def edited(report: Path, folder: Path, name: str, change: Any) -> Path:
    """A copy of the report with a JSON file changed."""
    copytree(report, folder)
    content = json.loads((folder / name).read_bytes())
    change(content)
    (folder / name).write_bytes(as_json(content))
    return folder


def test_a_report_that_says_otherwise_is_told(report: Path, tmp_path: Path) -> None:
    def cell(content: Any) -> None:
        table = next(one for one in content if one["id"] == "C-1")
        next(row for row in table["rows"] if row["key"] == "total")["values"]["bytes"] += 1

    def number(content: Any) -> None:
        clause = next(one for one in content["verdicts"] if one["key"] == "K.EVAL.MANUAL")
        next(one for one in clause["basis"] if one["id"].endswith("/judged"))["value"] = 4000

    changed = edited(report, tmp_path / "a", "tables.json", cell)
    for id in ("C-1/total/bytes", "C-1/total", "C-1"):
        assert trace(changed, id)[-1].startswith(DIFFERS), id
    assert trace(changed, "C-1/sft/bytes")[-1].startswith(SAME)
    assert trace(edited(report, tmp_path / "b", "verdicts.json", number), "8.2a/judged")[-1] == (
        f"{DIFFERS}（verdicts.json） / differs: 4000"
    )


def test_what_the_report_lacks_is_told(report: Path, tmp_path: Path) -> None:
    def without(content: Any) -> None:
        content[:] = [one for one in content if one["id"] != "C-1"]

    lacking = edited(report, tmp_path / "a", "tables.json", without)
    assert "没有此编号" in trace(lacking, "C-1/total/bytes")[-1]
    (lacking / "tables.json").unlink()
    assert "没有 tables.json" in trace(lacking, "C-1/total/bytes")[-1]
    (lacking / "tables.json").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match="不是 JSON"):
        trace(lacking, "C-1/total/bytes")


def test_evidence_that_was_changed_gives_another_value(report: Path, tmp_path: Path) -> None:
    copytree(report, tmp_path / "r")
    path = tmp_path / "r" / EVIDENCE / "audit" / "funnel.parquet"
    table = pq.read_table(path)
    documents = [count + 1 for count in table.column("documents").to_pylist()]
    place = table.schema.get_field_index("documents")
    pq.write_table(table.set_column(place, table.schema.field(place), [documents]), path)
    lines = trace(tmp_path / "r", "T07/collected/documents")
    assert lines[-1].startswith(DIFFERS)
    assert files_of(lines)["audit/funnel.parquet"] != sha256_file(report / EVIDENCE / "audit" / "funnel.parquet")


@pytest.mark.parametrize(
    ("id", "nearest"),
    [
        ("C-1/totl/bytes", "C-1/total/bytes"),
        ("C-1/total/byte", "C-1/total/bytes"),
        ("C-1/total/bytes/more", "C-1/total/bytes"),
        ("C-33", "C-3"),
        ("K.EVAL.MANUL", "K.EVAL.MANUAL"),
        ("8.2a/juged", "K.EVAL.MANUAL/judged"),
        ("", ""),
        ("\x1b[31m/x", ""),
    ],
)
def test_an_unknown_id_is_refused_with_the_nearest(report: Path, id: str, nearest: str) -> None:
    with pytest.raises(UsageError) as raised:
        trace(report, id)
    assert nearest in str(raised.value).partition("nearest: ")[2]
    assert "\x1b" not in str(raised.value)


def test_a_folder_without_a_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="没有报告的证据"):
        trace(tmp_path, "C-1/total/bytes")


def test_names_of_sources_do_nothing_to_a_terminal(report: Path, tmp_path: Path) -> None:
    copytree(report, tmp_path / "r")
    path = tmp_path / "r" / EVIDENCE / "audit" / "sources.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("name")
    names = ["\x1b]0;title\x07\u202e名\n\r"] * table.num_rows
    pq.write_table(table.set_column(place, table.schema.field(place), [names]), path)
    for id in ("C-4/plain/name", "C-4/plain", "C-4", "T05/plain/blind_rate"):
        assert all(line.isprintable() for line in trace(tmp_path / "r", id)), id
