"""Web payloads as text: which charset they are in, and what of a page a reader would see."""

import codecs
import re
from collections.abc import Iterator

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import map_encoding_to_html5

_META = re.compile(rb"<meta\s[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]{1,40})")
_HEAD = 4096  # a page names its charset within the first 1024 bytes; some do later
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SEVEN_BITS = frozenset({"utf-16-le", "utf-16-be", "iso-2022-jp"})  # their bytes may pass for UTF-8
_SUPERSETS = {"gbk": "gb18030", "gb2312": "gb18030", "windows-31j": "cp932", "shift_jis": "cp932", "euc-kr": "cp949"}
_TOLERATED = 100  # one character in so many may be undecodable: browsers show such pages too

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?)*+)")
_QUOTED = re.compile(r"\"[^\"]*+\"|'[^']*+'")
_FORMATTING = frozenset(("b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u"))
_LISTS = frozenset(("ul", "ol", "dl", "menu", "dir"))
_RUBY = frozenset(("rt", "rp", "rb", "rtc"))
_MOST_RUBY = 1000  # annotations left open: each looks through all before it
_MOST_ATTRIBUTES = 1000
_MOST_LISTS = 100  # one within another: every line of the text is indented by them
_MOST_INDENTED = 20_000_000
_MOST_FORMATTING = 2_000_000  # tags times the formatting open around them


class Undecodable(Exception):  # noqa: N818 - a state of the payload
    """The payload is in none of the charsets it may be in."""


class HostileMarkup(Exception):  # noqa: N818
    """Markup on which every HTML parser takes quadratic time or memory."""


def decoded(payload: bytes, declared: str | None, html: bool) -> str:
    """The payload as text. Raises Undecodable.

    UTF-8 is tried before what the page declares, for nothing else is UTF-8 by accident, while declarations are often
    wrong; GB 18030 comes last. A page that is none of them keeps its declared charset if all but few characters are.
    """
    for mark, name in _BOMS:
        if payload.startswith(mark):
            return payload[len(mark) :].decode(name, "replace")
    charsets = [name for name in map(_codec, _declared(payload, declared, html)) if name]
    first = [name for name in charsets if name in _SEVEN_BITS]
    for name in dict.fromkeys([*first, "utf-8", *charsets, "gb18030"]):
        try:
            return payload.decode(name)
        except UnicodeDecodeError:
            continue
    text = payload.decode((charsets or ["utf-8"])[0], "replace")
    if text.count("\ufffd") * _TOLERATED > len(text):
        raise Undecodable(f"neither UTF-8 nor GB 18030{''.join(f' nor {name}' for name in charsets)}")
    return text


def _declared(payload: bytes, declared: str | None, html: bool) -> Iterator[str]:
    if declared:
        yield declared
    if html:
        head = payload[:_HEAD]
        for found in (_META.search(head), _XML.match(head)):
            if found:
                yield found[1].decode("ascii")


def _codec(name: str) -> str | None:
    """Python's name of a charset of the web. None for what is not one."""
    known = map_encoding_to_html5(name, fallback_utf8=False)
    if known is None:
        return None
    known = _SUPERSETS.get(known, known)
    try:
        return codecs.lookup(known).name
    except LookupError:
        return None


def text_of(html: str) -> str:
    """What of a page is shown, without scripts and styles, block by block. Raises HostileMarkup."""
    _harmless(html)
    return extract_plain_text(html, main_content=False, alt_texts=True, links=False, noscript=True).strip()


def _harmless(html: str) -> None:
    """Refuses markup that grows when parsed or shown.

    These are thousands of attributes in a tag, formatting left open that every block has to repeat, ruby annotations
    left open, and lists within lists whose depth indents every line.
    """
    left_open: dict[str, int] = {}
    rubies: list[int] = []
    depth = lists = deepest = work = ruby = 0
    for tag in _TAG.finditer(html):
        closing, name, rest = tag.groups()
        if len(rest) > 3 * _MOST_ATTRIBUTES and len(_QUOTED.sub("q", rest).split()) > _MOST_ATTRIBUTES:
            raise HostileMarkup(f"a tag of more than {_MOST_ATTRIBUTES} attributes")
        name = name.lower()
        if name in _FORMATTING or name in _LISTS:
            known = left_open.get(name, 0)
            step = 1 if not closing else -1 if known else 0
            left_open[name] = known + step
            depth += step
            lists += step if name in _LISTS else 0
            deepest = max(deepest, lists)
        elif name in _RUBY:
            ruby = max(0, ruby + (-1 if closing else 1))
        elif name == "ruby" and not closing:
            rubies.append(ruby)
        elif name == "ruby" and rubies:
            ruby = rubies.pop()
        work += depth
        if ruby > _MOST_RUBY:
            raise HostileMarkup(f"{ruby} ruby annotations left open")
        if work > _MOST_FORMATTING or deepest > _MOST_LISTS:
            raise HostileMarkup(f"{depth} formatting and list tags left open")
    if deepest * html.count("\n") > _MOST_INDENTED:
        raise HostileMarkup(f"{deepest} lists within each other")
