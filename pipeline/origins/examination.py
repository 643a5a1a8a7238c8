"""What the evidence of a source amounts to: for each thing its kind requires whether it is there, in force and free of
contradiction (clause 5.1 c).

Pure: from the declaration, the facts of the files and the day of the audit, and then from what was counted of the
documents. `verify` does it again from the manifest.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Literal

from schemas.evidence import CommercialEvidence, Facts, OpenEvidence, SelfCollectedEvidence, UserInputEvidence
from schemas.sources import BASIS_RECORD, SourceRecord
from transforms.permits import DENIED, NO_SNAPSHOT, NO_URL, NOT_AUTHORISED, WITHDRAWN

Status = Literal["ok", "missing", "expired", "contradicting"]
_RESTRICTED = re.compile(r"\b(NC|ND)\b|non-?commercial|no-?deriv|非商业|禁止演绎", re.IGNORECASE)

_OTHER_TITLES = {
    "readme": "数据集说明（README）",
    "collection_record": "采集记录",
    "robots": "robots.txt 快照",
    "terms_review": "站点条款核查记录",
    "production_record": "自产语料的生产记录",
    BASIS_RECORD: "个人信息处理依据的证明材料",
}


@dataclass(frozen=True)
class Item:
    """One thing a kind requires, in the words of the standard, and what was found of it."""

    key: str
    title: str
    status: Status
    detail: str | None = None
    file: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Examined:
    """All items of a source, and the kind whose requirements applied."""

    treated_as: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Counts:
    """What was counted of a source: documents and bytes read; by finding how many documents, and how many admitted."""

    documents: int = 0
    bytes: int = 0
    findings: tuple[tuple[str, int, int], ...] = ()

    def of(self, finding: str) -> tuple[int, int]:
        """Documents with this finding, and how many of them are admitted."""
        return next(((found, admitted) for name, found, admitted in self.findings if name == finding), (0, 0))


def examine(source: SourceRecord, facts: Facts, today: date) -> Examined:
    """What can be said before a document is read. `today` is the day of the audit."""
    return _Examiner(source, facts, today).examine()


def settle(source: SourceRecord, examined: Examined, counts: Counts) -> Examined:
    """Adds what the documents say: robots.txt and authorisations by document, the contract's volume."""
    settled = {"robots": _robots, "volume": _volume, "authorisation": _authorised, "withdrawals": _withdrawn}
    items = [settled[i.key](source, i, counts) if i.key in settled else i for i in examined.items]
    return replace(examined, items=tuple(items))


def evidence_rows(source: SourceRecord, examined: Examined) -> list[dict[str, Any]]:
    """Rows of `evidence`."""
    columns = ("title", "file", "sha256", "status", "detail")
    return [
        {"source_id": source.id, "kind": examined.treated_as} | {name: asdict(item)[name] for name in columns}
        for item in examined.items
    ]


def missing_titles(examined: Examined) -> list[str]:
    """What is missing, in the words of the standard."""
    return [item.title for item in examined.items if item.status == "missing"]


def is_complete(examined: Examined) -> bool:
    """Whether all that is required is there, in force and free of contradiction."""
    return all(item.status == "ok" for item in examined.items)


class _Examiner:
    def __init__(self, source: SourceRecord, facts: Facts, today: date) -> None:
        self.source = source
        self.evidence = source.evidence
        self.facts = facts
        self.files = {fact.key: fact for fact in facts.files}
        self.today = today

    def examine(self) -> Examined:
        evidence = self.evidence
        treated_as: str = self.source.kind
        if isinstance(evidence, OpenEvidence):
            linked = evidence.link_only if evidence.link_only is not None else self.facts.link_hint is not None
            treated_as = "self_collected" if linked else "open"
            items = [*self._licence(evidence), *(self._links(evidence))]
            items += self._collected() if linked else self._open(evidence)
        elif isinstance(evidence, SelfCollectedEvidence):
            produced = evidence.production_record is not None and evidence.collection_record is None
            items = [self._file("production_record", "自产语料的生产记录")] if produced else list(self._collected())
        elif isinstance(evidence, CommercialEvidence):
            items = list(self._commercial(evidence))
        else:
            items = list(self._user_input(evidence))
        items += [*self._obtained(), *self._region()]
        items += self._others({item.key for item in items})
        return Examined(treated_as, tuple(items))

    def _file(self, key: str, title: str, may_be_empty: bool = False) -> Item:
        fact = self.files.get(key)
        if fact is None:
            return Item(key, title, "missing")
        empty = fact.bytes == 0 and not may_be_empty
        return Item(
            key,
            title,
            "missing" if empty else "ok",
            "文件为空 / the file is empty" if empty else None,
            fact.file,
            fact.sha256,
        )

    def _licence(self, evidence: OpenEvidence) -> Iterator[Item]:
        licence, title = evidence.licence, "开源授权协议标识（SPDX）"
        if licence is None:
            yield Item("licence", title, "missing")
        elif found := _RESTRICTED.search(licence):
            yield Item(
                "licence",
                title,
                "contradicting",
                f"{licence}: 含限制条款 {found.group()} / forbids commercial use or adaptations",
            )
        else:
            yield Item("licence", title, "ok", licence)
        yield self._file("licence_file", "开源授权协议或相关授权文件")
        yield from self._validity("授权有效期", required=False)

    def _links(self, evidence: OpenEvidence) -> Iterator[Item]:
        hint = self.facts.link_hint
        if evidence.link_only is False and hint is not None:
            own_words = hint.startswith("evidence.licence_file") or hint.startswith("evidence.readme")
            status: Status = "contradicting" if own_words else "ok"  # a name alone may mislead
            yield Item("link_only", "链接型数据集", status, f"申报为否，但 / declared not to be, yet {hint}")
        elif evidence.link_only or (evidence.link_only is None and hint is not None):
            detail = "已申报 / declared" if evidence.link_only else hint
            yield Item("link_only", "链接型数据集（视同自采）", "ok", detail)

    def _open(self, evidence: OpenEvidence) -> Iterator[Item]:
        yield self._terms("条款允许用于训练", required=True)
        yield self._given("version", "版本", evidence.version)
        yield self._file("download_log", "下载日志")

    def _terms(self, title: str, required: bool) -> Item:
        answer = getattr(self.evidence, "terms_allow_training", None)
        if answer == "no":
            return Item("terms_allow_training", title, "contradicting", "申报为禁止 / declared: they forbid it")
        if answer == "yes" or not required:
            return Item("terms_allow_training", title, "ok", answer)
        return Item("terms_allow_training", title, "missing", "不明确 / unclear" if answer else None)

    def _given(self, key: str, title: str, value: str | None) -> Item:
        return Item(key, title, "missing" if value is None else "ok", value)

    def _collected(self) -> Iterator[Item]:
        record = self.facts.collection
        yield self._file("collection_record", "采集记录")
        yield self._span()
        declared = getattr(self.evidence, "user_agent", ())
        recorded = record.user_agent if record else None
        crawler = (record.crawler if record else None) or recorded or next(iter(declared), None)
        differs = bool(declared) and recorded is not None and recorded not in declared
        detail = f"记录为 {recorded}，申报为 {', '.join(declared)} / the record says one, the declaration another"
        yield (
            Item("crawler", "采集程序（UA）", "contradicting", detail)
            if differs
            else self._given("crawler", "采集程序（UA）", crawler)
        )
        robots = self._file("robots", "robots.txt 快照")
        if robots.status == "ok" and self.facts.robots is not None:
            found = self.facts.robots
            notes = [f"主机 / hosts {found.hosts}; UA {', '.join(found.agents)}"]
            if found.late:
                notes.append(f"晚于采集期 / taken after collecting {found.late}")
            if found.stale:
                notes.append(f"早于采集期 30 天以上 / over 30 days before collecting {found.stale}")
            robots = replace(robots, status="expired" if found.stale else "ok", detail="; ".join(notes))
        yield robots
        yield self._file("terms_review", "站点条款核查记录")
        if getattr(self.evidence, "terms_allow_training", None) is not None:
            yield self._terms("站点条款允许用于训练", required=False)

    def _span(self) -> Item:
        title, record = "采集时间段", self.facts.collection
        start, end = (record.fetched_from, record.fetched_to) if record else (None, None)
        if start is None or end is None:
            return Item("fetched", title, "missing")
        if end < start:
            return Item("fetched", title, "contradicting", f"{start} – {end}: 结束早于开始 / ends before it begins")
        if end > self.today:
            return Item("fetched", title, "contradicting", f"{start} – {end}: 晚于评估日 / after the day of the audit")
        return Item("fetched", title, "ok", f"{start} – {end}")

    def _commercial(self, evidence: CommercialEvidence) -> Iterator[Item]:
        contract = self._file("contract", "交易合同或合作协议")
        yield replace(contract, detail=contract.detail or evidence.contract_no)
        yield from self._validity("合同有效期", required=True)
        volume = evidence.volume
        stated = [
            *([f"{volume.documents} 条 / documents"] if volume.documents is not None else []),
            *([f"{volume.bytes} 字节 / bytes"] if volume.bytes is not None else []),
        ]
        yield self._given("volume", "合同数量", ", ".join(stated) or None)
        title = "语料合法性证明材料"
        if evidence.legality_proof == "none":
            yield Item("legality_proof", title, "missing", "已申报不能提供 / declared: there is none")
        else:
            yield self._file("legality_proof", title)
        yield self._file("review_record", "对合同、承诺及证明材料的审核记录")

    def _user_input(self, evidence: UserInputEvidence) -> Iterator[Item]:
        yield self._file("authorisation", "使用者授权记录")
        yield self._given("user", "使用者标识字段（fields.user）", self.source.fields.user)
        yield self._file("withdrawals", "授权撤回记录", may_be_empty=True)
        users = self.facts.users
        in_records = "见授权记录 / in the records" if users and users.authorised and not users.without_version else None
        yield self._given("agreement_version", "使用者协议版本", evidence.agreement_version or in_records)
        yield from self._validity("授权有效期", required=False)

    def _validity(self, title: str, required: bool) -> Iterator[Item]:
        """In force on the day the corpus was obtained, or of the audit where that is not declared."""
        start, end, obtained = self.evidence.valid_from, self.evidence.valid_to, self.evidence.obtained_at
        if start is None and end is None and not required:
            return
        span = f"{start or '…'} – {end or '…'}"
        when = f"取得于 / obtained {obtained}" if obtained else "按评估日 / on the day of the audit"
        day = obtained or self.today
        if start is not None and end is not None and end < start:
            yield Item("validity", title, "contradicting", f"{span}: 结束早于开始 / ends before it begins")
        elif start is not None and day < start:
            yield Item("validity", title, "contradicting", f"{span}: 尚未生效 / not yet in force; {when}")
        elif end is not None and day > end:
            yield Item("validity", title, "expired", f"{span}: 已过期 / no longer in force; {when}")
        elif required and (start is None or end is None):
            yield Item("validity", title, "missing", span if start or end else None)
        else:
            yield Item("validity", title, "ok", span)

    def _obtained(self) -> Iterator[Item]:
        obtained = self.evidence.obtained_at
        if obtained is not None:
            future = obtained > self.today
            detail = f"{obtained}: 晚于评估日 / after the day of the audit" if future else str(obtained)
            yield Item("obtained_at", "取得时间", "contradicting" if future else "ok", detail)

    def _others(self, known: set[str]) -> Iterator[Item]:
        """What is declared beyond what is required; it judges documents all the same."""
        for key in self.files:
            if key not in known:
                yield self._file(key, _OTHER_TITLES.get(key, key), may_be_empty=key != BASIS_RECORD)

    def _region(self) -> Iterator[Item]:
        yield self._given("region_basis", "境内外属性依据", self.source.region_basis)


def _robots(source: SourceRecord, item: Item, counts: Counts) -> Item:
    if item.file is None or item.status == "missing":
        return item
    (denied, admitted), (unknown, _), (placeless, _) = (counts.of(f) for f in (DENIED, NO_SNAPSHOT, NO_URL))
    notes = [item.detail or "", f"禁止 / denied {denied}（进入训练 / admitted {admitted}）"]
    notes.append(f"无快照 / no snapshot {unknown}, 无网址 / no URL {placeless}")
    status: Status = item.status
    if denied:
        status = "contradicting"
    elif status == "ok" and (unknown or placeless):
        status = "missing"
    return replace(item, status=status, detail="; ".join(filter(None, notes)))


def _volume(source: SourceRecord, item: Item, counts: Counts) -> Item:
    if item.status != "ok" or not isinstance(source.evidence, CommercialEvidence):
        return item
    volume = source.evidence.volume
    beyond = any(
        bought is not None and read > bought
        for bought, read in ((volume.documents, counts.documents), (volume.bytes, counts.bytes))
    )
    detail = f"{item.detail}; 实测 / read {counts.documents} 条 / documents, {counts.bytes} 字节 / bytes"
    return replace(item, status="contradicting" if beyond else "ok", detail=detail)


def _authorised(source: SourceRecord, item: Item, counts: Counts) -> Item:
    if item.status != "ok" or source.fields.user is None:
        return item
    unknown, admitted = counts.of(NOT_AUTHORISED)
    linked = counts.documents - unknown
    detail = f"关联 / joined {linked}/{counts.documents}; 未关联而进入训练 / not joined, yet admitted {admitted}"
    return replace(item, status="contradicting" if unknown else "ok", detail=detail)


def _withdrawn(source: SourceRecord, item: Item, counts: Counts) -> Item:
    if item.status != "ok" or source.fields.user is None:
        return item
    withdrawn, admitted = counts.of(WITHDRAWN)
    detail = f"已撤回 / withdrawn {withdrawn}; 撤回而进入训练 / withdrawn, yet admitted {admitted}"
    return replace(item, status="contradicting" if admitted else "ok", detail=detail)
