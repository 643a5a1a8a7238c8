"""Characters that stand for another: look-alikes of Latin letters, radicals written as characters, marks in between.

The folding of `normalise` serves all stages and keeps Cyrillic Cyrillic and a star a star. What is here is read so by
keyword matching alone, and only in a second reading.
"""

import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transforms.normalise import HAN, SEPARATOR, fold_table, kind_table
from transforms.text import CodePoints

# What a folded character is in a second reading.
PLAIN, LETTER_ALIKE, HAN_ALIKE, MARK, INVISIBLE = range(5)

# Pairs of look-alike and Latin letter or digit, as folded: lower case.
_LETTERS = (
    # Cyrillic, some by their capitals
    "аaвbеeёeкkмmнhоoрpсcтtуyхxѕsіiїiјjһhԁdԛqԝwѵvьbӏlґrԍgүyҮyғfқkңhҳxҷyһhӓaөoӧoѐeғf"
    # Greek
    "αaβbεeηnιiκkνvοoρpτtυuχxγyωwσoϲcϳjάaέeίiόoύuϊi"
    # Armenian, small capitals and phonetic letters
    "օoսuհhոnցgզqᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢzɑaɡgıiɩiʋvʙbɗdɓbɛeƅbƽsǀl"
    # Cherokee, Lisu
    "ᎪaᏴbᏟcᎠdᎬeᏀgᎻhᎥiᎫjᏦkᏞlᎷmᏢpᏒrᏚsᎢtᏙvᎳwᏃzꓐbꓑpꓓdꓔtꓖgꓗkꓙjꓚcꓜzꓝfꓟmꓠnꓡlꓢsꓣrꓦvꓧhꓪwꓫxꓬyꓮaꓰeꓲiꓳoꓴu"
)
# First of a row of 26 letters: white on black circles and squares, and the letters flags are made of.
_ALPHABETS = (0x1F150, 0x1F170, 0x1F1E6)
# First of a row of the digits from 1 on, where folding leaves them.
_DIGITS = (0x2776, 0x2780, 0x278A, 0x24F5)
_ZEROS = "⓿🄋🄌"

# CJK Radicals Supplement: pairs of radical and character. The Kangxi radicals fold by themselves.
_RADICALS = (
    "⺁厂⺃乚⺄乙⺅亻⺆冂⺇几⺉刂⺊卜⺋㔾⺎兀⺏尣⺐尢⺒巳⺓幺⺔彑⺕彐⺖忄⺗㣺⺘扌⺙攵⺛旡⺜日⺝月⺞歺⺠民⺡氵⺢氺⺣灬⺤爫⺥爫⺦丬⺧牛⺨犭⺩王⺪疋⺫罒⺬示⺭礻"
    "⺮竹⺯糸⺰纟⺱网⺲罒⺶羊⺹耂⺺聿⺼月⺽臼⺾艹⺿艹⻀艹⻁虎⻂衤⻃覀⻄西⻅见⻆角⻇角⻈讠⻉贝⻊足⻋车⻌辶⻍辶⻎辶⻏阝⻐钅⻑长⻒镸⻓长⻔门⻖阝⻗雨⻘青"
    "⻙韦⻚页⻛风⻜飞⻝食⻟食⻠饣⻡首⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻫齐⻬齐⻭齿⻮齿⻯龙⻰龙⻱龟⻲龟"
)

_INVISIBLE = "\u115f\u1160\u3164\uffa0\u2800"  # fillers: seen as nothing, and no format characters to Unicode
_MARKS = "※‖†‡§¶⁂‥′″‴‵‣⁃⁎⁑⁕⁜¦"  # besides all symbols


@lru_cache(maxsize=1)
def alike_table() -> tuple[npt.NDArray[np.uint8], CodePoints]:
    """For each folded code point what it is in a second reading, and which character it is read as."""
    kinds = np.full(len(kind_table()), PLAIN, dtype=np.uint8)
    read_as = np.arange(len(kinds), dtype=np.uint32)
    for code in range(0x80, 0x20000):
        if unicodedata.category(chr(code)) in ("So", "Sm", "Sc", "Sk"):
            kinds[code] = MARK
    kinds[[ord(char) for char in _MARKS]] = MARK
    kinds[(kind_table() == SEPARATOR) | (kind_table() == HAN)] = PLAIN
    kinds[[ord(char) for char in _INVISIBLE]] = INVISIBLE
    letters = [*zip(_LETTERS[::2], _LETTERS[1::2], strict=True), *((zero, "0") for zero in _ZEROS)]
    letters += [(chr(first + n), chr(ord("a") + n)) for first in _ALPHABETS for n in range(26)]
    letters += [(chr(first + n), chr(ord("1") + n)) for first in _DIGITS for n in range(9)]
    for pairs, kind in ((letters, LETTER_ALIKE), (zip(_RADICALS[::2], _RADICALS[1::2], strict=True), HAN_ALIKE)):
        for char, meant in pairs:
            code = int(fold_table()[ord(char)])
            kinds[code], read_as[code] = kind, ord(meant)
    kinds.flags.writeable = read_as.flags.writeable = False
    return kinds, read_as
