"""Renders the pages of the review: Jinja templates, the wording of the language, and what the scripts need to start."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from review.wording import LANGUAGES, texts

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = Path(__file__).parent / "static"  # served under /static
PAGES = ("login", "judge", "mine", "dashboard", "people", "problem")


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(page: str, *, lang: str, me: Mapping[str, Any] | None = None, csrf: str = "", **data: Any) -> str:
    """The HTML of a page of `PAGES`; `me` is what /api/me answers, None before the login.

    `data` goes to the page's script as JSON in an attribute, never as markup: `reading` of `judge` (first, second,
    adjudication), `message` of `problem` ({"zh", "en"}: why a page is refused). Any other language becomes Chinese.
    """
    if page not in PAGES:
        raise ValueError(page)
    chosen = lang if lang in LANGUAGES else LANGUAGES[0]
    shown_reading = data.get("reading") or ((me or {}).get("readings") or ["first"])[0]
    start = {"lang": chosen, "csrf": csrf, "me": dict(me) if me else None, "texts": texts(chosen), **data}
    start["reading"] = shown_reading
    return (
        _environment()
        .get_template(f"{page}.html")
        .render(
            page=page,
            lang=chosen,
            me=me,
            shown_reading=shown_reading,
            t=texts(chosen),
            message=data.get("message"),
            start=json.dumps(start, ensure_ascii=False, sort_keys=True),
        )
    )
