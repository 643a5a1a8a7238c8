"""Writes a report beside the run it is of: evidence, what is built from it, and a manifest; and puts it on record.

`runs/<run>/report/` appears whole or not at all. `reports.ndjson` of the output folder chains the digests of all reports
made, so that a report that was replaced still shows.
"""

import contextlib
import importlib.metadata
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output, Run, locked, synced, write_json
from pipeline.store.scans import sha256_file
from report.build import TEMPLATE, Built, build_report, evidence_digest, files_of
from report.declared.declarations import Declared
from report.evidence.extract import EVIDENCE, extract
from report.model import Report
from rounds.register import Round, rounds_of
from schemas.chain import append_to_chain, read_chain

FOLDER, MANIFEST, CHAIN = "report", "manifest.json", "reports.ndjson"
DECLARATIONS, ATTACHED = "declarations.yaml", "attached"  # of the evidence folder
WORK = ".reports"  # of the output folder: the lock, and a report being made
SCHEMA_VERSION = 1
# What writes the bytes of evidence and documents: with another version of one of these they may differ.
_LIBRARIES = (
    "pyarrow",
    "duckdb",
    "docxtpl",
    "python-docx",
    "XlsxWriter",
    "matplotlib",
    "jinja2",
    "pylopdf-fonts-zh-cn",
)


@dataclass(frozen=True)
class Wanted:
    """What a report is to be made of; `template` is a Word template of the organisation's own."""

    run: Run
    round: Round | None
    declared: Declared | None = None
    template: Path | None = None


@dataclass(frozen=True)
class Made:
    """A report that was made. `changed` is false where the very same one was there already."""

    folder: Path
    report: Report
    changed: bool


def choose(output: Output, wanted: str | None = None) -> tuple[Run, Round | None]:
    """The closed round of that id, by default the last one, with its run; without any closed round the current run.

    Raises UsageError where there is no such round, it is not closed, or no run was published; RunFailed where its run is gone.
    """
    output.must_exist()
    rounds = rounds_of(output)
    closed = [one for one in rounds if one.closed is not None]
    if wanted is not None and wanted not in {one.id for one in rounds}:
        listed = ", ".join(f"{one.id}（{one.state}）" for one in rounds) or "-"
        raise UsageError(f"--round: {wanted}: 没有这一轮 / no such round; there are: {listed}")
    if wanted is not None and wanted not in {one.id for one in closed}:
        state = next(one.state for one in rounds if one.id == wanted)
        listed = ", ".join(one.id for one in closed) or "-"
        raise UsageError(
            f"--round: {wanted}: 状态为 {state}，只有关闭的轮次可作报告 / is {state}: a report stands on a closed round; closed are: {listed}"
        )
    if closed:
        found = closed[-1] if wanted is None else next(one for one in closed if one.id == wanted)
        run = Run(output.runs / found.run_id)
        if not (run.folder / MANIFEST).is_file():
            raise RunFailed(
                f"{run.folder}: {found.id} 所依据的运行不在了 / the run of {found.id} is gone: restore it from a copy"
            )
        return run, found
    current = output.readable
    if current is None:
        raise UsageError(f"{output.folder}: 还没有完成的运行 / no run has been completed yet: corpus-audit run CONFIG")
    return current, None


def make_report(output: Output, wanted: Wanted) -> Made:
    """Makes the report of a run, or finds that it is there already. Raises UsageError, RunFailed and OutputBusy.

    Interrupted anywhere it leaves the report that was there; the same command then makes it anew.
    """
    with _held(output) as work:
        folder = work / FOLDER
        built = prepare(output, wanted, folder)
        head = read_chain(output.folder / CHAIN)
        if head[1]:
            raise RunFailed(
                "报告记录被改动，不再写入 / the record of reports was changed; nothing is written:\n"
                + "\n".join(head[1])
            )
        place = wanted.run.folder / FOLDER
        line = _line(folder, built.report)
        on_record = next((one for one in reversed(head[0]) if one["run_id"] == line["run_id"]), None)
        if on_record is not None and on_record["report_sha256"] == line["report_sha256"] and not differences(place):
            return Made(place, built.report, changed=False)
        _publish(folder, place, work)
        if on_record is None or on_record["report_sha256"] != line["report_sha256"]:
            append_to_chain(output.folder / CHAIN, [line])
    return Made(place, built.report, changed=True)


def prepare(output: Output, wanted: Wanted, folder: Path) -> Built:
    """Extracts the evidence and writes a whole report into a folder of nobody's."""
    evidence = folder / EVIDENCE
    extract_evidence(output, wanted, evidence)
    built = build_report(evidence)
    for name, content in built.files.items():
        (folder / name).write_bytes(content)
    write_json(folder / MANIFEST, manifest_of(folder))
    for path in files_of(folder):
        path.chmod(0o444)
        synced(path)
    return built


def extract_evidence(output: Output, wanted: Wanted, evidence: Path) -> None:
    """Writes the evidence folder: tables and records, the declarations as given, what they attach, and the template."""
    declared = wanted.declared
    rows = declared.evidence_rows(wanted.run) if declared is not None else ({}, {})
    evidence.parent.mkdir(parents=True, exist_ok=True)
    extract(output, wanted.run, wanted.round, *rows, evidence)
    if declared is not None:
        (evidence / DECLARATIONS).write_bytes(declared.data)
        _attach(declared, evidence / ATTACHED)
        changed = declared.changed()
        if changed:
            raise UsageError(changed)
    if wanted.template is not None:
        try:
            shutil.copyfile(wanted.template, evidence / TEMPLATE)
        except OSError as error:
            raise UsageError(f"--template: {wanted.template}: 读不了 / cannot be read: {error.strerror}") from None


def _attach(declared: Declared, folder: Path) -> None:
    """Copies what the declarations say to attach, under its digest: names of files are people's, and may be anything."""
    for name in declared.attached:
        source = declared.path.parent / name
        for path in [source] if source.is_file() else files_of(source):
            if path.name.startswith("."):
                continue  # no part of the folder's digest either (report/declared/files.py)
            folder.mkdir(exist_ok=True)
            shutil.copyfile(path, folder / sha256_file(path))


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a report: its files, and what it stands on. Holds no time of its own."""
    evidence = folder / EVIDENCE
    record = evidence / "record"
    run = json.loads((record / MANIFEST).read_bytes())
    declarations = evidence / DECLARATIONS
    files = {path.relative_to(folder).as_posix(): path for path in files_of(folder)}
    closed = _closed(record)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run["run_id"],
        "run_manifest_sha256": sha256_file(record / MANIFEST),
        "round": closed.get("round"),
        "round_result_sha256": closed.get("result_sha256"),
        "review_head": closed.get("review_head"),
        "profile_sha256": run["profile"]["sha256"],
        "declarations_sha256": sha256_file(declarations) if declarations.is_file() else None,
        "heads": json.loads((record / "heads.json").read_bytes()),
        "evidence_sha256": evidence_digest(evidence),
        "software_version": __version__,
        "made_with": libraries(),
        "files": {
            name: {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
            for name, path in files.items()
            if name != MANIFEST
        },
    }


def libraries() -> dict[str, str]:
    """Versions of what writes the bytes of a report."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def _closed(record: Path) -> dict[str, Any]:
    """The event by which the round of a report was closed; empty for a rehearsal."""
    result = record / "round_result.json"
    if not result.is_file():
        return {}
    name = json.loads(result.read_bytes())["round"]
    events, _ = read_chain(record / "register.ndjson")
    return next((event for event in events if event["event"] == "closed" and event["round"] == name), {})


def _line(folder: Path, report: Report) -> dict[str, Any]:
    content = json.loads((folder / MANIFEST).read_bytes())
    told = ("run_id", "round", "profile_sha256", "declarations_sha256", "evidence_sha256", "software_version")
    return {
        **{name: content[name] for name in told},
        "conclusion": report.conclusion.zh if report.conclusion else None,
        "report_sha256": sha256_file(folder / MANIFEST),
    }


def differences(folder: Path) -> list[str]:
    """Where a report folder is not what its own manifest says, a line each."""
    manifest = folder / MANIFEST
    try:
        stated: Mapping[str, Any] = json.loads(manifest.read_bytes())["files"]
        sizes = {name: (str(told["sha256"]), int(told["bytes"])) for name, told in stated.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return [f"{MANIFEST}: 读不了 / cannot be read: {type(error).__name__}"]
    found = {path.relative_to(folder).as_posix(): path for path in files_of(folder)}
    found.pop(MANIFEST, None)
    lines = [f"{name}: 文件缺失 / missing" for name in sorted(sizes.keys() - found.keys())]
    lines += [f"{name}: 清单中没有的文件 / not in the manifest" for name in sorted(found.keys() - sizes.keys())]
    for name in sorted(sizes.keys() & found.keys()):
        if (sha256_file(found[name]), found[name].stat().st_size) != sizes[name]:
            lines.append(f"{name}: 内容已改变 / changed since the report was made")
    lines += [
        f"{path.relative_to(folder)}: 是链接 / is a link" for path in sorted(folder.rglob("*")) if path.is_symlink()
    ]
    return lines


@contextlib.contextmanager
def _held(output: Output) -> Iterator[Path]:
    """A folder to make a report in, held against other commands that make one. Runs go on meanwhile."""
    top = output.folder / WORK
    try:
        top.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"{top}: 无法写入 / cannot be written: {error.strerror}") from None
    busy = f"{output.folder}: 另一命令正在生成报告 / another command is making a report of this output: wait for it"
    with locked(top, busy):
        work = top / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _publish(folder: Path, place: Path, work: Path) -> None:
    """Puts the new report in the place of the old; killed between the two steps the next command makes it again."""
    try:
        if place.exists():
            place.rename(work / "replaced")
        folder.rename(place)
        synced(place.parent)
    except OSError as error:
        raise UsageError(f"{place}: 无法写入 / cannot be written: {error.strerror}") from None
