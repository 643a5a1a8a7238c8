"""`corpus-audit report` end to end: what it makes and says, what it refuses, and that `verify` finds what was changed."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.store.output import Output, locked
from report.build import build
from report.checking.verification import checks
from report.evidence.extract import EVIDENCE
from report.store import CHAIN, FOLDER, MANIFEST, WORK, choose
from rounds.opening import abandon_round
from schemas.chain import read_chain
from tests.audits import SCRIPT, audit, flip, make_corpus
from tests.made_bundles import change, copied, declare, report_of, reported, reseal
from tests.test_round_closing import at, close, draw, judge, lenient

__all__ = ["reported"]  # a fixture
FILES = {"report.docx", "report.xlsx", "report.html", "report.md", "gaps.md", "verdicts.json", "tables.json", MANIFEST}


def lines(out: Path) -> int:
    """Reports on record."""
    return len(read_chain(out / CHAIN)[0])


def found(out: Path, quick: bool = False) -> str:
    """The problems `verify` names of reports."""
    return "\n".join(problem for _, problems in checks(Output(out), quick) for problem in problems)


@pytest.fixture
def out(reported: Path, tmp_path: Path) -> Path:
    return copied(reported, tmp_path)


def test_a_report_is_whole_on_record_and_verified(reported: Path) -> None:
    folder = report_of(reported / "o")
    manifest = json.loads((folder / MANIFEST).read_bytes())

    assert {path.name for path in folder.iterdir()} == FILES | {EVIDENCE}
    assert lines(reported / "o") == 1
    assert manifest["round"] == "R0001"
    assert manifest["files"]["report.docx"]["bytes"] > 10_000
    assert (folder / EVIDENCE / "attached").is_dir()
    assert not (folder.stat().st_mode & 0o002)
    assert not any((reported / "o" / WORK).glob("work*"))
    assert "everything agrees" in audit("verify", reported / "o").stdout


def test_what_it_says(reported: Path, out: Path) -> None:
    told = audit("report", out, "--declarations", reported / "d" / "declarations.yaml").stdout

    for expected in (
        *("R0001", "尚不能作出", "待补充: ", "不符合: ", "没有变化 / nothing changed", "  1. [", "gaps.md"),
        *("未经标准原文核实的门槛与条款", "无法由此证明 / what this cannot prove:", "演练"),
    ):
        assert (expected in told) == (expected != "演练"), expected
    assert lines(out) == 1


def test_the_bytes_are_those_of_the_evidence_in_any_place(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(report_of(reported / "o") / EVIDENCE, tmp_path / "elsewhere")

    made = build(tmp_path / "elsewhere")

    assert {name for name in FILES if name != MANIFEST} == made.keys()
    for name, content in made.items():
        assert content == (report_of(reported / "o") / name).read_bytes(), name


def test_other_declarations_replace_the_report_and_the_record_keeps_both(reported: Path, out: Path) -> None:
    declare(
        out, organisation={"name": "另一公司", "credit_code": "91350100M000100Y43", "service": "x", "day": "2027-01-01"}
    )
    before = (report_of(out) / MANIFEST).read_bytes()

    told = audit("report", out).stdout

    assert f"{out}/declarations.yaml" in told  # the default place
    assert "没有变化" not in told
    assert (report_of(out) / MANIFEST).read_bytes() != before
    assert lines(out) == 2
    assert found(out) == ""
    audit("report", out, "--declarations", reported / "d" / "declarations.yaml")
    assert (report_of(out) / MANIFEST).read_bytes() == before  # the same inputs, the same bytes
    assert lines(out) == 3


def test_without_declarations_all_of_the_organisation_is_missing_and_it_says_so(out: Path) -> None:
    assert "没有申报文件" in audit("report", out).stdout


def test_the_gap_list_needs_no_complete_declarations_and_leaves_the_report(out: Path) -> None:
    before = (report_of(out) / MANIFEST).read_bytes()
    audit("report", out, "--init", out / "declarations.yaml")

    told = audit("report", out, "--gaps").stdout

    assert "尚未填写" in told
    assert "缺口清单" in told
    assert "# " in (out / "gaps.md").read_text("utf-8")
    assert (report_of(out) / MANIFEST).read_bytes() == before
    assert "尚未填写" in audit("report", out, check=2).stderr


def test_the_template_is_never_written_over(out: Path) -> None:
    audit("report", out, "--init", out / "declarations.yaml")

    assert "绝不覆盖" in audit("report", out, "--init", out / "declarations.yaml", check=2).stderr


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no output": (("report", "{tmp}/none"), "不是 corpus-audit 的输出文件夹"),
    "no such round": (("report", "{out}", "--round", "R0009"), "没有这一轮"),
    "no declarations": (("report", "{out}", "--declarations", "{tmp}/none.yaml"), "没有这个申报文件"),
    "bad declarations": (("report", "{out}", "--declarations", "{tmp}/bad.yaml"), "bad.yaml: 第 1 行"),
    "no template": (("report", "{out}", "--template", "{tmp}/none.docx"), "--template"),
    "stamp without bundle": (("report", "{out}", "--timestamp", "{tmp}/x.tsr"), "--bundle"),
    "no stamp": (("report", "{out}", "--timestamp", "{tmp}/x.tsr", "--bundle", "{tmp}/b.zip"), "x.tsr"),
    "two at once": (("report", "{out}", "--gaps", "--init", "{tmp}/x.yaml"), "只能给其一"),
    "trace of nothing": (("report", "trace", "{out}", "C-1/none/none"), "C-1/"),
    "unknown option": (("report", "{out}", "--nonsense"), "nonsense"),
    "certificate for an output": (("verify", "{out}", "--timestamp-ca", "{tmp}/x.pem"), "--timestamp-ca"),
    "no such bundle": (("verify", "{tmp}/none.zip"), "none.zip"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_usage_is_one_clear_error(reported: Path, tmp_path: Path, name: str) -> None:
    arguments, told = BAD[name]
    (tmp_path / "bad.yaml").write_text('{"organisation": {"name": ""}, "modle": 1}', encoding="utf-8")
    before = (report_of(reported / "o") / MANIFEST).read_bytes()

    done = audit(*(one.format(tmp=tmp_path, out=reported / "o") for one in arguments), check=2)

    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert (report_of(reported / "o") / MANIFEST).read_bytes() == before


def test_trace_prints_query_evidence_and_the_value(reported: Path) -> None:
    told = audit("report", "trace", reported / "o", "C-1/total/documents").stdout

    assert "audit/composition.parquet" in told
    assert "814" in told


def test_a_run_without_a_closed_round_is_a_rehearsal(tmp_path: Path) -> None:
    audit("run", make_corpus(tmp_path / "c").config, "--out", tmp_path / "o")
    assert "还没有报告" in audit("report", "trace", tmp_path / "o", "C-1/total/bytes", check=2).stderr
    draw(tmp_path / "o")
    assert "状态为 drawn" in audit("report", tmp_path / "o", "--round", "R0001", check=2).stderr
    abandon_round(Output(tmp_path / "o"), "主管", "重来", clock=at(2))
    assert "状态为 abandoned" in audit("report", tmp_path / "o", "--round", "R0001", check=2).stderr

    assert "演练 / rehearsal" in audit("report", tmp_path / "o").stdout

    assert found(tmp_path / "o") == ""
    content = json.loads((report_of(tmp_path / "o") / "verdicts.json").read_bytes())
    assert content["conclusion"] is None
    assert "R0001" in (report_of(tmp_path / "o") / "report.md").read_text("utf-8")  # abandoned, and listed


def test_the_last_closed_round_is_reported_on_also_when_the_corpus_went_on(
    reported: Path, out: Path, tmp_path: Path
) -> None:
    reported_run = (out / "current").resolve().name
    make_corpus(tmp_path / "c", scale=2)
    audit("run", tmp_path / "c" / "config.json", "--out", out)
    assert (out / "current").resolve().name != reported_run

    run, round_ = choose(Output(out))

    assert (run.folder.name, round_.id if round_ else None) == (reported_run, "R0001")
    assert found(out) == ""  # chains grew since the report was made
    told = audit("prune", out, "--keep", "1").stdout
    assert (out / "runs" / reported_run / FOLDER / MANIFEST).is_file(), told


def test_an_output_without_a_run_is_told(tmp_path: Path) -> None:
    Output(tmp_path / "o").prepare()

    assert "还没有完成的运行" in audit("report", tmp_path / "o", check=2).stderr


def test_two_at_once_do_not_mix(out: Path) -> None:
    with locked(out / WORK, "busy"):
        assert "另一命令正在生成报告" in audit("report", out, check=4).stderr


def test_a_folder_that_cannot_be_written_is_told(out: Path) -> None:
    shutil.rmtree(out / WORK)
    (out / WORK).write_text("in the way")

    assert "无法写入" in audit("report", out, check=2).stderr


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_report_leaves_nothing_half_done(out: Path, kind: signal.Signals) -> None:
    shutil.rmtree(report_of(out))
    (out / CHAIN).unlink()
    process = subprocess.Popen([*SCRIPT, "report", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    evidence = out / WORK / "work" / FOLDER / EVIDENCE / "record" / "heads.json"
    while not evidence.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(kind)
    process.communicate(timeout=60)

    assert process.returncode == (130 if kind is signal.SIGINT else -9)
    assert not report_of(out).exists()
    assert lines(out) == 0
    audit("report", out)
    assert found(out, quick=True) == ""


def test_a_flipped_byte_in_any_file_of_a_report_is_found_and_named(out: Path) -> None:
    folder = report_of(out)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    assert len(paths) > 100
    for path in [*paths, out / CHAIN]:
        content = path.read_bytes()
        path.chmod(0o644)
        flip(path, 0.5)
        told = found(out, quick=True)
        assert told, path
        assert path == out / CHAIN or path.relative_to(folder).as_posix() in told
        path.write_bytes(content)
    assert found(out, quick=True) == ""


def _document(folder: Path) -> None:
    path = folder / "report.docx"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")


def _tables(folder: Path) -> None:
    path = folder / "tables.json"
    content = json.loads(path.read_bytes())
    content[0]["rows"][0]["values"]["bytes"] = 1
    path.chmod(0o644)
    path.write_text(json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1) + "\n", "utf-8")


def _evidence(folder: Path) -> None:
    change(folder / EVIDENCE, "UPDATE audit.source_stats SET violations = 0 WHERE source_id = 'bad'")


def _finals(folder: Path) -> None:
    change(folder / EVIDENCE, "UPDATE round.finals SET verdict = 'unqualified', risks = ['A1-f']")


def _declared(folder: Path) -> None:
    path = folder / EVIDENCE / "declarations.yaml"
    path.chmod(0o644)
    path.write_text(path.read_text("utf-8").replace("某公司", "另一公司"), "utf-8")


def _register(folder: Path) -> None:
    path = folder / EVIDENCE / "record" / "register.ndjson"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"12345", b"54321"))


def _added(folder: Path) -> None:
    (folder / EVIDENCE / "audit" / "more.txt").write_text("x")


Forge = Callable[[Path], None]
DRAWN: dict[str, tuple[Forge, str]] = {
    "document": (_document, "report.docx: "),
    "table": (_tables, "tables.json: C-1/"),
}
EXTRACTED: dict[str, tuple[Forge, str]] = {
    "evidence": (_evidence, "evidence/audit/source_stats.parquet: 第 "),
    "final verdicts": (_finals, "evidence/round/finals.parquet: 第 "),
    "declarations": (_declared, "evidence/declared/organisation.parquet: 第 "),
    "register": (_register, "evidence/record/register.ndjson: "),
    "another file": (_added, "evidence/audit/more.txt: "),
}


@pytest.mark.parametrize("forged", [DRAWN, EXTRACTED], ids=["drawn", "extracted"])
def test_changes_with_fresh_hashes_are_found_by_doing_everything_again(
    out: Path, forged: dict[str, tuple[Forge, str]]
) -> None:
    for forge, _ in forged.values():
        forge(report_of(out))
    reseal(out)

    assert found(out, quick=True) == ""
    told = found(out)
    assert [name for name, (_, place) in forged.items() if place not in told] == []


def test_a_report_that_is_gone_or_on_no_record_is_told(out: Path) -> None:
    (out / CHAIN).rename(out / "kept")
    assert "不在报告记录中" in found(out, quick=True)
    (out / "kept").rename(out / CHAIN)
    shutil.rmtree(report_of(out))
    assert "报告缺失" in found(out, quick=True)


def test_the_next_round_replaces_the_report_of_the_same_run(out: Path) -> None:
    draw(out, begin=24, changes="改了判读培训", from_verdicts=False)
    close(out, judge(out, lenient, begin=24), begin=24)

    told = audit("report", out).stdout

    assert "R0002" in told
    assert lines(out) == 2
    assert found(out) == ""
