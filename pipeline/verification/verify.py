"""Checks what an output folder claims: chains, hashes, and everything that can be made again (`recompute`).

Needs nothing but the output folder.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from blacklist.lifts import unfounded
from blacklist.log import EVENTS, STATE, replay, state_csv
from pipeline.emission.match import check_records
from pipeline.errors import UsageError
from pipeline.nights import history
from pipeline.origins.assess import EVENTS as ASSESSMENTS
from pipeline.origins.assess import FOLDER
from pipeline.store.output import Output, Run, file_digests
from pipeline.store.salt import PRIVATE, SALT, read_salt
from pipeline.store.scans import sha256_file
from pipeline.verification.recomputation import Recomputation
from pipeline.verification.recompute import STEPS
from pipeline.verification.recompute_instruments import other_version, shipped_model
from report.checking import verification as reports
from rounds import verification
from schemas.chain import GENESIS, read_chain
from transforms.pii import salt_id

UNPROVED = (
    "文档与发现本身是否如实：伪造的数据配上新的哈希可以通过，须对照语料抽查 / whether documents and findings are true: forged data with fresh "
    "hashes would pass; it takes a look into the corpus",
    "检测器是否有漏检误报：由人工抽检与来源评估回答 / whether the detectors are right: people and samples answer that",
    "已知答案检出多少：只核对文本、下限与合计，检测器不在输出目录中 / how many of the known answers were found: texts, floor and sums are "
    "checked, but the detectors are not in the output folder",
    "申报的来源材料是否真实有效：材料在输出目录之外，此处只有其摘要 / whether the declared evidence is genuine: the files lie outside "
    "the output folder, only their digests are here",
    "文档是否相似：相似组由未公布的 MinHash 值得出，此处只核对其与文档、与剔除是否一致；完全相同者由文档重算 / whether documents are similar: "
    "groups follow from MinHash values that are not published, they are checked against documents and admission; equal texts are told again",
    "个人信息是否属于不满十四周岁者：出生年份与上下文不公布，按记载采信 / whether personal information is of children under 14: births and "
    "surroundings are not published, what is stated is believed",
    "个人信息的摘要（hmac）与未计数的弱候选：盐与原文不公布，增删改写不可见 / digests of personal information, and weak candidates that "
    "do not count: salt and texts are not published, so one that was changed, added or left out is not seen",
)


def unproved(output: Output) -> list[str]:
    """What a clean `verify` of this output leaves open."""
    lines, run = list(UNPROVED), output.current
    if run is None:
        return lines
    manifest = run.manifest
    if other_version(manifest):
        lines.append(
            f"已知答案：由版本 {manifest['software_version']} 以其自带文本检测，此版本无法核对 / known answers: those of version "
            f"{manifest['software_version']}, which this version does not hold"
        )
    if not shipped_model(manifest):
        lines.append(
            f"分类模型的证据强度：出自自备模型的 labels.json / the evidence for the classifier: as its own labels.json says, sha256 "
            f"{manifest['versions']['labels_sha256']}"
        )
    if not os.path.lexists(output.folder / SALT):
        lines.append(
            f"个人信息的摘要是否出自 manifest 所记之盐：{SALT} 不在此处（移交时应当如此）/ whether digests of personal information were made under "
            f"the salt the manifest names: {SALT} is not here, as it should be in a folder handed over"
        )
    return lines + verification.unproved(output) + reports.unproved(output)


@dataclass(frozen=True)
class Check:
    """One thing that was checked, and every difference found."""

    title: str
    problems: tuple[str, ...]


def verify(output: Output, quick: bool = False) -> list[Check]:
    """All checks, in order. With `quick`, hashes and chains only."""
    output.must_exist()
    checks = [Check("链 / chains", (*_chains(output), *check_records(output)))]
    checks.append(Check("历史 / history", tuple(history.problems(output))))
    records, _ = read_chain(output.publications)
    gone = history.pruned(output)
    present = [r for r in records if r["run_id"] not in gone and (output.runs / r["run_id"]).is_dir()]
    for record in present:
        run = Run(output.runs / record["run_id"])
        checks.append(
            Check(f"文件哈希 / file hashes: {record['run_id']}", tuple(_files(run, record["manifest_sha256"])))
        )
    current = output.current
    if current is None:
        checks.append(Check("当前运行 / current run", ("没有已发布的运行 / no run is published",)))
        return checks
    checks.append(Check("个人信息摘要的盐 / salt of digests", tuple(_salt(output, current))))
    checks += [Check(title, problems) for title, problems in verification.checks(output, quick)]
    checks += [Check(title, problems) for title, problems in reports.checks(output, quick)]
    if not quick:
        checks += _recompute(output, current)
    return checks


def _salt(output: Output, run: Run) -> Iterator[str]:
    """A salt that is there is the run's, and for its owner alone."""
    try:
        found = read_salt(output.folder)
        stated = run.manifest["versions"].get("salt")
    except UsageError as error:
        yield str(error)
        return
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        yield f"manifest.json: 读不了 / cannot be read: {_brief(error)}"
        return
    if found is None:
        return
    salt, mode = found
    if salt_id(salt) != stated:
        yield (
            f"{SALT}: 不是本次运行所用的盐（manifest {stated}，文件 {salt_id(salt)}）/ is not the salt of this run (manifest {stated}, file "
            f"{salt_id(salt)}): restore it from a copy, or run again"
        )
    if mode & ~PRIVATE:
        yield f"{SALT}: 权限为 {mode:04o}，应为 0600 / has permissions {mode:04o}: chmod 600"


def _chains(output: Output) -> Iterator[str]:
    records, problems = read_chain(output.publications)
    yield from problems
    events, problems = read_chain(output.blacklist / EVENTS)
    yield from problems
    yield from unfounded(events)
    _, problems = read_chain(output.folder / FOLDER / ASSESSMENTS)
    yield from problems
    state = output.blacklist / STATE
    if events and (
        not state.exists() or state.read_text("utf-8-sig") != state_csv(replay(events)).replace("\r\n", "\n")
    ):
        yield f"{state}: 与记录重放不符 / differs from the replayed log"
    current = output.current
    if records and current is not None and current.folder.name != records[-1]["run_id"]:
        yield f"current: 指向 {current.folder.name}，最后发布的是 / points there, last published was {records[-1]['run_id']}"
    if current is not None:
        try:
            head = current.manifest["blacklist_head"]
        except (ValueError, KeyError, OSError) as error:
            yield f"{current.folder.name}/manifest.json: 读不了 / cannot be read: {error}"
            return
        if head != GENESIS and head not in {event.get("sha256") for event in events}:
            yield "blacklist/events.ndjson: 缺少本次运行时的最后一条记录 / the event that was last when the run was published is missing"


def _files(run: Run, manifest_sha256: str) -> Iterator[str]:
    try:
        if sha256_file(run.folder / "manifest.json") != manifest_sha256:
            yield "manifest.json: 与发布记录的哈希不符 / differs from what was published"
        stated = run.manifest["files"]
    except (OSError, ValueError, KeyError) as error:
        yield f"manifest.json: 读不了 / cannot be read: {error}"
        return
    found = file_digests(run.folder)
    for name in sorted(stated.keys() | found.keys()):
        if name not in found:
            yield f"{name}: 文件缺失 / missing"
        elif name not in stated:
            if not name.startswith("report/"):
                yield f"{name}: 发布时没有的文件 / was not there at publication"
        elif found[name] != stated[name]:
            yield f"{name}: 内容已改变 / changed since publication"


def _recompute(output: Output, run: Run) -> list[Check]:
    """Everything that follows from documents, findings, rejects and samples."""
    checks = []
    try:
        recomputation = Recomputation(output, run)
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError, duckdb.Error) as error:
        return [Check("重算 / recomputation", (f"无法打开 / cannot be opened: {_brief(error)}",))]
    for title, step in STEPS:
        problems: list[str] = []
        try:
            problems += step(recomputation)
        except (OSError, ValueError, LookupError, TypeError, ArithmeticError, duckdb.Error) as error:
            problems.append(f"无法重算 / cannot be recomputed: {_brief(error)}")
        checks.append(Check(title, tuple(problems)))
    recomputation.close()
    return checks


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:300] if str(error) else ''}"
