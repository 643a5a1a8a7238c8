"""A corpus emitted with personal information masked: what it holds, what is said of it, and what is matched with it."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pii import find
from pipeline.config import load_config
from pipeline.emission.emit_bundles import make_bundles
from pipeline.emission.masking import Masked, Masker
from pipeline.errors import RunFailed, UsageError
from pipeline.plan import make_plan
from pipeline.store.output import Run
from pipeline.store.scans import sha256_file
from schemas.chain import append_to_chain
from schemas.results import EMITTED
from tests.audits import audit, jsonl, make_corpus, sql
from tests.test_emit_match import manifest, rows

KEPT_LEVELS = """
id: own
version: 1
rules:
  - {name: any-block, when: {block: 1}, assess: violation, filter: true}
personal_information: {exclude: []}
"""
PERSONAL = [
    "联系电话13677214905，邮箱zhang@mail.com.cn，欢迎来电。",
    "张经理的电话是137 5566 2081，身份证号110101199003074514。",
    "公司统一社会信用代码91110000600037341L，热线400-810-8888。",
    "电话13677214905，邮箱zhang@mail.com.cn，再发一遍。",
]
MODE = {"folder": "copies", "personal_information": "mask"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """One run, emitted masked first and as it is afterwards."""
    corpus = make_corpus(tmp_path_factory.mktemp("corpus"))
    (corpus.folder / "plain" / "c.jsonl").write_bytes(
        jsonl([{"id": f"c{i}", "text": text} for i, text in enumerate(PERSONAL)])
    )
    (corpus.folder / "policy.yaml").write_text(KEPT_LEVELS, encoding="utf-8")
    corpus.write(emit=MODE, policy="policy.yaml", output="out")
    audit("run", corpus.config)
    corpus.write(emit="copies", policy="policy.yaml", output="out")
    audit("run", corpus.config)
    return corpus


@pytest.fixture(scope="module")
def out(corpus):
    return corpus.folder / "out"


@pytest.fixture(scope="module")
def masked(corpus, out):
    return corpus.folder / "copies" / f"{(out / 'current').resolve().name}-masked"


@pytest.fixture(scope="module")
def kept(corpus, out):
    return corpus.folder / "copies" / (out / "current").resolve().name


def test_texts_are_as_long_as_they_were_and_hold_nothing_that_counts(masked, kept):
    before, after = rows(kept), rows(masked)
    assert [row["content_hash"] for row in before] == [row["content_hash"] for row in after]
    changed = 0
    for old, new in zip(before, after, strict=True):
        assert len(old["text"]) == len(new["text"])
        assert old["text_sha256"] == old["content_hash"]
        assert (new["text_sha256"] == new["content_hash"]) == (old["text"] == new["text"])
        changed += old["text"] != new["text"]
        for entity in find(new["text"]):
            assert entity.grade == "weak" or entity.type in Masker().kept
    assert changed == 4  # three of PERSONAL, one of the corpus itself
    shown = {row["doc_id"]: row["text"] for row in after}
    assert shown["plain:c0"] == "联系电话136****4905，邮箱z****@mail.com.cn，欢迎来电。"
    assert "137 **** 2081" in shown["plain:c1"] and "110*************14" in shown["plain:c1"]
    assert shown["plain:c2"] == PERSONAL[2]


def test_both_corpora_of_a_run_stand_side_by_side_and_share_no_file(masked, kept):
    assert (kept.parent / "current").resolve() == kept.resolve()  # the last one that was asked for
    for entry in manifest(masked)["files"]:
        assert not (masked / entry["path"]).samefile(kept / entry["path"])


def test_the_manifest_tells_what_was_masked(out, masked, kept):
    content = manifest(masked)
    assert (content["personal_information"], manifest(kept)["personal_information"]) == ("mask", "keep")
    assert content["masking"] == Masker.fingerprint() and manifest(kept)["masking"] is None
    said = content["totals"]["masked"]
    assert said["documents"] == 4
    audited = dict(
        sql(
            out,
            "SELECT pii_type, count(*) FROM findings WHERE admitted AND verdict IN ('personal_information', 'credential') "
            "GROUP BY ALL",
        )
    )
    assert {kind: counts["findings"] for kind, counts in said["by_type"].items()} == audited
    assert said["findings"] == sum(audited.values()) and said["by_type"]["EMAIL"]["documents"] == 3
    assert sum(entry["masked"]["documents"] for entry in content["files"]) == 4
    assert not any("masked" in entry for entry in manifest(kept)["files"])
    assert content["frame_sha256"] == manifest(kept)["frame_sha256"]


def test_texts_of_the_masked_copy_are_matched_with_what_was_admitted(out, masked, kept, tmp_path):
    texts = [{"text": row["text"]} for row in rows(masked) if row["text_sha256"] != row["content_hash"]]
    (tmp_path / "trained.jsonl").write_bytes(jsonl([*texts, {"text": rows(kept)[0]["text"]}]))
    audit("match", out, tmp_path / "trained.jsonl", masked / "plain" / "c.parquet", "--name", "masked")
    content = json.loads((out / "training" / "masked.json").read_bytes())
    kinds = {file["kind"]: file for file in content["files"]}
    assert (kinds["content"]["admitted"], kinds["content"]["masked"]) == (5, 4)
    assert (kinds["emitted"]["masked"], kinds["emitted"]["match"]["personal_information"]) == (3, "mask")
    assert content["clean"] and content["coverage"]["found"] == 6
    assert content["masked_manifest_sha256"] and content["emitted_manifest_sha256"]
    audit("match", out, masked, "--name", "whole")
    coverage = json.loads((out / "training" / "whole.json").read_bytes())["coverage"]
    assert coverage["found"] == coverage["admitted_documents"]


def test_verify_knows_a_manifest_that_claims_less(out, masked):
    audit("verify", out)
    copy = out / "emitted" / f"{masked.name}.json"
    before = copy.read_bytes()
    chain = copy.with_name("events.ndjson")
    events = chain.read_bytes()
    content = json.loads(before)
    for entry in content["files"]:
        entry["masked"]["by_type"].pop("EMAIL", None)
    try:
        copy.write_text(json.dumps(content), encoding="utf-8")
        assert copy.name in audit("verify", out, "--quick", check=3).stdout
        recorded(out, copy)
        told = audit("verify", out, check=3).stdout
        assert "EMAIL" in told and "emitted corpora" in told
    finally:
        copy.write_bytes(before)
        chain.write_bytes(events)
    audit("verify", out)


def recorded(out: Path, copy: Path) -> None:
    """Puts a manifest on record, as somebody would who covers up a change."""
    texts = copy.with_suffix(".texts.parquet")
    event = {"run_id": copy.stem.removesuffix("-masked"), "corpus": copy.stem, "manifest_sha256": sha256_file(copy)}
    append_to_chain(copy.with_name("events.ndjson"), [event | {"texts_sha256": sha256_file(texts)}])


def test_the_hashes_of_masked_texts_are_kept_with_the_audit(out, masked):
    with duckdb.connect() as own:
        texts = f"{out}/emitted/{masked.name}.texts.parquet"
        pairs = own.execute(f"SELECT content_hash, text_sha256 FROM '{texts}'").fetchall()
    expected = {(row["content_hash"], row["text_sha256"]) for row in rows(masked)}
    assert sorted(pairs) == sorted(pair for pair in expected if pair[0] != pair[1])


def test_files_are_taken_over_only_from_a_corpus_masked_by_the_same_rules(corpus, out):
    config = load_config(corpus.config)
    run, units = Run((out / "current").resolve()), make_plan(config, False).units
    keys = [
        {bundle.key for bundle in make_bundles(run, units, config.limits, masking, out / "none")}
        for masking in (None, "some rules", "other rules", "some rules")
    ]
    assert keys[1] == keys[3]
    assert keys[0].isdisjoint(keys[1]) and keys[1].isdisjoint(keys[2])


def test_a_copy_is_refused_where_something_else_is_found_than_was_audited():
    row = {"doc_id": "s:1", "url": None, "source_id": "s", "bucket": "zh", "language": "zh", "content_hash": "0"}
    batch = pa.RecordBatch.from_pylist([{**row, "text": PERSONAL[0], "text_sha256": "0"}], EMITTED)
    with pytest.raises(RunFailed, match="s:1"):
        Masker()(batch, [{"EMAIL"}], Masked())


def test_a_mode_nobody_knows_is_an_error(corpus, tmp_path):
    config = tmp_path / "config.json"
    content = json.loads(corpus.config.read_text(encoding="utf-8"))
    for emit in ({"folder": "x", "personal_information": "blur"}, {"personal_information": "mask"}, {"folder": ""}):
        config.write_text(json.dumps({**content, "emit": emit}), encoding="utf-8")
        with pytest.raises(UsageError, match="emit"):
            load_config(config)
