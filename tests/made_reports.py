"""Reports made by hand for tests of the documents: every kind of cell, long and empty tables, hostile names."""

import io
import zlib
from dataclasses import replace
from typing import Any

from report.model import Both, Column, Evidence, Gap, Number, Reason, Report, Row, Table, Verdict
from report.tables.pictures import Chart

DIGEST = "0123456789abcdef" * 4

HOSTILE = (
    '<script>alert("1")</script>',
    "</w:t></w:r><w:r><w:t>forged</w:t>",
    "]]><!--",
    "{{ organisation.name }} {% for x in y %} {_{ _} %_} {# #}",
    '=HYPERLINK("http://example.invalid","x")',
    "+1+1",
    "-1",
    "@SUM(A1)",
    "&lt;b&gt; &#60; &amp;",
    "nul\x00 bell\x07 esc\x1b[31m form\x0c",
    "right\u202eleft\u202c isolate\u2066x\u2069",
    "zero\u200bwidth soft\u00adhyphen tag\U000e0041",
    "lone \ud800 surrogate, not \uffff or \U0001ffff characters",
    "_x000D_ \\u202E",
    "line one\nline two\ttabbed",
    "| pipe | `code` [link](http://example.invalid) ![x](y) <img src=x onerror=y>",
    "$x^2$ ~~gone~~ # head",
    "😀👨‍👩‍👧 éà ي ع 𠀀",
    "很长的来源名称" * 30,
    "sha256:" + "f" * 200,
    "'quoted' \"twice\"",
    "none / 无",
)


def table(id: str, kinds: dict[str, str], rows: list[dict[str, Any]], total: bool = False, title: str = "") -> Table:
    columns = tuple(Column(name, Both(f"列{name}", name), kind) for name, kind in kinds.items())
    made = tuple(Row(f"r{place}", row, total and place == len(rows) - 1) for place, row in enumerate(rows))
    notes = (Both("GB 为 10⁹ 字节", "GB = 10⁹ bytes"),)
    return Table(id, Both(title or f"表 {id}", f"Table {id}"), notes, columns, made, "SELECT 1")


def empty_table(id: str) -> Table:
    made = table(id, {"label": "text", "n": "count"}, [])
    return replace(
        made, rows=(Row("none", {"label": "不涉及：没有语料标注 / none: nothing was annotated", "n": None}),)
    )


SIZES = {"label": "text", "bytes": "gigabytes", "tokens": "tokens", "documents": "count", "share": "share"}
LEDGER = {
    "no": "count", "source_id": "text", "name": "text", "kind": "text", "region": "text", "access": "text", "obtained": "text",
    "languages": "text", "types": "text", "documents": "count", "bytes": "gigabytes", "tokens": "tokens", "licence": "text",
    "files": "text", "robots": "text", "personal": "text", "before": "share", "after": "share", "conclusion": "verdict",
    "sha256": "digest", "disposition": "text",
}  # fmt: skip


def ledger(count: int, names: tuple[str, ...] = ()) -> Table:
    rows = [
        {
            **dict.fromkeys(LEDGER, "若干文字"),
            "no": place,
            "source_id": f"source_{place:03d}",
            "name": names[place % len(names)] if names else f"2018–2022 年中文公开评论（已脱敏）第 {place} 批",
            "documents": 1_234_567 * place,
            "bytes": 12_345_678_901 * place,
            "tokens": None,
            "before": 0.0495 + place / 1e6,
            "after": 0.05,
            "conclusion": "符合",
            "sha256": DIGEST,
        }
        for place in range(1, count + 1)
    ]
    return table("C-4", LEDGER, rows, title="表 C-4 来源台账")


def reason(verdict: str, found: tuple[str, ...] = ()) -> Reason:
    who, remedy = Both("语料负责人", "head of data"), Both("补交材料", "hand it in")
    return Reason(f"made_{verdict}", verdict, Both("缺少材料", "evidence is missing"), who, remedy, found, None)


def verdict(clause: str, told: str, *reasons: Reason, **more: Any) -> Verdict:
    evidence = (Evidence(Both("台账", "ledger"), "audit/ledger.parquet", DIGEST),)
    basis = (
        Number(f"K.MADE.{clause}/documents", Both("条数", "documents"), 1_234_567, "SELECT 1"),
        Number(f"K.MADE.{clause}/share", Both("占比", "share"), 0.0499996, "SELECT 2"),
        Number(f"K.MADE.{clause}/unknown", Both("未知", "unknown"), None, "SELECT 3"),
    )
    made = Verdict(
        clause, f"K.MADE.{clause}", "应建立语料来源黑名单" * 4, "shall", told, reasons, basis, evidence, "", ()
    )
    return replace(made, **more)


VERDICTS = (
    verdict("5.1a1", "符合"),
    verdict("5.1a2", "不符合", reason("不符合", ("zh_forum", "… 12")), explanation="改用等效措施"),
    verdict("5.1b", "不适用", reason("不适用"), explanation="没有此类语料 / none of the kind"),
    verdict("5.1c1", "待补充", reason("待补充"), replace(reason("待人工"), settled_by="王法务")),
    verdict("5.1c2", "待人工", reason("待人工"), unverified=("门槛未核 / not checked",)),
    verdict("5.2b6", "自定义口径", modality="should"),
)
SIGNERS = {
    "legal_person": {"name": "张三", "post": "总经理", "also": ["legality_lead"], "note": "兼任法务负责人"},
    "security_lead": {"name": "李四", "post": "网络安全负责人", "also": [], "note": None},
}


def cover(**changes: Any) -> dict[str, Any]:
    """A cover with everything on it."""
    facts = {
        "run_id": "20261122T000000Z-abcdef12", "round": "R0001", "rehearsal": False, "may_pass": True, "custom_policy": False,
        "profile": "tc260-003", "profile_title": "征求意见稿口径", "policy": "starter", "day": "2026-11-22", "documents": 12_345_678,
        "admitted_documents": 11_111_111, "software_version": "0.1.0", "ruleset_sha256": DIGEST, "manifest_sha256": DIGEST,
        "seed": "2026-11", "lexicon_terms": 10_234,
    }  # fmt: skip
    notice = Both("征求意见稿口径，非现行版本", "draft for comments, not in force")
    told = {
        "organisation": {
            "name": "某某科技有限公司",
            "credit_code": "91110000MA0000000X",
            "service": "某某大模型",
            "day": "2026-11-30",
        },
        "model": {"name": "某某-7B", "version": "2.0", "base_own": True, "training": ["pretrain-1"]},
        "signers": SIGNERS,
        "facts": facts,
        "round": {
            "round": "R0001",
            "value_name": "3D 开奖号",
            "value": "081217",
            "seed": "R0001/081217",
            "frame_documents": 11_111_111,
        },
        "rehearsal": False,
        "edition": {
            "document": "《生成式人工智能服务安全基本要求》",
            "date": "2023-10-11",
            "status": "征求意见稿 / draft",
            "notice": notice,
        },
        "unverified": ("manual.minimum = 4000：未经标准原文核对 / unverified",),
        "digest": DIGEST,
    }
    return told | changes


def made_report(**changes: Any) -> Report:
    """A report with every kind of table, 60 sources and many gaps."""
    sizes = [
        {
            "label": "中文文本 / Chinese",
            "bytes": 1_234_567_890_123,
            "tokens": 345_678_901_234,
            "documents": 9_999_999,
            "share": 0.6,
        },
        {"label": "英文文本 / English", "bytes": 823_045_260_082, "tokens": None, "documents": 1_111_112, "share": 0.4},
        {"label": "合计 / total", "bytes": 2_057_613_150_205, "tokens": None, "documents": 11_111_111, "share": 1.0},
    ]
    items = [
        {"item_no": n, "doc_id": f"zh_news:{n}", "content_hash": DIGEST, "verdict": "合格 / qualified"}
        for n in range(1, 501)
    ]
    told = Report(
        cover=cover(),
        conclusion=None,
        verdicts=VERDICTS,
        tables=(
            table("C-1", SIZES, sizes, total=True, title="表 C-1 文本训练语料规模"),
            empty_table("C-5"),
            ledger(60),
            table(
                "T09",
                {"item_no": "count", "doc_id": "text", "content_hash": "digest", "verdict": "text"},
                items,
                title="T09 人工抽检逐条",
            ),
            table("X-1", {"label": "text", "told": "verdict"}, [{"label": "新增的表", "told": "不符合"}]),
        ),
        gaps=tuple(Gap(n, reason("待补充", (f"source_{n}",)), ("5.1a1", "5.2a")) for n in range(1, 41)),
        unproved=("语料本身属实 / that the corpus is what it is said to be",),
        evidence=tuple(Evidence(Both(f"材料 {n}", ""), f"files/{n}.pdf", DIGEST) for n in range(1, 31)),
    )
    return replace(told, **changes)


def hostile_report() -> Report:
    """A report in which every text that comes from outside is hostile."""
    names = [
        {"label": text, "bytes": place, "tokens": None, "documents": place, "share": 0.5}
        for place, text in enumerate(HOSTILE)
    ]
    cells = table("C-1", SIZES, names)
    cells = replace(cells, rows=tuple(replace(row, key=f"k{place}") for place, row in enumerate(cells.rows)))
    verdicts = tuple(
        verdict(f"5.{place}", "待补充", reason("待补充", (text,)), explanation=text, unverified=(text,), title=text)
        for place, text in enumerate(HOSTILE)
    )
    gaps = tuple(Gap(place, reason("待补充", (text,)), ("5.1",)) for place, text in enumerate(HOSTILE, start=1))
    evidence = tuple(Evidence(Both(text, text), text, DIGEST) for text in HOSTILE)
    person = {"name": HOSTILE[0], "post": HOSTILE[10], "also": [], "note": HOSTILE[9]}
    told = cover(
        organisation={
            "name": HOSTILE[3] + HOSTILE[0] + HOSTILE[9] + HOSTILE[12],
            "service": HOSTILE[14],
            "day": HOSTILE[1],
        },
        model={"name": HOSTILE[10], "version": HOSTILE[11], "training": list(HOSTILE)},
        signers={"legal_person": person},
    )
    return made_report(
        cover=told,
        verdicts=verdicts,
        gaps=gaps,
        evidence=evidence,
        tables=(cells, ledger(len(HOSTILE), HOSTILE)),
        unproved=HOSTILE,
    )


def chart(id: str = "funnel", width: int = 1, height: int = 1) -> Chart:
    """A grey picture of so many points."""
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="5" height="5"/></svg>'
    return Chart(id, Both("漏斗", "Funnel"), _png(width, height), svg)


def _png(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    made = io.BytesIO(b"")
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    for part in (
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", head),
        chunk(b"IDAT", zlib.compress((b"\x00" + b"\x80" * width) * height)),
        chunk(b"IEND", b""),
    ):
        made.write(part)
    return made.getvalue()
