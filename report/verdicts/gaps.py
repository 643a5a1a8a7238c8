"""What is still to be done before filing: the conditions that keep clauses from 符合, in order of what blocks most."""

from collections.abc import Iterable
from dataclasses import replace

from report.model import NONE, VERDICTS, Gap, Reason, Verdict
from report.verdicts.rules import load_rules

EXAMPLES = 12  # of all clauses together


def gaps(verdicts: Iterable[Verdict]) -> tuple[Gap, ...]:
    """One gap a condition, with all clauses it blocks. What is settled, or says that a clause does not apply, is none.

    First by how many 应 clauses it blocks, then by how bad its verdict is; what only repeats other clauses comes last.
    """
    found: dict[str, list[tuple[Verdict, Reason]]] = {}
    for verdict in verdicts:
        for reason in verdict.reasons:
            if reason.settled_by is None and reason.verdict != NONE:
                found.setdefault(reason.id, []).append((verdict, reason))
    ordered = sorted(found.values(), key=_order)
    return tuple(
        Gap(rank, _joined([reason for _, reason in one]), tuple(verdict.clause for verdict, _ in one))
        for rank, one in enumerate(ordered, start=1)
    )


def _order(blocked: list[tuple[Verdict, Reason]]) -> tuple[bool, int, int, int]:
    conditions = load_rules().conditions
    reason = blocked[0][1]
    decisive = sum(verdict.modality == "shall" for verdict, _ in blocked)
    place = list(conditions).index(reason.id)
    return conditions[reason.id].derived, -decisive, VERDICTS.index(reason.verdict), place


def _joined(reasons: list[Reason]) -> Reason:
    """One reason with examples of all clauses."""
    named = tuple(dict.fromkeys(name for reason in reasons for name in reason.found))
    return replace(reasons[0], found=named[:EXAMPLES])
