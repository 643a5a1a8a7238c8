"""The second line of the cascade: a stronger scorer judges what the first line nominates.

Which documents are candidates is part of this stage's configuration and of its fingerprint: the layer holds facts, what
was asked and what was answered. Long documents are read in windows around the nominating places; each risk keeps its
best window. A document any window of which got no answer is `unscored`, and so is one of which something that had to be
read was not. Answers are kept by the text's hash and the scorer's fingerprint, so nothing is asked twice; texts that
failed in an earlier run are asked last.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import layers
from schemas.lexicon import Library
from schemas.scorers import ConfirmSettings
from transforms.scorers.base import DECIMALS, NOT_ASKED, Answer, Place, Reading, Scorer, reading
from transforms.text import TextBatch

VERSION = 2

NOT_READ = "not_read"

_TO_THE_END = 1 << 62
_SINGLE = 1e-6  # scores are stored in single precision and rounded again before they decide
_ASKED_AT_ONCE = 256  # texts between two commits of answers: what a killed run may have to ask again

Scores = Mapping[str, float]


class Answers(Protocol):
    """Answers kept from run to run, for one scorer, by the sha256 of the text."""

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Scores]:
        """Those that are there."""
        ...

    def keep(self, answers: Mapping[bytes, Scores]) -> str | None:
        """Keeps answers; returns a handle by which they can be dropped once they are part of a larger set."""
        ...

    def drop(self, handles: Sequence[str]) -> None:
        """Drops what was kept under these handles."""
        ...

    def failed(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """How many runs asked about these texts and got no answer; texts that never failed are not in it."""
        ...

    def note_failed(self, keys: Sequence[bytes]) -> None:
        """Counts one more failure of each of these texts."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A document to judge: its text, and the places in it that speak for judging it, the weightiest first."""

    text: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What the scorer says of one document: the best window of each risk as (score, start, end), best risk first."""

    scores: tuple[tuple[str, float, int, int], ...] = ()
    unscored: str | None = None
    read: float = 1.0  # the share of the text that this is about


@dataclass
class Usage:
    """What confirming took, in documents and requests; adds up over units."""

    asked: int = 0
    cached: int = 0  # documents for which nobody had to be asked
    partial: int = 0  # documents of which only a part was read, as `allow_partial` permits
    unscored: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    tokens: int = 0
    cost: float = 0.0

    def add(self, other: "Usage") -> None:
        """Takes in another."""
        self.asked += other.asked
        self.cached += other.cached
        self.partial += other.partial
        for reason, count in other.unscored.items():
            self.unscored[reason] = self.unscored.get(reason, 0) + count
        self.requests += other.requests
        self.tokens += other.tokens
        self.cost = round(self.cost + other.cost, 9)

    def took(self, answer: Answer) -> None:
        """Takes in one answer's requests, tokens and cost."""
        self.requests += answer.requests
        self.tokens += answer.tokens
        self.cost = round(self.cost + answer.cost, 9)


class Confirm:
    """The stage `confirm`. `first_line` is a digest of the stages that nominate, `library` gives hits their tiers."""

    name: ClassVar[str] = "confirm"
    schema: ClassVar[pa.Schema] = layers.CONFIRM

    def __init__(
        self,
        settings: ConfirmSettings,
        scorer: Scorer,
        library: Library,
        first_line: str,
        answers: Answers | None = None,
    ) -> None:
        self.settings = settings
        self.scorer = scorer
        self.library = library
        self.first_line = first_line
        self.answers = answers
        self.spent = Usage()  # all that was judged by this very object

    def fingerprint(self) -> str:
        """Changes with who is asked about which texts; not with limits, pace or price."""
        settings = self.settings
        parts = [
            VERSION,
            self.scorer.fingerprint(),
            settings.scope,
            settings.nominate.model_dump(mode="json"),
            [settings.chars, settings.max_windows, settings.allow_partial],
            self.first_line,
            self.library.sha256,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def shared_among(self, workers: int) -> "Confirm":
        """As each of so many workers uses it."""
        scorer = self.scorer.shared_among(workers)
        return Confirm(self.settings, scorer, self.library, self.first_line, self.answers)

    def nominated(self, keywords: pa.RecordBatch, classifier: pa.RecordBatch) -> dict[int, tuple[Place, ...]]:
        """The rows to judge, in order, with the places of their evidence; in any scope but `candidates` all rows.

        What the classifier could not score is out anyway, and not asked about.
        """
        hits, scores, failed = keywords.column("hits"), classifier.column("scores"), classifier.column("unscored")
        everything = self.settings.scope != "candidates"
        if everything:
            rows = np.arange(keywords.num_rows)
        else:
            rows = np.flatnonzero(np.asarray(pc.or_(hits.is_valid(), scores.is_valid())))
        rows = rows[~np.asarray(failed.is_valid())[rows]]
        taken = pa.array(rows)
        found = zip(rows.tolist(), hits.take(taken).to_pylist(), scores.take(taken).to_pylist(), strict=True)
        chosen = {}
        for row, own_hits, own_scores in found:
            places = self._places(own_hits or [], own_scores or [])
            if everything or places:
                chosen[row] = tuple(dict.fromkeys(places))
        return chosen

    def _places(self, hits: list[dict[str, Any]], scores: list[dict[str, Any]]) -> list[Place]:
        """Where what nominates stands: terms by tier, then the classifier's windows, best first."""
        wanted = self.settings.nominate
        tiers = ["context" if hit["straddles"] else self.library.entries[hit["entry"]].tier for hit in hits]
        places = [_place(hit) for tier in wanted.terms for hit, own in zip(hits, tiers, strict=True) if own == tier]
        if wanted.score is not None:
            least = wanted.score - _SINGLE
            places += [_place(score) for score in scores if round(score["score"], DECIMALS) >= least]
        return places

    def judge(self, candidates: Sequence[Candidate]) -> tuple[list[Judged], Usage]:
        """What the scorer says of each document, in order, and what that took."""
        readings = [self._reading(candidate) for candidate in candidates]
        texts: dict[bytes, str] = {}
        for candidate, own in zip(candidates, readings, strict=True):
            texts |= {_key(part): part for part in (candidate.text[start:end] for start, end in own.windows)}
        answers, asked, usage = self._answers(texts)
        judged = []
        for candidate, own in zip(candidates, readings, strict=True):
            keys = [_key(candidate.text[start:end]) for start, end in own.windows]
            document = _combined([(answers[key], window) for key, window in zip(keys, own.windows, strict=True)])
            unread = NOT_READ if not own.places or not (own.whole or self._partial(candidate)) else None
            share = own.share(len(candidate.text))
            document = replace(document, unscored=document.unscored or unread, read=share)
            usage.asked += 1
            usage.partial += document.unscored is None and share < 1 and self._whole(candidate)
            usage.cached += asked.isdisjoint(keys)
            if document.unscored is not None:
                usage.unscored[document.unscored] = usage.unscored.get(document.unscored, 0) + 1
            judged.append(document)
        self.spent.add(usage)
        return judged, usage

    def rows(self, count: int, judged: Mapping[int, Judged]) -> pa.RecordBatch:
        """The layer's columns for `count` documents, of which these rows were judged."""
        nobody = Judged()
        documents = [judged.get(row, nobody) for row in range(count)]
        scores = [
            [{"label": risk, "score": score, "start": start, "end": end} for risk, score, start, end in document.scores]
            or None
            for document in documents
        ]
        return pa.record_batch(
            [
                pa.array(scores, type=layers.CLASSIFIER_SCORES),
                pa.array([row in judged for row in range(count)], type=pa.bool_()),
                pa.array([document.unscored for document in documents], type=pa.string()),
                pa.array([documents[row].read if row in judged else None for row in range(count)], type=pa.float32()),
            ],
            schema=self.schema,
        )

    def __call__(self, batch: TextBatch, keywords: pa.RecordBatch, classifier: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a batch held in memory, from the first line's rows of the same documents."""
        nominated = self.nominated(keywords, classifier)
        judged, _ = self.judge([Candidate(batch.strings[row], places) for row, places in nominated.items()])
        return self.rows(len(batch), dict(zip(nominated, judged, strict=True)))

    def _whole(self, candidate: Candidate) -> bool:
        """Whether all of the document is to be read, and not only what nominates it."""
        return self.settings.scope != "candidates" or not candidate.places

    def _partial(self, candidate: Candidate) -> bool:
        """Whether a part of the document is enough."""
        return self.settings.allow_partial or not self._whole(candidate)

    def _reading(self, candidate: Candidate) -> Reading:
        settings, length = self.settings, len(candidate.text)
        return reading(length, candidate.places, settings.chars, settings.max_windows, self._whole(candidate))

    def _answers(self, texts: Mapping[bytes, str]) -> tuple[dict[bytes, Answer], set[bytes], Usage]:
        """An answer for each text, from what is kept or from the scorer; which were asked for; what that took."""
        known = self.answers.known(list(texts)) if self.answers is not None and texts else {}
        answers = {key: Answer(scores) for key, scores in known.items()}
        open_keys = [key for key in texts if key not in answers]
        usage = Usage()
        fresh: dict[bytes, Scores] = {}
        handles: list[str] = []
        failed = self.answers.failed(open_keys) if self.answers is not None and open_keys else {}
        ordered = sorted(open_keys, key=lambda key: failed.get(key, 0))
        firsts = [key for key in ordered if key not in failed]
        unanswered: list[bytes] = []
        for keys, again in (*_portions(firsts, False), *_portions(ordered[len(firsts) :], True)):
            asked_about = [texts[key] for key in keys]
            found = dict(zip(keys, self.scorer.score(asked_about, again), strict=True))
            answers |= found
            unanswered += [key for key, answer in found.items() if answer.unscored not in (None, *NOT_ASKED)]
            for answer in found.values():
                usage.took(answer)
            own = {key: answer.scores for key, answer in found.items() if answer.unscored is None}
            fresh |= own
            self._keep(own, handles)
        if self.answers is not None and len(handles) > 1:
            self._keep(fresh, [])
            self.answers.drop(handles)
        if self.answers is not None and unanswered:
            self.answers.note_failed(unanswered)
        return answers, set(open_keys), usage

    def _keep(self, answers: Mapping[bytes, Scores], handles: list[str]) -> None:
        if self.answers is not None and answers:
            handle = self.answers.keep(answers)
            if handle is not None:
                handles.append(handle)


def _place(found: Mapping[str, Any]) -> Place:
    """Where it stands. Of a term found several times only the first place is kept: the rest of the text is to be read."""
    return found["start"], found["end"] if found.get("count", 1) == 1 else _TO_THE_END


def _portions(keys: Sequence[bytes], again: bool) -> Iterator[tuple[Sequence[bytes], bool]]:
    for start in range(0, len(keys), _ASKED_AT_ONCE):
        yield keys[start : start + _ASKED_AT_ONCE], again


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _combined(parts: Sequence[tuple[Answer, tuple[int, int]]]) -> Judged:
    """One document from its windows: each risk's best window, the first of equals."""
    best: dict[str, tuple[float, int, int]] = {}
    unscored = None
    for answer, (start, end) in parts:
        unscored = unscored or answer.unscored
        for risk, score in answer.scores.items():
            if score > 0 and (risk not in best or score > best[risk][0]):
                best[risk] = (score, start, end)
    ordered = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))
    return Judged(tuple((risk, *place) for risk, place in ordered), unscored)
