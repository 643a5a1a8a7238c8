"""The rows of the tables `declared.*`: what a settled declaration comes to, in the order of the file."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from report.declared.files import FileDigest
from report.declared.model import POLICIES, SIGNERS, Declarations
from report.declared.parts import Part, Place, Proof
from report.declared.proofs import proofs
from report.declared.wording import place_text

Row = dict[str, Any]
Digests = Mapping[str, FileDigest]


def rows_of(declared: Declarations, digests: Digests) -> dict[str, list[Row]]:
    """The rows of every table of `declared` but `problems`."""
    return {
        **_about(declared),
        "policies": _policies(declared, digests),
        "evidence": [
            _piece(place, proof, clause, digests)
            for place, proof, clauses in proofs(declared)
            for clause in clauses or (None,)
        ],
        **_intellectual_property(declared, digests),
        **_sources(declared, digests),
        **_instruments(declared, digests),
        **_annotation(declared, digests),
        "judgements": [
            {
                "clause_key": one.clause,
                "verdict": one.verdict,
                "reason": one.reason,
                "by": one.by,
                "role": one.role,
                "at": _day(one.at),
                "equivalent": one.equivalent,
                "effectiveness": one.effectiveness.file if one.effectiveness else None,
                "plan": one.plan,
                "evidence": [proof.file for proof in one.evidence],
            }
            for one in declared.judgements
        ],
        "remediation": [_plain(one) for one in declared.remediation],
        "files": _files(declared, digests),
    }


def _piece(place: Place, proof: Proof, clause: str | None, digests: Digests) -> Row:
    return {
        "key": place_text(place),
        "clause_key": clause,
        "title": proof.title,
        "file": proof.file,
        "sha256": digests[proof.file].sha256,
        "bytes": digests[proof.file].bytes,
        "by": proof.by,
        "date": _day(proof.date),
        "expires": _day(proof.expires),
        "attach": proof.attach,
    }


def _about(declared: Declarations) -> dict[str, list[Row]]:
    organisation, model, signers, service = (
        declared.organisation,
        declared.model,
        declared.signers,
        declared.service_type,
    )
    return {
        "organisation": [
            {
                "name": organisation.name,
                "credit_code": organisation.credit_code,
                "service": organisation.service,
                "contact": organisation.contact,
                "day": _day(organisation.day),
            }
        ]
        if organisation
        else [],
        "model": [
            {
                "name": model.name,
                "version": model.version,
                "base_own": model.base.own,
                "base_name": model.base.name,
                "base_record": model.base.record,
                "training": [manifest.name for manifest in declared.training],
            }
        ]
        if model
        else [],
        "training": [_plain(manifest) for manifest in declared.training],
        "signers": [
            {
                "signer": part,
                "name": getattr(signers, part).name,
                "post": getattr(signers, part).post,
                "also": signers.also(part),
                "note": signers.note if signers.also(part) else None,
            }
            for part in SIGNERS
        ]
        if signers
        else [],
        "services": [_plain(service)] if service else [],
    }


def _policies(declared: Declarations, digests: Digests) -> list[Row]:
    named = ((name, getattr(declared.policies, name)) for name in POLICIES)
    return [
        {
            "key": name,
            "clause_key": POLICIES[name],
            "title": policy.title,
            "file": policy.file.file,
            "sha256": _sha(policy.file, digests),
            "owner": policy.owner,
            "approved_by": policy.approved_by,
            "effective": _day(policy.effective),
            "version": policy.version,
        }
        for name, policy in named
        if policy is not None
    ]


def _intellectual_property(declared: Declarations, digests: Digests) -> dict[str, list[Row]]:
    ip = declared.intellectual_property
    owner, found, complaint, agreement, public = ip.owner, ip.identification, ip.complaint, ip.agreement, ip.public
    row = {
        "owner": owner.name if owner else None,
        "appointed": _day(owner.appointed) if owner else None,
        "appointment_sha256": _sha(owner.file, digests) if owner else None,
        "report_sha256": _sha(found.file, digests) if found else None,
        "report_date": _day(found.date) if found else None,
        "report_by": found.by if found else None,
        "found": found.found if found else None,
        "open": found.open if found else None,
        "complaint_url": complaint.channel if complaint else None,
        "complaint_sha256": _sha(complaint.procedure, digests) if complaint else None,
        "agreement_sha256": _sha(agreement.file, digests) if agreement else None,
        "agreement_page": agreement.page if agreement else None,
        "public_url": public.url if public else None,
        "public_date": _day(public.date) if public else None,
    }
    return {
        "ip": [row] if any(value is not None for value in row.values()) else [],
        "ip_sources": [_plain(source) for source in found.sources] if found else [],
        "ip_updates": [
            {"date": _day(one.date), "change": one.change, "by": one.by, "sha256": _sha(one.file, digests)}
            for one in ip.updates
        ],
    }


def _sources(declared: Declarations, digests: Digests) -> dict[str, list[Row]]:
    mix = declared.source_mix
    return {
        "blocklist": [
            {
                "list": one.name,
                "source": one.source,
                "updated_at": _day(one.updated_at),
                "entries": one.entries,
                "sha256": _sha(one.file, digests),
                "disposal_sha256": _sha(one.disposal, digests),
            }
            for one in declared.blocked_lists
        ],
        "mix": [{"explanation": mix.explanation, "by": mix.by, "sha256": _sha(mix.file, digests)}] if mix else [],
        "consents": [
            {
                "source_id": one.source_id,
                "level": one.level,
                "form": one.form,
                "persons": one.persons,
                "file": one.file.file,
                "sha256": _sha(one.file, digests),
                "date": _day(one.file.date),
                "expires": _day(one.file.expires),
            }
            for one in declared.consents
        ],
        "contracts": [
            {
                "source_id": one.source_id,
                "supplier": one.supplier,
                "commits": sorted(set(one.commits)),
                "commitment_sha256": _sha(one.file, digests),
                "review_sha256": _sha(one.review, digests),
                "date": _day(one.file.date),
                "expires": _day(one.file.expires),
            }
            for one in declared.commitments
        ],
        "source_notes": [
            {
                "source_id": one.source_id,
                "clause_key": one.clause,
                "note": one.note,
                "by": one.by,
                "sha256": _sha(one.file, digests),
            }
            for one in declared.source_notes
        ],
    }


def _instruments(declared: Declarations, digests: Digests) -> dict[str, list[Row]]:
    library, classifier = declared.keyword_library, declared.classifier
    return {
        "keyword_updates": [
            {**_plain(one, without=("file",)), "sha256": _sha(one.file, digests)} for one in library.updates
        ],
        "keyword_notes": [{"long_terms": library.long_terms, "by": library.by}] if library.long_terms else [],
        "classifier": [{**_plain(classifier, without=("file",)), "sha256": _sha(classifier.file, digests)}]
        if classifier
        else [],
    }


def _annotation(declared: Declarations, digests: Digests) -> dict[str, list[Row]]:
    annotation = declared.annotation
    if annotation is None:
        return {"annotation": [], "annotation_rules": [], "annotation_risks": []}
    plain = ("none", "reason", "internal", "external", "training_hours", "training_attendances", "safety_isolated")
    rules = annotation.rules
    safety = rules.safety.risks if rules.safety else {}
    return {
        "annotation": [
            {
                **{name: getattr(annotation, name) for name in plain},
                "log_sha256": _sha(annotation.log, digests),
                "staff_sha256": _sha(annotation.staff, digests),
            }
        ],
        "annotation_rules": [
            {
                **_plain(set_, without=("risks", "covers")),
                "kind": kind,
                "covers": sorted(set(set_.covers)),
                "sha256": _sha(policy.file, digests) if policy else None,
            }
            for kind, set_, policy in (
                ("functional", rules.functional, declared.policies.annotation_functional),
                ("safety", rules.safety, declared.policies.annotation_safety),
            )
            if set_ is not None
        ],
        "annotation_risks": [{"risk_id": risk, "rule": rule} for risk, rule in sorted(safety.items())],
    }


def _files(declared: Declarations, digests: Digests) -> list[Row]:
    attached: dict[str, bool] = {}
    for _place, proof, _clauses in proofs(declared):
        attached[proof.file] = attached.get(proof.file, False) or proof.attach
    return [
        {
            "file": file,
            "sha256": digests[file].sha256,
            "bytes": digests[file].bytes,
            "parts": digests[file].parts,
            "attach": attached[file],
        }
        for file in sorted(attached)
    ]


def _sha(proof: Proof | None, digests: Digests) -> str | None:
    return digests[proof.file].sha256 if proof is not None else None


def _day(value: date | None) -> str | None:
    return value.isoformat() if value is not None else None


def _plain(part: Part, without: tuple[str, ...] = ()) -> Row:
    """The fields of a part as a row; days as text, tuples as sorted lists."""
    row: Row = {}
    for name in type(part).model_fields:
        value = getattr(part, name)
        if name not in without:
            row[name] = _day(value) if isinstance(value, date) else sorted(value) if isinstance(value, tuple) else value
    return row
