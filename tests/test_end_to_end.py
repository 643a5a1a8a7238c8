"""The whole audit, run as its users run it: same numbers however it was run, books that balance, claims that verify."""

import gzip
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from schemas.database import tables
from tests.audits import (
    BAD_WORDING,
    SCRIPT,
    SOURCES,
    audit,
    contents,
    events,
    give_salt,
    jsonl,
    make_corpus,
    result,
    sql,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def out(corpus, tmp_path_factory):
    """A run with one worker."""
    folder = tmp_path_factory.mktemp("out") / "one"
    audit("run", corpus.config, "--out", folder)
    return folder


def test_books_balance_and_rejects_are_named(out):
    assert sql(out, "SELECT count(*) FROM ledger WHERE complete AND records_read <> audited + rejected") == [(0,)]
    assert sql(out, "SELECT sum(records_read), sum(audited), sum(rejected) FROM ledger") == [(924, 920, 4)]
    reasons = sql(out, 'SELECT reason, shard, "row" FROM rejects ORDER BY "row"')
    assert reasons == [
        ("broken_json", "a.jsonl", 20),
        ("missing_text", "a.jsonl", 21),
        ("wrong_type", "a.jsonl", 22),
        ("invalid_encoding", "a.jsonl", 23),
    ]


def test_every_table_of_the_contract_answers_and_is_commented(out):
    for name, table in tables().items():
        listed = ", ".join(f'"{column.name}"' for column in table.columns)
        sql(out, f"SELECT {listed} FROM {name} LIMIT 1")
    uncommented = sql(
        out, "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
    )
    assert uncommented == []


def test_documents_without_ids_are_named_by_place_and_repeated_ids_are_kept(out):
    assert sql(out, "SELECT count(*) FROM documents WHERE doc_id = 'plain:b.jsonl#79'") == [(1,)]
    assert sql(out, "SELECT count(*) FROM documents WHERE doc_id = 'plain:p6'") == [(2,)]
    assert sql(out, "SELECT repeated_ids FROM source_stats WHERE source_id = 'plain'") == [(1,)]
    assert "plain:p6" in audit("query", out, "repeated_ids").stdout


def test_the_source_above_five_percent_leaves_the_corpus_in_the_same_run(out):
    assert sql(out, "SELECT source_id FROM source_stats WHERE violations * 20 > documents") == [("bad",)]
    assert sql(out, "SELECT source_key, scope, active FROM blacklist") == [("bad", "suspended", True)]
    assert sql(out, "SELECT DISTINCT exclusion_reason FROM documents WHERE source_id = 'bad'") == [
        ("source_blacklisted",)
    ]
    for sample in ("manual_sample", "technical_sample"):
        assert sql(out, f"SELECT count(*) FROM {sample} WHERE source_id = 'bad'") == [(0,)]
    assert sql(out, "SELECT status, admitted_documents FROM source_stats WHERE source_id = 'bad'") == [
        ("blacklisted", 0)
    ]


@pytest.mark.parametrize(
    ("sample", "start", "size"),
    [
        ("manual_sample", 1, "150"),
        ("technical_sample", 17, "(SELECT ceil(count(*) / 10.0)::INT FROM documents WHERE admitted)"),
    ],
)
def test_samples_equal_a_recomputation_in_sql(out, sample, start, size):
    drawn = sql(
        out,
        f"""SELECT doc_id, shard, "row" FROM documents WHERE admitted ORDER BY
        substr(sha256('test-1' || chr(10) || doc_id || chr(10) || content_hash), {start}, 16), doc_id, shard, "row" LIMIT {size}""",
    )
    assert sorted(drawn) == sorted(sql(out, f'SELECT doc_id, shard, "row" FROM {sample}'))
    if sample == "manual_sample":
        assert drawn == sql(out, f'SELECT doc_id, shard, "row" FROM {sample} ORDER BY sample_no')
        assert sql(out, f"SELECT count(*) FROM {sample} WHERE sha256(text) <> content_hash") == [(0,)]
    else:
        assert sql(out, f"SELECT 10 * count(*) >= (SELECT count(*) FROM documents WHERE admitted) FROM {sample}") == [
            (True,)
        ]


def test_personal_information_is_found_and_masked_everywhere_but_in_the_sample(out):
    found = sql(
        out, "SELECT pii_type, excerpt FROM findings WHERE doc_id = 'plain:p5' AND pii_type IS NOT NULL ORDER BY 1"
    )
    assert [kind for kind, _ in found] == ["CN_MOBILE", "EMAIL"]
    run = (out / "current").resolve()
    for path in (*run.rglob("findings/*"), *run.rglob("documents/*"), run / "events.ndjson", run / "result.json"):
        assert b"13800138000" not in path.read_bytes()
    assert all("13800138000" not in excerpt for _, excerpt in found)


def test_findings_point_at_what_they_claim(out, corpus):
    rows = sql(
        out,
        "SELECT doc_id, \"start\", \"end\" FROM findings WHERE detector LIKE 'keywords%' AND verdict = 'violation' LIMIT 20",
    )
    assert rows
    for doc_id, start, end in rows:
        text = audit("query", out, "text", doc_id).stdout
        assert text[start:end] in BAD_WORDING


@pytest.mark.parametrize("arguments", [("--workers", "2"), ("--workers", "3")])
def test_workers_do_not_show(corpus, out, tmp_path, arguments):
    audit("run", corpus.config, "--out", tmp_path / "o", *arguments)
    assert contents(tmp_path / "o") == contents(out)


def test_a_portable_runner_gives_the_same(corpus, out, tmp_path):
    audit(
        "run",
        corpus.config,
        "--out",
        tmp_path / "o",
        "--runner",
        "PortableRunner",
        "--",
        "--job_endpoint=embed",
        "--environment_type=LOOPBACK",
    )
    assert contents(tmp_path / "o") == contents(out)


def test_packing_and_batches_do_not_show(corpus, out, tmp_path):
    from pipeline.config import load_config
    from pipeline.run import Options, run

    corpus.write(limits={"unit_bytes": 65536})
    give_salt(tmp_path / "o")
    try:
        run(load_config(corpus.config, tmp_path / "o"), Options(batch_documents=7, batch_bytes=4096))
    finally:
        corpus.write()
    one, other = result(out), result(tmp_path / "o")
    assert one == other
    for table in ("documents", "findings", "rejects", "manual_sample", "technical_sample"):
        assert sql(out, f"FROM {table} ORDER BY ALL") == sql(tmp_path / "o", f"FROM {table} ORDER BY ALL")


def test_parts_of_a_large_archive_do_not_show(tmp_path):
    corpus = make_corpus(tmp_path / "c")
    draw = random.Random(5)
    records = [{"id": str(n), "text": f"第{n}条：{draw.randbytes(400).hex()}"} for n in range(900)]
    (tmp_path / "c" / "packed" / "large.jsonl.gz").write_bytes(gzip.compress(jsonl(records), mtime=0))
    for out in ("whole", "cut"):
        give_salt(tmp_path / out)
    audit("run", corpus.config, "--out", tmp_path / "whole")
    corpus.write(limits={"unit_bytes": 65536})
    audit("run", corpus.config, "--out", tmp_path / "cut", "--workers", "2")
    scanned = [event for event in events(tmp_path / "cut") if event["event"] == "unit_scanned"]
    assert sum(event["unit"].startswith("packed-") and event["documents"] < 400 for event in scanned) > 4
    assert result(tmp_path / "cut") == result(tmp_path / "whole")
    for table in ("documents", "findings", "rejects", "manual_sample", "technical_sample"):
        assert sql(tmp_path / "cut", f"FROM {table} ORDER BY ALL") == sql(
            tmp_path / "whole", f"FROM {table} ORDER BY ALL"
        )


def test_an_unchanged_run_builds_nothing(corpus, out):
    before = sorted(path.name for path in (out / "runs").iterdir())
    done = audit("run", corpus.config, "--out", out)
    assert "nothing changed" in done.stdout
    assert sorted(path.name for path in (out / "runs").iterdir()) == before


def test_a_changed_policy_decides_again_without_scanning(corpus, tmp_path):
    folder = tmp_path / "o"
    audit("run", corpus.config, "--out", folder)
    log = (folder / "blacklist" / "events.ndjson").read_bytes()
    policy = corpus.folder / "policy.yaml"
    policy.write_text(
        "id: mine\nversion: 1\nrules:\n  - {name: any, when: {block: 2}, assess: candidate, filter: false}\n"
        "  - {name: never, when: {block: 99}, assess: violation, filter: true}\n"
    )
    corpus.write(policy="policy.yaml")
    try:
        audit("run", corpus.config, "--out", folder)
    finally:
        corpus.write()
    happened = events(folder)
    assert [e for e in happened if e["event"] == "unit_scanned" and e["layers_built"]] == []
    assert [e for e in happened if e["event"] == "unit_decided" and e["built"]]
    assert sql(folder, "SELECT sum(violations) FROM source_stats") == [(0,)]
    assert sql(folder, "SELECT status FROM source_stats WHERE source_id = 'bad'") == [("blacklisted",)], (
        "a falling rate never lifts"
    )
    assert (folder / "blacklist" / "events.ndjson").read_bytes() == log, "replaying appends nothing"
    audit("verify", folder)


def test_a_changed_lexicon_scans_keywords_only(corpus, tmp_path):
    folder = tmp_path / "o"
    audit("run", corpus.config, "--out", folder)
    (corpus.folder / "own.tsv").write_text("term\trisks\ttier\n公园散步\tA1-h\tblock\n", encoding="utf-8")
    corpus.write(lexicons=["own.tsv"])
    try:
        audit("run", corpus.config, "--out", folder)
    finally:
        corpus.write()
    built = {layer for e in events(folder) if e["event"] == "unit_scanned" for layer in e["layers_built"]}
    assert built == {"keywords"}
    assert sql(folder, "SELECT count(*) FROM documents WHERE NOT illegal_unhealthy") == [(0,)]


def test_a_new_shard_scans_only_itself(tmp_path):
    corpus = make_corpus(tmp_path / "c")
    audit("run", corpus.config, "--out", tmp_path / "o")
    (tmp_path / "c" / "bad" / "y.jsonl.zst").unlink(missing_ok=True)
    (tmp_path / "c" / "table" / "two.parquet").write_bytes((tmp_path / "c" / "table" / "one.parquet").read_bytes())
    audit("run", corpus.config, "--out", tmp_path / "o")
    scanned = [e["unit"] for e in events(tmp_path / "o") if e["event"] == "unit_scanned" and e["layers_built"]]
    assert all(unit.startswith("table-") for unit in scanned)
    assert sql(tmp_path / "o", "SELECT documents FROM source_stats WHERE source_id = 'table'") == [(480,)]
    audit("run", corpus.config, "--out", tmp_path / "fresh")
    assert contents(tmp_path / "fresh") == contents(tmp_path / "o")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_resumes_to_the_same_bytes(tmp_path, workers):
    corpus = make_corpus(tmp_path / "c", scale=10)
    audit("run", corpus.config, "--out", tmp_path / "whole")
    give_salt(tmp_path / "o")
    killed = 0
    for delay in (0.9, 1.6, 2.2, 2.8, 3.4):
        process = subprocess.Popen(
            [*SCRIPT, "run", str(corpus.config), "--out", str(tmp_path / "o"), "--workers", str(workers)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed
    audit("run", corpus.config, "--out", tmp_path / "o", "--workers", workers)
    assert contents(tmp_path / "o") == contents(tmp_path / "whole")
    audit("verify", tmp_path / "o")
    assert len((tmp_path / "o" / "blacklist" / "events.ndjson").read_text().splitlines()) == 1


def test_verify_agrees_and_says_what_it_cannot_prove(out):
    done = audit("verify", out)
    assert "cannot prove" in done.stdout


def test_verify_finds_a_flipped_byte_in_any_file(corpus, tmp_path):
    folder = tmp_path / "o"
    audit("run", corpus.config, "--out", folder)
    run = (folder / "current").resolve()
    files = [path for path in run.rglob("*") if path.is_file() and path.name != "events.ndjson"]
    files += [
        folder / "publications.ndjson",
        folder / "blacklist" / "events.ndjson",
        folder / "blacklist" / "blacklist.csv",
    ]
    assert len(files) > 12
    for path in files:
        path.chmod(0o644)
        good = path.read_bytes()
        position = len(good) // 2
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x01]) + good[position + 1 :])
        done = audit("verify", folder, *(["--quick"] if path.suffix == ".parquet" else []), check=3)
        assert "✗" in done.stdout, path
        path.write_bytes(good)
    audit("verify", folder)


def test_a_second_run_on_the_same_output_is_refused(corpus, tmp_path):
    from pipeline.store.output import Output

    output = Output(tmp_path / "o")
    output.prepare()
    with output.held():
        done = audit("run", corpus.config, "--out", tmp_path / "o", check=4)
    assert "another run holds" in done.stderr
    audit("run", corpus.config, "--out", tmp_path / "o")


def test_an_output_folder_that_holds_something_else_is_left_alone(corpus, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "thesis.docx").write_bytes(b"years of work")
    done = audit("run", corpus.config, "--out", tmp_path / "o", check=2)
    assert "holds something else" in done.stderr
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "colour"),
        ({"seed": 5}, "seed"),
        ({"sources": [{**SOURCES[0], "paths": ["nowhere/*.jsonl"]}]}, "matches no file"),
        ({"sources": [SOURCES[0], SOURCES[0]]}, "already used"),
        ({"sources": [SOURCES[0], {**SOURCES[0], "id": "again"}]}, "already read as"),
        (
            {"sources": [{**SOURCES[0], "paths": ["plain/*.jsonl", "packed/_ignored.jsonl", "plain/a.jsonl"]}]},
            "already read as",
        ),
        ({"lexicons": ["none.tsv"]}, "no such file"),
        ({"profile": "iso-9000"}, "no such profile"),
        ({"emit": 5}, "emit"),
    ],
)
def test_bad_configuration_is_one_clear_message_and_publishes_nothing(corpus, tmp_path, changes, said):
    corpus.write(**changes)
    try:
        done = audit("run", corpus.config, "--out", tmp_path / "o", check=2)
    finally:
        corpus.write()
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o" / "current").exists()


def test_missing_paths_can_be_allowed(corpus, tmp_path):
    corpus.write(sources=[SOURCES[0], {**SOURCES[1], "paths": ["nowhere/*.jsonl"]}])
    try:
        done = audit("run", corpus.config, "--out", tmp_path / "o", "--allow-missing")
    finally:
        corpus.write()
    assert "matches no file" in done.stderr
    assert result(tmp_path / "o")["totals"]["sources"] == 2


@pytest.mark.parametrize(
    "arguments", [("--", "--no_such_option=1"), ("--", "--direct_num_worker=2"), ("--runner", "Nope")]
)
def test_unknown_beam_options_and_runners_are_errors(corpus, out, arguments):
    done = audit("run", corpus.config, "--out", out, *arguments, check=2)
    assert arguments[-1] in done.stderr


def test_an_unreadable_shard_is_quarantined_and_the_rest_is_audited(tmp_path):
    corpus = make_corpus(tmp_path / "c")
    target = tmp_path / "c" / "plain" / "c.jsonl"
    target.write_bytes(jsonl([{"id": "x", "text": "一条"}]))
    target.chmod(0)
    if os.access(target, os.R_OK):
        pytest.skip("this user can read everything: permissions do not stop it")
    done = audit("run", corpus.config, "--out", tmp_path / "o", check=5)
    assert "set aside" in done.stdout
    assert sql(tmp_path / "o", "SELECT shard, complete FROM ledger WHERE NOT complete") == [("c.jsonl", False)]
    target.chmod(0o644)
    audit("run", corpus.config, "--out", tmp_path / "o")
    assert sql(tmp_path / "o", "SELECT count(*) FROM ledger WHERE NOT complete") == [(0,)]


def test_equal_names_sizes_and_times_are_not_taken_for_the_same_corpus(tmp_path):
    for name, text in (("a", "好"), ("b", "坏")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jsonl").write_bytes(jsonl([{"id": i, "text": f"{text}{i}"} for i in range(30)]))
        os.utime(tmp_path / name / "x.jsonl", (1, 1))
    config = tmp_path / "c.json"
    hashes = []
    for name in ("a", "b"):
        source = {"id": "s", "name": "s", "kind": "open", "region": "domestic", "paths": [f"{name}/*.jsonl"]}
        config.write_text(json.dumps({"seed": "1", "sources": [source], "sampling": {"manual": 5}}))
        audit("run", config, "--out", tmp_path / "o")
        hashes.append(sql(tmp_path / "o", "SELECT content_hash FROM documents ORDER BY 1"))
    assert not set(hashes[0]) & set(hashes[1])


def test_a_missing_part_sets_the_whole_shard_aside(tmp_path, monkeypatch):
    """Rows behind the gap could not be numbered; wrong numbers would be wrong ids and a wrong sample."""
    from pipeline import scan
    from pipeline.config import load_config
    from pipeline.errors import ShardUnreadable
    from pipeline.run import Options, run

    corpus = make_corpus(tmp_path / "c", scale=12)
    corpus.write(limits={"unit_bytes": 65536})
    build = scan._build

    def failing(unit, *rest):
        if unit.source.id == "plain" and any(m.shard.name == "a.jsonl" and m.ordinal == 1 for m in unit.members):
            raise ShardUnreadable(0, "unreadable", "Input/output error")
        build(unit, *rest)

    monkeypatch.setattr(scan, "_build", failing)
    outcome = run(load_config(corpus.config, tmp_path / "o"), Options())
    assert outcome.quarantined == 1
    assert sql(tmp_path / "o", "SELECT shard, records_read FROM ledger WHERE NOT complete") == [("a.jsonl", 0)]
    assert sql(tmp_path / "o", "SELECT count(*) FROM documents WHERE source_id = 'plain' AND shard = 'a.jsonl'") == [
        (0,)
    ]
    audit("verify", tmp_path / "o")


def test_a_truncated_archive_costs_only_what_is_missing(tmp_path):
    corpus = make_corpus(tmp_path / "c", scale=4)
    target = tmp_path / "c" / "packed" / "a.jsonl.gz"
    target.write_bytes(target.read_bytes()[:-40])
    audit("run", corpus.config, "--out", tmp_path / "o")
    [(_, audited, complete)] = sql(
        tmp_path / "o", "SELECT records_read, audited, complete FROM ledger WHERE shard = 'a.jsonl.gz'"
    )
    assert audited > 300
    assert not complete
    assert sql(tmp_path / "o", "SELECT reason, records FROM rejects WHERE shard = 'a.jsonl.gz'") == [
        ("truncated_or_corrupt", None)
    ]
    assert sql(
        tmp_path / "o",
        "SELECT list_contains(review_reasons, 'books_incomplete') FROM source_stats WHERE source_id = 'packed'",
    ) == [(True,)]
    assert not result(tmp_path / "o")["gates"]["rejects"]


@pytest.mark.parametrize(
    ("gate", "code"), [("blacklist", 1), ("provenance", 1), ("rejects", 1), ("blacklist,manual", 1), ("speed", 2)]
)
def test_gates_decide_the_exit_code(corpus, out, gate, code):
    audit("run", corpus.config, "--out", out, "--fail-on", gate, check=code)


def test_the_technical_gate_asks_for_the_sample_and_for_the_known_answers(corpus, out):
    told = result(out)
    passed = told["samples"]["technical"]["qualified_rate"] >= 0.98 and not told["known_answers"]["below_floor"]
    assert told["gates"]["technical"] is passed
    audit("run", corpus.config, "--out", out, "--fail-on", "technical", check=0 if passed else 1)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("run",),
        ("walk",),
        ("run", "x.yaml", "--speed"),
        ("run", "x.yaml", "--workers", "0"),
        ("status", "/nowhere"),
    ],
)
def test_bad_usage_is_exit_2_without_a_traceback(arguments):
    done = audit(*arguments, check=2)
    assert "Traceback" not in done.stderr


def test_a_dry_run_writes_nothing(corpus, tmp_path):
    done = audit("run", corpus.config, "--out", tmp_path / "o", "--dry-run")
    assert "nothing was written" in done.stdout
    assert not (tmp_path / "o").exists()


def test_an_interrupted_run_exits_130_and_status_says_so(tmp_path):
    corpus = make_corpus(tmp_path / "c", scale=40)  # it must still be going when the signal comes
    process = subprocess.Popen(
        [*SCRIPT, "run", str(corpus.config), "--out", str(tmp_path / "o")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "o" / "runs" / ".building" / "run.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "running" in audit("status", tmp_path / "o").stdout
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "run again to go on" in stderr
    assert "Traceback" not in stderr
    assert "interrupted" in audit("status", tmp_path / "o").stdout
    audit("run", corpus.config, "--out", tmp_path / "o")


def test_a_source_added_by_hand_leaves_with_the_next_run(tmp_path):
    corpus = make_corpus(tmp_path / "c")
    out = tmp_path / "o"
    audit("run", corpus.config, "--out", out)
    audit("blacklist", "add", out, "table", "--by", "Li", "--reason", "合同到期")
    audit("run", corpus.config, "--out", out)
    assert sql(out, "SELECT count(*) FROM documents WHERE source_id = 'table' AND admitted") == [(0,)]
    assert [e for e in events(out) if e["event"] == "unit_scanned" and e["layers_built"]] == []
    assert "table" in audit("blacklist", "export", out).stdout
    audit("verify", out)


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_every_named_query_answers_in_every_format(out, form):
    listed = audit("query", out).stdout
    names = [line.split()[0] for line in listed.splitlines() if not line.startswith(("text", "why"))]
    assert len(names) > 8
    audit("query", out, *names, "--format", form)


def test_queries_go_to_a_workbook(out, tmp_path):
    audit("query", out, "sources_by_rate", "ledger", "--format", "xlsx", "--to", tmp_path / "book.xlsx")
    assert (tmp_path / "book.xlsx").read_bytes().startswith(b"PK")


def test_views_over_parquet_follow_the_folder(corpus, tmp_path):
    corpus.write(store={"native_rows": 10})
    try:
        audit("run", corpus.config, "--out", tmp_path / "before")
    finally:
        corpus.write()
    (tmp_path / "before").rename(tmp_path / "after")
    assert "plain:p6" in audit("query", tmp_path / "after", "repeated_ids").stdout
    assert "table" in audit("query", tmp_path / "after", "sample_composition").stdout
    audit("verify", tmp_path / "after")


def test_doctor_finds_everything():
    assert "✗" not in audit("doctor").stdout


def test_the_demo_runs_and_verifies(tmp_path):
    audit("demo", "--out", tmp_path / "o", "--workers", "2")
    audit("verify", tmp_path / "o")
    totals = result(tmp_path / "o")["totals"]
    assert (totals["audited"], totals["rejected"]) == (10_400, 4)
    assert result(tmp_path / "o")["samples"]["manual"]["size"] == 4000
    assert result(tmp_path / "o")["blacklisted"] == ["zh_spam_sms"]


SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus"


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the corpus in ../shared/data/corpus")
def test_the_shared_corpus_runs_with_balanced_books(tmp_path):
    names = sorted(p.name for p in SHARED.iterdir() if p.is_dir() and any(p.glob("*.[jp]*")))[:6]
    assert names
    sources = [
        {
            "id": name,
            "name": name,
            "kind": "open",
            "region": "domestic",
            "paths": [str(SHARED / name / "part-00.[jp]*")],
        }
        for name in names
    ]
    (tmp_path / "c.json").write_text(json.dumps({"seed": "2026-11", "sources": sources}))
    audit("run", tmp_path / "c.json", "--out", tmp_path / "o", "--workers", "2")
    assert sql(
        tmp_path / "o", "SELECT count(*) FROM ledger WHERE records_read <> audited + rejected OR NOT complete"
    ) == [(0,)]
    audit("verify", tmp_path / "o")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sources": None}, "list of sources"),
        ({"scans": "foo://bar"}, "Protocol not known"),
        ({"scans": "config.json"}, "is a file"),
        ({"policy": "none.yaml"}, "no rule decides a violation"),
        ({"profile": "odd.yaml"}, "should be a fraction"),
        ({"sampling": {"manual": 10**30}}, "sampling.manual"),
    ],
)
def test_what_could_never_work_is_refused_before_anything_is_written(tmp_path, changes, said):
    corpus = make_corpus(tmp_path / "c")
    (corpus.folder / "none.yaml").write_text("id: none\nversion: 1\nrules: []\n")
    shipped = Path(__file__).parents[1] / "schemas" / "profiles" / "tc260-003.yaml"
    (corpus.folder / "odd.yaml").write_text(
        shipped.read_text("utf-8").replace("maximum: [1, 20]", "maximum: [1, 0]"), "utf-8"
    )
    corpus.write(**changes)
    done = audit("run", corpus.config, "--out", tmp_path / "o", check=2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o" / "current").exists()


def test_odd_files_in_a_source_are_told_by_name(tmp_path):
    corpus = make_corpus(tmp_path / "c")
    os.mkfifo(tmp_path / "c" / "plain" / "pipe.jsonl")
    assert "not a regular file" in audit("run", corpus.config, "--out", tmp_path / "o", check=2, timeout=60).stderr
    (tmp_path / "c" / "plain" / "pipe.jsonl").unlink()
    Path(os.fsdecode(os.fsencode(tmp_path / "c" / "plain") + b"/\xff.jsonl")).write_bytes(b"{}\n")
    assert "is not UTF-8" in audit("run", corpus.config, "--out", tmp_path / "o", check=2).stderr


def test_answers_go_only_where_a_file_can_be(out, tmp_path):
    for form in ("csv", "xlsx"):
        (tmp_path / f"folder.{form}").mkdir()
        for target in (tmp_path / f"folder.{form}", tmp_path / "nowhere" / f"x.{form}"):
            audit("query", out, "ledger", "--format", form, "--to", target, check=2)
    for target in (tmp_path, tmp_path / "nowhere" / "x"):
        audit("blacklist", "export", out, "--to", target, check=2)
