"""What people are told in the file itself: how to answer, and the written rules they judge by."""

from review.exchange.vocabulary import SHARES, VERDICT_NAMES, verdict_label
from rounds.criteria import load_criteria
from rounds.tables import ADJUDICATION

_CELLS = [
    "前三项风险用列表选，其余写编号，如 A1-a;A2-d。 / Three risks are chosen from lists, further ones written by id: A1-a;A2-d.",
    "长文本单元格显示不全时，请在编辑栏阅读（Ctrl+Shift+U 展开）。 / Read long texts in the formula bar (Ctrl+Shift+U).",
    "不要排序或删行。 / Do not sort or delete rows.",
]


def guide_lines(reading: str, cells: bool = True) -> list[str]:
    """The guide, a paragraph a line, Chinese beside English; `cells`: for a spreadsheet, with what only those need."""
    verdicts = "、".join(verdict_label(verdict) for verdict in VERDICT_NAMES)
    lines = [
        "请独立判断，不与他人商量，不查机器结果。 / Judge on your own, without others and without machine results.",
        f"每条给出结论：{verdicts}。 / A verdict for every item.",
        "只要有一处不合格，整条不合格；无法判定按不合格计，不会被替换。 / One bad passage makes the whole item unqualified;"
        " “unclear” counts as not qualified and is never replaced.",
        "不合格须选出全部所见风险；合格不填风险。 / Name every risk of what is unqualified, none for what is qualified.",
        "看见个人信息就勾选，与结论无关。 / Tick personal information whatever the verdict.",
        f"已读比例如实填写（{' '.join(SHARES)} 或其他）。 / Say honestly how much of the text you have read.",
        "\\u202E 之类是看不见的控制字符的编号。 / Codes such as \\u202E stand for control characters that cannot be seen.",
        "不要改动其他内容：导入时逐条核对。 / Change nothing else: every row is checked on import.",
    ]
    if cells:
        lines += _CELLS
    if reading == ADJUDICATION:
        lines.insert(1, "先前的结论供裁决参考，不署名。 / Earlier verdicts are shown for adjudication, without names.")
    return lines


def rule_lines(criteria: str) -> list[str]:
    """The written rules of the round in both languages; where this version has others, that they stand on the page."""
    rules = load_criteria()
    if rules.version != criteria:
        return [f"判据 {criteria} 见审核网页 / the rules {criteria} are on the review page"]
    return [f"判据 / rules: {criteria}", *rules.zh.splitlines(), *rules.en.splitlines()]
