"""What indicates intellectual property in a text: rules, each an anchor and a pattern that begins where the anchor does.

A rule is made for marks that somebody set, not for talk about rights: "版权所有" and not "版权法", a number whose check digit
is right and not any number. Patterns are bounded: none reads further than REACH, and steps that search for a word are
atomic, so that no text takes them long.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from transforms.rights.numbers import digits_of, is_chinese_patent, is_isbn, is_issn

COPYRIGHT, ISBN, ISSN, DOI = "copyright_notice", "isbn", "issn", "doi"
LICENCE, SECRECY, PATENT, TRADEMARK = "licence_header", "secrecy_mark", "patent_number", "trademark"
INDICATORS = (COPYRIGHT, DOI, ISBN, ISSN, LICENCE, PATENT, SECRECY, TRADEMARK)
# Matches of one notice stand close together: those of an indicator that begin within so many bytes behind the last are one.
NOTICE = {COPYRIGHT: 240, LICENCE: 480}
REACH = 160  # characters behind an anchor that a rule may read
BEFORE = 64  # characters before it

Check = Callable[[re.Match[str]], bool]


def _always(match: re.Match[str]) -> bool:
    return True


@dataclass(frozen=True, eq=False)
class Rule:
    """Where one of the anchors stands, the pattern has to match from there, and the check to hold for the match."""

    indicator: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    check: Check = _always


def _behind(match: re.Match[str], pattern: re.Pattern[str]) -> bool:
    """Whether what stands before the match ends as the pattern says."""
    return pattern.search(match.string[max(0, match.start() - BEFORE) : match.start()]) is not None


def _after(ending: str) -> Check:
    pattern = re.compile(ending)
    return lambda match: _behind(match, pattern)


def _isbn(match: re.Match[str]) -> bool:
    digits = digits_of(match[1])
    size = 13 if digits[:3] in ("978", "979") else 10
    rest = match[1]
    while rest and len(digits_of(rest)) > size:
        rest = rest[:-1]
    return is_isbn(digits_of(rest)) and not re.match(r"\d", match.string[match.start(1) + len(rest) :])


def _issn(match: re.Match[str]) -> bool:
    return is_issn(digits_of(match[1]))


def _patent(match: re.Match[str]) -> bool:
    return is_chinese_patent(digits_of(match[1]))


def _named_patent(match: re.Match[str]) -> bool:
    """Of 专利号: a Chinese number of any form, or one of another country."""
    country, digits = match[1], digits_of(match[2])
    if country in (None, "ZL", "CN"):
        return is_chinese_patent(digits) or (len(digits) == 9 and digits[0] in "123" and bool(match[3]))
    return 6 <= len(digits) <= 13


_LINE_MARK = re.compile(
    r"[\W_]{0,12}(?:(?:strictly|highly|company|client|top secret|(?:private|privileged|proprietary)\s(?:and|&))\s)?confidential"
    r"(?:[\s&/–—-]{1,4}(?:and\s)?(?:proprietary|privileged|internal(?:\suse)?(?:\sonly)?|for internal use only|do not"
    r" (?:copy|distribute|forward|disclose|share)[\w ]{0,24}|not for (?:public )?(?:release|distribution|disclosure)))?[\W_]{0,12}",
    re.I,
)
_INLINE_MARK = re.compile(r"CONFIDENTIAL(?://[A-Z]{2}|\s?[-–—:]\s?(?:DO NOT|NOT FOR|INTERNAL|PROPRIETARY))")
_PROPRIETARY = re.compile(r"(?:proprietary (?:and|&) )$", re.I)


def _confidential(match: re.Match[str]) -> bool:
    """A mark: the only thing in its line, or written as one."""
    text, start = match.string, match.start()
    low = max(text.rfind("\n", 0, start) + 1, start - BEFORE)
    high = text.find("\n", start)
    line = text[low : min(start + REACH, len(text)) if high < 0 else high]
    return (
        (len(line) <= 96 and _LINE_MARK.fullmatch(line) is not None)
        or _INLINE_MARK.match(text, start) is not None
        or _behind(match, _PROPRIETARY)
    )


def _line_of_its_own(match: re.Match[str]) -> bool:
    """Whether nothing but marks and spaces stands in the line; headings are about something."""
    text = match.string
    before = text[max(text.rfind("\n", 0, match.start()) + 1, match.start() - BEFORE) : match.start()]
    behind = text[match.end() : match.end() + BEFORE].partition("\n")[0]
    return not re.search(r"[\w#]", before + behind)


_STOP = r"[^。！？；!?\n]"  # what may stand within a sentence
_W = r"[\s*#/;%!\-]{1,12}"  # between words of a header, which may be a comment
_NUMBER_SIGN = r"[\s:：=#\"'{(（]{0,5}"
_YEAR = r"(?:19|20)\d\d(?!\d)"
_OWNER = rf"(?:{_YEAR}|[A-Z][A-Za-z]|(?!符号|标[志记识誌記識]|字样|的|是|和|与|或|这|表示)[\u4e00-\u9fff]{{2}})"
_LICENCES = (
    r"(?:Apache|MIT|X11|BSD|ISC|GNU|[AL]?GPL|Mozilla|MPL|Eclipse|EPL|Boost|zlib|Creative Commons|CC[ -]BY|CC0|"
    r"Mulan|Academic Free|Artistic|EUPL|WTFPL|Unlicense|Python Software Foundation|Code Project Open)\b"
)
_REUSE = r"转载|轉載|转贴|轉貼|转摘|转发|复制|複製|翻印|影印|翻录|摘编|摘編|摘录|镜像|抄袭|盗用|搬运|改编|商用"
_KEEP = r"注意保[存密管]|妥善保[管存]|(?:请勿|不得|严禁|切勿|禁止)(?:外传|外泄|泄露|泄密|传播|转载|翻印|复制|公开)"


def _rule(indicator: str, anchors: str, pattern: str, check: Check = _always) -> Rule:
    """`anchors` stand apart by |."""
    return Rule(indicator, tuple(anchors.split("|")), re.compile(pattern), check)


RULES: tuple[Rule, ...] = (
    _rule(COPYRIGHT, "©|&copy;", rf"(?:©\ufe0f?|&(?i:copy);)[ \u00a0]{{0,2}}{_OWNER}"),
    _rule(COPYRIGHT, "(c) #|(c)#", rf"(?<!\w)\([cC]\)\s?{_YEAR}[-–—,，~ ]{{1,3}}(?:[A-Z]|\d{{4}}|by\s)"),
    _rule(
        COPYRIGHT,
        "copyright",
        r"(?<![A-Za-z])(?i:copyright)s?(?:[\s:：,]{0,4}(?:©|&copy;|ⓒ|\([cC]\)|(?:19|20)\d\d(?!\d)(?!\s{1,3}Act\b))"
        r"|[\s:：]{1,3}(?:(?:is |are )?(?:held|owned) by\s{1,3}\w|by\s{1,3}(?:the\s{1,3})?[A-Z\u4e00-\u9fff]))",
    ),
    _rule(COPYRIGHT, "rights ", r"(?<=(?i:all)\s)(?i:rights\s{1,3}(?:are\s{1,3})?reserved)"),
    _rule(COPYRIGHT, "版权所有|版權所有", r"版[权權]所有(?![者人权權])"),
    _rule(COPYRIGHT, "版权归|版權歸", rf"版[权權][归歸](?>{_STOP}{{1,32}}?(?:所有|享有|拥有|擁有))(?![者人权])"),
    _rule(COPYRIGHT, "版权声明|版權聲明", r"版[权權][声聲]明\s?[:：]"),
    _rule(
        COPYRIGHT,
        "未经|未經",
        rf"未[经經](?>{_STOP}{{0,24}}?(?:许可|授权|同意|允许|許可|授權|允許))"
        rf"(?>{_STOP}{{0,24}}?(?:不得|禁止|严禁|嚴禁|请勿|請勿|谢绝|謝絕|切勿))(?>{_STOP}{{0,24}}?(?:{_REUSE}))",
    ),
    _rule(
        COPYRIGHT,
        "转载|轉載",
        r"(?:(?:(?<=禁止)|(?<=谢绝)|(?<=謝絕)|(?<=严禁)|(?<=嚴禁)|(?<=请勿)|(?<=請勿)|(?<=拒绝))[转轉][载載]"
        r"|[转轉][载載](?:[时時]?(?:请|請|须|須|需|应|應|务必|必须|必須)(?:[您你]?(?:务必|注明|註明|标明|标注|保留|附上|联系|聯繫|经))|必究))",
    ),
    _rule(COPYRIGHT, "必究", r"(?:(?<=翻印)|(?<=侵权)|(?<=侵權)|(?<=盗版)|(?<=盗用)|(?<=抄袭))必究"),
    _rule(
        ISBN,
        "isbn",
        rf"(?i:isbn)(?:[-\s]?1[03](?=[\s:：]))?(?:\s?(?:号码?|编号))?{_NUMBER_SIGN}"
        r"(\d[\d\s\-‐‑‒–—−]{8,20}[\dXx]?)",
        _isbn,
    ),
    _rule(
        ISSN,
        "issn",
        rf"(?<![A-DF-OQ-Za-df-oq-z.])(?i:issn)(?:-L)?(?:\s?(?:号码?|编号))?(?:\s?\((?:[Pp]rint|[Oo]nline|[Ee]lectronic)\))?"
        rf"{_NUMBER_SIGN}(\d{{4}}\s?[-‐‑‒–—−]?\s?\d{{3}}[\dXx])(?![\dA-Za-z])",
        _issn,
    ),
    _rule(
        DOI,
        "10.####",
        r"(?<![\d.])10\.\d{4,9}(?:\.\d{1,6}){0,2}/[^\s\"'<>，。；、）】」]{0,8}[0-9A-Za-z]",
        _after(
            r"(?i)(?<![a-z])doi(?:\.org|\.wiley\.com/doi|号)?[\s:：/=.)\]】\"'{（(]{0,6}(?:https?://(?:dx\.)?doi\.org/)?$"
        ),
    ),
    _rule(LICENCE, "SPDX-License-Identifier", r"SPDX-License-Identifier:?\s{0,3}\(?[A-Za-z][A-Za-z0-9.+-]{1,40}"),
    _rule(
        LICENCE,
        "licensed |licenced |released under|distributed under",
        rf"(?i:licen[sc]ed|released|distributed){_W}(?i:under)(?>[^.]{{1,48}}?(?<!\w){_LICENCES})",
    ),
    _rule(
        LICENCE,
        "terms of ",
        rf"(?i:terms){_W}of{_W}(?:either{_W})?(?:version{_W}\d(?:\.\d)?{_W}of{_W})?(?:(?:the|a){_W})?"
        rf"(?:(?:simplified|modified|new|2-clause|3-clause){_W})?(?:{_LICENCES})",
    ),
    _rule(LICENCE, "governed by ", rf"governed{_W}by{_W}(?:an?|the){_W}(?>[^.]{{0,24}}?(?<!\w){_LICENCES})"),
    _rule(LICENCE, "hereby granted", rf"(?<=[Pp]ermission is )hereby{_W}granted,?{_W}free{_W}of{_W}charge"),
    _rule(LICENCE, "redistribution ", rf"(?i:redistribution){_W}and{_W}use{_W}in{_W}source"),
    _rule(LICENCE, "permission to ", rf"(?i:permission){_W}to{_W}use,{_W}copy,{_W}modify"),
    _rule(LICENCE, "creativecommons.org/", r"(?i:creativecommons\.org)/(?:licenses|publicdomain)/[a-z]"),
    _rule(
        LICENCE,
        "CC BY|CC-BY",
        r"(?<![A-Za-z])CC[ -]BY(?:[ -](?:NC|ND|SA)){0,3}(?:(?<=[CDA])|[ -]?[1-4]\.0)(?![A-Za-z])",
    ),
    _rule(LICENCE, "知识共享|知識共享", r"知[识識]共享[\s“\"「《]{0,2}署名"),
    _rule(
        LICENCE,
        "MIT|GPL|LGPL|AGPL|BSD|Apache|木兰",
        r"(?<![A-Za-z])(?:MIT|[AL]?GPL|BSD|Apache|木兰)(?:[ -]?(?:v?[1-4](?:\.0)?|[23]-[Cc]lause|PSL|License|Licence)){0,3}\s?"
        r"(?:开源|公共)?(?:许可证?|授权|软件|宽松)?(?:协议|许可证|许可)",
        _after(r"(?:采用|遵循|基于|使用|遵守|依据|按照|根据|发布在|适用)[了的]?[^。，；\n]{0,6}$"),
    ),
    _rule(
        PATENT,
        "ZL#|ZL #|ZL:#|ZL：#",
        r"(?<![A-Za-z])ZL[\s:：]{0,2}(\d[\d ]{6,18}(?: ?[.．] ?[\dXx])?X?)(?![\dA-Za-z])",
        _patent,
    ),
    _rule(
        PATENT,
        "CN1|CN2|CN3|CN 1|CN 2|CN 3",
        r"(?<![A-Za-z0-9])CN ?(?:(?:1\d{6}|1\d{8}) ?[ABC]|(?:2\d{6}|2\d{8}) ?[UY]|(?:3\d{6}|3\d{8}) ?[DS])\d?(?![A-Za-z0-9])",
    ),
    _rule(PATENT, "CN19|CN20|CN 19|CN 20", r"(?<![A-Za-z0-9])CN ?((?:19|20)\d{10}\.[\dX])(?!\w)", _patent),
    _rule(
        PATENT,
        "专利|專利",
        r"[专專]利(?:申请|授权|登记|申請)?(?:公开|公告)?(?:号码?|编号|號碼?)(?:[为是:：\s（(]|第|分别){0,5}"
        r"([A-Z]{2})?[\s.:：]{0,2}(\d[\d ./]{5,18}X?)([A-Z]\d?)?",
        _named_patent,
    ),
    _rule(
        PATENT,
        "patent no|patent number|patents no|Pat. No",
        r"(?<![A-Za-z])(?i:pat(?:ent)?s?\.?\s{1,3}(?:nos?|numbers?))[\s.:：#]{1,3}(?:[A-Z]{2}\s?)?"
        r"(?:(?:RE|D|PP)?\d{1,3}(?:,\d{3}){1,2}|\d{6,8})(?![\d,]*\d)",
    ),
    _rule(SECRECY, "秘密|机密|绝密|機密|絕密", r"(?:秘密|[机機]密|[绝絕]密)[\s\u3000]{0,2}[★☆✭]"),
    _rule(
        SECRECY,
        "密级|密級",
        r"密[级級][\s\u3000]{0,4}[:：][\s\u3000]{0,4}(?:内部|秘密|[机機]密|[绝絕]密)(?![\s\u3000]{0,3}[/、，,或□○])",
    ),
    _rule(
        SECRECY,
        "内部资料|内部文件|内部材料|内部参考|内部使用|内部刊物|内部读物|内部教材",
        rf"内部(?:资料|文件|材料|参考|使用|刊物|读物|教材)[\s\u3000，,、·！!:：（(【—-]{{0,4}}(?:{_KEEP}|免费交流)",
    ),
    _rule(SECRECY, "商业秘密|商業秘密", rf"商[业業]秘密[\s\u3000，,、·！!:：—-]{{1,4}}(?:{_KEEP})"),
    _rule(SECRECY, "商业秘密|商業秘密", r"(?<=[【〔\[])商[业業]秘密(?=[】〕\]])"),
    _rule(SECRECY, "商业秘密|商業秘密|内部资料", r"(?:商[业業]秘密|内部资料)", _line_of_its_own),
    _rule(SECRECY, "商密", r"(?:(?<=核心)|(?<=普通))商密\s?[▲★△]"),
    _rule(SECRECY, "confidential", r"(?<![A-Za-z])(?i:confidential)(?![A-Za-z])", _confidential),
    _rule(SECRECY, "SECRET//", r"(?<![A-Za-z])SECRET//[A-Z]{2}"),
    _rule(
        TRADEMARK,
        "®",
        r"(?<=[A-Za-z0-9\u4e00-\u9fff)）])(?<!商标)(?<!标志)(?<!符号)(?<!标记)®(?!\s?(?:符号|标[志记识]|[Ss]ymbol|[Ss]ign))",
    ),
    _rule(
        TRADEMARK,
        "™",
        r"(?<=[A-Za-z0-9\u4e00-\u9fff)）])(?<!商标)(?<!标志)(?<!符号)(?<!标记)™(?!\s?(?:符号|标[志记识]|[Ss]ymbol|[Ss]ign))",
    ),
    _rule(
        TRADEMARK,
        "商标注册|商标号|商标证|商标编号|商标申请|商标第|商标（第|商標註冊|商標第",
        r"商[标標](?:注[册冊]|申请|申請)?[证證]?(?:(?:号码?|號碼?|编号)[\s:：为是（(]{0,4}第?\s?|[\s（(]?第\s?)[1-9]\d{4,8}(?!\d)",
    ),
    _rule(
        TRADEMARK,
        "商标|商標",
        r"商[标標]",
        _after(
            r"第\s?[1-9]\d{4,8}\s?[号號](?:[“\"「《‘][^”\"」》’。\n]{1,24}[”\"」》’])?(?:注[册冊])?$"
            r"|(?<![不否凡作因])(?:是|为|為|系)(?!指)[^与跟他权原被。！？；，,、\n]{1,24}的(?:商标或)?(?:中国|国际|驰名)?注[册冊]$"
        ),
    ),
    _rule(
        TRADEMARK,
        "trademark|trade mark|trade-mark",
        r"(?i:trade[\s-]?marks?)\s{1,3}(?:or\s{1,3}(?i:registered\s{1,3}trade[\s-]?marks?)\s{1,3})?(?:of|owned\s{1,3}by)\s{1,3}(?:the\s{1,3})?[A-Z\u4e00-\u9fff]",
        _after(r"\b(?:is|are|being|either)\b[\s\w,]{0,24}$"),
    ),
    _rule(
        TRADEMARK,
        "trademark|trade mark",
        r"(?i:trade\s?marks?)\s{1,3}(?i:reg(?:istration|\.)?\s{1,3})?(?i:nos?\.?|numbers?)[\s:：#]{1,3}\d{4,9}(?!\d)",
    ),
)
