"""Findings that overlap: one of them is meant."""

from bisect import bisect
from collections.abc import Iterable
from typing import Protocol, TypeVar

# Where two overlap, the earlier kind stands: what is checked or framed before what is only long enough.
PRIORITY = (
    "CREDENTIAL",
    "ALIPAY",  # a mobile or a mailbox by itself, the account where it is said to be one
    "EMAIL",
    "CN_ID_CARD",
    "CN_RESIDENCE_PERMIT",
    "CN_PERMANENT_RESIDENCE",
    "CN_USCC",
    "CRYPTO_WALLET",
    "BANK_CARD",
    "IMEI",
    "TRACK",
    "PRECISE_LOCATION",
    "CN_PLATE",
    "CN_ADDRESS",
    "CN_MILITARY_ID",
    "CN_PASSPORT",
    "CN_TRAVEL_PERMIT",
    "CN_DRIVING_LICENCE",
    "CN_SOCIAL_SECURITY",
    "MEDICAL_RECORD",
    "WECHAT",
    "QQ",
    "CN_MOBILE",
    "INTL_PHONE",
    "CN_HOTLINE",
    "CN_LANDLINE",
    "MAC_ADDRESS",
    "IP_ADDRESS",
    "BIRTH_DATE",
    "PERSON",
)
_RANK = {kind: rank for rank, kind in enumerate(PRIORITY)}


class Span(Protocol):
    """What overlaps are resolved of."""

    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102
    @property
    def grade(self) -> str: ...  # noqa: D102


S = TypeVar("S", bound=Span)


def resolve(found: Iterable[S]) -> list[S]:
    """Leaves one of any that overlap; in order of position.

    What counts stands before what is weak, then by kind, then the longer, then the earlier, then the surer.
    """
    kept: list[S] = []
    cluster: list[S] = []
    reach = 0
    for entity in sorted(found, key=lambda entity: (entity.start, entity.end)):
        if entity.start >= reach:
            kept += _strongest(cluster)
            cluster = []
        cluster.append(entity)
        reach = max(reach, entity.end)
    return kept + _strongest(cluster)


def _strongest(cluster: list[S]) -> list[S]:
    if len(cluster) < 2:
        return cluster
    kept: list[S] = []  # in order of position, so that a neighbour on either side is all there is to ask
    for entity in sorted(cluster, key=_rank):
        at = bisect(kept, entity.start, key=lambda other: other.start)
        if (at == 0 or kept[at - 1].end <= entity.start) and (at == len(kept) or entity.end <= kept[at].start):
            kept.insert(at, entity)
    return kept


def _rank(entity: Span) -> tuple[bool, int, int, int, bool]:
    sure = entity.grade == "validated"
    return entity.grade == "weak", _RANK[entity.type], entity.start - entity.end, entity.start, not sure
