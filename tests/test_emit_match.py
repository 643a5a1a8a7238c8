"""The admitted corpus as files, and what the trainer's files are: real runs of the console script."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.emission.emit_bundles import target_names, without_suffixes
from pipeline.emission.emit_files import GROUP_ROWS, ShardFile
from pipeline.plan import Member, Shard, Unit
from pipeline.readers import layout_of
from schemas.chain import read_chain
from schemas.results import EMITTED
from schemas.sources import SourceRecord
from tests.audits import SCRIPT, audit, jsonl, make_corpus, result, sql, texts


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    corpus = make_corpus(tmp_path_factory.mktemp("corpus"))
    corpus.write(emit="corpus", limits={"unit_bytes": 65536}, output="out")
    return corpus


@pytest.fixture(scope="module")
def out(corpus):
    audit("run", corpus.config)
    return corpus.folder / "out"


@pytest.fixture(scope="module")
def emitted(corpus, out):
    return corpus.folder / "corpus" / "current"


def manifest(emitted: Path) -> dict:
    return json.loads((emitted / "manifest.json").read_bytes())


def rows(emitted: Path) -> list[dict]:
    return [row for entry in manifest(emitted)["files"] for row in pq.read_table(emitted / entry["path"]).to_pylist()]


def bytes_of(emitted: Path) -> dict[str, bytes]:
    return {str(p.relative_to(emitted)): p.read_bytes() for p in sorted(emitted.rglob("*.parquet"))}


def test_emitted_documents_are_the_admitted_ones_in_row_order(out, emitted):
    columns = "doc_id, url, source_id, bucket, language, content_hash"
    expected = sql(out, f'SELECT {columns} FROM documents WHERE admitted ORDER BY source_id, shard, "row"')
    found = rows(emitted)
    assert [tuple(row[name] for name in columns.split(", ")) for row in found] == expected
    assert all(hashlib.sha256(row["text"].encode()).hexdigest() == row["content_hash"] for row in found)
    assert {row["source_id"] for row in found} == {"plain", "packed", "table"}
    assert sorted(bytes_of(emitted)) == [
        "packed/a.parquet",
        "packed/deep/b.parquet",
        "plain/a.parquet",
        "plain/b.parquet",
        "table/one.parquet",
    ]


def test_the_manifest_says_what_was_written(out, emitted):
    content = manifest(emitted)
    for entry in content["files"]:
        path = emitted / entry["path"]
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        table = pq.read_table(path)
        assert (entry["documents"], entry["file_bytes"]) == (table.num_rows, path.stat().st_size)
        assert entry["bytes"] == sum(len(text.encode()) for text in table.column("text").to_pylist())
        assert table.schema.equals(EMITTED)
    totals = result(out)["totals"]
    assert content["totals"]["documents"] == totals["admitted_documents"]
    assert content["totals"]["bytes"] == totals["admitted_bytes"]
    pairs = sorted((row["doc_id"].encode(), row["content_hash"].encode()) for row in rows(emitted))
    frame = b"".join(doc_id + b"\n" + digest + b"\n" for doc_id, digest in pairs)
    assert content["frame_sha256"] == hashlib.sha256(frame).hexdigest()
    copy = out / "emitted" / f"{content['run_id']}.json"
    assert copy.read_bytes() == (emitted / "manifest.json").read_bytes()
    audit("verify", out)


def test_workers_and_packing_do_not_show_in_the_files(corpus, emitted, tmp_path):
    corpus.write(emit=str(tmp_path / "corpus"))
    audit("run", corpus.config, "--out", tmp_path / "out", "--workers", "2")
    corpus.write(emit="corpus", limits={"unit_bytes": 65536}, output="out")
    assert bytes_of(tmp_path / "corpus" / "current") == bytes_of(emitted)


@pytest.fixture
def own(tmp_path):
    """A run of its own, to spoil."""
    corpus = make_corpus(tmp_path / "corpus")
    corpus.write(emit=str(tmp_path / "emitted"), output=str(tmp_path / "out"))
    audit("run", corpus.config)
    return corpus, tmp_path / "emitted"


def test_what_did_not_change_is_linked_and_what_failed_is_made_up_for(own, tmp_path):
    corpus, folder = own
    first = (folder / "current").resolve()
    with (corpus.folder / "plain" / "b.jsonl").open("ab") as handle:
        handle.write(jsonl([{"text": "新增的一篇，内容全新。"}]))
    audit("run", corpus.config)
    second = (folder / "current").resolve()
    assert second != first
    same = {name: (first / name).samefile(second / name) for name in bytes_of(first)}
    assert same == {name: not name.startswith("plain/") for name in same}
    before = bytes_of(second)
    second.rename(tmp_path / "gone")
    damaged = first / "table" / "one.parquet"
    damaged.chmod(0o644)
    damaged.write_bytes(b"damaged")
    (folder / "current").unlink()
    (folder / "current").symlink_to(first.name)
    audit("run", corpus.config)  # nothing changed, but its corpus is missing
    assert (folder / "current").resolve() == second
    assert bytes_of(second) == before


def test_a_corpus_that_lost_something_is_mended_and_it_is_said(own, tmp_path):
    corpus, folder = own
    target = (folder / "current").resolve()
    before, sealed = bytes_of(target), (target / "manifest.json").read_bytes()
    whole = (target / "packed" / "a.parquet").stat().st_ino
    assert "written anew" not in audit("run", corpus.config).stderr
    (target / "plain" / "b.parquet").unlink()
    table = target / "table" / "one.parquet"
    table.chmod(0o644)
    table.write_bytes(before["table/one.parquet"] + b"x")
    told = audit("run", corpus.config).stderr
    assert "2 files were missing" in told and "plain/b.parquet" in told and "table/one.parquet" in told
    assert bytes_of(target) == before and (target / "manifest.json").read_bytes() == sealed
    assert (target / "packed" / "a.parquet").stat().st_ino == whole
    (target / "manifest.json").chmod(0o644)
    (target / "manifest.json").write_bytes(sealed.replace(b'"documents"', b'"documentz"', 1))
    assert "manifest.json" in audit("run", corpus.config).stderr
    assert bytes_of(target) == before and (target / "manifest.json").read_bytes() == sealed
    assert not [path for path in folder.iterdir() if path.name in (".building", ".replaced", ".work")]
    audit("verify", tmp_path / "out")


def test_a_killed_emit_leaves_the_corpus_in_use_and_is_made_up_for(own, tmp_path):
    corpus, folder = own
    first = (folder / "current").resolve()
    more = [{"text": text} for text in texts("更多", 20000)]
    (corpus.folder / "plain" / "c.jsonl").write_bytes(jsonl(more))
    process = subprocess.Popen(
        [*SCRIPT, "run", str(corpus.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not (folder / ".building").exists():
        time.sleep(0.005)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / "current").resolve() == first
    run_id = (tmp_path / "out" / "current").resolve().name
    assert not (folder / run_id).exists() and (folder / ".building").exists()
    audit("run", corpus.config)
    assert (folder / "current").resolve().name == run_id
    assert (
        manifest(folder / "current")["totals"]["documents"] == result(tmp_path / "out")["totals"]["admitted_documents"]
    )
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == [
        ".corpus-audit-emit",
        ".lock",
    ]


def test_a_shard_that_changed_after_the_audit_is_not_emitted(own, tmp_path):
    corpus, _ = own
    shard = corpus.folder / "plain" / "b.jsonl"
    status, content = shard.stat(), shard.read_bytes()
    shard.write_bytes(content.replace("无编号 第3篇".encode(), "无编号 第9篇".encode()))
    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))  # the plan cannot tell
    corpus.write(emit=str(tmp_path / "other"), output=str(tmp_path / "out"))
    done = audit("run", corpus.config, check=3)
    assert "not what was audited" in done.stderr and "is published" in done.stderr
    assert not (tmp_path / "other" / "current").exists()


def test_an_emit_folder_that_holds_something_else_is_left_alone(corpus, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    for emit, said in (
        (tmp_path / "mine", "holds something else"),
        (tmp_path / "mine" / "thesis.txt", "is a file"),
        (tmp_path / "out" / "runs", "overlaps"),
        (tmp_path, "overlaps"),
        (corpus.folder / "plain", "is read from there"),
    ):
        corpus.write(emit=str(emit))
        done = audit("run", corpus.config, "--out", tmp_path / "out", check=2)
        assert said in done.stderr
    corpus.write(emit="corpus", limits={"unit_bytes": 65536}, output="out")
    assert not (tmp_path / "out" / "current").exists()


def test_shards_that_differ_in_suffix_only_keep_it():
    def unit(source: str, *names: str) -> Unit:
        record = SourceRecord(id=source, name=source, kind="open", region="domestic", paths=["x"])
        return Unit(record, 0, tuple(Member(Shard(n, n, 1, "1", layout_of(n, None)), 0, 1) for n in names))

    found = target_names([unit("a", "x/p.jsonl", "x/p.jsonl.gz", "q.parquet"), unit("b", "p.jsonl.zst", "v1.2.json")])
    assert found == {
        ("a", "x/p.jsonl"): "a/x/p.jsonl.parquet",
        ("a", "x/p.jsonl.gz"): "a/x/p.jsonl.gz.parquet",
        ("a", "q.parquet"): "a/q.parquet.parquet",
        ("b", "p.jsonl.zst"): "b/p.parquet",
        ("b", "v1.2.json"): "b/v1.2.parquet",
    }
    assert without_suffixes("a.b/part") == "a.b/part"


def test_row_groups_do_not_depend_on_batches(tmp_path):
    row = {"doc_id": "s:1", "url": None, "source_id": "s", "bucket": "zh", "language": "zh", "content_hash": "0"}
    row["text_sha256"] = "0"
    table = pa.Table.from_pylist(
        [{**row, "text": "文" * ((i * 7919) % 30_000 if i < 6000 else 1)} for i in range(40_000)], schema=EMITTED
    )
    groups = []
    for size in (1, 1000, 40_000):
        file = ShardFile(tmp_path / f"{size}.parquet")
        for batch in (
            table.to_batches(max_chunksize=size)
            if size > 1
            else [table.slice(i, 1).to_batches()[0] for i in range(40_000)]
        ):
            file.write(batch)
        file.close()
        groups.append((tmp_path / f"{size}.parquet").read_bytes())
    assert groups[0] == groups[1] == groups[2]
    metadata = pq.read_metadata(tmp_path / "1000.parquet")
    counts = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    assert sum(counts) == 40_000 and max(counts) == GROUP_ROWS and min(counts[:-1]) < GROUP_ROWS
    assert pq.read_table(tmp_path / "1000.parquet").equals(table)


@pytest.fixture(scope="module")
def matched(corpus, out, emitted, tmp_path_factory):
    """A training manifest over files of every kind."""
    folder = tmp_path_factory.mktemp("trained")
    found = [row["text"] for row in rows(emitted)]
    (folder / "resharded.jsonl.gz").write_bytes(gzip.compress(jsonl([{"content": text} for text in found[100:300]])))
    pq.write_table(pa.table({"content": found[300:350]}), folder / "columns.parquet")
    (folder / "foreign.jsonl").write_bytes(jsonl([{"content": f"外来的第{i}篇"} for i in range(7)]))
    mixed = [{"content": found[0]}, {"content": "外来"}, {"content": texts("bad", 100, every=4)[0]}]
    (folder / "mixed.jsonl").write_bytes(jsonl(mixed) + b"broken\n")
    (folder / "empty.jsonl").write_bytes(b"\n")
    (folder / "weights.bin").write_bytes(b"\0\1")
    files = [folder, emitted / "plain" / "a.parquet", emitted / "packed", corpus.folder / "packed" / "a.jsonl.gz"]
    files += [corpus.folder / "bad" / "x.jsonl.zst", corpus.folder / "plain" / "a.jsonl"]
    done = audit("match", out, *files, "--fields", "text=content", "--name", "trained", check=1)
    return done.stdout, json.loads((out / "training" / "trained.json").read_bytes())


@pytest.mark.parametrize(
    ("name", "kind", "counts", "unread", "reasons"),
    [
        ("current/plain/a.parquet", "emitted", (294, 0, 0), 0, {}),
        ("deep/b.parquet", "emitted", (100, 0, 0), 0, {}),
        ("packed/a.jsonl.gz", "original", (100, 0, 0), 0, {}),
        ("bad/x.jsonl.zst", "original", (0, 100, 0), 0, {"source_blacklisted": 100}),
        ("plain/a.jsonl", "original", (294, 6, 0), 4, {"filtered": 6}),
        ("resharded.jsonl.gz", "content", (200, 0, 0), 0, {}),
        ("columns.parquet", "content", (50, 0, 0), 0, {}),
        ("foreign.jsonl", "unmatched", (0, 0, 7), 0, {}),
        ("mixed.jsonl", "partial", (1, 1, 1), 1, {"source_blacklisted": 1}),
        ("empty.jsonl", "empty", (0, 0, 0), 0, {}),
        ("weights.bin", "unreadable", (0, 0, 0), None, {}),
    ],
)
def test_each_training_file_is_told_what_it_is(matched, name, kind, counts, unread, reasons):
    file = next(file for file in matched[1]["files"] if file["path"].endswith(name))
    assert (file["kind"], file["unread"], file["reasons"]) == (kind, unread, reasons)
    assert (file["admitted"], file["not_admitted"], file["unmatched"]) == counts
    assert file["documents"] == sum(counts)


def test_the_training_manifest_names_hashes_counts_and_examples(matched, out):
    stdout, content = matched
    assert not content["clean"] and content["totals"]["unread"] is None
    assert content["run_id"] == (out / "current").resolve().name
    for file in content["files"]:
        path = Path(file["path"]) if Path(file["path"]).is_absolute() else Path.cwd() / file["path"]
        assert file["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    mixed = next(file for file in content["files"] if file["path"].endswith("mixed.jsonl"))
    assert mixed["examples"]["not_admitted"] == ["bad:b0"] and mixed["examples"]["unmatched"] == [1]
    assert "broken_json" in mixed["examples"]["unread"][0]
    for said in ("原始分片", "source_blacklisted", "bad:b0", "trained.json"):
        assert said in stdout
    (record,) = [r for r in read_chain(out / "training" / "events.ndjson")[0] if r["file"] == "trained.json"]
    assert record["sha256_of_file"] == hashlib.sha256((out / "training" / "trained.json").read_bytes()).hexdigest()


def test_training_on_the_emitted_corpus_alone_is_clean(out, emitted):
    done = audit("match", out, emitted)
    path = Path(done.stdout.split("training manifest: ")[1].splitlines()[0])
    content = json.loads(path.read_bytes())
    admitted = result(out)["totals"]["admitted_documents"]
    assert content["clean"] and content["coverage"] == {"admitted_documents": admitted, "found": admitted}
    assert {file["kind"] for file in content["files"]} == {"emitted"}


def test_a_changed_training_or_emit_manifest_is_found(own, tmp_path):
    _, folder = own
    out = tmp_path / "out"
    audit("match", out, folder / "current", "--name", "t")
    path = out / "training" / "t.json"
    path.write_bytes(path.read_bytes().replace(b'"clean": true', b'"clean": 1'))
    assert "training/t.json" in audit("verify", out, "--quick", check=3).stdout
    (copy,) = (out / "emitted").glob("*.json")
    copy.write_bytes(copy.read_bytes() + b" ")
    assert copy.name in audit("match", out, folder / "current", check=3).stderr


@pytest.mark.parametrize(
    "arguments", [["gone.jsonl"], [".", "--fields", "id=x"], [".", "--name", "a/b"], [".", "--encoding", "klingon"]]
)
def test_bad_arguments_are_told(out, arguments):
    assert "Traceback" not in audit("match", out, *arguments, check=2).stderr
