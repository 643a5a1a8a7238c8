"""Names of people behind or below a label, and of those who say who they are.

Who is in the news, in a poem or in a textbook is not looked for. A name begins with a family name of the list, ends
where the run of Han characters ends or a title, a field or a verb begins, and is no common word. Names beside
identifiers are found by pii/rules/near_names.py.
"""

from pii.family_names import (
    COMPOUNDS,
    DOTTED,
    FIRST,
    FREQUENT,
    GIVEN,
    HAN,
    SURE,
    TITLES,
    TYPICAL,
    WORDLIKE,
    is_name,
)
from pii.rule import CONTEXTUAL, REJECTED, Rule

FIELDS = (
    "性别|电话|手机|联系|联络|身份|地址|年龄|住址|住所|出生|生日|民族|证件|号码|职务|职业|学号|工号|籍贯|邮箱|邮编|微信|单位|部门|科室|"
    "床号|住院|病历|编号|账号|账户|卡号|开户|户籍|班级|学校|公司|日期|时间|签字|签名|备注|收货|QQ"
)
_VERBS = (
    "[持乘驾因于在向对与和将犯系未的称到经以诉为是曾从自被有已说不均及男女代之至则]|通过|提出|认为|主诉|自诉|自述|入院|住院|家属|签订|要求|涉嫌|提供|支付|名下|"
    "民间|借款|买卖|租赁|离婚|婚姻|继承|劳动|侵权|合同|纠纷|机动|房屋|财产|身体|名誉|不当|追偿|抚养|赡养|分家|居间|服务|金融|物业|建设|执行|申请|"
    "您|你|请|收"
)
# What may close a name: the end of the Han run first, only then a word, so that no name is cut that ends in 和 or 为.
END = rf"(?![·•・‧∙*]|{HAN})"


def closed(stops: str, single: str) -> str:
    """A name with this class of family names up to its end, or up to one of the stops."""
    return rf"(?:(?:{COMPOUNDS}|{single}){GIVEN}{{1,2}}{END}|(?:{COMPOUNDS}|{single}){GIVEN}{{1,2}}?(?={stops}))"


def _wordlike(stops: str) -> str:
    """A name whose family name is a common word too: the rest must be typical."""
    return rf"(?:{WORDLIKE}{TYPICAL}{{1,2}}{END}|{WORDLIKE}{TYPICAL}{{1,2}}?(?={stops}))"


STARTS = rf"(?:{FIRST}|{HAN}+[·•・‧∙])"

# Labels that run on into the name without anything between.
_RUNNING_LABELS = (
    "姓名|联系人|收件人|收货人|寄件人|户主|监护人|患者|被告人|被告|原告人|原告|被害人|受害人|嫌疑人|上诉人|申请人|被申请人|执行人|第三人|现役军人|"
    "法定代表人|经办人|持卡人|收款人|开户名|(?<![用客])户名|借款人|出借人|投保人|被保险人|参保人|承租人|出租人|委托代理人|我的名字[是叫]|"
    "当事人|行为人|担保人|保证人|驾驶人|驾驶员|报警人|报案人|举报人|投诉人|求助人|走失者|走失老人|失踪者|失踪人员?|失联者|被访人|来访人|肇事者|"
    "辩护人|代理人|鉴定人|证人|死者|伤者|逃犯|罪犯|在逃人员"
)
# People of everyday life: behind these a name has to be a typical one and to end there.
_EVERYDAY = (
    "业主|住户|租客|房东|新邻居|邻居|新同事|同事|人事|管家|班主任|室友|舍友|同桌|网友|闺蜜|表哥|表姐|堂哥|堂弟|表弟|表妹|快递员|外卖员|骑手|学员|家长|"
    "前台|客户经理|客户|会员|用户|员工|职工|考生|旅客|乘客|病人|老伴|我妈|我爸|我老公|我老婆|我儿子|我女儿|我叔叔|我舅舅|我姑姑|我阿姨"
)
_BARE_RUNNING = _RUNNING_LABELS.replace("(?<![用客])", "")

_ASKED = "问一下|问下|问问|找一下|找下|转告|麻烦|拜托|告诉一下|帮我(?:问|找|叫|喊|联系)(?:一?下)?|请转[告交]"
_CALLED = (
    "(?:我|我名|本人|老公|老婆|丈夫|妻子|爸|妈|爸爸|妈妈|父亲|母亲|儿子|女儿|孩子|宝宝|弟弟|妹妹|哥哥|姐姐|爷爷|奶奶|外公|外婆|男友|女友|男朋友|女朋友|"
    "同事|室友|邻居|房东)(?:名字|大名|真名)?"
)
# Where the one who speaks belongs, and what stands before the people of a house: 我是人事部的, 3栋业主, 找人事.
_WHERE = "[部栋楼室号元层户司组班科处院校店行厅局区家社队系级]"
_LIVING = "[部栋楼室号元层户司组班新老找系]"
_PERSON = rf"(?:{COMPOUNDS}|{FREQUENT}|{WORDLIKE}){TYPICAL}{{1,2}}"


def check(text: str, start: int, end: int) -> float:
    """Whether the value is a name, by itself."""
    return CONTEXTUAL if is_name(text[start:end].replace(" ", "")) else REJECTED


RULES: tuple[Rule, ...] = (
    Rule(
        "name_in_sentence",
        "PERSON",
        rf"(?:{_RUNNING_LABELS}|自称(?!为?{HAN}{{1,3}}[王帝皇公君侯后]))[为是叫]?[(「『【《]?(?=(?P<value>{DOTTED}|{closed(TITLES + '|' + FIELDS + '|' + _VERBS, SURE)}|{_wordlike(TITLES + '|' + FIELDS + '|' + _VERBS)}))",
        rf"(?:{_BARE_RUNNING}|自称)[为是叫]?[(（「『【《]?{STARTS}",
        check,
        longest=64,
    ),
    Rule(
        "name_introduced",
        "PERSON",
        rf"(?<!《)(?:{_CALLED}叫做?)[(「『【《]?(?=(?P<value>{DOTTED}|(?:{COMPOUNDS}|{SURE}|{WORDLIKE}){TYPICAL}{{1,2}}(?:(?=是|来自|今年|住在|毕业|{FIELDS})|{END})))",
        rf"(?:{_CALLED}叫做?)[(（「『【《]?(?:{FIRST}|{HAN}+[·•・‧∙])",
        check,
        longest=64,
    ),
    Rule(
        "name_of_oneself",
        "PERSON",
        rf"(?:(?:我是|我就是)(?:[0-9{HAN[1:]}{{0,9}}{_WHERE}的)?|这里是)[(「『【《]?(?=(?P<value>{DOTTED}|{_PERSON}(?!》){END}))",
        rf"(?:我就?是|这里是)(?:[0-9０-９{HAN[1:]}*的)?[(（「『【《]?(?:{FIRST}|{HAN}+[·•・‧∙])",
        check,
        longest=64,
    ),
    Rule(
        "name_of_everyday",
        "PERSON",
        rf"(?:(?:(?<!{HAN})|(?<={_LIVING}))(?:{_EVERYDAY})[(「『【《]?|(?:{_EVERYDAY})[(「『【《])(?=(?P<value>{DOTTED}(?![》·•・‧∙])|{_PERSON}(?:{END}|(?=[您你]好|今[天日]|入职|报到|加入|到岗|{TITLES}))))",
        rf"(?:{_EVERYDAY})[(（「『【《]?(?:{FIRST}{HAN}{{1,3}}(?:[^{HAN[1:]}|$|[您你]好|今|入职|报到|加入|到岗|{TITLES})|{HAN}+[·•・‧∙])",
        check,
        longest=64,
    ),
    Rule(
        "name_called",
        "PERSON",
        rf"(?:(?<![约申聘])请|欢迎|恭喜|祝贺|表扬|感谢|通知|尊敬的|亲爱的|致)(?=(?P<value>(?:{COMPOUNDS}|{SURE}|{WORDLIKE}){TYPICAL}{{1,2}})(?:[您你]好|\(|{TITLES}))",
        rf"(?:请|欢迎|恭喜|祝贺|表扬|感谢|通知|尊敬的|亲爱的|致){FIRST}{HAN}{{1,3}}(?:[您你同先女小老医律教主师经护大院校阿]|[(（])",
        check,
    ),
    Rule(
        "name_asked_for",
        "PERSON",
        rf"(?:{_ASKED})[(「『【《]?(?=(?P<value>{_PERSON})[)」』】》]?(?:{TITLES}|在不在|在吗|[,，。?？]))",
        rf"(?:{_ASKED})[(（「『【《]?{FIRST}",
        check,
    ),
    Rule(
        "name_greeted",
        "PERSON",
        rf"(?<!{HAN})(?<![·•・A-Za-z])(?P<value>{_PERSON})[)」』】》]?(?:先生|女士|小姐|同学|老师|医生|经理)?[,: ]{{0,2}}[您你]好(?!{HAN})",
        rf"{HAN}[)）」』】》]?[,，:： 　]?[,，:： 　]?[您你]好",
        check,
    ),
)
