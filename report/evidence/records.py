"""The tables of the schema `record`: what manifests, chains and the profile say, as rows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from blacklist.lifts import unfounded
from blacklist.log import replay
from pipeline.emission.match import FOLDER as TRAINING
from pipeline.errors import RunFailed
from pipeline.origins.lawful_basis import not_looked_into
from pipeline.store.output import Output, Run
from pipeline.store.scans import sha256_file
from pipeline.terminal.opening import open_audit
from report.evidence.chains import Chains
from report.evidence.library import find_library, keyword_rows
from report.evidence.profile_rows import clause_rows, threshold_row, value_rows
from report.evidence.round_rows import register_rows, round_rows
from report.evidence.source_rows import source_detail_rows
from rounds.register import Round
from schemas.lexicon import Library
from schemas.profile import Profile, may_pass
from transforms.classifier import TRAINED_ON_FILE

Rows = list[dict[str, Any]]
_COUNTS = ("bytes", "documents", "admitted", "masked", "not_admitted", "unmatched", "unread")


@dataclass(frozen=True)
class Sources:
    """What records are made from."""

    output: Output
    run: Run
    round: Round | None
    chains: Chains
    library: Library | None

    @cached_property
    def profile(self) -> Profile:
        """The profile the run was decided by."""
        return Profile.model_validate(self.run.manifest["profile"])

    @cached_property
    def trained(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Name, digest and content of every training manifest on record. Raises RunFailed for one that changed."""
        last = {str(record["file"]): str(record["sha256_of_file"]) for record in self.chains["training"]}
        found = []
        for name, digest in sorted(last.items()):
            path = self.output.folder / TRAINING / name
            if not path.is_file() or sha256_file(path) != digest:
                raise RunFailed(f"{path}: 缺失或与登记不符 / missing or not the file on record: restore it from a copy")
            found.append((name, digest, json.loads(path.read_bytes())))
        return found


def record_rows(of: Sources) -> dict[str, Rows]:
    """The rows of every table of the schema `record`."""
    library = find_library(of.output, of.run.manifest, of.library)
    return {
        "facts": [_facts(of)],
        **derived_rows(of.run.manifest, of.profile, of.chains),
        "samples": _samples(of.run),
        "training": [_training(of, *one) for one in of.trained],
        "training_files": [row for one in of.trained for row in _training_files(one[2])],
        "training_reasons": [row for one in of.trained for row in _training_reasons(one[2])],
        "keywords": [] if library is None else keyword_rows(library, of.profile),
        "files": list(_files(of)),
    }


def derived_rows(manifest: Mapping[str, Any], profile: Profile, chains: Chains) -> dict[str, Rows]:
    """The tables that follow from the run's manifest and the chains alone, which an evidence folder holds as they are."""
    return {
        "profile": list(value_rows(profile)),
        "thresholds": [threshold_row(profile)],
        "clauses": list(clause_rows(profile)),
        "rounds": list(round_rows(chains["register"])),
        "register": list(register_rows(chains["register"])),
        "blacklist": [vars(entry) for entry in replay(chains["blacklist"])],
        "blacklist_log": list(_blacklist_log(chains["blacklist"])),
        "assessments": chains["assessments"],
        "publications": [{"seq": n, **told} for n, told in enumerate(chains["publications"], start=1)],
        "source_versions": [{"source_id": name, "version": told} for name, told in manifest["source_versions"].items()],
        "source_details": list(source_detail_rows(manifest)),
        "blocked": [{"sha256": digest} for digest in manifest["config"]["blocked"]],
    }


def _facts(of: Sources) -> dict[str, Any]:
    run, result = of.run, of.run.result
    manifest, totals, tokenizer = run.manifest, run.result["totals"], run.manifest["config"].get("tokenizer") or {}
    with open_audit(run) as sql:
        failed = not_looked_into(lambda query: sql.execute(query).fetchall(), "documents")
    return {
        **{name: manifest[name] for name in ("run_id", "seed", "software_version", "ruleset_sha256", "config_sha256")},
        **{name: manifest[name] for name in ("started_at", "finished_at")},
        "round": of.round.id if of.round else None,
        "rehearsal": of.round is None,
        "may_pass": may_pass(of.profile),
        "profile": of.profile.id,
        "profile_title": of.profile.title,
        "profile_sha256": of.profile.sha256,
        "policy": manifest["policy"]["id"],
        "policy_sha256": manifest["policy"]["sha256"],
        "custom_policy": result["custom_policy"],
        "manifest_sha256": sha256_file(run.folder / "manifest.json"),
        **{name: manifest["versions"][name] for name in ("lexicon_sha256", "lexicon_terms")},
        "labels_sha256": manifest["versions"].get("labels_sha256"),
        "tokenizer": tokenizer.get("name"),
        "tokenizer_sha256": tokenizer.get("sha256"),
        "day": manifest["evidence"]["audit_date"],
        "blocked_lists": len(manifest["config"]["blocked"]),
        **{name: totals[name] for name in ("quarantined_shards", "books_complete", "documents", "bytes", "rejected")},
        **{name: totals[name] for name in ("admitted_documents", "admitted_bytes")},
        "personal_failed": failed,
        "personal_checked": result["personal_information_gate"]["checked"],
        "trained_model": (run.folder / TRAINED_ON_FILE).is_file(),
    }


def _samples(run: Run) -> Rows:
    told = run.result["samples"]
    return [
        {
            "sample": name,
            "population": told["population"],
            "size": told[name]["size"],
            "qualified": told[name].get("qualified"),
            "sha256": told[name]["sha256"],
        }
        for name in ("manual", "technical")
    ]


def _training(of: Sources, name: str, digest: str, content: dict[str, Any]) -> dict[str, Any]:
    """A manifest speaks of this run only if run and run manifest are the very ones."""
    manifest = sha256_file(of.run.folder / "manifest.json")
    same = content["run_id"] == of.run.folder.name and content["run_manifest_sha256"] == manifest
    totals, coverage = content["totals"], content["coverage"]
    return {
        "name": content["name"],
        "sha256": digest,
        "files_sha256": content["files_sha256"],
        "matched_at": content["matched_at"],
        "same_run": same,
        "clean": content["clean"],
        "files": totals["files"],
        **{key: totals[key] for key in _COUNTS},
        "admitted_documents": coverage["admitted_documents"],
        "found": coverage["found"],
    }


def _training_files(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for file in content["files"]:
        place = file["match"] or {}
        yield {
            "name": content["name"],
            **{key: file[key] for key in ("path", "sha256", "kind", *_COUNTS)},
            **{key: place.get(key) for key in ("source_id", "shard")},
        }


def _training_reasons(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    counted: dict[str, int] = {}
    for file in content["files"]:
        for reason, documents in file["reasons"].items():
            counted[reason] = counted.get(reason, 0) + documents
    for reason, documents in sorted(counted.items()):
        yield {"name": content["name"], "reason": reason, "documents": documents}


def _blacklist_log(events: Rows) -> Iterator[dict[str, Any]]:
    """Every event; `unfounded` says what one that takes an entry off the list lacks."""
    for event in events:
        told = event.get("evidence") or {}
        yield {
            **{name: event.get(name) for name in ("seq", "time", "event", "source_key", "scope", "reason", "by")},
            **{name: told.get(name) for name in ("round", "source_version", "ruleset_sha256")},
            "unfounded": "; ".join(unfounded([event])) or None,
            "sha256": event["sha256"],
        }


def _files(of: Sources) -> Iterator[dict[str, Any]]:
    for file, told in of.run.manifest["files"].items():
        yield {"of": "run", "file": file, "bytes": told["bytes"], "sha256": told["sha256"]}
    if of.round is not None:
        for path in sorted(path for path in of.round.folder.iterdir() if path.is_file() and path.name[0] != "."):
            yield {"of": "round", "file": path.name, "bytes": path.stat().st_size, "sha256": sha256_file(path)}
