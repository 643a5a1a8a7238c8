"""The figures of the page, from result.json, the database and the registers beside the run. Nothing is estimated here."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.accounting.profile_standing import note
from pipeline.accounting.statistics import EXCLUSIONS
from pipeline.store.output import Run
from pipeline.store.scans import sha256_file
from pipeline.terminal import query
from pipeline.terminal.opening import open_audit
from pipeline.terminal.overview_page.drawing import Rate, scale_of
from schemas.personal_information import catalogue
from schemas.risks import groups, risks

Row = dict[str, Any]

FIRST = 40  # rows of a long table that are shown at once
STEPS = {
    "source_blacklisted": ("来源在黑名单", "source blacklisted"),
    "domain_blacklisted": ("域名在黑名单", "domain blacklisted"),
    "blocked": ("依法阻断的信息", "blocked information"),
    "declared_bar": ("申报的禁止事由", "declared bar"),
    "robots_denied": ("robots 不允许", "robots deny"),
    "withdrawn": ("授权已撤回", "authorisation withdrawn"),
    "not_authorised": ("未获使用者授权", "not authorised by the user"),
    "filtered": ("按策略过滤", "filtered by policy"),
    "unscored": ("检测器未答复", "without an answer of a detector"),
    "personal_information": ("个人信息", "personal information"),
    "duplicate": ("重复", "copies"),
}
BUCKETS = {"zh": ("中文", "Chinese"), "en": ("英文", "English"), "code": ("代码", "code"), "other": ("其他", "other")}
REGIONS = {
    "domestic": ("境内", "domestic"),
    "hk_mo_tw": ("港澳台", "Hong Kong, Macao, Taiwan"),
    "overseas": ("境外", "overseas"),
}
KINDS = {
    "open": ("开源", "open"),
    "self_collected": ("自采", "self-collected"),
    "commercial": ("商业", "commercial"),
    "user_input": ("使用者输入", "user input"),
}
LEVELS = {"general": ("一般", "general"), "sensitive": ("敏感", "sensitive"), "biometric": ("生物识别", "biometric")}
SCOPES = {"suspended": ("暂停", "suspended"), "source": ("来源", "source"), "domain": ("域名", "domain")}


@dataclass(frozen=True)
class Split:
    """The rows of a long table: those shown at once, and the rest."""

    first: list[Any]
    rest: list[Any]


def split(rows: Sequence[Any]) -> Split:
    """Folds what is beyond FIRST, unless it is only a few rows."""
    cut = len(rows) if len(rows) <= FIRST + 5 else FIRST
    return Split(list(rows[:cut]), list(rows[cut:]))


def figures_of(run: Run) -> Row:
    """All values of the template."""
    result, manifest = run.result, run.manifest
    numerator, denominator = manifest["profile"]["source_rate"]["maximum"]
    asked = {answer.name: _rows(answer) for answer in query.ask(run, _ASKED)}
    with open_audit(run) as connection:

        def rows(sql: str) -> list[Row]:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        ledger, black = split(rows(_LEDGER)), _blacklisted(rows(_BLACKLIST), asked["risks"])
    limit = numerator / denominator
    sources = _sources(result["sources"], {row["source_id"]: row for row in asked["provenance"]})
    return {
        "manifest": manifest,
        "manifest_sha256": sha256_file(run.folder / "manifest.json"),
        "result": result,
        "profile_note": note(result),
        "totals": result["totals"],
        "limit": limit,
        "technical_limit": _share(manifest["profile"]["technical"]["pass"]),
        "sources": split(sources),
        "rates": [source["rate"] for source in sources if source["documents"]],
        "blacklisted": sum(source["black"] for source in sources),
        "watched": sum(source["rate"].kind == "watch" for source in sources),
        "scale": scale_of([source["rate"].high for source in sources], limit),
        "funnel": list(_funnel(asked["funnel"])),
        "buckets": _buckets(asked["buckets_by_origin"]),
        "kinds": _by_kind(asked["buckets_by_origin"]),
        "regions": REGIONS,
        "risk_groups": _risk_groups(asked["risks"]),
        "most_risks": max((row["collected"] for row in _by_risk(asked["risks"]).values()), default=0),
        "composition": _composition(asked["sample_composition"]),
        "personal": _personal(asked["personal_information"]),
        "basis": _basis(result["personal_information_basis"]),
        "ledger": ledger,
        "rejects": split(asked["rejects"]),
        "blacklist": split(black),
        "clauses": asked["clauses"],
        "rounds": asked["rounds"],
        "below_floor": result["known_answers"]["below_floor"],
    }


_ASKED = (
    "funnel",
    "provenance",
    "buckets_by_origin",
    "risks",
    "sample_composition",
    "personal_information",
    "rejects",
    "clauses",
    "rounds",
)
_LEDGER = """
SELECT source_id, count(*) AS shards, count(*) FILTER (NOT complete) AS incomplete, sum(records_read)::BIGINT AS records_read,
       sum(audited)::BIGINT AS audited, sum(rejected)::BIGINT AS rejected
FROM ledger GROUP BY source_id ORDER BY incomplete DESC, rejected DESC, source_id
"""
_BLACKLIST = """
SELECT source_key, scope, reason, rate, documents, decided_by, strftime(decided_at, '%Y-%m-%d %H:%M') AS decided_at
FROM blacklist WHERE active ORDER BY rate DESC NULLS LAST, source_key, scope
"""


def _rows(answer: query.Answer) -> list[Row]:
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _share(pair: Sequence[int]) -> float:
    return pair[0] / pair[1]


def _sources(stats: Sequence[Row], declared: dict[str, Row]) -> list[Row]:
    """Sources with documents by rate, the worst first; those without come last."""
    ordered = sorted(stats, key=lambda row: (-(row["violation_rate"] or 0.0), -row["documents"], row["source_id"]))
    return [
        row
        | {
            "name": declared[row["source_id"]]["name"],
            "kind": KINDS[declared[row["source_id"]]["kind"]],
            "black": row["status"] == "blacklisted",
            "rate": Rate(
                row["violation_rate"] or 0.0,
                row["rate_low"],
                row["rate_high"],
                row["candidate_rate"] or 0.0,
                _kind(row),
            ),
        }
        for row in ordered
    ]


def _kind(row: Row) -> str:
    return "bad" if row["status"] == "blacklisted" else "watch" if row["needs_review"] else "fine"


def _funnel(steps: Sequence[Row]) -> Iterator[Row]:
    """The first step, each reason that kept anything out, and what was admitted."""
    left = {row["step"]: row for row in steps}
    if not left:
        return
    before = left["collected"]
    yield {"name": ("采集", "collected"), "row": before, "before": before, "strong": True}
    for reason in EXCLUSIONS:
        row = left.get(f"after_{reason}", before)
        if row["documents"] != before["documents"]:
            yield {"name": STEPS[reason], "row": row, "before": before, "strong": False}
        before = row
    yield {"name": ("进入训练", "admitted"), "row": before, "before": before, "strong": True}


def _buckets(rows: Sequence[Row]) -> list[Row]:
    """A row a bucket: bytes and documents admitted, and the bytes of each region."""
    found = []
    for bucket, name in BUCKETS.items():
        mine = [row for row in rows if row["bucket"] == bucket]
        size = Counter[str]()
        for row in mine:
            size[row["region"]] += row["bytes"]
        if mine:
            parts = [(region, size[region]) for region in REGIONS]
            count = sum(row["documents"] for row in mine)
            found.append({"name": name, "parts": parts, "bytes": size.total(), "documents": count})
    return found


def _by_kind(rows: Sequence[Row]) -> list[Row]:
    found: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for row in rows:
        found[row["kind"]].update({"bytes": row["bytes"], "documents": row["documents"]})
    return [
        {"name": KINDS[kind], "bytes": counts["bytes"], "documents": counts["documents"]}
        for kind, counts in found.items()
        if counts
    ]


def _by_risk(rows: Sequence[Row]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[row["risk_id"]].update({key: row[key] for key in ("collected", "admitted")})
    return found


def _risk_groups(rows: Sequence[Row]) -> list[Row]:
    counted = _by_risk(rows)
    return [
        {
            "group": group,
            "risks": [
                {"risk": risk, **{key: counted[risk.id][key] for key in ("collected", "admitted")}}
                for risk in risks().values()
                if risk.id.startswith(f"{group.id}-")
            ],
        }
        for group in groups().values()
    ]


def _composition(rows: Sequence[Row]) -> dict[str, Row]:
    """By sample: its sources beside the corpus, and how far the whole is from what chance gives."""
    found: dict[str, Row] = {}
    for sample in ("manual", "technical"):
        mine = [row for row in rows if row["sample"] == sample and row["divided_by"] == "source"]
        parts = [row for row in mine if row["degrees"] is None]
        found[sample] = {
            "rows": split(parts),
            "most": max((max(row["percent"], row["drawn_percent"]) for row in parts), default=0),
            "total": next((row for row in mine if row["degrees"] is not None), None),
        }
    return found


def _personal(rows: Sequence[Row]) -> list[Row]:
    """Types of personal information over all sources, the commonest first."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        if row["class"] == "personal":
            found.setdefault(row["pii_type"], Counter()).update({key: row[key] for key in ("collected", "admitted")})
    types = catalogue().types
    return [
        {"name": (types[kind].zh, types[kind].en) if kind in types else (kind, kind), "type": kind, **counts}
        for kind, counts in sorted(found.items(), key=lambda item: (-item[1]["collected"], item[0]))
    ]


def _basis(rows: Sequence[Row]) -> list[Row]:
    """By level: documents collected, covered by a lawful basis, admitted, and admitted without one."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        counts = found.setdefault(row["level"], Counter())
        counts[row["phase"]] += row["documents"]
        if not row["covered"]:
            counts[f"{row['phase']}_uncovered"] += row["documents"]
    keys = ("collected", "collected_uncovered", "admitted", "admitted_uncovered")
    return [
        {"name": LEVELS[level], **{key: found[level][key] for key in keys}}
        for level in reversed(LEVELS)
        if level in found
    ]


def _blacklisted(rows: Sequence[Row], risk_rows: Sequence[Row]) -> list[Row]:
    """Entries in force, each source with the risks most often found in it."""
    return [
        row
        | {
            "scope": SCOPES.get(row["scope"], (row["scope"], row["scope"])),
            "risks": sorted(
                (
                    (risks()[found["risk_id"]], found["collected"])
                    for found in risk_rows
                    if found["source_id"] == row["source_key"] and row["scope"] != "domain" and found["collected"]
                ),
                key=lambda item: (-item[1], item[0].id),
            )[:4],
        }
        for row in rows
    ]
