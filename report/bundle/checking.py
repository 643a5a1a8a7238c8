"""`verify BUNDLE.zip`: everything a bundle claims, checked by whoever has it, without run, corpus or trust in who made it."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipeline import __version__
from pipeline.errors import UsageError
from pipeline.store.scans import sha256_file
from report.build import files_of
from report.bundle.archive import unpack
from report.bundle.timestamps import parse, problems
from report.bundle.writing import LOG, READ_ME, REPORTS, STAMP, SUMS, VERSION, rules, sums
from report.checking import recompute_records, recompute_round, recompute_sources
from report.checking.recompute_records import Records
from report.checking.spot import Look, look_into_bundle
from report.checking.verification import FAULTS, guarded, made_otherwise, read_manifest, rebuilt
from report.evidence.extract import EVIDENCE
from report.evidence.redeclared import wrongly_declared
from report.evidence.workspace import open_workspace
from report.store import FOLDER, MANIFEST, differences, manifest_of
from report.unproved import of_report
from schemas.chain import read_chain

_ROWS, _BYTES = 100_000_000, 16 << 30  # of a table of a bundle that is read; texts are in none
_BY_VERSION = ("software_version", "made_with")
STEPS = (
    ("记录 / records", recompute_records.tables),
    ("台账与来源 / ledger and sources", recompute_sources.counts),
    ("5 % 判定 / 5 % decisions", recompute_sources.decisions),
    ("抽样 / samples", recompute_sources.samples),
    ("轮次抽取 / draw of the round", recompute_round.draw),
    ("轮次结果 / results of the round", recompute_round.results),
)


@dataclass(frozen=True)
class Checked:
    """Titles with their problems, what was found out beside them, and what stays unproved."""

    checks: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()


def verify_bundle(
    path: Path, authorities: Path | None = None, look: Look | None = None, quick: bool = False
) -> Checked:
    """All checks of a bundle. With `quick`, form, digests and chains only. Raises UsageError for bad usage alone."""
    if not path.is_file():
        raise UsageError(f"{path}: 没有这个文件 / no such file")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bundle"
        folder.mkdir()
        try:
            names = unpack(path, folder)
        except UsageError as error:
            return Checked((("证据包 / bundle", tuple(error.problems)),))
        return _checked(folder, frozenset(names), authorities, look, quick)


def _checked(folder: Path, names: frozenset[str], authorities: Path | None, look: Look | None, quick: bool) -> Checked:
    report = folder / FOLDER
    evidence = report / EVIDENCE
    checks = [("成员与摘要 / members and digests", tuple(guarded(lambda: [*_members(folder, names)])))]
    if checks[0][1]:
        return Checked(tuple(checks))
    checks.append(
        ("链 / chains", tuple(guarded(lambda: [*_chains(folder), *recompute_records.chains(Records(evidence))])))
    )
    stamped, notes, unproved = _stamp(folder, authorities)
    checks.append(("可信时间戳 / trusted timestamp", tuple(stamped)))
    if not quick:
        checks += _recomputed(report)
        unproved += guarded(lambda: _left(report))
    if look is not None:
        seen = look_into_bundle(evidence, look)
        checks.append(("对照语料 / against the corpus", seen.problems))
        notes.append(seen.told)
    return Checked(tuple(checks), tuple(notes), tuple(unproved))


def _members(folder: Path, names: frozenset[str]) -> Iterator[str]:
    """The members a bundle has, each as SHA256SUMS and the report's manifest have it; tables of a size that can be read."""
    needed = {SUMS, VERSION, REPORTS, *READ_ME, f"{FOLDER}/{MANIFEST}"}
    yield from (f"{name}: 缺失 / missing" for name in sorted(needed - names))
    if needed - names:
        return
    known = {*needed, LOG, STAMP, *(name for name in names if name.startswith((f"{FOLDER}/", "queries/")))}
    yield from (f"{name}: 不属于证据包 / is no part of a bundle" for name in sorted(names - known))
    files: dict[str, Path | bytes] = {
        one.relative_to(folder).as_posix(): one for one in files_of(folder) if one != folder / SUMS
    }
    if (folder / SUMS).read_bytes() != sums(files):
        yield f"{SUMS}: 与成员的摘要不符 / is not the digests of the members"
    yield from differences(folder / FOLDER)
    for one in sorted((folder / FOLDER).rglob("*.parquet")):
        told = pq.read_metadata(one)
        size = sum(told.row_group(number).total_byte_size for number in range(told.num_row_groups))
        if told.num_rows > _ROWS or size > _BYTES:
            yield f"{one.relative_to(folder)}: 过大，不读 / is too large to be read"


def _chains(folder: Path) -> Iterator[str]:
    """The chain of reports ends in this one, whose manifest says what it stands on; the review's log in the round's head."""
    report = folder / FOLDER
    records, wrong = read_chain(folder / REPORTS)
    yield from wrong
    if not records or records[-1]["report_sha256"] != sha256_file(report / MANIFEST):
        yield f"{REPORTS}: 不以本报告结尾 / does not end in this report"
    stated, again = dict(read_manifest(report)), manifest_of(report)
    for name in sorted(stated.keys() | again.keys()):
        if name not in _BY_VERSION and stated.get(name) != again.get(name):
            yield f"{MANIFEST}: {name} 与证据不符 / is not what the evidence has"
    for name in ("run_id", "round", "profile_sha256", "declarations_sha256", "evidence_sha256", "software_version"):
        if records and records[-1].get(name) != stated.get(name):
            yield f"{REPORTS}: {name} 与 {MANIFEST} 不符 / differs from the manifest"
    if stated["round"] is None:
        return
    if not (folder / LOG).is_file():
        yield f"{LOG}: 缺失 / missing"
        return
    events = [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]
    hashes = {event["seq"]: event["sha256"] for event in events}
    if [event["seq"] for event in events] != [*range(1, len(events) + 1)] or events[-1]["sha256"] != stated[
        "review_head"
    ]:
        yield f"{LOG}: 有缺漏，或不以轮次关闭时的事件结尾 / has gaps, or does not end where the round was closed"
    readings = pq.read_table(report / EVIDENCE / "round" / "readings.parquet", columns=["seq", "sha256"]).to_pylist()
    wrong_readings = [row["seq"] for row in readings if hashes.get(row["seq"]) != row["sha256"]]
    if wrong_readings:
        yield f"round.readings: {len(wrong_readings)} 条不在审核日志中，如 / are not in the log of the review, e.g. {wrong_readings[:3]}"


def _stamp(folder: Path, authorities: Path | None) -> tuple[list[str], list[str], list[str]]:
    """Problems, notes and what stays unproved of the timestamp."""
    path = folder / STAMP
    if not path.is_file():
        if authorities is not None:
            return ["--timestamp-ca: 证据包中没有时间戳 / there is no timestamp in the bundle"], [], []
        return [], [], ["报告形成的时间：没有可信时间戳 / when the report was made: there is no trusted timestamp"]
    try:
        stamp = parse(path.read_bytes(), STAMP)
    except UsageError as error:
        return error.problems, [], []
    wrong = problems(stamp, sha256_file(folder / FOLDER / MANIFEST), authorities)
    if wrong:
        return wrong, [], []
    note = f"时间戳 / timestamp: {stamp.told}"
    if authorities is not None:
        return [], [f"{note}，签名已核 / its signature verified with {authorities}"], []
    return (
        [],
        [note],
        [
            "时间戳是否出自可信机构：未给出根证书（--timestamp-ca），只核对了摘要 / whether the timestamp is an authority's: no root certificate was given "
            "(--timestamp-ca), its digest alone was compared"
        ],
    )


def _recomputed(report: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What follows from the evidence, made again."""
    evidence = report / EVIDENCE
    other = guarded(lambda: [*_rules(report)])
    yield "查询与规则 / queries and rules", tuple(other)
    yield "申报 / declarations", tuple(guarded(lambda: [*wrongly_declared(evidence)]))
    try:
        records = Records(evidence)
        with open_workspace(evidence) as workspace:
            for title, step in STEPS:
                yield title, tuple(guarded(lambda: [*step(records, workspace)]))  # noqa: B023 - called at once
    except FAULTS as error:
        yield "证据 / evidence", (f"读不了 / cannot be read: {type(error).__name__}: {str(error)[:300]}",)
        return
    if not other:
        yield "重建报告 / report built again", tuple(guarded(lambda: [*rebuilt(report)]))


def _rules(report: Path) -> Iterator[str]:
    """A bundle made under other rules is verified with the version that has them."""
    stated = {
        f"queries/{one.relative_to(report.parent / 'queries').as_posix()}": one.read_bytes()
        for one in files_of(report.parent / "queries")
    }
    own = rules()
    different = sorted(name for name in stated.keys() | own.keys() if stated.get(name) != own.get(name))
    if different:
        made = read_manifest(report)["software_version"]
        yield (
            f"{', '.join(different[:5])}: 与此版本 {__version__} 的规则不同，未重建报告；请用生成它的版本 {made} 核对 / are not the rules of this version "
            f"{__version__}, so the report was not built again: verify with the version that made it, {made}"
        )


def _left(report: Path) -> list[str]:
    lines: list[str] = []
    with open_workspace(report / EVIDENCE) as workspace:
        lines += [*of_report(workspace), *recompute_round.unproved(workspace)]
        if workspace.value("SELECT count(*) FROM record.training"):
            lines.append(
                "训练文件与语料的比对：证据中只有其结果 / the match of training files with the corpus: the evidence has its result alone"
            )
        if workspace.value("SELECT count(*) FROM annotation.log"):
            lines.append(
                "标注各项检查：标注日志不在证据包中，只有其摘要与结果 / checks of the annotation: its log is not in the bundle, its digest and results are"
            )
    lines.append(
        "各来源的计数、检出与个人信息：逐条语料不在证据包中，只核对了合计与自洽 / counts, findings and personal information of sources: documents are not in the bundle, sums and consistency alone were checked"
    )
    other = made_otherwise(report)
    return [*lines, *([other] if other else [])]
