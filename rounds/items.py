"""From chosen documents to numbered items: order, second readings, repeats and known-answer texts, all by the seed.

Each of these goes by sha256(seed + "\\n" + purpose + "\\n" + item): nobody's verdict, and no order of work, enters.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from rounds.design import Design, part_of
from rounds.samples import Chosen, Document
from rounds.tables import KNOWN, REPEAT, SAMPLE
from schemas.known_answers import KnownAnswers

_HAN = range(0x4E00, 0xA000)


@dataclass(frozen=True)
class KnownText:
    """A text written for a risk."""

    risk: str
    text: str

    @property
    def content_hash(self) -> str:
        """sha256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Item:
    """An item to be judged; its text is read later unless it is a known answer."""

    kind: str
    document: Document | None = None
    known: KnownText | None = None
    samples: tuple[str, ...] = ()
    second: bool = False
    carried_from: str | None = None
    item_no: int = 0
    repeat_of: int | None = None
    stage: str | None = None
    bucket: str = ""

    @property
    def content_hash(self) -> str:
        """sha256 of its text."""
        one = self.document or self.known
        assert one is not None
        return one.content_hash

    @property
    def identity(self) -> str:
        """What tells it from any other item of its kind."""
        one = self.document
        return self.content_hash if one is None else f"{one.doc_id}\n{one.content_hash}\n{one.shard}\n{one.row}"


def number_items(
    seed: str,
    chosen: Chosen,
    design: Design,
    known: Sequence[KnownText],
    carried: Set[Document] = frozenset(),
    carried_from: str | None = None,
) -> list[Item]:
    """All items of a round in order, numbered from 1. Documents in `carried` are judged by nobody again.

    Known answers are read by two as the others are: else what the second readers miss would tell which they are.
    """
    judged = sorted((document for document in chosen if document not in carried), key=lambda one: one)
    by_key = {purpose: _ranked(seed, purpose, judged) for purpose in ("second", "repeat")}
    second = set(by_key["second"][: part_of(design.second, len(judged))])
    repeats = by_key["repeat"][: part_of(design.repeat, len(judged))]
    items = [
        Item(
            SAMPLE,
            document,
            samples=samples,
            second=document in second,
            carried_from=carried_from if document in carried else None,
            stage=document.stage,
            bucket=document.bucket,
        )
        for document, samples in chosen.items()
    ]
    items += [Item(REPEAT, document, stage=document.stage, bucket=document.bucket) for document in repeats]
    usual = _most_frequent([document.stage for document in chosen])  # so that a known answer does not give itself away
    ranked = sorted(known, key=lambda one: _key(seed, "second", one.content_hash))
    twice = set(ranked[: part_of(design.second, len(ranked))])
    items += [Item(KNOWN, known=one, second=one in twice, stage=usual, bucket=_bucket(one.text)) for one in known]
    items.sort(key=lambda item: (_key(seed, f"order\n{item.kind}", item.identity), item.kind, item.identity))
    numbered = [replace(item, item_no=number) for number, item in enumerate(items, start=1)]
    originals = {item.document: item.item_no for item in numbered if item.kind == SAMPLE}
    return [replace(item, repeat_of=originals[item.document]) if item.kind == REPEAT else item for item in numbered]


def choose_known(seed: str, texts: KnownAnswers, counted: Iterable[str], wanted: int) -> list[KnownText]:
    """`wanted` known-answer texts of the risks that count: one of each risk in turn, chosen by the seed."""
    turns: list[tuple[int, str, KnownText]] = []
    for risk in sorted(counted):
        own = [KnownText(risk, text) for text in texts.texts.get(risk, ())]
        ranked = sorted((_key(seed, "known", one.content_hash), one.content_hash, one) for one in own)
        turns += [(turn, key, one) for turn, (key, _, one) in enumerate(ranked)]
    return [one for _, _, one in sorted(turns, key=lambda entry: (entry[0], entry[1], entry[2].risk))[:wanted]]


def tally(items: Sequence[Item]) -> dict[str, int]:
    """How many items each sample holds."""
    return dict(sorted(Counter(name for item in items for name in item.samples).items()))


def strata_of(sizes: Mapping[str, int], design: Design) -> dict[str, int]:
    """How many documents each sample will hold, by the sizes of the populations."""
    return {name: min(size, design.of(name)) for name, size in sizes.items()}


def _ranked(seed: str, purpose: str, documents: Sequence[Document]) -> list[Document]:
    return sorted(documents, key=lambda one: (_key(seed, purpose, Item(SAMPLE, one).identity), one))


def _key(seed: str, purpose: str, identity: str) -> str:
    return hashlib.sha256(f"{seed}\n{purpose}\n{identity}".encode()).hexdigest()


def _most_frequent(stages: Sequence[str]) -> str | None:
    counts = Counter(stages)
    return min(counts, key=lambda stage: (-counts[stage], stage), default=None)


def _bucket(text: str) -> str:
    return "zh" if any(ord(char) in _HAN for char in text) else "en"
