"""Postal addresses, down to the door."""

import re
from importlib import resources

from pii.label_ends import one_of
from pii.rule import CONTEXTUAL, DIGIT, LOOK_AHEAD, REJECTED, UNSURE, WEAK, Rule, wide
from pii.surroundings import before, behind

# Addresses: a chain of levels from the province down, each of which may be missing, then the door.


def _divisions() -> tuple[list[str], list[str]]:
    """Names of provinces and of prefectures, full and short, the longest first."""
    rows = resources.files("pii").joinpath("data/divisions.tsv").read_text(encoding="utf-8").splitlines()
    names: dict[str, set[str]] = {"province": set(), "prefecture": set()}
    for level, full, short, _ in (row.split("\t") for row in rows if row[:1] != "#"):
        names[level] |= {full, short}
    province, prefecture = (sorted(own, key=lambda name: (-len(name), name)) for own in names.values())
    return province, prefecture


_PROVINCES, _PREFECTURES = _divisions()
_WAY = 48  # characters before the door
_HAN = "[\u3400-\u9fff]"
_CN = "一二三四五六七八九十百零〇"
# Characters that stand between places and other words, and in names of places next to never.
_NO_PLACE = (
    "的了是在有这个们吗呢吧很也都就还又再把被让给跟您你我他她它某等或及但且谁请说将从去到于住位至共为与号栋幢改籍寄送租"
)
# ... but for 于都 从化 共和 花都 and their like
_STILL_PLACE = "于[都洪田]|从[化江]|共[和富康青江]|将乐|都(?=[区县市江昌匀兰安路街花大新国])|有[为财]|小[店金]"


def _part(but: str = "") -> str:
    """One character of the name of a place."""
    return f"(?:(?![{_NO_PLACE}{but}]){_HAN}|(?={_STILL_PLACE}){_HAN})"


# A street, a district, a village named after a division is no division: 南京路, 中山东一路, 朝阳区.
_OTHER = r"(?![东西南北中]{0,2}[一二三四五六七八九]?(?:[路街巷区县镇乡村旗]|大道|大街))"
_STREETISH = r"(?![路街巷道弄]|大道|大街)"


_PROVINCE = f"(?:{one_of(_PROVINCES)}){_OTHER}"
_PREFECTURE = f"(?:{one_of(_PREFECTURES)}){_OTHER}"
# What cannot begin an address, for one begins behind it: 户籍所在地四川省…
_LATER_HEAD = one_of([name for name in (*_PROVINCES, *_PREFECTURES) if name[-1] in "省市区州盟" and len(name) > 2])
_COUNTY = (
    rf"(?>{_part('路街巷弄镇乡村小社校院')}{{1,10}}?(?:自治县|自治旗|开发区|高新区|[区县旗市])(?![场]){_STREETISH})"
)
_TOWN = rf"(?>{_part('路街巷弄村区县')}{{1,8}}?(?:街道(?:办事处)?|苏木|农场|林场|[镇乡]){_STREETISH}(?!村))"
_VILLAGE = rf"(?>{_part('路街巷弄区县镇乡')}{{1,8}}?(?:村委会|居委会|社区|行政村|自然村|新村|嘎查|[村屯庄寨](?![村屯庄寨])){_STREETISH})"
_STREET = rf"(?>(?:[0-9]{{1,3}})?{_part('区县')}{{1,9}}?(?:大街|大道|公路|国道|省道|胡同|[路街巷弄道里条])(?![路街巷弄]|大道)[东西南北中]?(?:[一二三四五六七八九]段)?)"
_COMPLEX = (
    rf"(?>{_part()}{{1,10}}?(?:小区|花园|公寓|大厦|大楼|广场|家园|花苑|新城|家属[院楼]|宿舍楼?|(?:商务|金融|贸易|财富|购物|科技|广场)中心|工业园区?|科技园|产业园|公馆|山庄|豪庭|国际|"
    rf"[苑园庭府邸城湾居郡楼院区]){_STREETISH}(?:[A-Za-z东西南北一二三四五六七八九]区)?)"
)
_N = r"(?:[0-9]{1,5}(?:[-#][0-9]{1,4}){0,3}[A-Za-z]?|[A-Za-z][0-9]{0,4}(?:-[0-9A-Za-z]{1,3})?)"
_NOT_A_DOOR = "(?![线文令机码召店院楼台公]|选手|病例|提案|决议|地(?![下上]))"
_SHORT = r"(?:[0-9]{1,5}(?:[-#][0-9]{1,4})?[A-Za-z]?|[A-Za-z][0-9]{0,4}(?:-[0-9A-Za-z]{1,3})?)"


def _door(number: str) -> str:
    return (
        rf"第?(?:{number} ?(?:号院|号楼|号{_NOT_A_DOOR}|单元|支?弄|[栋幢室户组队](?!长|员))"
        rf"|[{_CN}]{{1,5}}(?:号院|号楼|号{_NOT_A_DOOR}|单元|[栋幢组](?!长|员))|[甲乙丙丁][0-9]{{1,3}}号|[A-Za-z][0-9]{{0,2}} ?座|[0-9]{{3,4}}房(?![间子型产地屋价]))"
    )


_DOOR = _door(_N)
_BLOCK = r"(?:[A-Za-z][0-9]{0,2} ?座|[0-9]{3,4}房(?![间子型产地屋价])|[0-9A-Za-z]{1,4}(?:-[0-9A-Za-z]{1,3})? ?(?:号楼|单元|[栋幢室]))"
_INNER = rf"(?:{_door(_SHORT)}|(?:{_SHORT}|[{_CN}]{{1,3}})(?:层|楼(?![盘市])|门|铺|房|排|期|区)|[东西南北]{{1,2}}户)"
_ROOM = r"[-#]?(?!0[0-9]{2,3}-)[0-9]{2,4}(?:-[0-9]{1,4}){0,2}(?![0-9年月元万号个人米%]|[.:-][0-9])"
_MIDDLE = (
    rf"(?P<county>(?:{_COUNTY} ?){{1,2}}+)?+(?P<town>{_TOWN} ?)?+(?P<village>(?:{_VILLAGE} ?){{1,2}}+)?+(?P<street>{_STREET} ?)?+"
    rf"(?P<complex>(?:{_N}(?:号院?|弄) ?)?(?:{_COMPLEX} ?(?={_DOOR})|{_part()}{{2,10}}? ?(?={_BLOCK})))?+"
)
_CHAIN = rf"{_MIDDLE}(?P<door>{_DOOR})(?: ?,?{_INNER}){{0,4}}+(?: ?{_ROOM})?+"
# Whatever is an address holds this within so many characters of its beginning: others are not parsed.
_TO_DOOR = rf"(?=[\u3400-\u9fff0-9A-Za-z# -]{{1,{_WAY}}}?[0-9A-Za-z{_CN}] ?(?:[号弄栋幢座室户组队单支房]))"
_HEAD = rf"(?P<province>{_PROVINCE} ?)?(?P<prefecture>{_PREFECTURE} ?)?"
_PARSED = re.compile(_HEAD + _CHAIN)
_LEVELS = ("province", "prefecture", "county", "town", "village", "street", "complex")


def _unnamed(pattern: str) -> str:
    return re.sub(r"\?P<\w+>", "?:", pattern)


_LABELS = (
    "地址|住址|家住|住所|现住|住在|租住|户籍地?|户口所在地|户籍所在地|住|收货|寄到|寄至|送到|送至|(?ai:address|addr)"
)
_LABEL = re.compile(rf"(?:{_LABELS})[\"'*】\]) :=|为是于]{{0,6}}\Z")
_HOME = re.compile(
    "住址|家住|现住|家庭[地住]址|居住|户籍|户口|暂住|租住|现居|住在|[,，;；。 ]住[:： ]?|收货|收件|住[在于]?[:： ]?$|送货|房屋坐落|不动产|房产|寄[到至给]|送[到至]|邮寄|通[信讯]地址|我家"
)
_PUBLIC = re.compile(
    "公司|集团|企业|医院|诊所|门诊|学校|学院|大学|中学|小学|幼儿园|政府|银行|支行|商店|商场|超市|[门分旗]店|店铺|专卖|酒店|宾馆|饭店|餐厅|"
    "法院|检察院|公安|派出所|委员会|[居村]委会办|管理[局处]|服务中心|(?<!商务|金融|贸易|财富|国际|科技)中心|协会|学会|研究[所院]|事务所|出版社|杂志|报社|编辑部|编委|博物馆|"
    "图书馆|体育[馆场]|剧院|影院|大剧|公园|景区|车站|机场|车管所|民政局|税务|人社局|局|厂|展[馆览]|会址|遗址|故居|校区|总部|"
    "景点|门票|开放|餐馆|评分|人均|旧址|[寺庙塔馆祠殿]|王府|位于|[这那他]家|在哪|它|有售|均价|营业|经营|注册|办公|机构|单位|办理|报名|主办|承办|活动地点|楼盘|售楼|开盘|项目|挂牌|拍卖|火灾|事故"
)


_LIVED = re.compile(r"的?(?:房屋|房子|住房|房产|住宅|不动产|住处|家[中里]|居住|出租屋)(?!拍卖|挂牌)")
_FLAT = re.compile("单元|[0-9]{3,4}房|[室栋幢组户]|号楼|弄[0-9]|[0-9A-Za-z]座|[0-9]号[0-9]")
_KEY = re.compile(r"(?ai:address|addr)[^0-9A-Za-z]{1,6}\Z")  # of a record
_WORDS = ("手机", "姓名", "联系人", "本人", "身份证", "收件", "寄件", "户主", "业主", "租客", "房东", "男,", "女,")
_BESIDE = frozenset(
    [
        *("CN_ID_CARD", "CN_RESIDENCE_PERMIT", "CN_PASSPORT", "CN_MOBILE", "QQ", "WECHAT", "ALIPAY", "BANK_CARD"),
        *("PERSON", "BIRTH_DATE", "MEDICAL_RECORD"),
    ]
)


def _check_address(text: str, start: int, end: int) -> float:
    """Two levels and a door, or one behind a label. CONTEXTUAL where somebody lives there, or may: in a flat, a village.

    Weak where an organisation is said to be there; UNSURE at a number of a street, where most are.
    """
    parsed = _PARSED.fullmatch(text[start:end])
    if parsed is None:
        return REJECTED
    ahead = before(text, start)
    levels = sum(parsed[level] is not None for level in _LEVELS)
    local = any(parsed[level] for level in _LEVELS[3:])
    labelled = _LABEL.search(ahead)
    if levels < (1 if labelled else 2) or not (local or parsed["county"]):
        return REJECTED
    if _HOME.search(ahead) or _LIVED.match(text, end, end + LOOK_AHEAD):
        return CONTEXTUAL
    own = text[start + max(0, parsed.end("county")) : end]  # 雁塔区 is no tower
    if any(_PUBLIC.search(near) for near in (ahead, own, behind(text, end))):
        return WEAK
    flat = parsed["village"] or _FLAT.search(text, start, end)
    return CONTEXTUAL if flat or _KEY.search(ahead) else UNSURE


# Anchors hold no more than it takes to be rare.
_RAW_SPACE = wide(" ") + "?"
_ALNUM = "[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]"
# what the names of streets, villages, estates and districts end in
_ENDS = "路街巷弄道里条同村屯庄寨会查区县旗市镇乡处木场园寓厦楼苑城院舍馆庭际府邸湾居郡墅段东西南北中心"
_ADDRESS_ANCHOR = (
    rf"[{_ENDS}]{_RAW_SPACE}第?(?:[甲乙丙丁A-Za-zＡ-Ｚａ-ｚ]?{DIGIT}[0-9A-Za-z０-９Ａ-Ｚａ-ｚ{wide('#-')[1:-1]}]*{_RAW_SPACE}(?:[号弄栋幢座室户组队]|单元|支弄)"
    rf"|[A-Za-zＡ-Ｚａ-ｚ][0-9A-Za-z０-９Ａ-Ｚａ-ｚ{wide('#-')[1:-1]}]*{_RAW_SPACE}[号弄室户组队]|[{_CN}]+(?:[号栋幢组]|单元))"
    rf"|{_ALNUM}{_RAW_SPACE}(?:号楼|单元|[栋幢])|[A-Za-zＡ-Ｚａ-ｚ]{DIGIT}*{_RAW_SPACE}座|{_ALNUM}{_RAW_SPACE}(?:室|支弄)|{DIGIT}{DIGIT}{DIGIT}房"
)

RULES: tuple[Rule, ...] = (
    Rule(
        "address",
        "CN_ADDRESS",
        rf"(?P<value>(?:{_PROVINCE} ?(?:{_PREFECTURE} ?)?+|{_PREFECTURE} ?){_TO_DOOR}{_unnamed(_CHAIN)})",
        _ADDRESS_ANCHOR,
        _check_address,
        _WORDS,
        _BESIDE,
        longest=304,
    ),
    Rule(
        # behind a label, or where no Han character stands before: 朝阳区…路…号, and behind a label from the street down
        "address_local",
        "CN_ADDRESS",
        rf"(?=[\u3400-\u9fff0-9A-Za-z])(?:(?<!{_HAN})|(?<=[住于在址到至点为是])|(?<=[改换写填]成))(?!达){_TO_DOOR}(?!{_HAN}{{1,6}}?{_LATER_HEAD})(?P<value>{_unnamed(_HEAD + _CHAIN)})",
        _ADDRESS_ANCHOR,
        _check_address,
        _WORDS,
        _BESIDE,
        longest=304,
    ),
)
