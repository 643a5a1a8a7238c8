"""The evidence folder: the same bytes again, no texts, nothing of other runs, chains cut where a report was made."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.errors import RunFailed, UsageError
from pipeline.libraries import keep_library
from pipeline.store.output import Output
from pipeline.store.scans import ScanStore
from report.evidence import layout
from report.evidence.extract import evidence_files, extract, read_heads
from report.evidence.library import find_library, library_of_rows
from report.evidence.statements import tables_of
from report.evidence.workspace import Workspace, open_workspace
from rounds.register import Register, find_round
from schemas.chain import append_to_chain
from schemas.lexicon import Entry, Library
from schemas.sources import APART
from tests.audits import flip
from tests.report_base import changed, good_evidence, good_workspace, real_evidence, real_output

__all__ = ["good_evidence", "good_workspace", "real_evidence", "real_output"]  # fixtures


def digests(folder: Path) -> dict[str, str]:
    """Every file with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in evidence_files(folder)
    }


@pytest.fixture(scope="module")
def workspace(real_evidence: Path) -> Iterator[Workspace]:
    with open_workspace(real_evidence) as found:
        yield found


@pytest.fixture
def own(real_output: Path, tmp_path: Path) -> Output:
    """A copy of the output folder."""
    shutil.copytree(real_output, tmp_path / "o", symlinks=True)
    return Output(tmp_path / "o")


def extracted(output: Output, folder: Path, round_: str | None = "R0001", **more: object) -> Path:
    assert output.current is not None
    found = find_round(output, round_) if round_ else None
    extract(output, output.current, found, {}, {}, folder, **more)  # type: ignore[arg-type]
    return folder


def test_the_same_run_and_round_give_the_same_bytes_in_any_folder(
    own: Output, real_evidence: Path, tmp_path: Path
) -> None:
    assert digests(extracted(own, tmp_path / "e")) == digests(real_evidence)


def test_a_folder_is_written_anew(own: Output, real_evidence: Path, tmp_path: Path) -> None:
    folder = tmp_path / "e"
    (folder / "audit").mkdir(parents=True)
    (folder / "audit" / "left.parquet").write_bytes(b"x")

    assert digests(extracted(own, folder)) == digests(real_evidence)


def test_what_was_appended_to_the_chains_since_changes_nothing_where_heads_are_given(
    own: Output, real_evidence: Path, tmp_path: Path
) -> None:
    opened = Register(own).events()[0]
    more = {**opened, "seq": 9, "round": "R0002"}
    append_to_chain(own.folder / "rounds" / "register.ndjson", [{k: v for k, v in more.items() if k != "sha256"}])
    append_to_chain(own.publications, [{"run_id": "later", "manifest_sha256": "0" * 64}])

    assert digests(extracted(own, tmp_path / "new")) != digests(real_evidence)
    assert digests(extracted(own, tmp_path / "old", heads=read_heads(real_evidence))) == digests(real_evidence)


def test_a_chain_whose_end_was_cut_off_is_refused(own: Output, real_evidence: Path, tmp_path: Path) -> None:
    register = own.folder / "rounds" / "register.ndjson"
    register.write_bytes(b"".join(register.read_bytes().splitlines(keepends=True)[:-1]))

    with pytest.raises(RunFailed, match="只剩 3 条，应有 4 条"):
        assert own.current is not None
        extract(own, own.current, None, {}, {}, tmp_path / "e", read_heads(real_evidence))


def test_a_chain_that_was_changed_is_refused(own: Output, tmp_path: Path) -> None:
    flip(own.folder / "rounds" / "register.ndjson", 0.5)

    with pytest.raises(RunFailed):
        extracted(own, tmp_path / "e", None)


def test_a_round_that_is_not_closed_or_stands_on_another_run_is_refused(own: Output, tmp_path: Path) -> None:
    found = find_round(own, "R0001")
    object.__setattr__(found, "closed", None)
    assert own.current is not None

    with pytest.raises(UsageError, match="未关闭"):
        extract(own, own.current, found, {}, {}, tmp_path / "e")


def test_without_a_round_its_tables_are_there_and_empty(own: Output, tmp_path: Path) -> None:
    folder = extracted(own, tmp_path / "e", None)

    with open_workspace(folder) as workspace:
        assert workspace.value("SELECT rehearsal FROM record.facts") is True
        assert all(not workspace.value(f"SELECT count(*) FROM round.{name}") for name in layout.columns()["round"])
    assert not (folder / "record" / "round_result.json").exists()


def test_no_text_of_a_document_and_no_note_is_in_it(real_evidence: Path) -> None:
    columns = {name for path in real_evidence.rglob("*.parquet") for name in pq.read_schema(path).names}
    assert not columns & {"text", "excerpt"}
    assert "note" not in pq.read_schema(real_evidence / "round" / "readings.parquet").names
    held = b"".join(path.read_bytes() for path in evidence_files(real_evidence))
    assert "今天天气很好".encode() not in held
    assert b"13800138000" not in held
    tables = [pq.read_table(path) for path in (real_evidence / "audit").glob("*.parquet")]
    assert not any("今天天气很好" in str(table.to_pydict()) for table in tables)


def test_the_tables_are_those_of_the_run_and_the_round(workspace: Workspace) -> None:
    assert workspace.value("SELECT sum(audited) FROM audit.ledger") == 920
    assert workspace.value("SELECT count(*) FROM round.finals") == workspace.value(
        "SELECT count(*) FROM round.items_drawn WHERE kind = 'sample'"
    )
    assert workspace.value("SELECT sum(documents) FROM audit.composition WHERE admitted") == 814
    assert workspace.value("SELECT sum(documents) FROM audit.exclusions") == 920
    (facts,) = workspace.rows("FROM record.facts")
    assert facts["round"] == "R0001"
    assert facts["may_pass"] is True
    assert workspace.record("manifest")["run_id"] == facts["run_id"]


def test_what_was_emitted_and_matched_is_on_record_for_this_very_run(workspace: Workspace) -> None:
    (row,) = workspace.rows("FROM record.training")

    assert (row["same_run"], row["clean"], row["found"], row["admitted_documents"]) == (True, True, 814, 814)
    assert workspace.value("SELECT sum(admitted) FROM record.training_files WHERE kind = 'emitted'") == 814


def test_a_manifest_matched_with_another_run_says_nothing_of_this_one(own: Output, tmp_path: Path) -> None:
    assert own.current is not None
    manifest = own.current.folder / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes() + b"\n")

    with open_workspace(extracted(own, tmp_path / "e")) as workspace:
        assert workspace.rows("SELECT same_run FROM record.training") == [{"same_run": False}]


def test_a_training_manifest_that_was_changed_is_refused(own: Output, tmp_path: Path) -> None:
    (path,) = (own.folder / "training").glob("*.json")
    flip(path, 0.5)

    with pytest.raises(RunFailed, match="与登记不符"):
        extracted(own, tmp_path / "e")


def test_of_a_huge_technical_sample_the_digest_alone_is_kept(
    own: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(layout.evidence()["audit"]["technical_sample"], "at_most", 10)

    with open_workspace(extracted(own, tmp_path / "e")) as workspace:
        assert workspace.value("SELECT count(*) FROM audit.technical_sample") == 0
        (row,) = workspace.rows("SELECT size, length(sha256) AS digits FROM record.samples WHERE sample = 'technical'")
    assert row == {"size": 82, "digits": 64}


def test_a_library_of_one_s_own_is_found_in_the_store_of_scans_by_its_digest(tmp_path: Path) -> None:
    library = Library((Entry("某词", ("A1-a",), "block"),))
    keep_library(library, "ab" * 32, ScanStore(str(tmp_path / "scans")))
    manifest = {"versions": {"lexicon_sha256": library.sha256}, "config": {"lexicons": ["own.tsv"]}, "scans": "scans"}

    assert find_library(Output(tmp_path), manifest) == library
    assert find_library(Output(tmp_path), {**manifest, "versions": {"lexicon_sha256": "0" * 64}}) is None


def test_a_workspace_of_nothing_still_answers(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as workspace:
        for schema, tables in layout.columns().items():
            for name in tables:
                assert workspace.value(f'SELECT count(*) FROM {schema}."{name}"') == 0


def test_the_library_can_be_made_again_from_the_evidence(workspace: Workspace) -> None:
    library = library_of_rows(workspace.rows("FROM record.keywords"))

    assert library is not None
    assert library.sha256 == workspace.value("SELECT lexicon_sha256 FROM record.facts")


def test_a_run_of_an_earlier_version_lacks_tables_and_is_extracted_all_the_same(own: Output, tmp_path: Path) -> None:
    assert own.current is not None
    database = own.current.folder / "audit.duckdb"
    database.chmod(0o644)
    with duckdb.connect(str(database)) as connection:
        connection.execute("DROP TABLE source_diversity")

    with open_workspace(extracted(own, tmp_path / "e", None)) as workspace:
        assert workspace.rows("FROM audit.source_diversity") == []
        assert workspace.value("SELECT sum(audited) FROM audit.ledger") == 920


@pytest.mark.parametrize("name", ["audit.duckdb", "result.json"])
def test_a_run_with_a_damaged_or_missing_file_is_told_in_one_sentence(own: Output, tmp_path: Path, name: str) -> None:
    assert own.current is not None
    (own.current.folder / name).unlink()

    with pytest.raises(RunFailed, match="缺失或损坏"):
        extracted(own, tmp_path / "e")


def test_a_query_names_the_files_it_reads(workspace: Workspace) -> None:
    sql = (
        "WITH x AS (SELECT * FROM audit.ledger) SELECT * FROM x, round.items_drawn i JOIN record.facts f USING (run_id) "
        'WHERE EXISTS (FROM "declared".signers) AND a NOT IN (SELECT b FROM annotation.log)'
    )

    assert workspace.files(sql) == (
        *("annotation/log.parquet", "audit/ledger.parquet", "declared/signers.parquet"),
        *("record/facts.parquet", "round/items_drawn.parquet"),
    )
    with pytest.raises(ValueError, match="DELETE"):
        tables_of("DELETE FROM audit.ledger")


def test_rows_put_in_the_place_of_others_can_be_undone(good_workspace: Workspace) -> None:
    with changed(good_workspace):
        good_workspace.replace("audit.ledger", [{"source_id": "x", "shard": "y", "audited": 3}])
        assert good_workspace.rows("SELECT source_id, audited, rejected FROM audit.ledger") == [
            {"source_id": "x", "audited": 3, "rejected": None}
        ]
    assert good_workspace.value("SELECT count(*) FROM audit.ledger") > 1


def test_the_stages_set_apart_in_the_rules_are_those_of_the_schemas() -> None:
    from report.verdicts.rules import load_rules

    listed = ", ".join(f"'{stage}'" for stage in sorted(APART))
    rules = load_rules()
    assert f"NOT IN ({listed})" in rules.common["ordinary"]
    assert f"NOT IN ({listed})" in rules.common["population"]
    assert f"IN ({listed})" in rules.conditions["stage_apart"].query


def test_hostile_names_come_through_as_they_are(own: Output, tmp_path: Path) -> None:
    rows = {"evidence": [{"title": "=cmd|' /C calc'!A0\u202e\x00<b>", "file": "a\nb.pdf", "sha256": "0" * 64}]}
    assert own.current is not None
    extract(own, own.current, None, rows, {}, tmp_path / "e")

    with open_workspace(tmp_path / "e") as workspace:
        assert workspace.rows("SELECT title, file FROM declared.evidence") == [
            {"title": rows["evidence"][0]["title"], "file": "a\nb.pdf"}
        ]
    assert json.loads((tmp_path / "e" / "record" / "heads.json").read_text())["register"]["lines"] == 4
