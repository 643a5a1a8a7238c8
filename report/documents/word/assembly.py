"""What is done to a document once its template is rendered: blocks put in their places, wide tables on turned pages, contents."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from lxml import etree

from pipeline.errors import UsageError
from report.documents.word.blocks import HEADING, WIDE
from report.documents.word.elements import Element, Look, Shape, W, element, field, paragraph, run

MARK = "corpus-audit-block-"  # begin of the style of a paragraph that stands for a block
CONTENTS = "{urn:corpus-audit:report}contents"  # an element that stands for the contents until all headings are known
_NS = {"w": W}
_PLACES = ("body", "tc")


def marker(number: int) -> str:
    """The paragraph a template's `{{p …}}` becomes until its block is put there. No text can look like it."""
    return f'<w:p><w:pPr><w:pStyle w:val="{MARK}{number}"/></w:pPr></w:p>'


def place_blocks(body: Element, blocks: Mapping[int, tuple[str, Callable[[], Sequence[Element]]]]) -> None:
    """Puts every block, known by its number with its name, where its marker stands.

    Raises:
        UsageError: a block was not asked for by {{p …}} in a paragraph of its own.
    """
    marks = [one for one in body.iter(f"{{{W}}}pStyle") if str(one.get(f"{{{W}}}val")).startswith(MARK)]
    for style in marks:
        number = int(style.get(f"{{{W}}}val").removeprefix(MARK))
        name, make = blocks[number]
        mark = style.getparent().getparent()
        parent = mark.getparent()
        if etree.QName(parent).localname not in _PLACES:
            raise UsageError(
                f"模板：{name} 须独占一段并写作 {{{{p {name} }}}} / template: {name} must stand in a paragraph of its own, "
                f"as {{{{p {name} }}}}"
            )
        place = parent.index(mark)
        parent.remove(mark)
        made = list(make())
        if etree.QName(parent).localname == "tc" and (not made or made[-1].tag == f"{{{W}}}tbl"):
            made.append(paragraph([]))
        for offset, one in enumerate(made):
            parent.insert(place + offset, one)


def number_headings(
    body: Element, styles: Mapping[str, int], numbered: Iterable[int]
) -> Iterator[tuple[int, str, str]]:
    """Level, text and bookmark of every heading of the document in order; bookmarks are made. The text holds the number."""
    counts = [0] * 9
    for place, one in enumerate(list(body.iterchildren(f"{{{W}}}p")), start=1):
        level = _level(one, styles)
        if level is None:
            continue
        own = level in numbered and one.find("w:pPr/w:numPr", _NS) is None
        if own:
            counts[level - 1] += 1
            counts[level:] = [0] * (9 - level)
        text = "".join(one.itertext(f"{{{W}}}t")).strip()
        number = f"{'.'.join(map(str, counts[:level]))}　" if own else ""
        name = f"_Toc{place:08d}"
        begin = element("bookmarkStart", {"id": 9000 + place, "name": name})
        properties = one.find(f"{{{W}}}pPr")
        one.insert(0 if properties is None else 1, begin)
        one.append(element("bookmarkEnd", {"id": 9000 + place}))
        yield level, number + text, name


def _level(one: Element, styles: Mapping[str, int]) -> int | None:
    if one.get(HEADING):
        return int(one.get(HEADING))
    style = one.find("w:pPr/w:pStyle", _NS)
    return None if style is None else styles.get(style.get(f"{{{W}}}val"))


def contents_place() -> Element:
    """What stands where the contents come."""
    return etree.Element(CONTENTS)


def contents(headings: Sequence[tuple[int, str, str]], width: int, deepest: int = 3) -> list[Element]:
    """The contents, a line a heading: a link, and the number of its page as a field that programs bring up to date."""
    made = []
    for level, text, name in (heading for heading in headings if heading[0] <= deepest):
        link = element("hyperlink", {"anchor": name, "history": 1}, run(text), element("r", None, element("tab")))
        link.extend(field(f"PAGEREF {name} \\h", "…"))
        line = paragraph([link], Shape(tight=True, left=420 * (level - 1), after=40))
        stop = element("tabs", None, element("tab", {"val": "right", "leader": "dot", "pos": width}))
        line[0].insert(0, stop)
        made.append(line)
    return made


def turn_pages(body: Element) -> None:
    """Puts breaks of sections around what is wide, so that it stands on turned pages."""
    children = list(body)
    place = 0
    while place < len(children):
        if not children[place].get(WIDE):
            place += 1
            continue
        end = place
        while end < len(children) and children[end].get(WIDE):
            end += 1
        section = _section_of(children[place])
        _end(children[place].getprevious(), children[place], section, False)
        _end(children[end - 1], None, section, True)
        place = end


def _section_of(child: Element) -> Element:
    """The properties of the section an element of the body belongs to."""
    for one in child.itersiblings():
        if one.tag == f"{{{W}}}sectPr":
            return one
        inner = one.find("w:pPr/w:sectPr", _NS)
        if inner is not None:
            return inner
    raise UsageError("模板没有节属性，请用 Word 重新保存 / the template has no section: save it again with Word")


def _end(last: Element, following: Element, section: Element, turned: bool) -> None:
    """Ends a section, turned or upright, with its last element: an empty paragraph behind it could begin a page of its own."""
    own = _like(section, turned)
    if last is not None and _empty(last) and last.getprevious() is not None and last.getprevious().tag == last.tag:
        last, empty = last.getprevious(), last
        empty.getparent().remove(empty)
    if last is None or last.tag != f"{{{W}}}p" or last.find("w:pPr/w:sectPr", _NS) is not None:
        made = paragraph([run("", Look(size=2))], Shape(tight=True))
        if last is None:
            following.addprevious(made)
        else:
            last.addnext(made)
        last = made
    properties = last.find("w:pPr", _NS)
    if properties is None:
        properties = element("pPr")
        last.insert(0, properties)
    properties.append(own)


def _empty(one: Element) -> bool:
    """Whether it is a paragraph that shows nothing and ends no section."""
    shown = ("t", "drawing", "sectPr", "br", "fldChar")
    return one.tag == f"{{{W}}}p" and all(next(one.iter(f"{{{W}}}{name}"), None) is None for name in shown)


def _like(section: Element, turned: bool) -> Element:
    """The properties of a section like another, turned or as it is."""
    own = copy.deepcopy(section)
    for name in ("titlePg", "pgNumType", "type"):
        for one in own.findall(f"w:{name}", _NS):
            own.remove(one)
    size = own.find("w:pgSz", _NS)
    if turned and size is not None:
        wide, high = size.get(f"{{{W}}}w"), size.get(f"{{{W}}}h")
        size.set(f"{{{W}}}w", high)
        size.set(f"{{{W}}}h", wide)
        size.set(f"{{{W}}}orient", "landscape")
    return own


def unmark(body: Element) -> None:
    """Takes off what only the assembly needed."""
    for name in (WIDE, HEADING):
        for one in body.iterchildren():
            one.attrib.pop(name, None)
    for one in body.iterchildren():
        etree.cleanup_namespaces(one)
