"""Puts the page together: figures from a run's own result and tables, a template, and a style sheet named by its hash."""

import base64
import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from pipeline.errors import UsageError
from pipeline.store.output import Run
from pipeline.terminal.overview_page import drawing
from pipeline.terminal.overview_page.figures import figures_of

_CUT = 160  # characters of a name or reason
_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def write(run: Run, to: Path) -> Path:
    """Writes the overview of a run to a file and returns it; equal runs and registers give equal bytes. Raises UsageError."""
    inside = to.absolute().resolve()
    if to.is_dir() or not to.parent.is_dir():
        raise UsageError(f"--to: {to}: 应为已有文件夹中的文件 / should be a file in a folder that is there")
    if run.folder.parent.resolve() in inside.parents:
        raise UsageError(
            f"--to: {to}: 已发布的运行不可改动 / published runs are never written to: name a file elsewhere"
        )
    made = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    try:
        made.write_text(page_of(run), encoding="utf-8")
        made.replace(to)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise UsageError(f"--to: {to}: 写不了 / cannot be written: {error.strerror}") from None
    return to


def page_of(run: Run) -> str:
    """The page as text."""
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"count": _count, "percent": _percent, "size": _size}
    environment.globals["t"] = _both
    style = _template("style.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = environment.get_template("page.html")
    return template.render(figures_of(run), style=Markup(style), style_hash=Markup(digest), draw=drawing)


def _template(name: str) -> str:
    return resources.files("pipeline.terminal.overview_page").joinpath("templates", name).read_text(encoding="utf-8")


def _shown(value: Any) -> Any:
    """Any text that is put in: without characters that turn or break lines, and not endless."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = "".join(c if c.isprintable() else " " if c.isspace() else f"\\u{ord(c):04x}" for c in value)
    return text if len(text) <= _CUT else text[:_CUT] + "…"


def _both(zh: str, en: str) -> Markup:
    return Markup('<span class="zh">{}</span> <span class="en" lang="en">{}</span>').format(_shown(zh), _shown(en))


def _count(value: int) -> str:
    return f"{value:,}"


def _percent(value: float | None, digits: int = 2) -> str:
    return "—" if value is None else f"{value:.{digits}%}"


def _size(value: int) -> str:
    """Bytes in units of powers of ten, as the forms count them."""
    for unit, name in _UNITS:
        if value >= unit:
            return f"{value / unit:,.3g} {name}" if value < 1000 * unit else f"{value / unit:,.0f} {name}"
    return f"{value} B"
