"""The wording of the review page and what its files may hold, without a browser."""

import re
from pathlib import Path

import pytest

from review.pages import PAGES, STATIC, render
from review.wording import LANGUAGES, texts

TEMPLATES = STATIC.parent / "templates"
SCRIPTS = sorted(STATIC.glob("*.js"))
MARKUP = sorted(TEMPLATES.glob("*.html"))
ME = {
    "name": "甲",
    "roles": ["annotator", "second", "adjudicator", "lead", "auditor"],
    "csrf": "token",
    "lang": "zh",
    "round": {"id": "R0001", "state": "drawn", "criteria": "criteria-1:0123456789ab"},
    "readings": ["first", "second", "adjudication"],
    "pace": {"median_seconds": None},
}


def _read(paths: list[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _keys_used() -> tuple[set[str], set[str]]:
    """Keys named in scripts and templates, and the beginnings of keys that are put together there."""
    scripts, markup = _read(SCRIPTS), _read(MARKUP)
    exact = set(re.findall(r"\bt\(\"(\w+)\"", scripts)) | set(re.findall(r"\bt\.(\w+)", markup))
    exact |= set(re.findall(r"(?:button\(|return |: )\"(\w+)\"", scripts))  # keys handed on before they are looked up
    exact |= {key for pair in re.findall(r"\? \"(\w+)\" : (?:\w+ \? )?\"(\w+)\"", scripts) for key in pair}
    exact |= set(re.findall(r"\?\? \"(\w+)\"\)", scripts)) | {"dash_above", "dash_below"}
    begun = set(re.findall(r"\bt(?:Or)?\(`(\w+_)\$\{", scripts)) | set(
        re.findall(r"\bt(?:\[|\.get\()'(\w+_)' [+~]", markup)
    )
    return exact, begun


def test_every_text_is_there_in_both_languages_with_the_same_blanks() -> None:
    chinese, english = (texts(language) for language in LANGUAGES)
    for key, text in chinese.items():
        assert text.strip() and english[key].strip(), key
        blanks = [sorted(re.findall(r"\{(\w+)\}", version)) for version in (text, english[key])]
        assert blanks[0] == blanks[1], key


def test_every_key_the_pages_name_has_a_text_and_every_text_is_used() -> None:
    exact, begun = _keys_used()
    known = set(texts("zh"))
    named = set(re.findall(r"\bt\(\"(\w+)\"", _read(SCRIPTS))) | set(re.findall(r"\bt\.(?!get\b)(\w+)", _read(MARKUP)))
    assert named <= known
    unused = {key for key in known - exact if not any(key.startswith(start) for start in begun)}
    assert not unused


@pytest.mark.parametrize("path", MARKUP, ids=lambda path: path.name)
def test_a_template_holds_no_script_style_or_handler_and_loads_from_here_only(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+\s*=|javascript:", content)
    assert all("src=" in tag and tag.endswith("></script>") for tag in re.findall(r"<script.*?</script>", content))
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", content)
    assert "|safe" not in content and "autoescape" not in content


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_never_makes_markup_of_text_and_asks_nobody_else(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser", content
    )
    assert not re.search(r"setAttribute\(\"(?:style|on)", content)
    assert set(re.findall(r"https?://[^\"'\s]+", content)) <= {"http://www.w3.org/2000/svg"}


def test_style_sheets_load_nothing() -> None:
    assert not re.search(r"@import|url\(|@font-face", _read(sorted(STATIC.glob("*.css"))))


def test_every_id_a_script_asks_for_is_in_a_template() -> None:
    asked = set(re.findall(r"byId\(\"([\w-]+)\"\)", _read(SCRIPTS)))
    assert asked <= set(re.findall(r"\sid=\"([\w-]+)\"", _read(MARKUP)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_escapes_whatever_it_is_given(page: str, language: str) -> None:
    hostile = "\"><script>alert(1)</script>'&{{7*7}}"
    me = {**ME, "name": hostile} if page != "login" else None
    html = render(page, lang=language, me=me, csrf=hostile, message={"zh": hostile, "en": hostile})
    assert "<script>alert" not in html and "49" not in re.sub(r"\s", "", html).replace("{{7*7}}", "")
    assert html.startswith("<!doctype html>") and f'lang="{"zh-CN" if language == "zh" else "en"}"' in html


def test_people_see_only_the_pages_of_their_roles() -> None:
    annotator = {**ME, "roles": ["annotator"], "readings": ["first"]}
    html = render("judge", lang="zh", me=annotator, csrf="c", reading="first")
    assert 'href="/judge?reading=first" aria-current="page"' in html
    assert "/adjudicate" not in html and "/people" not in html
    auditor = render("dashboard", lang="en", me={**ME, "roles": ["auditor"], "readings": []}, csrf="c")
    assert "/judge?" not in auditor and "/mine" not in auditor and "/dashboard" in auditor


def test_a_secret_never_gets_into_an_address_even_where_no_script_runs() -> None:
    assert re.search(r'<form id="login"[^>]* method="post"', render("login", lang="zh"))


def test_an_unknown_language_is_chinese_and_an_unknown_page_an_error() -> None:
    assert 'lang="zh-CN"' in render("login", lang="../xx")
    with pytest.raises(ValueError):
        render("../base", lang="zh")
