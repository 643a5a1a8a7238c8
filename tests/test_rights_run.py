"""Runs over sources with marks of intellectual property: what is counted by source, what the layer costs, what verify finds."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import pipeline.decisions
import pipeline.run
import transforms.rights
from pipeline.config import Config, load_config
from pipeline.detectors import Detectors, load_detectors
from pipeline.run import Options, run
from pipeline.store.output import Output
from pipeline.verification.verify import verify
from tests.audits import BAD_WORDING, Corpus, audit, contents, events, give_salt, jsonl, reseal, result, sql, texts
from tests.test_verify import Forge, change_database, change_json, change_rows

NOTICE = "© 2020 星河出版社 版权所有，侵权必究。"
BOOK = "全书共三卷，ISBN 978-7-115-42802-8，另见 ISBN 7-02-000220-X。"
MARKED = {
    "books": [NOTICE + BOOK, BOOK, "公园里的花开了。" + NOTICE + BAD_WORDING, *texts("books", 40)],
    "code": [
        "// SPDX-License-Identifier: MIT\n// Copyright (c) 2024 Example Ltd\nint main() { return 0; }\n",
        *texts("code", 30),
    ],
    "plain": texts("plain", 30),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("rights")
    sources = []
    for name, own in MARKED.items():
        (folder / f"{name}.jsonl").write_bytes(jsonl([{"id": i, "text": text} for i, text in enumerate(own)]))
        sources.append({"id": name, "name": name, "kind": "open", "region": "domestic", "paths": [f"{name}.jsonl"]})
    corpus = Corpus(folder, folder / "config.json")
    corpus.write(sources=[{**sources[0], "evidence": {"licence": "CC-BY-4.0"}, "stage": "sft"}, *sources[1:]])
    return corpus


def audited(corpus: Corpus, out: Path, options: Options | None = None) -> bool:
    """A run in this process; whether it found nothing to do."""
    give_salt(out)
    return run(load_config(corpus.config, out), options or Options()).unchanged


@pytest.fixture(scope="module")
def out(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "one"
    audited(corpus, folder)
    return folder


def size(source: str, *numbers: int) -> int:
    return sum(len(MARKED[source][number].encode()) for number in numbers)


def test_indicators_are_counted_by_source_and_phase(out: Path) -> None:
    rows = sql(
        out, "SELECT source_id, indicator, phase, documents, findings, bytes, stage FROM rights_stats ORDER BY ALL"
    )
    assert rows == [
        ("books", "copyright_notice", "admitted", 1, 1, size("books", 0), "sft"),
        ("books", "copyright_notice", "collected", 2, 2, size("books", 0, 2), "sft"),
        ("books", "isbn", "admitted", 2, 4, size("books", 0, 1), "sft"),
        ("books", "isbn", "collected", 2, 4, size("books", 0, 1), "sft"),
        ("code", "copyright_notice", "admitted", 1, 1, size("code", 0), "pretrain"),
        ("code", "copyright_notice", "collected", 1, 1, size("code", 0), "pretrain"),
        ("code", "licence_header", "admitted", 1, 1, size("code", 0), "pretrain"),
        ("code", "licence_header", "collected", 1, 1, size("code", 0), "pretrain"),
    ]
    kept = [(row["source_id"], row["indicator"], row["phase"]) for row in result(out)["rights_indicators"]]
    assert sorted(kept) == [row[:3] for row in rows]


def test_a_document_tells_its_indicators_and_where_the_first_of_each_is(out: Path) -> None:
    ((names, counts, starts),) = sql(
        out, "SELECT rights_indicators, rights_counts, rights_starts FROM documents WHERE doc_id = 'books:0'"
    )
    text = MARKED["books"][0]
    assert (names, counts, starts) == (["copyright_notice", "isbn"], [1, 2], [0, text.index("ISBN")])
    assert sql(out, "SELECT DISTINCT rights_indicators FROM documents WHERE source_id = 'plain'") == [([],)]


def test_no_indicator_keeps_a_document_out_or_decides_a_clause(out: Path) -> None:
    assert sql(
        out, "SELECT DISTINCT admitted FROM documents WHERE len(rights_indicators) > 0 AND doc_id <> 'books:2'"
    ) == [(True,)]
    assert sql(out, "SELECT exclusion_reason, risks FROM documents WHERE doc_id = 'books:2'")[0][0] == "filtered"
    assert sql(out, "SELECT count(*) FROM clauses WHERE clause LIKE '5.2b%' AND verdict <> '待补充'") == [(0,)]


def test_the_named_queries_tell_them_by_source_with_examples(out: Path) -> None:
    rows = json.loads(audit("query", out, "rights_by_source", "--format", "json").stdout)
    assert [
        (row["source_id"], row["indicator"], row["collected"], row["admitted"], row["licence"]) for row in rows
    ] == [
        ("books", "copyright_notice", 2, 1, "CC-BY-4.0"),
        ("books", "isbn", 2, 2, "CC-BY-4.0"),
        ("code", "copyright_notice", 1, 1, None),
        ("code", "licence_header", 1, 1, None),
    ]
    assert float(rows[1]["admitted_share"]) == round(2 / 42, 6)
    examples = json.loads(audit("query", out, "rights_examples", "--format", "json").stdout)
    assert [(row["doc_id"], row["indicator"], row["findings"]) for row in examples][:2] == [
        ("books:0", "copyright_notice", 1),
        ("books:2", "copyright_notice", 1),
    ]


def test_a_store_made_before_there_was_the_layer_is_gone_on_with(
    corpus: Corpus, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an output of the version before: nothing else is scanned, and bytes are those of a run from scratch."""

    def before(config: Config) -> Detectors:
        detectors = load_detectors(config)
        return replace(detectors, stages={k: v for k, v in detectors.stages.items() if k != "rights"})

    without = tuple(name for name in pipeline.decisions.LAYERS_READ if name != "rights")
    with monkeypatch.context() as older:
        older.setattr(pipeline.run, "load_detectors", before)
        older.setattr(pipeline.decisions, "LAYERS_READ", without)
        audited(corpus, tmp_path / "o")
    assert sql(tmp_path / "o", "SELECT count(*) FROM rights_stats") == [(0,)]
    assert not audited(corpus, tmp_path / "o")
    built = {layer for e in events(tmp_path / "o") if e["event"] == "unit_scanned" for layer in e["layers_built"]}
    assert built == {"rights"}
    assert contents(tmp_path / "o") == contents(out)
    assert sql(tmp_path / "o", "FROM rights_stats ORDER BY ALL") == sql(out, "FROM rights_stats ORDER BY ALL")
    assert [check for check in verify(Output(tmp_path / "o")) if check.problems] == []
    assert audited(corpus, tmp_path / "o")


def test_new_rules_cost_their_layer_and_decisions_and_no_lift(
    corpus: Corpus, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(out, tmp_path / "o", symlinks=True)
    ruleset = Output(tmp_path / "o").current.manifest["ruleset_sha256"]  # type: ignore[union-attr]
    monkeypatch.setattr(transforms.rights, "VERSION", 99)
    assert not audited(corpus, tmp_path / "o")
    happened = events(tmp_path / "o")
    assert {layer for e in happened if e["event"] == "unit_scanned" for layer in e["layers_built"]} == {"rights"}
    assert all(e["built"] for e in happened if e["event"] == "unit_decided")
    assert Output(tmp_path / "o").current.manifest["ruleset_sha256"] == ruleset  # type: ignore[union-attr]
    assert contents(tmp_path / "o") == contents(out)


def test_batches_and_packing_do_not_show(corpus: Corpus, out: Path, tmp_path: Path) -> None:
    audited(corpus, tmp_path / "o", Options(batch_documents=3, batch_bytes=512))
    assert contents(tmp_path / "o") == contents(out)


def test_a_damaged_layer_is_made_anew(corpus: Corpus, out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "o", symlinks=True)
    for path in (tmp_path / "o" / "scans" / "rights").rglob("*.parquet"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:100])
    shutil.rmtree(tmp_path / "o" / "scans" / "decided")
    (tmp_path / "o" / "current").resolve().joinpath("result.json").unlink()
    assert not audited(corpus, tmp_path / "o")
    assert contents(tmp_path / "o") == contents(out)


FORGERIES: dict[str, Forge] = {
    "a number of documents": change_database("UPDATE rights_stats SET documents = 0 WHERE indicator = 'isbn'"),
    "a number of occurrences": change_database("UPDATE rights_stats SET findings = 1 WHERE indicator = 'isbn'"),
    "bytes": change_database("UPDATE rights_stats SET bytes = bytes + 1 WHERE indicator = 'isbn'"),
    "a row left out": change_database("DELETE FROM rights_stats WHERE phase = 'admitted' AND source_id = 'code'"),
    "the result": change_json("result.json", "rights_indicators", to=[]),
    "a document without": change_rows(
        "documents", lambda row: row | {"rights_indicators": [], "rights_counts": [], "rights_starts": []}
    ),
    "counts alone": change_rows("documents", lambda row: row | {"rights_counts": [9] * len(row["rights_counts"])}),
    "fewer counts": change_rows("documents", lambda row: row | {"rights_counts": row["rights_counts"][:1]}),
    "a place behind the text": change_rows(
        "documents", lambda row: row | {"rights_starts": [10**6] * len(row["rights_starts"])}
    ),
    "names out of order": change_rows(
        "documents", lambda row: row | {"rights_indicators": row["rights_indicators"][::-1]}
    ),
}


def test_the_run_verifies(out: Path) -> None:
    assert [check for check in verify(Output(out)) if check.problems] == []


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forgery_with_fresh_hashes_is_found(out: Path, tmp_path: Path, what: str) -> None:
    forged = tmp_path / "o"
    shutil.copytree(out, forged, symlinks=True, ignore=shutil.ignore_patterns("scans"))
    FORGERIES[what](forged)
    reseal(forged)
    found = [problem for check in verify(Output(forged)) for problem in check.problems]
    assert any("rights" in problem for problem in found), found
