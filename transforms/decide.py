"""Turns the facts of the layers into decisions: which risks a document has, and whether it is admitted.

Pure and cheap: policy, profile and blacklist can change without reading a shard again. For each document and risk the
rules of the policy are tried in order and the first that holds decides; its name is kept with every finding.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.lexicon import TIERS, Library
from schemas.personal_information import catalogue
from schemas.policy import Conditions, Policy, Rule
from schemas.profile import Profile
from schemas.results import DOCUMENTS, FINDINGS
from transforms.permits import DENIED, NOT_AUTHORISED, WITHDRAWN, Permits
from transforms.personal import Persons, judge_entities
from transforms.provenance import canonical_url

VERSION = 6
_SINGLE = 1e-6  # scores are stored in single precision and rounded again before they decide
MAX_CANDIDATES = 20  # undecided findings kept a document and detector

NOT_ASKED = "not_asked"
_RIGHTS = {"rights_indicators": "indicator", "rights_counts": "count", "rights_starts": "start"}
_KEYWORDS, _CLASSIFIER, _CONFIRM, PII = "keywords@1", "classifier@1", "confirm@1", "pii@2"


@dataclass(frozen=True)
class Origin:
    """Where the documents of a unit come from; `shards` and `row_bases` by member, `bases`: lawful ones, as declared."""

    source_id: str
    shards: tuple[str, ...]
    row_bases: tuple[int, ...]
    bases: tuple[str, ...] = ()
    stage: str = "pretrain"


@dataclass(frozen=True)
class Blocked:
    """What must not be trained on by declaration: registrable domains, URLs, content hashes (clause 5.1 d).

    URLs stand as `provenance.canonical_url` gives them.
    """

    domains: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Admission:
    """What the blacklist, the blocked lists and the source's own evidence say about its documents."""

    source_blacklisted: bool = False
    domains: frozenset[str] = frozenset()
    blocked: Blocked = field(default_factory=Blocked)
    permits: Permits = field(default_factory=Permits)
    copies: tuple[int, ...] = ()  # positions in the unit of documents that are copies and left out
    year: int | None = None  # by which ages of persons are told; None: they are not told from births

    def digest(self) -> str:
        """Changes with anything that can change a decision."""
        parts = [self.domains, self.blocked.domains, self.blocked.urls, self.blocked.hashes]
        content = [self.source_blacklisted, self.permits.digest, self.copies, self.year]
        content += [sorted(part) for part in parts]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


@dataclass
class _Evidence:
    """What was found in one document for one risk."""

    terms: dict[str, int] = field(default_factory=lambda: {"block": 0, "review": 0, "context": 0})
    score: float = 0.0
    hits: list[dict[str, Any]] = field(default_factory=list)
    scored: dict[str, Any] | None = None
    confirmed: dict[str, Any] | None = None


@dataclass
class Verdict:
    """The decisions on one document."""

    risks: list[str] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)
    keyword_risks: list[str] = field(default_factory=list)
    classifier_risks: list[str] = field(default_factory=list)
    filtered: bool = False
    not_asked: bool = False  # a rule holds but for the confirmation nobody was asked for
    findings: list[dict[str, Any]] = field(default_factory=list)


class Decider:
    """Applies one policy under one profile. `thresholds` are the classifier's own, by label."""

    def __init__(self, policy: Policy, profile: Profile, library: Library, thresholds: dict[str, float]) -> None:
        self.policy = policy
        self.profile = profile
        self.library = library
        self.thresholds = thresholds

    @cached_property
    def _lowest_score(self) -> float:
        """Below it no rule holds on the score alone; such documents are not looked at."""
        wanted = [rule.when.score for rule in self.policy.rules if rule.when.score is not None]
        numbers = [float(score) for score in wanted if score != "threshold"]
        return min([*numbers, *(self.thresholds.values() if "threshold" in wanted else ())], default=2.0)

    def fingerprint(self) -> str:
        """Changes with everything but the layers and the admission."""
        content = [
            VERSION,
            self.policy.sha256,
            self.profile.decisive_sha256,
            catalogue().sha256,
            self.library.sha256,
            sorted(self.thresholds.items()),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def __call__(
        self, layers: dict[str, pa.RecordBatch], origin: Origin, admission: Admission, first_row: int = 0
    ) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Documents and findings for row-aligned batches of the layers base, keywords, classifier and pii.

        The layers rights, tokens and confirm are read where they are there. `first_row` is the position of the first document in its unit.
        """
        base = layers["base"]
        count = base.num_rows
        nothing: Sequence[str] = ()  # shared: most documents have no risk, and lists of them keep the collector busy
        risks, candidates, by_keyword, by_classifier = ([nothing] * count for _ in range(4))
        filtered = np.zeros(count, dtype=np.bool_)
        findings: list[tuple[int, dict[str, Any]]] = []
        not_asked = np.zeros(count, dtype=np.bool_)
        confirmed = layers["confirm"].column("scores") if "confirm" in layers else None
        asked = (
            np.asarray(layers["confirm"].column("asked")) if "confirm" in layers else np.zeros(count, dtype=np.bool_)
        )
        for index, hits, scores, confirmations in self._evidence_rows(
            layers["keywords"].column("hits"), layers["classifier"].column("scores"), confirmed
        ):
            verdict = self.judge(hits, scores, confirmations, bool(asked[index]))
            risks[index], candidates[index] = verdict.risks, verdict.candidates
            by_keyword[index], by_classifier[index] = verdict.keyword_risks, verdict.classifier_risks
            filtered[index], not_asked[index] = verdict.filtered, verdict.not_asked
            findings += [(index, finding) for finding in verdict.findings]
        persons = judge_entities(layers["pii"].column("entities"), self.profile.personal_information, admission.year)
        covered = persons.covered(origin.bases)
        unhealthy = self.profile.illegal_unhealthy
        columns = _identity(base, origin)
        columns["provenance"] = admission.permits.judge(base)
        unscored = _unscored(layers, not_asked)
        excluded = _is_in(persons.document_levels, self.policy.personal_information.excluded)
        excluded &= ~np.asarray(pc.fill_null(covered, True))
        reason = self._exclusion(base, columns, unscored, admission, filtered, excluded, first_row)
        columns |= {
            "risks": pa.array(risks, type=DOCUMENTS.field("risks").type),
            "candidate_risks": pa.array(candidates, type=DOCUMENTS.field("candidate_risks").type),
            "keyword_risks": pa.array(by_keyword, type=DOCUMENTS.field("keyword_risks").type),
            "classifier_risks": pa.array(by_classifier, type=DOCUMENTS.field("classifier_risks").type),
            "illegal_unhealthy": pa.array([bool(found) and not unhealthy.isdisjoint(found) for found in risks]),
            "pii_level": persons.document_levels,
            "pii_types": persons.types(True, DOCUMENTS.field("pii_types").type),
            "admitted": pc.is_null(reason),
            "exclusion_reason": reason,
            "unscored": unscored,
            "tokens": layers["tokens"].column("tokens") if "tokens" in layers else pa.nulls(count, pa.int64()),
            "stage": pa.array([origin.stage] * count, type=pa.string()),
            "pii_under_14": pa.array(persons.document_under_14),
            "pii_covered": covered,
            "pii_checked": layers["pii"].column("checked"),
            "other_types": persons.types(False, DOCUMENTS.field("other_types").type),
            **_rights(layers, count),
        }
        documents = pa.record_batch([columns[name] for name in DOCUMENTS.names], schema=DOCUMENTS)
        return documents, _finding_rows(findings, persons, documents)

    def _evidence_rows(
        self, hits: pa.Array, scores: pa.Array, confirmed: pa.Array | None
    ) -> Iterator[tuple[int, list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]]:
        """The rows with evidence that can matter; the others, nearly all, are never touched one by one."""
        best = np.asarray(pc.fill_null(pc.struct_field(pc.list_element(scores, 0), "score"), -1.0))  # stored best first
        if confirmed is None:
            confirmed = pa.nulls(len(scores), scores.type)
        told = np.asarray(pc.or_(hits.is_valid(), confirmed.is_valid())) | (best >= self._lowest_score - _SINGLE)
        some = np.flatnonzero(told & self._may_hold(hits, best))
        indices = pa.array(some)
        evidence = (column.take(indices).to_pylist() for column in (hits, scores, confirmed))
        for index, own_hits, own_scores, own_confirmed in zip(some.tolist(), *evidence, strict=True):
            yield index, own_hits or [], own_scores or [], own_confirmed or []

    def _may_hold(self, hits: pa.Array, best: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """The rows for which a rule might hold, were all their evidence of one risk: no other is decided anything."""
        found, count = pc.list_flatten(hits), len(hits)
        tiers = self._tiers[np.asarray(pc.struct_field(found, "entry"))]
        tiers[np.asarray(pc.struct_field(found, "straddles"))] = TIERS.index("context")
        owners = np.asarray(pc.list_parent_indices(hits), dtype=np.int64)
        terms = np.bincount(owners * len(TIERS) + tiers, minlength=count * len(TIERS)).reshape(count, len(TIERS))
        least = min(self.thresholds.values(), default=2.0)
        may: npt.NDArray[np.bool_] = np.zeros(count, dtype=np.bool_)
        for rule in self.policy.rules:
            holds = (terms >= [getattr(rule.when, tier) for tier in TIERS]).all(axis=1)
            if rule.when.score is not None:
                holds &= best >= (least if rule.when.score == "threshold" else float(rule.when.score)) - _SINGLE
            may |= holds
        return may

    @cached_property
    def _counted(self) -> frozenset[str]:
        return self.profile.counted_risks

    @cached_property
    def _tiers(self) -> npt.NDArray[np.int8]:
        """The tier of each entry, as its position in TIERS."""
        return np.array([TIERS.index(entry.tier) for entry in self.library.entries], dtype=np.int8)

    def risks(self, hits: list[dict[str, Any]], scores: list[dict[str, Any]]) -> list[str]:
        """The risks decided for one document, from its rows of the layers keywords and classifier."""
        return self.judge(hits, scores).risks

    def judge(
        self,
        hits: list[dict[str, Any]],
        scores: list[dict[str, Any]],
        confirmed: Sequence[dict[str, Any]] = (),
        asked: bool = False,
    ) -> Verdict:
        """What is decided of one document, from its rows of the layers keywords, classifier and confirm.

        `asked`: whether a confirming scorer was asked about it.
        """
        evidence: dict[str, _Evidence] = {}
        for hit in hits:
            entry = self.library.entries[hit["entry"]]
            for risk in entry.risks:
                found = evidence.setdefault(risk, _Evidence())
                found.terms["context" if hit["straddles"] else entry.tier] += 1
                found.hits.append(hit)
        for score in scores:
            found = evidence.setdefault(score["label"], _Evidence())
            found.score, found.scored = round(score["score"], 4), score
        for score in confirmed:
            evidence.setdefault(score["label"], _Evidence()).confirmed = score
        verdict = Verdict()
        kept = {_KEYWORDS: 0, _CLASSIFIER: 0, _CONFIRM: 0}
        for risk in sorted(evidence):
            if risk not in self._counted:
                continue
            rule, not_asked = self._rule(risk, evidence[risk], asked)
            verdict.not_asked |= not_asked
            if rule is None:
                continue
            decided = rule.assess == "violation"
            (verdict.risks if decided else verdict.candidates).append(risk)
            verdict.filtered |= rule.filter
            if decided and evidence[risk].hits and _uses_terms(rule.when):
                verdict.keyword_risks.append(risk)
            if decided and rule.when.scored:
                verdict.classifier_risks.append(risk)
            for finding in _risk_findings(risk, rule, evidence[risk]):
                if not decided:
                    kept[finding["detector"]] += 1
                    if kept[finding["detector"]] > MAX_CANDIDATES:
                        continue
                verdict.findings.append(finding)
        return verdict

    def _rule(self, risk: str, evidence: _Evidence, asked: bool) -> tuple[Rule | None, bool]:
        """The first rule that holds, and whether one before it might, had anybody been asked for confirmation."""
        not_asked = False
        for rule in self.policy.rules:
            if not self._holds(rule.when, risk, evidence):
                continue
            if _is_confirmed(rule.when, evidence):
                return rule, not_asked
            not_asked |= not asked and rule.when.nominated
        return None, not_asked

    def _holds(self, when: Conditions, risk: str, evidence: _Evidence) -> bool:
        """Whether the first line's evidence is enough."""
        terms = evidence.terms
        if terms["block"] < when.block or terms["review"] < when.review or terms["context"] < when.context:
            return False
        if when.score is None:
            return True
        needed = self.thresholds.get(risk) if when.score == "threshold" else float(when.score)
        return needed is not None and evidence.scored is not None and evidence.score >= needed

    def _exclusion(
        self,
        base: pa.RecordBatch,
        columns: dict[str, pa.Array],
        unscored: pa.Array,
        admission: Admission,
        filtered: Any,
        pii_excluded: Any,
        first_row: int,
    ) -> pa.Array:
        """The first reason that applies, in the order of the public contract, or NULL for what is admitted."""
        count = base.num_rows
        blocked = admission.blocked
        reasons = {
            "source_blacklisted": np.full(count, admission.source_blacklisted),
            "domain_blacklisted": _is_in(base.column("domain"), admission.domains),
            "blocked": _is_in(base.column("domain"), blocked.domains)
            | _is_in(_canonical(base.column("url"), blocked.urls), blocked.urls)
            | _is_in(columns["content_hash"], blocked.hashes),
            "declared_bar": np.full(count, admission.permits.barred),
            **{
                finding: _is_in(columns["provenance"], admission.permits.excluding & {finding})
                for finding in (DENIED, WITHDRAWN, NOT_AUTHORISED)
            },
            "filtered": filtered,
            "unscored": np.asarray(pc.is_valid(unscored)),
            "personal_information": pii_excluded,
            "duplicate": np.isin(np.arange(first_row, first_row + count), admission.copies),
        }
        chosen = np.full(count, -1, dtype=np.int8)
        for index, applies in reversed(list(enumerate(reasons.values()))):
            chosen[applies] = index
        names = pa.array([*reasons], type=pa.string())
        return names.take(pa.array(np.where(chosen < 0, 0, chosen), mask=chosen < 0))


def _unscored(layers: dict[str, pa.RecordBatch], not_asked: npt.NDArray[np.bool_]) -> pa.Array:
    """Why a document got no complete answer, NULL where it did: the confirming scorer first, for it tells most.

    That nobody looked for personal information is always said, behind another reason where there is one.
    """
    reasons = [layers[name].column("unscored") for name in ("confirm", "classifier") if name in layers]
    personal = layers["pii"].column("unscored")
    nobody = pa.array([NOT_ASKED] * len(not_asked), mask=~not_asked, type=pa.string())
    risks = pc.coalesce(*reasons, pa.nulls(len(not_asked), pa.string()))
    return pc.coalesce(pc.binary_join_element_wise(risks, personal, "; "), risks, personal, nobody)


def _rights(layers: dict[str, pa.RecordBatch], count: int) -> dict[str, pa.Array]:
    """What indicates intellectual property; nothing is decided by it. Without the layer there is none."""
    if "rights" not in layers:
        return {name: pa.array([[]] * count, DOCUMENTS.field(name).type) for name in _RIGHTS}
    column = layers["rights"].column("indicators")
    found = pc.list_flatten(column)
    offsets = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(column), 0)), out=offsets[1:])
    return {
        name: pa.ListArray.from_arrays(pa.array(offsets), pc.struct_field(found, field), DOCUMENTS.field(name).type)
        for name, field in _RIGHTS.items()
    }


def _is_confirmed(when: Conditions, evidence: _Evidence) -> bool:
    if when.confirmed is None:
        return True
    return evidence.confirmed is not None and round(evidence.confirmed["score"], 4) >= when.confirmed


def _uses_terms(when: Conditions) -> bool:
    return bool(when.block or when.review or when.context)


def _risk_findings(risk: str, rule: Rule, evidence: _Evidence) -> Iterator[dict[str, Any]]:
    shared = {"risk_id": risk, "pii_type": None, "verdict": rule.assess, "rule": rule.name}
    for hit in evidence.hits:
        yield {
            "detector": _KEYWORDS,
            "start": hit["start"],
            "end": hit["end"],
            "score": None,
            "excerpt": hit["excerpt"],
            **shared,
        }
    if evidence.scored is not None and (rule.when.score is not None or not evidence.hits):
        window = evidence.scored
        yield {
            "detector": _CLASSIFIER,
            "start": window["start"],
            "end": window["end"],
            "score": evidence.score,
            "excerpt": None,
            **shared,
        }
    if evidence.confirmed is not None and rule.when.confirmed is not None:
        window = evidence.confirmed
        yield {
            "detector": _CONFIRM,
            "start": window["start"],
            "end": window["end"],
            "score": round(window["score"], 4),
            "excerpt": None,
            **shared,
        }


def _finding_rows(
    findings: list[tuple[int, dict[str, Any]]], persons: Persons, documents: pa.RecordBatch
) -> pa.RecordBatch:
    """Findings of risks and of personal information, in the order of their documents."""
    personal = persons.findings(PII, MAX_CANDIDATES)
    of_risks = pa.array([index for index, _ in findings], type=pa.int64())
    order = pa.array(np.argsort(np.asarray(pa.concat_arrays([of_risks, personal["document"]])), kind="stable"))
    indices = pa.concat_arrays([of_risks, personal["document"]]).take(order)
    columns = []
    for f in FINDINGS:
        if f.name in ("doc_id", "source_id", "shard", "row", "admitted"):
            columns.append(documents.column(f.name).take(indices))
        else:
            known = bool(findings) and f.name in findings[0][1]
            told = pa.array([finding[f.name] for _, finding in findings] if known else [None] * len(findings), f.type)
            columns.append(pa.concat_arrays([told, personal[f.name].cast(f.type)]).take(order))
    return pa.record_batch(columns, schema=FINDINGS)


def _identity(base: pa.RecordBatch, origin: Origin) -> dict[str, pa.Array]:
    """doc_id, place and the facts that are carried over."""
    count = base.num_rows
    member = base.column("member")
    source = pa.array([origin.source_id] * count, type=pa.string())
    shard = pa.array(origin.shards, type=pa.string()).take(member)
    row = pc.add(base.column("row"), pa.array(origin.row_bases, type=pa.int64()).take(member))
    native = base.column("native_id").cast(pa.string())
    placed = pc.binary_join_element_wise(shard, row.cast(pa.string()), "#")
    columns = {
        "doc_id": pc.binary_join_element_wise(source, pc.coalesce(native, placed), ":"),
        "source_id": source,
        "shard": shard,
        "row": row,
        "content_hash": _hex(base.column("content_hash")),
    }
    for name in ("url", "domain", "language", "content_type", "bucket", "bytes", "chars"):
        columns[name] = base.column(name).cast(DOCUMENTS.field(name).type)
    return columns


def _hex(digests: pa.Array) -> pa.Array:
    """Binary digests as lower-case hex strings."""
    width = digests.type.byte_width
    data = digests.buffers()[1].slice(digests.offset * width, len(digests) * width).to_pybytes()
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * (2 * width)
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(data.hex().encode()))


def _canonical(urls: pa.Array, wanted: frozenset[str]) -> pa.Array:
    """The URLs as they are compared; not looked at where there is nothing to compare with."""
    if not wanted:
        return urls
    return pa.array([None if url is None else canonical_url(url) for url in urls.to_pylist()], type=urls.type)


def _is_in(column: pa.Array, values: frozenset[str]) -> Any:
    if not values:
        return np.zeros(len(column), dtype=np.bool_)
    return np.asarray(pc.is_in(column, value_set=pa.array(sorted(values), type=column.type)))
