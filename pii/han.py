"""Labels in Han characters as they are met: simplified or traditional, in forms read by machine with spaces between."""

from pii.rule import wide

_TRADITIONAL = dict(
    zip(
        "护证码号驾驶档编会险医疗账户宝历军乡来台陆国内员执干职义务电脑个诊单检验体门报许绿养参积业产优条区儿给转录绑认实帐",
        "護證碼號駕駛檔編會險醫療賬戶寶歷軍鄉來臺陸國內員執幹職義務電腦個診單檢驗體門報許綠養參積業產優條區兒給轉錄綁認實帳",
        strict=True,
    )
)
_SPACE = wide(" ")


def han(pattern: str, spaced: bool = False) -> str:
    """A pattern whose Han characters stand for their traditional forms too; with `spaced`, a space may follow each."""
    written, in_class = [], False
    for at, char in enumerate(pattern):
        forms = char + _TRADITIONAL.get(char, "")
        if not "\u4e00" <= char <= "\u9fff":
            if char in "[]" and pattern[at - 1 : at] != "\\":
                in_class = char == "["
            written.append(char)
        elif in_class:
            written.append(forms)
        else:
            one = f"[{forms}]" if len(forms) > 1 else char
            written.append(f"(?:{one}{_SPACE}?)" if spaced else one)
    return "".join(written)
