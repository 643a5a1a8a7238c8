"""Every file that is declared, and the clauses it serves."""

from collections.abc import Iterator

from report.declared.model import Declarations
from report.declared.parts import Place, Proof, walk

_IP = "intellectual_property"
_RULES = ("K.ANN.RULE.CONTENT", "K.ANN.RULE.KINDS")
_CLAUSES: tuple[tuple[Place, tuple[str, ...]], ...] = (  # the clauses a file serves, by the beginning of its place
    (("policies", "blacklist"), ("K.SRC.BLACKLIST",)),
    (("policies", "filtering"), ("K.FILTER",)),
    (("policies", _IP), ("K.IP.OWNER", "K.IP.UPDATE")),
    (("policies", "annotation_functional"), (*_RULES, "K.ANN.RULE.FUNC")),
    (("policies", "annotation_safety"), (*_RULES, "K.ANN.RULE.RISKS")),
    (("policies", "personal_information"), ("K.PI.GENERAL", "K.PI.SENSITIVE", "K.PI.BIO")),
    ((_IP, "owner"), ("K.IP.OWNER",)),
    ((_IP, "identification"), ("K.IP.IDENTIFY",)),
    ((_IP, "complaint"), ("K.IP.COMPLAINT",)),
    ((_IP, "agreement"), ("K.IP.AGREEMENT",)),
    ((_IP, "updates"), ("K.IP.UPDATE",)),
    (("blocked_lists",), ("K.BLOCKED",)),
    (("source_mix",), ("K.SRC.DIVERSITY",)),
    (("commitments",), ("K.TRACE.COMM",)),
    (("keyword_library",), ("K.KW.UPDATE",)),
    (("classifier",), ("K.CLS",)),
    (("annotation", "log"), ("K.ANN.STAFF.ROLES", "K.ANN.STAFF.TIME", "K.ANN.ACC.SAFE", "K.ANN.ACC.FUNC")),
    (("annotation", "staff"), ("K.ANN.STAFF.EXAM", "K.ANN.STAFF.ROLES", "K.ANN.STAFF.TRAIN")),
    (("annotation", "assessment"), ("K.ANN.STAFF.EXAM", "K.ANN.STAFF.TRAIN")),
    (("annotation", "suspension"), ("K.ANN.STAFF.EXAM",)),
    (("annotation", "time_plan"), ("K.ANN.STAFF.TIME",)),
)
_CONSENTS = {"general": "K.PI.GENERAL", "sensitive": "K.PI.SENSITIVE", "biometric": "K.PI.BIO"}


def proofs(declared: Declarations) -> Iterator[tuple[Place, Proof, tuple[str, ...]]]:
    """Every file that is declared: its place, what is said of it, and the clauses it serves."""
    for place, value in walk(declared):
        if isinstance(value, Proof):
            yield place, value, _clauses(declared, place)


def _clauses(declared: Declarations, place: Place) -> tuple[str, ...]:
    part, number = place[0], place[1] if len(place) > 1 else None
    if isinstance(number, int):
        match part:
            case "judgements":
                return (declared.judgements[number].clause,)
            case "evidence":
                return (declared.evidence[number].clause,)
            case "source_notes":
                return (declared.source_notes[number].clause,)
            case "consents":
                return (_CONSENTS[declared.consents[number].level],)
    return next((clauses for start, clauses in _CLAUSES if place[: len(start)] == start), ())
