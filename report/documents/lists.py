"""Lists of the report that are no table of the form: conclusion, notices, facts of run and round, gaps, evidence, signers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from report.documents.shown import NOTHING, plain, split_languages
from report.evidence import layout
from report.model import CUSTOM, MISSING, PEOPLE, VERDICTS, Both, Column, Evidence, Report, Row, Table

EMPTY = "none"  # key of the row of a table without rows, as report/tables/filling.py has it
UNDECLARED = "（待补充）"
SIGNERS = {
    "legal_person": Both("单位法定代表人", "legal representative"),
    "security_lead": Both("整体安全评估负责人", "head of the safety assessment"),
    "legality_lead": Both("合法性评估负责人", "head of the assessment of lawfulness"),
}
_MODALITY = {"shall": Both("应", "shall"), "should": Both("宜", "should")}


def both(line: str) -> Both:
    """A line "中文 / English" in its two languages."""
    return Both(*split_languages(line))


def conclusion(report: Report) -> Iterator[tuple[Both, str]]:
    """What is concluded on the whole, or what is open, with the kind of paragraph it is."""
    if report.conclusion is not None:
        yield Both(f"总体结论：{report.conclusion.zh}。", f"Overall: {report.conclusion.en}."), "strong"
        return
    open_ones = [one for one in report.verdicts if one.modality == "shall" and one.verdict in (MISSING, PEOPLE, CUSTOM)]
    counted = [(name, sum(one.verdict == name for one in open_ones)) for name in (MISSING, PEOPLE, CUSTOM)]
    told = "、".join(f"{name} {count} 条" for name, count in counted if count)
    yield (
        Both(
            f"尚未形成总体结论：{len(open_ones)} 条“应”条款没有结论（{told}）。"
            if open_ones
            else "尚未形成总体结论：没有适用的条款。",
            f"No overall conclusion yet: {len(open_ones)} binding clauses are open."
            if open_ones
            else "No overall conclusion: no clause applies.",
        ),
        "warning",
    )


def notices(report: Report) -> Iterator[Both]:
    """What has to be said before anything else."""
    cover, facts = report.cover, report.cover["facts"]
    if cover["rehearsal"]:
        yield Both(
            "演练：本报告没有已关闭的评估轮次，对样本不作结论，不得用于备案。",
            "Rehearsal: there is no closed assessment round. Nothing is concluded on samples; not for filing.",
        )
    yield cover["edition"]["notice"]
    if not facts["may_pass"]:
        yield Both("自定义口径：不得出“符合”的结论。", "A profile of the user's own: no clause is concluded as met.")
    if facts.get("custom_policy"):
        yield Both("使用了自定义策略。", "A policy of the user's own was in use.")


def verdict_counts(report: Report) -> Table:
    """How many clauses came to which verdict."""
    columns = (
        Column("verdict", Both("结论", "verdict"), "verdict"),
        Column("shall", Both("“应”条款", "binding"), "count"),
        Column("should", Both("“宜”条款", "recommended"), "count"),
        Column("clauses", Both("条款", "clauses"), "text"),
    )
    rows = []
    for name in reversed(VERDICTS):
        mine = [one for one in report.verdicts if one.verdict == name]
        count = {how: sum(one.modality == how for one in mine) for how in _MODALITY}
        rows.append(Row(name, {"verdict": name, **count, "clauses": " ".join(one.clause for one in mine) or NOTHING}))
    total = {how: sum(one.modality == how for one in report.verdicts) for how in _MODALITY}
    rows.append(Row("total", {"verdict": "合计", **total, "clauses": None}, total=True))
    return Table("conclusions", Both("条款结论统计", "Verdicts counted"), (), columns, tuple(rows), "")


def facts(report: Report) -> tuple[tuple[Both, str], ...]:
    """What the report stands on, a line each."""
    cover, told = report.cover, report.cover["facts"]
    organisation, model, edition = cover["organisation"] or {}, cover["model"] or {}, cover["edition"]
    base = "自研" if model.get("base_own") else _joined(model, "base_name", "base_record")
    rows: Sequence[tuple[str, str, Any]] = (
        ("申报单位", "organisation", organisation.get("name")),
        ("统一社会信用代码", "credit code", organisation.get("credit_code")),
        ("服务名称", "service", organisation.get("service")),
        ("模型名称与版本", "model", _joined(model, "name", "version")),
        ("基座模型与备案号", "base model and its filing number", base if model else None),
        ("属于该模型的训练清单", "training manifests", model.get("training")),
        ("依据标准", "standard", edition["document"]),
        ("标准状态", "its status", split_languages(edition["status"] or NOTHING)[0]),
        ("口径", "profile", f"{told['profile_title']}（{told['profile']}）"),
        ("策略", "policy", told["policy"]),
        ("审计运行", "run", told["run_id"]),
        ("评估轮次", "round", "演练，无轮次" if cover["rehearsal"] else told["round"]),
        ("审计基准日", "day of the audit", told["day"]),
        ("审计语料条数", "documents audited", told["documents"]),
        ("获准进入训练条数", "documents admitted", told["admitted_documents"]),
        ("软件版本", "software", f"corpus-audit {told['software_version']}"),
        ("检测规则摘要", "ruleset sha256", told["ruleset_sha256"]),
        ("运行清单摘要", "run manifest sha256", told["manifest_sha256"]),
        ("证据摘要", "evidence sha256", cover["digest"]),
    )
    return tuple((Both(zh, en), UNDECLARED if value is None else plain(value)) for zh, en, value in rows)


def seed(report: Report) -> tuple[tuple[Both, str], ...]:
    """The seed and where it comes from."""
    round_, told = report.cover["round"] or {}, report.cover["facts"]
    rows: list[tuple[str, str, Any]] = [("技术抽检种子", "seed of the technical check", told["seed"])]
    if round_:
        rows += [
            ("轮次", "round", round_.get("round")),
            ("总体条数（冻结）", "documents in the frozen frame", round_.get("frame_documents")),
            ("总体摘要 sha256", "sha256 of the frame", round_.get("frame_sha256")),
            ("冻结时间", "frozen at", round_.get("opened_at")),
            ("公开值", "public value", round_.get("value_name")),
            ("公布处", "published by", round_.get("value_source")),
            ("约定公布时间", "expected at", round_.get("value_expected")),
            ("取值", "value", round_.get("value")),
            ("取值登记时间", "value on record at", round_.get("valued_at")),
            ("人工抽检种子", "seed of the manual check", round_.get("seed")),
            ("抽取时间", "drawn at", round_.get("drawn_at")),
        ]
    return tuple((Both(zh, en), plain(value)) for zh, en, value in rows)


def gap_table(report: Report) -> Table:
    """What is to be done before filing, in its order."""
    columns = (
        Column("rank", Both("序号", "no."), "count"),
        Column("verdict", Both("状态", "verdict"), "verdict"),
        Column("text", Both("事项", "what stands in the way"), "text"),
        Column("found", Both("涉及", "found"), "text"),
        Column("remedy", Both("怎么办", "what to do"), "text"),
        Column("who", Both("由谁", "by whom"), "text"),
        Column("blocks", Both("影响的条款", "clauses"), "text"),
    )
    rows = [
        Row(
            str(gap.rank),
            {
                "rank": gap.rank,
                "verdict": gap.reason.verdict,
                "text": gap.reason.text,
                "found": "、".join(gap.reason.found) or None,
                "remedy": gap.reason.remedy,
                "who": gap.reason.who,
                "blocks": " ".join(gap.blocks),
            },
        )
        for gap in report.gaps
    ]
    nothing = Row(EMPTY, {"text": Both("没有差距", "no gaps")})
    return Table("gaps", Both("差距清单", "Gaps"), (), columns, tuple(rows) or (nothing,), "")


def evidence_table(report: Report) -> Table:
    """Every file the report stands on."""
    columns = (
        Column("title", Both("材料", "evidence"), "text"),
        Column("file", Both("文件", "file"), "text"),
        Column("sha256", Both("sha256", "sha256"), "digest"),
    )
    rows = [
        Row(str(place), {"title": _title(one), "file": one.file, "sha256": one.sha256 or None})
        for place, one in enumerate(report.evidence, start=1)
    ]
    nothing = Row(EMPTY, {"title": Both("没有证明材料", "no evidence")})
    return Table("evidence", Both("证明材料索引", "Index of evidence"), (), columns, tuple(rows) or (nothing,), "")


def _title(one: Evidence) -> Both:
    """What a piece of evidence is; of a table of the evidence folder what the table holds."""
    schema, _, name = one.file.removesuffix(".parquet").partition("/")
    if str(one.title) == one.file and name in layout.columns().get(schema, {}):
        return layout.title(schema, name)
    return one.title


def signers(report: Report) -> Iterator[tuple[Both, str, str, str]]:
    """The three who sign: part, name, post, note; empty where not declared."""
    for part, title in SIGNERS.items():
        told = _signer(report.cover["signers"], part)
        name, post, note = (plain(told[one]) if told.get(one) else "" for one in ("name", "post", "note"))
        yield title, name, post, note


def _signer(declared: Mapping[str, Mapping[str, Any]], part: str) -> Mapping[str, Any]:
    """The person declared for a part, or who holds it beside another."""
    if part in declared:
        return declared[part]
    return next((one for one in declared.values() if part in (one.get("also") or ())), {})


def modality(name: str) -> Both:
    """应 or 宜."""
    return _MODALITY.get(name, Both(name, ""))


def _joined(row: Mapping[str, Any], *names: str) -> str | None:
    return " ".join(str(row[name]) for name in names if row.get(name)) or None
