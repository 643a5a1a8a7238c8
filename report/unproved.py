"""What a report leaves open however well it was made, printed with it and with every check of it."""

from report.evidence.workspace import Workspace

OF_REPORT = (
    "语料、检测与判读是否如实：报告由运行与轮次的表算出，伪造的表配上新的哈希、且处处自洽者，须对照语料抽查（verify --against-corpus） / whether corpus, findings and "
    "verdicts are true: a forgery that is consistent throughout and has fresh hashes passes every check; it takes a look into the corpus "
    "(verify --against-corpus)",
    "检测器漏检多少：由人工抽检与来源评估样本估计，带抽样误差 / what the detectors miss: samples read by people estimate it, with sampling error",
    "判定是否出于本人、是否如实：只核对流程、一致性与已知答案 / whether people judged themselves, and honestly: procedure, agreement and known answers are checked",
    "公开值在冻结总体时是否确实未知：登记簿只载本机时间 / whether the public value was unknown when the frame was frozen: the register has this machine's clock",
    "申报的内容与证明材料是否真实有效：报告只载申报与文件摘要 / whether what is declared is true and its files genuine: the report holds the declarations and digests of files",
    "知识产权指标只是线索，不是侵权结论 / indicators of intellectual property are hints, never a finding of infringement",
)
_REHEARSAL = "演练：没有关闭的评估轮次，样本与合格率不作结论 / a rehearsal: no closed round, so samples and rates conclude nothing"
_TRAINED = "训练所用是否即准入语料：没有与本次运行比对过的训练清单 / whether what was trained on is what was admitted: no training manifest was matched with this run"
_UNSEEN = "技术抽检样本过大，报告内只有其摘要 / the technical sample is too large to be in the report, which has its digest alone"


def of_report(workspace: Workspace) -> tuple[str, ...]:
    """The lines of a report, from its evidence."""
    (facts,) = workspace.rows("SELECT rehearsal FROM record.facts") or [{"rehearsal": True}]
    lines = list(OF_REPORT)
    if facts["rehearsal"]:
        lines.append(_REHEARSAL)
    if not workspace.value("SELECT count(*) FROM record.training WHERE same_run AND clean"):
        lines.append(_TRAINED)
    drawn = workspace.value("SELECT size FROM record.samples WHERE sample = 'technical'") or 0
    if drawn and not workspace.value("SELECT count(*) FROM audit.technical_sample"):
        lines.append(_UNSEEN)
    return tuple(lines)
