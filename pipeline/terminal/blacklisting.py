"""The blacklist commands: people add and lift, always with a name, a reason and, for a lift, two roles and proof."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blacklist.blocked import wrong_domain
from blacklist.lifts import BETWEEN, are_two
from blacklist.log import BlacklistLog, ChainBroken, Entry, state_csv
from blacklist.rule import corpus_version
from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from schemas.chain import cut_torn_line
from transforms.provenance import registrable_domain


def _log(folder: Path, mend: bool = False) -> BlacklistLog:
    """The log, its chain checked; with `mend`, and only while the folder is held, a line cut off by a crash is removed."""
    Output(folder).must_exist()
    log = BlacklistLog(Output(folder).blacklist)
    if mend:
        cut_torn_line(log.path)
    try:
        log.events()
    except ChainBroken as error:
        raise RunFailed(str(error)) from None
    return log


def show_list(folder: Path, everything: bool) -> int:
    """Prints the present state."""
    entries = [entry for entry in _log(folder).entries() if entry.active or everything]
    for entry in entries:
        rate = "" if entry.rate is None else f"  {_counted(entry)}{entry.rate:.2%}"
        state = entry.scope if entry.active else "已解除 / lifted"
        line = f"{entry.source_key}  {state}{rate}  {entry.decided_at}  {entry.decided_by}  {entry.reason}"
        print("".join(char if char.isprintable() else " " for char in line))
    if not entries:
        print("黑名单为空 / the blacklist is empty")
    return 0


def show_events(folder: Path, source: str) -> int:
    """Prints every event of a source."""
    events = [event for event in _log(folder).events() if event["source_key"] == source]
    if not events:
        raise UsageError(f"{source}: 没有记录 / the log does not mention it")
    for event in events:
        print(json.dumps(event, ensure_ascii=False, indent=2, sort_keys=True))
    return 0


def add(folder: Path, source: str, scope: str, by: str, reason: str) -> int:
    """Adds a source or domain."""
    if scope not in ("source", "domain"):
        raise UsageError(f"--scope: {scope}: 应为 source 或 domain / should be source or domain")
    Output(folder).must_exist()
    if scope == "domain" and registrable_domain(source) != source:
        raise UsageError(wrong_domain(source))
    with Output(folder).held():
        log = _log(folder, mend=True)
        if any(entry.source_key == source and entry.active and entry.scope == scope for entry in log.entries()):
            print(f"{source}: 已在黑名单，未重复记录 / is on the blacklist already, nothing was added")
            return 0
        log.append([_event("blacklisted", source, scope, by, reason, {})])
    print(f"{source}: 已列入，下次运行生效 / added, in force from the next run")
    return 0


def confirm(folder: Path, source: str, people: tuple[str, str], reason: str) -> int:
    """Makes a suspension a listing, by two people; a round does so by its numbers."""
    Output(folder).must_exist()
    _two_people(people, "--second: 确认须由两人决定 / a confirmation takes two different people")
    with Output(folder).held():
        log = _log(folder, mend=True)
        entries = [entry for entry in log.entries() if entry.source_key == source and entry.active]
        suspended = next((entry for entry in entries if entry.scope == "suspended"), None)
        if suspended is None:
            raise UsageError(f"{source}: 没有待确认的暂停 / is not suspended, there is nothing to confirm")
        kept = ("rate", "threshold", "documents", "violations", "run_id", "source_version", "ruleset_sha256")
        numbers = {name: getattr(suspended, name) for name in kept}
        log.append([_event("confirmed", source, "source", BETWEEN.join(people), reason, numbers)])
    print(f"{source}: 暂停已确认为列入 / the suspension is confirmed, the source stays listed")
    return 0


@dataclass(frozen=True)
class Proof:
    """What a lift rests on: the roles of the two who decide, and a closed round for a source, a file for a domain.

    A file may stand beside a round; its hash is kept.
    """

    evidence: Path | None = None
    round: str | None = None
    roles: tuple[str, str] = ("", "")


def lift(folder: Path, source: str, people: tuple[str, str], reason: str, proof: Proof) -> int:
    """Lifts an active entry for the version of the source, and the rules, of the current run."""
    Output(folder).must_exist()
    _two_people(people, "--second: 解除须由两人决定 / a lift takes two different people")
    if not are_two(proof.roles):
        raise UsageError("--role, --second-role: 须为两种不同的职责 / two different roles are needed")
    with Output(folder).held():
        log = _log(folder, mend=True)
        listed = sorted((entry for entry in log.entries() if entry.active), key=lambda entry: entry.scope != "domain")
        active = {entry.source_key: entry for entry in listed}  # a source before a domain of the same name
        if source not in active:
            raise UsageError(f"{source}: 不在黑名单 / is not on the blacklist: {', '.join(active) or '(empty)'}")
        current = Output(folder).current
        manifest = current.manifest if current is not None else {}
        versions = manifest.get("source_versions", {})
        domain = active[source].scope == "domain"
        held = {
            **(
                _proof_of_domain(source, proof) if domain else _proof_of_source(Output(folder), source, manifest, proof)
            ),
            "roles": [role.strip() for role in proof.roles],
            "source_version": corpus_version(versions) if domain else versions.get(source),
            "ruleset_sha256": manifest.get("ruleset_sha256"),
            "run_id": manifest.get("run_id"),
        }
        log.append([_event("lifted", source, active[source].scope, BETWEEN.join(people), reason, held)])
    print(f"{source}: 已解除，来源或规则变化后失效 / lifted until the source or the rules change")
    for earlier in held.get("earlier_rounds", ()):
        print(f"  此前的 {earlier} 未得出此结论 / the earlier {earlier} did not find so; it is kept with the lift")
    return 0


def _proof_of_domain(domain: str, proof: Proof) -> dict[str, Any]:
    if proof.round is not None:
        raise UsageError(
            f"{domain}: 评估轮次按来源抽样，域名的解除须用 --evidence / rounds assess sources: lifting a domain takes --evidence"
        )
    if proof.evidence is None:
        raise UsageError(f"{domain}: --evidence: 域名的解除须给出证明文件 / lifting a domain takes a file of evidence")
    return _filed(proof.evidence)


def _proof_of_source(output: Output, source: str, manifest: dict[str, Any], proof: Proof) -> dict[str, Any]:
    from rounds.lifting import assessment  # slow to import

    if proof.round is None:
        raise UsageError(
            f"{source}: --round: 来源的解除须以已关闭的评估轮次为证明，--evidence 只能与之并用 / lifting a source takes a closed assessment round; "
            "--evidence may stand beside it, not in its place"
        )
    filed = {} if proof.evidence is None else _filed(proof.evidence)
    return {**filed, **assessment(output, proof.round, source, manifest)}


def _filed(evidence: Path) -> dict[str, Any]:
    """Name and hash of a file of evidence. Raises UsageError where there is nothing in it."""
    if not evidence.is_file():
        raise UsageError(f"--evidence: {evidence}: 没有这个文件 / no such file")
    try:
        if not evidence.stat().st_size:
            raise UsageError(f"--evidence: {evidence}: 文件为空，不成证明 / is empty and proves nothing")
        return {"file": evidence.name, "sha256": sha256_file(evidence)}
    except OSError as error:
        raise UsageError(f"--evidence: {evidence}: 读不了 / cannot be read: {error.strerror}") from None


def _two_people(people: tuple[str, str], message: str) -> None:
    if not are_two(people):
        raise UsageError(message)
    if any(BETWEEN in person for person in people):
        raise UsageError(f"--by, --second: 每项只写一人 / one person each: {' | '.join(people)}")


def _counted(entry: Entry) -> str:
    return "" if entry.violations is None else f"{entry.violations}/{entry.documents} = "


def export(folder: Path, to: Path | None) -> int:
    """Writes the present state as CSV."""
    text = state_csv(_log(folder).entries())
    if to is None:
        sys.stdout.write(text)
    else:
        try:
            to.write_text(text, encoding="utf-8-sig", newline="")
        except OSError as error:
            raise UsageError(f"--to: {to}: 写不了 / cannot be written: {error.strerror}") from None
        print(to)
    return 0


def _event(event: str, source: str, scope: str, by: str, reason: str, evidence: dict[str, Any]) -> dict[str, Any]:
    for name, value in (("by", by), ("reason", reason)):
        if not value.strip():
            raise UsageError(f"--{name}: 不能为空 / cannot be empty")
    return {"event": event, "source_key": source, "scope": scope, "reason": reason, "by": by, "evidence": evidence}
