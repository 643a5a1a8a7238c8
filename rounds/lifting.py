"""A closed round as proof for lifting a source from the blacklist: blind, from before filtering, and of what is there now."""

from collections.abc import Mapping
from typing import Any

from pipeline.errors import UsageError
from pipeline.store.output import Output
from rounds.consequences import evidence
from rounds.register import Round, find_round, rounds_of
from rounds.results import read_result


def assessment(output: Output, wanted: str, source: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers a lift rests on. `manifest` is that of the current run.

    Raises UsageError with every reason against it: the round is not closed or has no sample of the source, its upper bound
    is above the maximum, source or rules changed since, or a later round found otherwise.
    """
    found = find_round(output, wanted)
    row = _row(found, source)
    if row is None or found.closed is None:
        raise UsageError(
            f"--round: {wanted}: 未关闭，或没有 {source} 的来源评估样本 / is not closed, or holds no assessment sample of {source}"
        )
    problems = []
    if not row["within"]:
        problems.append(
            f"{source} 的上限 {row['rate_high']:.4%} 超过门槛（判定 {row['positive_judged'] + row['negative_judged']} 条）/ its upper bound "
            f"{row['rate_high']:.4%} is above the maximum: judge more of it in a further round"
        )
    if row["source_version"] != manifest.get("source_versions", {}).get(source):
        problems.append("来源在该轮之后已变化 / the source changed since that round: assess what is there now")
    if found.opened["ruleset_sha256"] != manifest.get("ruleset_sha256"):
        problems.append("检测规则在该轮之后已变化 / the rules changed since that round")
    later = [one for one in rounds_of(output) if one.opened["seq"] > found.opened["seq"]]
    problems += [
        f"之后的 {one.id} 未得出同样结论 / the later {one.id} did not find the same: {told['rate_high']:.4%}"
        for one in later
        if (told := _row(one, source)) is not None and not told["within"]
    ]
    if problems:
        raise UsageError([f"--round: {wanted}: {problem}" for problem in problems])
    return {"round": found.id, "result_sha256": found.closed["result_sha256"], **evidence(row)}


def _row(found: Round, source: str) -> dict[str, Any] | None:
    if found.closed is None:
        return None
    return next((row for row in read_result(found).content["sources"] if row["source_id"] == source), None)
