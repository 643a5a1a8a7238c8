"""Evidence bundles: the same bytes, every flipped byte found, hostile zips refused, forgeries with fresh hashes found."""

import json
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from report.bundle.archive import pack, unpack
from report.bundle.checking import STEPS, verify_bundle
from report.bundle.writing import LOG, STAMP, SUMS
from report.checking.recompute_records import Records
from report.checking.recompute_sources import key, wrong_keys
from report.checking.spot import Look
from report.checking.verification import guarded
from report.evidence.extract import EVIDENCE
from report.evidence.workspace import Workspace, open_workspace
from report.store import FOLDER, MANIFEST
from tests.audits import audit, texts
from tests.made_bundles import change, copied, forged, report_of, reported
from tests.report_base import changed

__all__ = ["reported"]  # a fixture
Forge = Callable[[Path], None]


def problems(path: Path, quick: bool = False) -> dict[str, tuple[str, ...]]:
    """The checks of a bundle that found something."""
    return {title: found for title, found in verify_bundle(path, quick=quick).checks if found}


def test_a_bundle_of_a_report_is_sound_and_says_what_it_leaves_open(reported: Path) -> None:
    found = verify_bundle(reported / "b.zip")

    assert [title for title, wrong in found.checks if wrong] == []
    assert len(found.checks) >= 11
    assert any("没有可信时间戳" in line for line in found.unproved)
    assert any("伪造" in line for line in found.unproved)


def test_the_same_report_gives_the_same_bundle(reported: Path, tmp_path: Path) -> None:
    out = copied(reported, tmp_path)
    told = audit(
        "report", out, "--declarations", reported / "d" / "declarations.yaml", "--bundle", tmp_path / "b.zip"
    ).stdout

    assert "没有变化 / nothing changed" in told
    assert (tmp_path / "b.zip").read_bytes() == (reported / "b.zip").read_bytes()


def test_neither_texts_nor_notes_nor_files_that_are_not_attached_are_in_it(reported: Path) -> None:
    held = (reported / "b.zip").read_bytes()
    with zipfile.ZipFile(reported / "b.zip") as archive:
        names = archive.namelist()

    assert "今天天气很好".encode() not in held
    assert b"13800138000" not in held
    assert b"%PDF policy" in held  # attached
    assert {LOG, SUMS, "VERSION", "README.md", "README.zh-CN.md", "chain/reports.ndjson"} <= set(names)
    assert f"{FOLDER}/{EVIDENCE}/declarations.yaml" in names
    assert STAMP not in names


def test_others_can_check_the_digests_without_us(reported: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(reported / "b.zip") as archive:
        archive.extractall(tmp_path)

    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=tmp_path, check=True)


def test_a_flipped_byte_in_any_member_and_between_them_is_found(reported: Path, tmp_path: Path) -> None:
    content = (reported / "b.zip").read_bytes()
    with zipfile.ZipFile(reported / "b.zip") as archive:
        entries = archive.infolist()
    places = {entry.filename: entry.header_offset + 30 + len(entry.filename.encode()) for entry in entries}
    flipped = tmp_path / "flipped.zip"
    wanted = {
        name: place + entry.file_size // 2
        for entry in entries
        if entry.file_size
        for name, place in [(entry.filename, places[entry.filename])]
    }
    wanted |= {"header": entries[1].header_offset + 12, "directory": len(content) - 60, "end": len(content) - 3}

    for name, place in wanted.items():
        damaged = bytearray(content)
        damaged[place] ^= 1
        flipped.write_bytes(damaged)
        with pytest.raises(UsageError):
            (tmp_path / "to").mkdir()
            unpack(flipped, tmp_path / "to")
        shutil.rmtree(tmp_path / "to")
        assert len(wanted) > 100, name


def test_a_flipped_byte_is_a_difference_to_the_command(reported: Path, tmp_path: Path) -> None:
    content = bytearray((reported / "b.zip").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "b.zip").write_bytes(content)

    assert "✗ 证据包" in audit("verify", tmp_path / "b.zip", check=3).stdout
    assert "everything agrees" in audit("verify", reported / "b.zip", "--quick", check=0).stdout


def _entry(name: str, mode: int = stat.S_IFREG | 0o444) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


HOSTILE = {
    "above": [(_entry("../evil"), b"x")],
    "inside": [(_entry("a/../../evil"), b"x")],
    "absolute": [(_entry("/tmp/evil"), b"x")],
    "backslash": [(_entry("a\\..\\evil"), b"x")],
    "drive": [(_entry("c:/evil"), b"x")],
    "dot": [(_entry("./evil"), b"x")],
    "empty part": [(_entry("a//evil"), b"x")],
    "control": [(_entry("a\x1b[31m"), b"x")],
    "bidi": [(_entry("a\u202egpj"), b"x")],
    "long": [(_entry("a" * 300), b"x")],
    "link": [(_entry("a", stat.S_IFLNK | 0o777), b"/etc/passwd")],
    "device": [(_entry("a", stat.S_IFCHR | 0o666), b"")],
    "folder": [(_entry("a/", stat.S_IFDIR | 0o755), b"")],
    "twice": [(_entry("a"), b"x"), (_entry("a"), b"y")],
    "twice but for case": [(_entry("a"), b"x"), (_entry("A"), b"y")],
    "file and folder": [(_entry("a"), b"x"), (_entry("a/b"), b"y")],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_zip_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for entry, content in HOSTILE[name]:
            archive.writestr(entry, content)
    to = tmp_path / "deep" / "to"
    to.mkdir(parents=True)

    with pytest.raises(UsageError):
        unpack(tmp_path / "b.zip", to)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b.zip", "deep", "to"]


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry("zeros"), b"\0" * (64 << 20), zipfile.ZIP_DEFLATED)
    (tmp_path / "to").mkdir()

    with pytest.raises(UsageError, match="压缩"):
        unpack(tmp_path / "b.zip", tmp_path / "to")
    assert not any((tmp_path / "to").iterdir())


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"no zip at all" * 100])
def test_what_is_no_bundle_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(content)

    done = audit("verify", tmp_path / "b.zip", check=3)
    assert "✗" in done.stdout
    assert "Traceback" not in done.stderr


def test_bytes_behind_or_before_the_members_are_found(reported: Path, tmp_path: Path) -> None:
    content = (reported / "b.zip").read_bytes()
    for longer in (content + b"x", b"x" + content):
        (tmp_path / "b.zip").write_bytes(longer)
        (tmp_path / "to").mkdir()
        with pytest.raises(UsageError):
            unpack(tmp_path / "b.zip", tmp_path / "to")
        shutil.rmtree(tmp_path / "to")


def test_packing_is_the_same_in_any_order_and_at_any_time(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    pack(tmp_path / "a.zip", {"b": b"2", "a/中文": tmp_path / "f"})
    pack(tmp_path / "b.zip", {"a/中文": b"1", "b": b"2"})

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def _change(*statements: str) -> Forge:
    return lambda folder: change(folder / FOLDER / EVIDENCE, *statements)


def _document(folder: Path) -> None:
    path = folder / FOLDER / "report.md"
    path.write_text(path.read_text("utf-8").replace("814", "815"), "utf-8")


def _number(folder: Path) -> None:
    path = folder / FOLDER / "tables.json"
    tables = json.loads(path.read_bytes())
    row = next(row for row in tables[0]["rows"] if row["key"] == "total")
    row["values"]["documents"] += 1
    path.write_text(json.dumps(tables, ensure_ascii=False, sort_keys=True, indent=1) + "\n", "utf-8")


def _verdict(folder: Path) -> None:
    path = folder / FOLDER / "verdicts.json"
    content = json.loads(path.read_bytes())
    content["verdicts"][0]["verdict"] = "符合"
    path.write_text(json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1) + "\n", "utf-8")


def test_changed_documents_with_fresh_hashes_are_found_and_the_numbers_named(reported: Path, tmp_path: Path) -> None:
    def forge(folder: Path) -> None:
        for one in (_document, _number, _verdict):
            one(folder)

    found = problems(forged(reported / "b.zip", tmp_path, forge, rebuild=False))

    assert list(found) == ["重建报告 / report built again"]
    told = "\n".join(found["重建报告 / report built again"])
    assert "tables.json: C-1/total/documents: 报告 / report 815，重算 / recomputed 814" in told
    assert "report.md: 第 " in told
    assert 'verdicts.json: 条款 / clause 5.1a1, verdict: 报告 / report "符合"' in told


# A change of the evidence that a forger builds the whole report again from, and the check that finds it all the same.
CONTRADICTIONS: dict[str, tuple[str, str]] = {
    "threshold": ("UPDATE record.thresholds SET manual_minimum = 100", "记录"),
    "profile": ("UPDATE record.facts SET may_pass = false", "记录"),
    "round struck out": ("DELETE FROM record.rounds", "记录"),
    "clause made a recommendation": ("UPDATE record.clauses SET modality = 'should'", "记录"),
    "keyword": ("UPDATE record.keywords SET tier = 'block' WHERE tier = 'context'", "记录"),
    "training manifest": (
        "INSERT INTO record.training (name, sha256, same_run, clean, found) VALUES ('t', 'f', true, true, 814)",
        "记录",
    ),
    "log of the blacklist": ("DELETE FROM record.blacklist_log", "记录"),
    "manifest of the run": ("UPDATE record.files SET sha256 = 'f'", "记录"),
    "blocked lists": ("INSERT INTO record.blocked VALUES ('f')", "记录"),
    "totals": ("UPDATE record.facts SET admitted_documents = 1000", "台账"),
    "ledger": ("UPDATE audit.ledger SET audited = audited - 1", "台账"),
    "exclusions": ("UPDATE audit.exclusions SET exclusion_reason = NULL", "台账"),
    "composition": ("DELETE FROM audit.composition WHERE source_id = 'plain'", "台账"),
    "funnel": ("UPDATE audit.funnel SET documents = 1 WHERE step = 'admitted'", "台账"),
    "source below 5 %": ("UPDATE audit.source_stats SET violations = 5 WHERE source_id = 'bad'", "5 %"),
    "source below 5 % twice": (
        "UPDATE audit.source_stats SET violations = 5 WHERE source_id = 'bad'; "
        "UPDATE audit.risk_documents SET illegal_unhealthy = 5 WHERE source_id = 'bad'",
        "5 %",
    ),
    "status of a source": ("UPDATE audit.source_stats SET status = 'admitted' WHERE source_id = 'bad'", "5 %"),
    "bad source that is plain": (
        "UPDATE audit.source_stats SET violations = 200, violation_rate = 0.526316, rate_low = 0.476123, rate_high = 0.575988 "
        "WHERE source_id = 'plain'",
        "5 %",
    ),
    "technical sample": ("UPDATE audit.technical_sample SET qualified = NOT qualified", "抽样"),
    "technical sample, half": ("DELETE FROM audit.technical_sample WHERE source_id = 'plain'", "抽样"),
    "picked documents": ("UPDATE audit.technical_sample SET content_hash = sha256(doc_id)", "抽样"),
    "picked manual sample": ("UPDATE audit.manual_sample SET content_hash = sha256(doc_id)", "抽样"),
    "order of the manual sample": ("UPDATE audit.manual_sample SET sample_no = 151 - sample_no", "抽样"),
    "qualified": ("UPDATE record.samples SET qualified = qualified + 1 WHERE sample = 'technical'", "抽样"),
    "second readings": ("UPDATE round.items_drawn SET second = NOT second", "轮次抽取"),
    "known answers": (
        "UPDATE round.items_drawn SET content_hash = sha256(content_hash) WHERE kind = 'known' AND item_no % 3 = 0",
        "轮次抽取",
    ),
    "items left out": ("DELETE FROM round.items_drawn WHERE source_id = 'bad'", "轮次抽取"),
    "final verdicts": (
        "UPDATE round.finals SET verdict = 'unqualified', risks = ['A1-f'] WHERE item_no % 2 = 0",
        "轮次结果",
    ),
    "readings": (
        "UPDATE round.readings SET verdict = 'unqualified', risks = ['A1-f'] WHERE reading = 'first' AND item_no < 9",
        "轮次结果",
    ),
    "manual result": ("UPDATE round.manual_result SET conclusion = '符合'", "轮次结果"),
    "source result": ("UPDATE round.source_results SET rate_high = 0.01, within = true", "轮次结果"),
    "admitted in the run": (
        "UPDATE audit.source_stats SET status = 'blacklisted' WHERE source_id = 'plain'",
        "轮次结果",
    ),
}


@pytest.fixture(scope="module")
def evidence(reported: Path) -> Path:
    return report_of(reported / "o") / EVIDENCE


@pytest.fixture(scope="module")
def workspace(evidence: Path) -> Iterator[Workspace]:
    with open_workspace(evidence) as found:
        yield found


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_evidence_that_contradicts_itself_is_found(evidence: Path, workspace: Workspace, name: str) -> None:
    statement, wanted = CONTRADICTIONS[name]
    (step,) = (step for title, step in STEPS if wanted in title)
    records = Records(evidence)

    assert list(step(records, workspace)) == []
    with changed(workspace, *statement.split("; ")):
        assert guarded(lambda: [*step(records, workspace)])
    assert list(step(records, workspace)) == []


def test_a_sample_picked_by_hand_shows_by_its_keys(workspace: Workspace) -> None:
    """Ten documents of 814 by their smallest keys, and ten others."""
    assert workspace.value("SELECT max(admitted_documents) FROM record.facts") == 814
    query = f"SELECT doc_id, content_hash, source_id, shard, \"row\" FROM round.items_drawn WHERE kind = 'sample' ORDER BY {key('s', 1)}"
    for where, wanted in (("LIMIT 10", 0), ("OFFSET 500 LIMIT 10", 1)):
        workspace.connection.execute(f"CREATE OR REPLACE TABLE memory.main.picked AS {query} {where}")
        assert len([*wrong_keys(workspace, "memory.main.picked", "s", 1, 10, 814)]) == wanted


def test_a_forgery_built_again_in_full_is_found_by_what_it_rests_on(reported: Path, tmp_path: Path) -> None:
    statement = "UPDATE round.manual_result SET conclusion = '符合'"

    found = problems(forged(reported / "b.zip", tmp_path, _change(statement)))

    assert list(found) == ["轮次结果 / results of the round"]
    assert "conclusion" in "".join(found["轮次结果 / results of the round"])


DECLARED = {
    "name": "UPDATE declared.organisation SET name = '另一公司'",
    "owner": "UPDATE declared.policies SET owner = '某人'",
    "judgement": "INSERT INTO declared.judgements (clause_key, verdict, reason, \"by\") VALUES ('K.CLS', '符合', 'x', 'y')",
}


def test_what_the_declarations_do_not_say_is_found(reported: Path, tmp_path: Path) -> None:
    found = problems(forged(reported / "b.zip", tmp_path, _change(*DECLARED.values()), rebuild=False))

    told = "".join(found["申报 / declarations"])
    assert all(f"declared/{table}.parquet" in told for table in ("organisation", "policies", "judgements"))


def _register(folder: Path) -> None:
    path = folder / FOLDER / EVIDENCE / "record" / "register.ndjson"
    path.write_bytes(path.read_bytes().replace(b"12345", b"54321"))


def _log(folder: Path) -> None:
    path = folder / LOG
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _rules(folder: Path) -> None:
    path = folder / "queries" / "verdicts" / "clauses.yaml"
    path.write_text(path.read_text("utf-8") + "\n# loosened\n", "utf-8")


def _version(folder: Path) -> None:
    (folder / "evil.sh").write_text("#", "utf-8")


CHAINS: dict[str, tuple[Forge, str, bool]] = {
    "register": (_register, "链", True),
    "log of the review": (_log, "链", True),
    "another member": (_version, "成员", True),
    "rules": (_rules, "规则", False),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_log_rules_and_members_are_checked(reported: Path, tmp_path: Path, name: str) -> None:
    forge, title, quick = CHAINS[name]

    found = problems(forged(reported / "b.zip", tmp_path, forge, rebuild=False), quick)

    assert any(title in one for one in found), found


def test_documents_of_the_corpus_are_read_again(reported: Path, tmp_path: Path) -> None:
    config = reported / "c" / "config.json"
    look = Look.of(config, 200, "s")
    found = verify_bundle(reported / "b.zip", look=look, quick=True)
    assert not any(wrong for _, wrong in found.checks)
    assert any("200 of 200" in note for note in found.notes)

    shutil.copytree(reported / "c", tmp_path / "c")
    path = tmp_path / "c" / "plain" / "b.jsonl"
    lines = path.read_text("utf-8").splitlines()
    lines[0] = json.dumps({"text": texts("另一", 1)[0]}, ensure_ascii=False)
    path.write_text("\n".join(lines) + "\n", "utf-8")

    done = audit(
        "verify",
        reported / "b.zip",
        "--quick",
        "--against-corpus",
        tmp_path / "c" / "config.json",
        "--spot",
        2000,
        check=3,
    )
    assert "b.jsonl#0" in done.stdout
    assert "919 of 920 documents agree" in done.stdout


def test_a_corpus_that_is_not_the_audited_one_is_told(reported: Path, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "other.jsonl").write_text('{"text": "1"}\n')
    source = {"id": "other", "name": "o", "kind": "open", "region": "domestic", "paths": ["x/*.jsonl"]}
    (tmp_path / "config.json").write_text(json.dumps({"seed": "1", "sources": [source]}))

    done = audit("verify", reported / "b.zip", "--quick", "--against-corpus", tmp_path / "config.json", check=3)
    assert "没有一个分片是审计过的" in done.stderr


def test_the_output_is_looked_into_as_well(reported: Path) -> None:
    config = reported / "c" / "config.json"
    done = audit("verify", reported / "o", "--quick", "--against-corpus", config, "--spot", 30, "--seed", "s")

    assert "30 of 30 documents agree" in done.stdout


def test_a_bundle_never_overwrites_something_else(reported: Path, tmp_path: Path) -> None:
    out = copied(reported, tmp_path)
    (tmp_path / "b.zip").write_text("mine")
    declared = reported / "d" / "declarations.yaml"

    done = audit("report", out, "--declarations", declared, "--bundle", tmp_path / "b.zip", check=2)

    assert "绝不覆盖" in done.stderr
    assert (tmp_path / "b.zip").read_text() == "mine"
    assert (report_of(out) / MANIFEST).is_file()


def test_a_bundle_needs_a_folder_to_lie_in(reported: Path, tmp_path: Path) -> None:
    out = copied(reported, tmp_path)

    audit("report", out, "--bundle", tmp_path / "none" / "b.zip", check=2)
