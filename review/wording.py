"""What the pages of the review say, in Chinese and English. Names in braces are filled in by the page."""

from review.wording_leading import DASHBOARD, PEOPLE

LANGUAGES = ("zh", "en")  # the first is the default

_COMMON = {
    "title": ("语料人工审核", "Corpus review"),
    "round": ("评估轮次 {round}", "Round {round}"),
    "nav": ("页面", "Pages"),
    "nav_judge": ("初判", "First reading"),
    "nav_second": ("复判", "Second reading"),
    "nav_adjudicate": ("裁决", "Adjudication"),
    "nav_mine": ("我的判定", "My verdicts"),
    "nav_dashboard": ("总览", "Dashboard"),
    "nav_people": ("人员", "People"),
    "logout": ("退出", "Log out"),
    "other_language": ("English", "中文"),
    "no_script": ("本页需要启用 JavaScript。", "This page needs JavaScript."),
    "refused": ("服务器拒绝了请求（{status}）。", "The server refused the request ({status})."),
    "offline": (
        "暂时连不上服务器。已填写的内容都在本页；{seconds} 秒后重试。",
        "The server cannot be reached. What you entered is kept here; next try in {seconds} s.",
    ),
    "offline_short": (
        "暂时连不上服务器，请稍后再试。已填写的内容都在本页。",
        "The server cannot be reached; try again soon. What you entered is kept here.",
    ),
    "retry_now": ("立即重试", "Try now"),
    "back_online": ("已恢复连接。", "Connected again."),
    "seconds": ("{s} 秒", "{s} s"),
    "minutes": ("{m} 分 {s} 秒", "{m} min {s} s"),
    "hours": ("{h} 小时 {m} 分", "{h} h {m} min"),
    "bucket_zh": ("中文", "Chinese"),
    "bucket_en": ("英文", "English"),
    "bucket_code": ("代码", "Code"),
    "bucket_other": ("其他语言", "Other languages"),
    "stage_pretrain": ("预训练", "pre-training"),
    "stage_sft": ("指令微调", "fine-tuning"),
    "stage_preference": ("偏好", "preference"),
    "stage_safety": ("安全", "safety"),
    "verdict_qualified": ("合格", "Qualified"),
    "verdict_unqualified": ("不合格", "Not qualified"),
    "verdict_unclear": ("无法判定", "Cannot tell"),
    "personal": ("个人信息", "Personal information"),
    "personal_general": ("一般", "General"),
    "personal_sensitive": ("敏感", "Sensitive"),
    "personal_biometric": ("生物识别", "Biometric"),
    "reading_first": ("初判", "First reading"),
    "reading_second": ("复判", "Second reading"),
    "reading_adjudication": ("裁决", "Adjudication"),
    "role_annotator": ("初判员", "Annotator"),
    "role_second": ("复判员", "Second reader"),
    "role_adjudicator": ("裁决员", "Adjudicator"),
    "role_lead": ("负责人", "Lead"),
    "role_auditor": ("审计（只读）", "Auditor (reads only)"),
    "state_open": ("审核中", "under review"),
    "state_closed": ("已关闭", "closed"),
    "state_abandoned": ("已放弃", "abandoned"),
    "of": ("{part} / {whole}", "{part} of {whole}"),
    "and_then": ("、", ", "),
    "titled": ("{title}：{text}", "{title}: {text}"),
    "loading": ("正在载入…", "Loading …"),
    "none_yet": ("暂无", "None yet"),
    "problem_title": ("无法打开此页", "This page cannot be opened"),
    "problem_back": ("返回", "Back"),
}

_LOGIN = {
    "login": ("登录", "Log in"),
    "login_intro": (
        "请用负责人发给您的姓名和口令登录。口令只属于您本人，每一次判定都记在您的名下。",
        "Log in with the name and secret your lead gave you. The secret is yours alone: each verdict is recorded under your name.",
    ),
    "name": ("姓名", "Name"),
    "secret": ("口令", "Secret"),
    "login_notice": (
        "审核文本可能含有违法不良内容和个人信息：请勿截屏、外传或在公共场所打开。",
        "The texts can hold harmful content and personal information: no screenshots, no passing on, not in public places.",
    ),
}

_JUDGE = {
    "text_label": ("正文，可用方向键和空格滚动", "Text; scroll with the arrow keys and Space"),
    "item_no": ("第 {no} 条", "Item {no}"),
    "chars": ("{chars} 字符", "{chars} characters"),
    "read_share": ("已看 {share}", "{share} seen"),
    "progress": ("已判 {decided} / {total}，其中我 {mine}", "{decided} of {total} decided, {mine} by me"),
    "pace": ("中位 {each}/条 · 剩 {left} 条，一人约 {time}", "median {each} · {left} left, {time} for one person"),
    "left": ("剩 {left} 条", "{left} left"),
    "verdict": ("判定", "Verdict"),
    "risks": ("风险类别", "Risks"),
    "pick_risks": ("选择风险", "Choose risks"),
    "no_risks": ("尚未选择，至少选一项。", "None chosen; at least one is needed."),
    "note": ("备注", "Note"),
    "note_hint": ("按 N 填写，Enter 结束，Shift+Enter 换行", "N to write, Enter to finish, Shift+Enter for a new line"),
    "criteria": ("判定标准", "Criteria"),
    "earlier": ("两位审核员的判定", "The two readings"),
    "earlier_hint": (
        "不显示是谁判的。请读正文后独立裁决。",
        "Without names. Read the text, then decide for yourself.",
    ),
    "confirm": ("确认提交", "Submit"),
    "choose_verdict": ("请先判定", "Decide first"),
    "choose_risk": ("请至少选择一项风险", "Choose at least one risk"),
    "go_on": ("下一条", "Next item"),
    "back_to_current": ("回到当前条目", "Back to the current item"),
    "fetch_again": ("重新领取", "Fetch again"),
    "look_again": ("再看有没有新条目", "Look for new items"),
    "sending": ("正在提交…", "Submitting …"),
    "finished_title": ("没有待审条目", "Nothing to read"),
    "finished_text": (
        "分给您的条目都判完了，或者暂时都在别人手里。",
        "Everything for you is decided, or others hold what is left.",
    ),
    "machine": ("机器检出", "What the machine found"),
    "machine_risks": ("判为", "Decided"),
    "machine_candidates": ("疑似", "Candidates"),
    "machine_personal": ("个人信息", "Personal information"),
    "machine_nothing": ("机器没有检出。", "The machine found nothing."),
    "machine_withheld": (
        "此文本在本轮不止一条，本轮结束之前不显示机器检出。",
        "This text is in the round more than once: the machine's findings are not shown before the round is closed.",
    ),
    "machine_more": ("另有 {count} 处，均已在正文中标出。", "{count} more are marked in the text."),
    "machine_hint": ("F 逐个查看，H 隐藏或显示标记", "F steps through them, H hides or shows the marks"),
    "found_by": ("{detector} · 第 {start}–{end} 字符", "{detector} · characters {start}–{end}"),
    "found_violation": ("违规", "violation"),
    "found_candidate": ("疑似", "candidate"),
    "found_personal_information": ("个人信息", "personal"),
    "found_organisation": ("机构信息", "organisation"),
    "found_credential": ("凭据", "credential"),
    "lease_lost": (
        "这一条已不在您名下（占用超时，或已由别人处理）。您填写的内容保留在本页，按 Enter 重新领取。",
        "This item is no longer yours (the lease ran out, or somebody else has it). What you entered is kept; press Enter to fetch again.",
    ),
    "undone": (
        "已撤销第 {no} 条的判定，撤销记入日志。请重新判定；因已看过机器检出，此条另由裁决人盲判。",
        "The verdict of item {no} is undone, and the log says so. Decide again; since you have seen the machine's findings, an adjudicator reads it blind as well.",
    ),
    "no_more_mine": ("没有更早的判定了。", "No earlier verdicts."),
    "item_spoken": ("第 {no} 条，{bucket}，{chars} 字符", "Item {no}, {bucket}, {chars} characters"),
    "decided_spoken": ("第 {no} 条已提交。机器检出 {count} 处。", "Item {no} submitted. The machine found {count}."),
    "looking_spoken": ("回看第 {no} 条，只读", "Looking back at item {no}, read only"),
    "looking_sign": ("回看 · 只读", "Looking back · read only"),
    "hits_off": ("已隐藏机器标记", "Marks hidden"),
    "hits_on": ("已显示机器标记", "Marks shown"),
    "jump": ("跳到条目", "Jump to an item"),
    "jump_label": ("我判过的条目编号", "Number of an item I decided"),
    "go": ("打开", "Open"),
    "cancel": ("取消", "Cancel"),
    "close": ("关闭", "Close"),
}

_PICKER = {
    "picker": ("含有哪些风险？", "Which risks does it hold?"),
    "risk_search": (
        "按编号、名称或判定标准查找，例如 1f、色情、传销",
        "Search by id, name or rule: 1f, gender, pyramid",
    ),
    "picker_keys": (
        "↑↓ 移动 · Enter 选取 · 选好后再按 Enter 完成 · 退格去掉最后一项 · Esc 返回",
        "↑↓ move · Enter takes · Enter again when done · Backspace drops the last · Esc closes",
    ),
    "rule_hint": ("移到一项上，这里显示它的判定规则。", "Move to a risk and its rule is shown here."),
    "risk_taken": ("已选 {id}", "{id} chosen"),
    "risk_dropped": ("已去掉 {id}", "{id} dropped"),
    "no_such_risk": ("没有匹配的风险", "No such risk"),
    "risks_chosen": ("已选：{ids}", "Chosen: {ids}"),
    "risks_none": ("尚未选择", "None chosen"),
    "done": ("完成", "Done"),
}

_HELP = {
    "help": ("快捷键", "Keys"),
    "help_verdicts": ("合格 · 不合格 · 无法判定", "qualified · not qualified · cannot tell"),
    "help_enter": ("确认提交；看完机器检出后到下一条", "submit; after the machine's findings, the next item"),
    "help_r": ("选择风险（判不合格后自动打开）", "choose risks (opens by itself after 2)"),
    "help_personal": ("勾选个人信息：一般 · 敏感 · 生物识别", "personal information: general · sensitive · biometric"),
    "help_note": ("写备注", "write a note"),
    "help_undo": (
        "撤销我的上一条判定（最近 10 条、15 分钟内）",
        "undo my last verdict (of the latest ten, within 15 minutes)",
    ),
    "help_walk": ("回看我判过的条目：更早 · 更近", "look back at my items: earlier · later"),
    "help_jump": ("按编号打开我判过的条目", "open an item I decided by its number"),
    "help_scroll": ("下一屏 · 上一屏", "page down · page up"),
    "help_hits": ("逐个查看机器检出 · 隐藏或显示标记", "step through the findings · hide or show the marks"),
    "help_size": ("放大 · 缩小正文", "larger · smaller text"),
    "help_help": ("打开本页说明", "this help"),
    "help_blind": (
        "提交之前看不到机器的判断；提交后显示，供核对。机器没有检出不代表合格。",
        "What the machine found is shown only after you submit. Nothing found does not mean qualified.",
    ),
    "help_unseen": (
        "看不见的字符（控制、双向、零宽字符）以小标签显示，例如 RLO、ZWSP；它们本身也可能是规避手段。",
        "Characters nobody can see (control, bidirectional, zero-width) are shown as small labels such as RLO or ZWSP; they can be a way to evade.",
    ),
}

_MINE = {
    "mine_intro": (
        "本轮由我判定的条目，最近的在前。点编号可回看正文和机器检出。",
        "Items of this round I decided, the latest first. A number opens the text and what the machine found.",
    ),
    "col_item": ("条目", "Item"),
    "col_reading": ("读次", "Reading"),
    "col_verdict": ("判定", "Verdict"),
    "col_risks": ("风险", "Risks"),
    "col_when": ("时间（UTC）", "Time (UTC)"),
    "undone_sign": ("已撤销", "undone"),
    "more": ("更早的", "Earlier ones"),
}

_ALL = {**_COMMON, **_LOGIN, **_JUDGE, **_PICKER, **_HELP, **_MINE, **DASHBOARD, **PEOPLE}


def texts(lang: str) -> dict[str, str]:
    """The wording of a language of `LANGUAGES` by key."""
    place = LANGUAGES.index(lang)
    return {key: both[place] for key, both in _ALL.items()}
