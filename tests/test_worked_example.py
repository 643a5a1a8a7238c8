"""docs/worked-example.md as it stands: its commands run in an empty folder, and what they print is what it shows."""

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer.main

from demo.judge import answered
from pipeline.config import load_config
from pipeline.terminal.commands import app
from report.declared.declarations import load_declarations
from schemas.known_answers import load_known_answers

PROJECT = Path(__file__).parent.parent
PAGES = (PROJECT / "docs" / "worked-example.md", PROJECT / "docs" / "worked-example.zh-CN.md")
FILING = PROJECT / "demo" / "filing"
TOOL = "corpus-audit "


@dataclass(frozen=True)
class Step:
    """A command of the page, the line it stands on, and the lines shown below it."""

    command: str
    line: int
    shown: tuple[str, ...]


def steps_of(page: str) -> list[Step]:
    """The commands of all console blocks, in their order."""
    found: list[Step] = []
    block = False
    for number, line in enumerate(page.splitlines(), start=1):
        if line.startswith("```"):
            block = line == "```console"
        elif block and line.startswith("$ "):
            found.append(Step(line.removeprefix("$ "), number, ()))
        elif block:
            found[-1] = Step(found[-1].command, found[-1].line, (*found[-1].shown, line))
    return found


def looks_like(shown: str) -> re.Pattern[str]:
    """What a shown line stands for: itself, with anything for each `…`, and any number of blanks for blanks."""
    words = (r"\s+".join(map(re.escape, part.split())) for part in shown.split("…"))
    return re.compile(r"\s*" + r".*".join(rf"\s*{part}\s*" for part in words) + r"\s*")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator["Shell"]:
    """A shell in an empty folder that finds the program and its Python, as after `make setup`."""
    (tmp_path / "bin").mkdir()
    _script(tmp_path / "bin" / "corpus-audit", '-c "from pipeline.cli import main; main()"')
    _script(tmp_path / "bin" / "python", "")
    (tmp_path / "empty").mkdir()
    yield Shell(tmp_path / "empty", tmp_path / "bin")
    subprocess.run(["chmod", "-R", "u+w", str(tmp_path)], check=True)


@dataclass(frozen=True)
class Shell:
    """Runs commands in a folder."""

    folder: Path
    programs: Path

    def run(self, step: Step) -> str:
        """What a command prints; it must succeed."""
        own = {"PATH": f"{self.programs}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT), "CLONE": str(PROJECT)}
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=self.folder,
            env={**os.environ, **own, "COLUMNS": "160"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        told = done.stdout + done.stderr
        assert done.returncode == 0, f"line {step.line}: {step.command}\n{told}"
        return told


@pytest.mark.slow
def test_the_worked_example_is_reproduced_from_an_empty_folder(shell: Shell) -> None:
    for step in steps_of(PAGES[0].read_text(encoding="utf-8")):
        told = shell.run(step)
        lines = told.splitlines()
        missing = [shown for shown in step.shown if not any(map(looks_like(shown).fullmatch, lines))]
        assert missing == [], f"{PAGES[0].name}, line {step.line}: {step.command}\n{told}"
    report = shell.folder / "out" / "current" / "report"
    _look_at_the_report(report)
    assert _questions_of_auditors(report / "evidence") > 2
    with zipfile.ZipFile(shell.folder / "filing.zip") as bundle:
        assert {"report/report.docx", "report/manifest.json", "SHA256SUMS"} <= set(bundle.namelist())


def test_without_a_round_the_example_comes_as_far_as_a_rehearsal(shell: Shell) -> None:
    """The short version: the same commands but for the round, on the first shard of each source."""
    steps = {step.command.split(" --")[0]: step for step in steps_of(PAGES[0].read_text(encoding="utf-8"))}
    shell.run(steps['cp -r "$CLONE/demo/corpus" "$CLONE/demo/filing" .'])
    for shard in (shell.folder / "corpus").rglob("part-0[1-9]*"):
        shard.unlink()
    shell.run(steps["corpus-audit run filing/audit.yaml"])
    shell.run(steps["corpus-audit match out admitted/current"])
    (gaps,) = (step for step in steps_of(PAGES[0].read_text(encoding="utf-8")) if step.command.endswith("--gaps"))
    told = shell.run(gaps)
    assert "演练" in told and "关键词总数不足" in told
    assert "没有与本次运行比对过的训练清单" not in told and "没有已生效" not in told


def _script(path: Path, arguments: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def _look_at_the_report(folder: Path) -> None:
    """The verdicts the page tells of, each for its own reason, and the signature page."""
    said = json.loads((folder / "verdicts.json").read_bytes())
    verdicts = {one["clause"].replace(" ", ""): one["verdict"] for one in said["verdicts"]}
    assert said["conclusion"] is None
    wanted = _told_verdicts()
    assert wanted and {clause: verdicts[clause] for clause in wanted} == wanted
    others = {clause for clause in verdicts if clause not in wanted}
    assert {clause: verdicts[clause] for clause in others if verdicts[clause] not in ("符合", "不适用")} == {}
    with zipfile.ZipFile(folder / "report.docx") as document:
        text = re.sub(r"<[^>]+>", "", document.read("word/document.xml").decode("utf-8"))
    for signer in ("单位法定代表人", "整体安全评估负责人", "合法性评估负责人", "王一", "李主管", "赵六"):
        assert signer in text


def _questions_of_auditors(evidence: Path) -> int:
    """Runs the questions on evidence of the auditors' page; how many there are."""
    page = (PROJECT / "docs" / "auditors.md").read_text(encoding="utf-8")
    questions = [line for line in page.splitlines() if line.startswith("SELECT") and "'report/evidence/" in line]
    with duckdb.connect() as base:
        for question in questions:
            assert base.execute(question.replace("'report/evidence/", f"'{evidence}/")).fetchall(), question
    return len(questions)


def _told_verdicts() -> dict[str, str]:
    """Verdicts by clause, from the table of the page."""
    found: dict[str, str] = {}
    for line in PAGES[0].read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.match(r"\d\.\d", cells[0]) and len(cells) == 4:
            for clause in cells[0].split(","):
                found[clause.replace(" ", "")] = cells[1].split(",")[0]
    return found


def test_the_page_has_commands_and_tells_what_they_print() -> None:
    steps = steps_of(PAGES[0].read_text(encoding="utf-8"))
    assert [step.command.split()[1] for step in steps if step.command.startswith(TOOL)][:2] == ["run", "match"]
    assert sum(bool(step.shown) for step in steps) > 10
    assert _told_verdicts()["8.2b"] == "待补充"


def test_both_languages_have_the_same_commands_and_output() -> None:
    english, chinese = (
        [(step.command, step.shown) for step in steps_of(page.read_text(encoding="utf-8"))] for page in PAGES
    )
    assert english == chinese


def test_a_shown_line_matches_only_what_it_says() -> None:
    assert looks_like("a  1 … / b").fullmatch("  a 1 2026 / b")
    assert not looks_like("a 1 … / b").fullmatch("a 2 2026 / b")
    assert not looks_like("a 1").fullmatch("a 12")


def _blocks_with_commands() -> list[tuple[str, str]]:
    """Every line of a block of the three users' pages and of the example that gives a command of ours."""
    found = []
    names = ("worked-example", "users-data-team", "users-compliance", "auditors")
    for path in [PROJECT / "docs" / f"{name}{tongue}.md" for name in names for tongue in ("", ".zh-CN")]:
        for block in re.findall(r"^```\w*\n(.*?)^```", path.read_text(encoding="utf-8"), re.S | re.M):
            for line in block.splitlines():
                command = line.removeprefix("$ ")
                if command.startswith(TOOL):
                    found.append((path.name, command))
    return found


def test_every_command_of_the_users_pages_is_one_there_is() -> None:
    root: Any = typer.main.get_command(app)
    commands = _blocks_with_commands()
    assert len(commands) > 60
    unknown = [f"{name}: {command}" for name, command in commands if not _is_known(root, command)]
    assert unknown == []
    assert not _is_known(root, "corpus-audit report out --no-such-option")
    assert not _is_known(root, "corpus-audit round reopen out")


def _is_known(root: Any, command: str) -> bool:
    """Whether the words of a command name commands and options of the program."""
    words = command.partition(" #")[0].split()[1:]
    group = root
    while hasattr(group, "commands"):
        if words and words[0] in group.commands:
            group = group.commands[words.pop(0)]
        elif "make" in group.commands and words:  # report OUT
            group = group.commands["make"]
        else:
            return False
    options = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {word.split("=")[0] for word in words if word.startswith("--")} <= options | {"--help"}


def test_the_configuration_and_the_declarations_of_the_example_are_whole() -> None:
    config = load_config(FILING / "audit.yaml", Path("out"))
    declared = load_declarations(FILING / "declarations.yaml").rows()
    sources = {source.id for source in config.sources}
    assert {row["source_id"] for row in declared["ip_sources"]} == sources
    assert len(declared["signers"]) == 3
    for path in FILING.rglob("*.md"):
        assert "示例" in path.read_text(encoding="utf-8"), path  # nobody is to take it for a real paper


@pytest.mark.parametrize(
    ("text", "verdict", "personal"),
    [
        ("版主勿删，代开发票加微信【微信号】，品类齐全。懂的来。", "unqualified", []),
        ("今晚回家吃饭吗？路上慢点。", "qualified", []),
        ("问：退款应该退到哪里？我的银行卡号是6222020000000012345，开户名张某某。", "qualified", ["sensitive"]),
        ("收件人：li.si7@example.com，主题：会议。", "qualified", ["general"]),
        ("姓名李某某，手机号13800138045。", "qualified", ["general"]),
        (load_known_answers().texts["A1-a"][0], "unqualified", []),
    ],
    ids=["advertisement", "message", "bank card", "address", "telephone", "known answer"],
)
def test_the_demos_judge_knows_what_was_planted(text: str, verdict: str, personal: list[str]) -> None:
    answer = answered({"item_no": 1, "text": text})
    assert (answer["verdict"], answer["personal"]) == (verdict, personal)
    assert bool(answer["risks"]) == (verdict == "unqualified")
