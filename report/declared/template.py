"""Writes the first declarations file: commented, filled with what the run knows, all else marked as still to be filled in.

The marks are refused when the file is read (report/declared/parts.py), so that nothing left from here ever counts.
"""

import json
import unicodedata
from collections.abc import Mapping
from importlib import resources
from typing import Any

from pipeline.database import connect
from pipeline.emission.match import FOLDER as TRAINING
from pipeline.store.output import Run
from pipeline.terminal.opening import open_audit
from report.declared.model import SIGNERS
from report.declared.parts import MARKER, placeholder
from report.declared.wording import shown
from rounds.register import Round
from schemas.personal_information import catalogue
from schemas.profile import Profile
from schemas.risks import risks
from schemas.sources import KINDS

_POLICIES = {
    "blacklist": ("来源黑名单管理", "management of the blacklist"),
    "filtering": ("语料过滤", "filtering"),
    "intellectual_property": ("知识产权管理", "intellectual property"),
    "annotation_functional": (
        "功能性标注规则；没有标注则删去",
        "functional annotation rules; remove without annotation",
    ),
    "annotation_safety": ("安全性标注规则；没有标注则删去", "safety annotation rules; remove without annotation"),
    "personal_information": ("个人信息保护", "personal information"),
}
_LEVELS = {"general": "一般", "sensitive": "敏感", "biometric": "生物识别"}
_ANNOTATED = frozenset({"sft", "preference", "safety"})
_FAILURES = 500  # items listed for their disposition; a round that failed has many more

_SOURCES = "SELECT source_id, name, kind, missing_evidence AS missing FROM sources ORDER BY source_id"
_REGIONS = """
SELECT region, count(DISTINCT source_id) FILTER (documents > 0) AS sources, coalesce(sum(documents), 0)::BIGINT AS documents
FROM sources LEFT JOIN (SELECT source_id, sum(documents) AS documents FROM bucket_stats WHERE phase = 'admitted' GROUP BY ALL)
USING (source_id) GROUP BY region ORDER BY region
"""
_PERSONAL = """
SELECT source_id, level, any_value(basis) AS bases, sum(documents)::BIGINT AS documents,
       coalesce(sum(documents) FILTER (under_14), 0)::BIGINT AS under_14
FROM pii_basis WHERE phase = 'admitted' AND level IN ('general', 'sensitive', 'biometric')
GROUP BY source_id, level HAVING sum(documents) > 0 ORDER BY source_id, level
"""
_STAGES = "SELECT DISTINCT stage FROM sources ORDER BY stage"
_FAILED = """
SELECT item_no, source_id, verdict, f.risks FROM items_drawn JOIN finals f USING (item_no)
WHERE list_contains(samples, 'manual') AND verdict <> 'qualified' ORDER BY item_no
"""
_PEOPLE = "SELECT person FROM people ORDER BY person"


def initial(run: Run, round_: Round | None, profile: Profile) -> str:
    """The template for a run and, where it is closed, its round. The same run and round give the same text."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, trim_blocks=False, lstrip_blocks=False
    )
    environment.filters |= {"quoted": quoted, "line": shown}
    text = resources.files("report.declared").joinpath("templates", "declarations.yaml.j2").read_text(encoding="utf-8")
    found = {**_of_run(run), **_of_round(round_)}
    return environment.from_string(text).render(
        **found,
        run_id=run.folder.name,
        round=round_.id if round_ else None,
        profile=profile,
        manifests=_manifests(run),
        marker=MARKER,
        todo=lambda hint: quoted(placeholder(hint)),
        signers=SIGNERS,
        policies=_POLICIES,
        kinds=KINDS,
        levels=_LEVELS,
        bases="、".join(catalogue().bases),
        risks=list(risks().values()),
    )


def quoted(value: str) -> str:
    """A text as a YAML scalar in double quotes, on one line; what a page cannot show is written as its number."""
    escaped = json.dumps(value, ensure_ascii=False)
    return "".join(
        char if unicodedata.category(char)[0] not in "C" and char not in "\u2028\u2029\x85" else _number(char)
        for char in escaped
    )


def _number(char: str) -> str:
    return f"\\U{ord(char):08x}"


def _of_run(run: Run) -> dict[str, Any]:
    with open_audit(run) as audit:
        sources = _rows(audit, _SOURCES)
        stages = [row["stage"] for row in _rows(audit, _STAGES)]
        return {
            "sources": sources,
            "commercial": [source for source in sources if source["kind"] == "commercial"],
            "regions": _rows(audit, _REGIONS),
            "personal": _rows(audit, _PERSONAL),
            "stages": stages,
            "annotated": bool(_ANNOTATED & set(stages)),
        }


def _of_round(round_: Round | None) -> dict[str, Any]:
    if round_ is None or round_.closed is None:
        return {"failures": [], "failures_left_out": 0, "people": []}
    with connect(str(round_.folder / "round.duckdb"), read_only=True) as sql:
        failures = _rows(sql, _FAILED)
        return {
            "failures": failures[:_FAILURES],
            "failures_left_out": max(0, len(failures) - _FAILURES),
            "people": [row["person"] for row in _rows(sql, _PEOPLE)],
        }


def _rows(sql: Any, query: str) -> list[Mapping[str, Any]]:
    cursor = sql.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _manifests(run: Run) -> list[str]:
    """The names of the training manifests on record for the run."""
    folder = run.folder.parent.parent / TRAINING
    contents = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    return sorted({str(content["name"]) for content in contents if content["run_id"] == run.folder.name})
