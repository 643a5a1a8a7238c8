"""What a closed round comes to, in lines for people: literal results first, then what supports or limits them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def result_lines(content: Row) -> Iterator[str]:
    """The result of a round (the content of result.json) as lines."""
    yield f"{content['round']}  {'通过 / passed' if content['passed'] else '未通过 / did not pass'}  {content['profile']}"
    manual = content["manual"]
    yield f"  人工抽检 / manual check ({manual['clause']}): {manual['conclusion']}"
    yield f"    {manual['basis']}"
    if manual["exact_low"] is not None:
        yield (
            f"    合格率 / qualified {manual['qualified_share']:.4%}；Wilson 双侧 / two-sided 95 % [{manual['wilson_low']:.4%}, "
            f"{manual['wilson_high']:.4%}]；Clopper–Pearson 单侧下限 / one-sided lower bound 95 % {manual['exact_low']:.4%}"
        )
    if manual["qualified_read_in_part"]:
        yield (
            f"    判为合格而无人读完全文 / called qualified though nobody had the whole text on the screen: "
            f"{manual['qualified_read_in_part']}"
        )
    yield from _not_blind(content["after_findings"])
    yield from _earlier(content["earlier"])
    relied = content["reliance"]
    yield (
        f"    已知答案判出 / known answers found: {relied['known_found']} / {relied['known']}，未判完 / not read {relied['known_unread']}，至少应判出 / at "
        f"least {relied['known_floor']}"
    )
    blind = "，".join(
        f"{title} {relied[f'known_{name}_found']} / {relied[f'known_{name}']}"
        for name, title in (
            ("first", "初判 / first"),
            ("second", "复判 / second"),
            ("adjudication", "裁决 / adjudication"),
        )
    )
    yield (
        f"    其中盲判判出 / of these found blind: {blind}；判读过快 / readings too fast {relied['readings_fast']} / {relied['readings_page']}，由文件导入 / "
        f"imported {relied['readings_imported']}"
    )
    held = content["carried"]
    yield f"    沿用结论 / carried over: {held['items']} / {held['of']}{' ← ' + held['from'] if held['from'] else ''}"
    for row in content["stages"]:
        title = "单列阶段 / stage listed apart" if row["apart"] else "阶段补充样本 / stage"
        yield f"  {title} {row['stage']}: 不合格 / not qualified {row['failures']} / {row['judged']}，不作结论 / decides nothing"
    yield from _sources(content)
    yield from _people(content)
    for row in content["clauses"]:
        yield f"  {row['clause']}: {row['verdict']}  {row['basis']}"


def _not_blind(told: Row) -> Iterator[str]:
    if told["readings"]:
        yield (
            f"    看过机器检出后重判 / judged again after the machine was seen: {told['readings']}，均交裁决 / left to adjudication；"
            f"终判据以作出 / finals that rest on one: {len(told['resting'])} {told['resting'] or ''}".rstrip()
        )


def _earlier(rounds: Sequence[Row]) -> Iterator[str]:
    """Earlier rounds that did not pass: a redraw is never shown alone."""
    for row in rounds:
        counted = "" if row["judged"] is None else f"，不合格 / not qualified {row['failures']} / {row['judged']}"
        ended = "放弃 / given up" if row["state"] == "abandoned" else "未通过 / did not pass"
        frame = "与本轮同一总体 / the same frame" if row["same_frame"] else "另一总体 / another frame"
        yield f"    此前 / earlier {row['round']}: {ended}{counted}，{frame}"


def _sources(content: Row) -> Iterator[str]:
    for row in content["sources"]:
        estimate = "—" if row["rate"] is None else f"{row['rate']:.4%}"
        judged = row["positive_judged"] + row["negative_judged"]
        yield (
            f"  来源 / source {row['source_id']}: {row['conclusion']}  {estimate}，单侧 95 % / one-sided 95 % [{row['rate_low']:.4%}, "
            f"{row['rate_high']:.4%}]，判定 / judged {judged} / {row['documents']}"
        )
        if row["open_reasons"]:
            yield f"    抽样无法回答 / a sample does not answer: {', '.join(row['open_reasons'])}"
    for row in content["machine"]:
        if row["call"] == "decided" and row["missed"] is not None:
            yield (
                f"  机器漏检 / missed by the machine, {row['source_id'] or '全部被评估来源 / all assessed sources'}: {row['missed']:.2%} "
                f"[{row['missed_low']:.2%}, {row['missed_high']:.2%}]"
            )


def _people(content: Row) -> Iterator[str]:
    (everybody, *_) = content["agreement"]
    if everybody["pairs"]:
        yield (
            f"  双人一致 / agreement of two readers: {everybody['agreed']} / {everybody['pairs']}，Cohen κ {_figure(everybody['kappa'])}，"
            f"Gwet AC1 {_figure(everybody['ac1'])}，不合格一致率 / on not qualified {_figure(everybody['positive'])}"
        )
    for row in content["people"]:
        yield (
            f"  {row['person']}: 判读 / readings {row['readings']}，已知答案 / known answers {row['known_found']} / {row['known']}，重复一致 / "
            f"repeats alike {row['repeats_same']} / {row['repeats']}，过快 / too fast {row['too_fast']}"
        )


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"
