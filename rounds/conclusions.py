"""What a round concludes on the clauses people answer for: never more than its numbers carry (assessment.md).

符合 only where the literal rule and the bounds say so, under a profile of ours, in a round that can be relied on
(rounds/reliance.py); everything else says what is missing. What speaks against a corpus takes no such proof.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rounds.apart import apart_sources, note
from rounds.doubts import UNREAD, unread_sources
from rounds.facts import RunFacts
from schemas.personal_information import LEVELS
from schemas.profile import Profile, may_pass
from schemas.profile_basis import caveat

PASS, FAIL, PEOPLE, NONE = "符合", "不符合", "待人工", "不适用"
CUSTOM = "自定义口径"  # looser than the standard never passes; a profile that does not rest on ours may be
ABOVE = "超过上限"


def _passing(profile: Profile) -> str:
    return PASS if may_pass(profile) else CUSTOM


def manual_conclusion(row: Mapping[str, Any], profile: Profile, doubts: Sequence[str]) -> tuple[str, str]:
    """Verdict and basis of the manual check, from its counts. `doubts`: why it concludes nothing in favour all the same."""
    judged, failures, allowed, minimum = (row[key] for key in ("judged", "failures", "allowed", "minimum"))
    counted = (
        f"抽检 {judged} 条，不合格 {failures} 条（其中无法判定 {row['unclear']} 条），至多可有 {allowed} 条 / {judged} judged, "
        f"{failures} not qualified ({row['unclear']} of them cannot be told), at most {allowed} allowed"
    )
    if row["carried"]:
        counted += f"；沿用此前结论 {row['carried']} 条 / {row['carried']} carried over from an earlier round"
    counted += _doubted(doubts)
    if judged < minimum:
        return FAIL, f"{_too_few(row, doubts)}；{counted}"
    if not row["passes"]:
        return FAIL, counted
    return (PEOPLE if doubts else _passing(profile)), counted


def _unrelied(content: Mapping[str, Any]) -> str:
    """The same for clauses beside the manual check, whose basis names the reasons."""
    if content["reliance"]["holds"]:
        return ""
    return (
        "；本轮不足以作出有利结论，见人工抽检 / the round does not carry a conclusion in favour, see the manual check"
    )


def _too_few(row: Mapping[str, Any], doubts: Sequence[str]) -> str:
    """Why fewer items than the minimum do not pass, and whether checking all of a small corpus stands in for it."""
    judged, minimum = row["judged"], row["minimum"]
    if not judged or judged != row["population"]:
        return f"少于 {minimum} 条，不作数 / fewer than {minimum}: does not count"
    if doubts:
        return (
            f"不符合：全部语料 {judged} 条，不足 {minimum} 条；已逐条检查，但不足以作为等效措施 / the corpus holds fewer than {minimum}; all of it "
            f"was checked, but not so that it would be an equivalent measure"
        )
    return (
        f"不符合 + 等效措施：全量人工检查。全部语料 {judged} 条，不足 {minimum} 条，已逐条检查；除非主管部门另有要求 / the corpus "
        f"holds fewer than {minimum}; all of it was checked, an equivalent measure unless the authority says otherwise"
    )


def _doubted(doubts: Sequence[str]) -> str:
    return (
        f"；本轮不足以作出有利结论 / the round does not carry a conclusion in favour: {'; '.join(doubts)}"
        if doubts
        else ""
    )


def source_conclusion(row: Mapping[str, Any], profile: Profile, relied: bool) -> str:
    """What a source's assessment shows: above the maximum, within it, or nothing certain."""
    if row["above"]:
        return ABOVE
    if row["within"] and not row["open_reasons"] and relied:
        return _passing(profile)
    return PEOPLE


def clause_rows(content: Mapping[str, Any], facts: RunFacts) -> list[dict[str, Any]]:
    """The clauses this round has something to say on, with verdict and basis, in the profile's order."""
    profile, manual = facts.profile, content["manual"]
    said = {profile.manual.clause: (manual["conclusion"], manual["basis"])}
    said[profile.source_rate.clause] = _sources(content, facts)
    said |= {clause: _personal(level, content, facts) for level, clause in profile.personal_information.clauses.items()}
    return [
        {
            "clause": clause.id,
            "title": clause.title,
            "verdict": said[clause.id][0],
            "basis": said[clause.id][1] + caveat(profile, clause),
        }
        for clause in profile.clauses
        if clause.id in said
    ]


def _sources(content: Mapping[str, Any], facts: RunFacts) -> tuple[str, str]:
    """符合 only where each admitted source was judged and its upper bound is not above the maximum."""
    concluded = {row["source_id"]: row["conclusion"] for row in content["sources"]}
    admitted = sorted(
        name for name, source in facts.sources.items() if source.admitted and source.documents and not source.apart
    )
    above = [name for name in admitted if concluded.get(name) == ABOVE]
    unsure = [name for name in admitted if concluded.get(name, PEOPLE) == PEOPLE]
    kept_out = sum(not source.admitted for source in facts.sources.values())
    basis = (
        f"进入训练的来源 {len(admitted)} 个，均须上限不超过门槛；另有 {kept_out} 个未进入训练 / {len(admitted)} sources admitted, the upper bound of "
        f"each must not be above the maximum; {kept_out} more kept out{note(facts)}{_unrelied(content)}"
    )
    open_ = [*_open(content, facts)]
    basis += "".join(f"；{reason}" for reason in open_)
    if above:
        return FAIL, f"{basis}；超过 / above: {', '.join(above)}"
    if unsure or open_ or not admitted or apart_sources(facts):
        return PEOPLE, f"{basis}；尚不能判定 / cannot be told yet: {', '.join(unsure)}"
    if "pre_collection" in facts.profile.source_rate.stages:
        return (
            PEOPLE,
            f"{basis}；另须采集前评估，轮次不涉及 / wants assessments before collection too, no part of a round",
        )
    return _passing(facts.profile), basis


def _open(content: Mapping[str, Any], facts: RunFacts) -> Iterator[str]:
    """What no sample of a source answers: sources not read, entries of the blacklist, domains taken off it on a file."""
    unread, blacklist = unread_sources(facts), content["blacklist"]
    if unread:
        yield (
            f"没有语料或未能确知读全的来源 / sources without any document, or not known to have been read to the end: "
            f"{', '.join(unread)}"
        )
    if blacklist["listed"]:
        listed = ", ".join(row["source_key"] for row in blacklist["listed"])
        yield (
            f"已列入黑名单而该运行仍准入，须重新运行 / on the blacklist, though the run is older and admits them, run again: {listed}"
        )
    if blacklist["lifted_domains"]:
        lifted = ", ".join(f"{row['domain']}（{row['documents']}）" for row in blacklist["lifted_domains"])
        yield (
            f"凭文件移出黑名单的域名及其准入条数，轮次不抽域名，须由人核实 / domains taken off the blacklist on a file, with the documents admitted: no "
            f"round samples a domain, people have to look: {lifted}"
        )


def _personal(level: str, content: Mapping[str, Any], facts: RunFacts) -> tuple[str, str]:
    """不适用 only where machine and people found none, of this level or one above it, in a round that can be relied on.

    What any reading ticked counts, whatever the final verdict says of it.
    """
    levels = LEVELS[LEVELS.index(level) :]
    machine = sum(count for name, count in facts.personal.items() if name in levels)
    people = sum(row["ticked"] for row in content["personal"] if row["level"] in levels)
    manual = content["manual"]
    basis = (
        f"机器检出 {machine} 条，人工在各样本中勾选 {people} 次 / found in {machine} documents by machine, ticked {people} times by people in "
        f"the samples"
    )
    if facts.unlooked:
        basis += f"；机器未能检测 {facts.unlooked} 条 / the detectors failed on {facts.unlooked} documents"
    unread = [row["reason"] for row in content["doubts"] if row["about"] == UNREAD]
    basis += "".join(f"；{reason}" for reason in unread) + _unrelied(content)
    looked = manual["judged"] >= min(manual["minimum"], manual["population"]) and manual["judged"] > 0
    if machine or people or facts.unlooked or unread or not looked or not content["reliance"]["holds"]:
        return PEOPLE, basis
    return NONE, basis
