"""The protocol by simulation: what redrawing, dropping failures and carrying over do, and how often the bounds hold.

Seeds are fixed. Where a chance is compared, the margin is four standard errors of so many simulated rounds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UsageError
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from rounds import estimates
from rounds.carrying import carried
from rounds.design import Design, seed_of
from rounds.estimates import Judged
from rounds.facts import Tables
from rounds.history import ALONE, earlier_rounds
from rounds.items import choose_known, number_items, tally
from rounds.known import planted_rows
from rounds.register import Register, Round, find_round
from rounds.results import result_of
from rounds.samples import choose
from rounds.tables import FINALS, ITEMS, KNOWN, QUALIFIED, READINGS, SAMPLE, UNQUALIFIED
from schemas.known_answers import load_known_answers
from schemas.risks import risks
from tests.made_rounds import CRITERIA, PEOPLE, facts_of, machine_row, reading_row

PASSING, LIMIT = (96, 100), 0.05
ROUNDS = 2000
SIZE, MINIMUM = 60_000, 4000  # of the corpus that is redrawn, and of its manual sample


def margin(share: float, of: int) -> float:
    """Four standard errors of a share seen in so many."""
    return 4 * sqrt(max(share * (1 - share), 1 / of) / of)


# -- the literal rule


@pytest.mark.parametrize(("share", "expected"), [(0.035, 0.96), (0.04, 0.52), (0.045, 0.067), (0.05, 0.002)])
def test_the_literal_rule_passes_as_often_as_is_published(share: float, expected: float) -> None:
    random = np.random.default_rng(1)
    failures = random.binomial(4000, share, 50_000)
    passed = np.mean([estimates.passes(int(found), 4000, PASSING) for found in failures])
    assert passed == pytest.approx(expected, abs=margin(expected, 50_000) + 0.005)
    curve = {row["share_permille"]: row["pass_probability"] for row in estimates.operating_curve(4000, 160, 10**7)}
    assert curve[round(share * 1000)] == pytest.approx(passed, abs=margin(expected, 50_000))


def test_redrawing_a_corpus_that_is_too_bad_passes_half_of_the_time_within_ten_draws() -> None:
    failures = np.random.default_rng(2).binomial(4000, 0.045, (20_000, 10))
    assert np.mean((failures <= 160).any(axis=1)) == pytest.approx(0.5, abs=0.02), "so every draw has to be on record"


# -- redrawing, by the register and the draw themselves


@dataclass
class Company:
    """A corpus with a truth, an output folder with a register, and somebody who would like to pass."""

    out: Path
    bad: npt.NDArray[np.bool_]
    admitted: npt.NDArray[np.bool_]
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    sql: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        Output(self.out).prepare()
        self.register = Register(Output(self.out), self.tick)

    def tick(self) -> datetime:
        self.clock += timedelta(minutes=1)
        return self.clock

    def documents(self) -> duckdb.DuckDBPyConnection:
        """What the draw asks of a run: its documents as they are admitted now."""
        numbers = np.arange(len(self.bad))
        ids = [f"s:{number}" for number in numbers]
        table = pa.table(
            {
                "doc_id": ids,
                "shard": ["a"] * len(ids),
                "row": numbers,
                "source_id": ["s"] * len(ids),
                "bucket": ["zh"] * len(ids),
                "stage": ["pretrain"] * len(ids),
                "content_hash": [f"{number:064x}" for number in numbers],
                "admitted": self.admitted,
                "positive": np.zeros(len(ids), bool),
            }
        )
        self.sql.execute("DROP TABLE IF EXISTS documents")
        self.sql.register("given", table)
        self.sql.execute("CREATE TABLE documents AS FROM given")
        return self.sql

    def round(self, changes: str, from_verdicts: bool, carry: bool = False) -> Round:
        """Opens, draws, judges by the truth and closes a round; raises UsageError where nothing may be carried."""
        name = f"R{len(self.register.rounds()) + 1:04d}"
        frame = {"documents": int(self.admitted.sum()), "sha256": f"{int(self.admitted.sum()):064x}"}
        design = Design(
            manual=MINIMUM, stage=0, positive=0, negative=0
        )  # one population: the others are of no stage or source
        self._say(name, "opened", run_id="run-1", frame=frame, criteria=CRITERIA, design=design.stated(),
                  changes=changes, from_verdicts=from_verdicts, **dict.fromkeys(
                      ("ruleset_sha256", "policy_sha256", "profile_sha256"), "0" * 64))  # fmt: skip
        sql = self.documents()
        holding = carried(self.register.rounds(), find_round(Output(self.out), name), sql) if carry else None
        value = str(self.clock.timestamp())
        seed = seed_of(name, value)
        self._say(name, "valued", value=value, seed=seed)
        chosen = choose(sql, seed, design, {"manual": frame["documents"]})
        among = holding.among(chosen) if holding else frozenset()
        known = choose_known(seed, load_known_answers(), risks(), design.known)
        items = number_items(seed, chosen, design, known, among, holding.source if holding else None)
        return self._judged(name, seed, value, items, frame["documents"])

    def _judged(self, name: str, seed: str, value: str, items: Sequence[Any], population: int) -> Round:
        folder = self.out / "rounds" / name
        folder.mkdir()
        rows = [self._row(item) for item in items]
        finals = [self._final(row) for row in rows if row["kind"] == SAMPLE]
        pq.write_table(pa.Table.from_pylist(rows, schema=ITEMS), folder / "items.parquet")
        pq.write_table(pa.Table.from_pylist(finals, schema=FINALS), folder / "finals.parquet")
        held = [row["carried_from"] for row in rows if row["carried_from"]]
        self._say(name, "drawn", value=value, seed=seed, items_sha256=sha256_file(folder / "items.parquet"),
                  machine_sha256="0" * 64, items=len(rows), sizes=tally(items), strata={"manual": population},
                  carried={"from": held[0] if held else None, "items": len(held)})  # fmt: skip
        found = find_round(Output(self.out), name)
        read = [*self._read(rows, planted_rows(seed, rows))]
        pq.write_table(pa.Table.from_pylist(read, schema=READINGS), folder / "readings.parquet")
        tables = Tables(rows, [machine_row(row["item_no"]) for row in rows], read, finals)
        history = replace(ALONE, earlier=tuple(earlier_rounds(found, self.register.events())))
        result = result_of(found, tables, facts_of(), history)
        self._say(name, "closed", finals_sha256=sha256_file(folder / "finals.parquet"),
                  readings_sha256=sha256_file(folder / "readings.parquet"), passed=result.passed,
                  outcome=result.outcome)  # fmt: skip
        return find_round(Output(self.out), name)

    def _row(self, item: Any) -> dict[str, Any]:
        own = {name: getattr(item, name) for name in ("item_no", "kind", "bucket", "stage", "content_hash", "second")}
        place = {name: getattr(item.document, name, None) for name in ("doc_id", "source_id", "shard", "row")}
        more = {
            "samples": list(item.samples),
            "repeat_of": item.repeat_of,
            "carried_from": item.carried_from,
            "text": "x",
        }
        return own | place | more

    def _read(self, rows: Sequence[dict[str, Any]], third: frozenset[int]) -> Iterator[dict[str, Any]]:
        """Everything is read by as many as the draw asks for, who all see the truth."""
        for row in rows:
            number = row["item_no"]
            readers = PEOPLE[: 3 if number in third else 1 + row["second"]] if row["carried_from"] is None else ()
            for turn, (person, reading) in enumerate(readers):
                yield reading_row(number, person, reading, seq=3 * number + turn, **self._said(row))

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        bad = row["kind"] == KNOWN or bool(self.bad[row["row"]])
        return {"verdict": UNQUALIFIED if bad else QUALIFIED, "risks": ["A1-f"] if bad else [], "personal": []}

    def _final(self, row: dict[str, Any]) -> dict[str, Any]:
        how = "carried" if row["carried_from"] else "agreed"
        return {"item_no": row["item_no"], **self._said(row), "how": how}

    def _say(self, name: str, event: str, **content: Any) -> None:
        self.register.append({"event": event, "round": name, **content})

    def drop_failures(self, found: Round) -> int:
        """Takes what failed a round out of the corpus: how many."""
        rows = pq.read_table(found.folder / "items.parquet", columns=["kind", "row"]).to_pylist()
        items = np.array([row["row"] for row in rows if row["kind"] == SAMPLE])
        failed = items[self.bad[items]]
        self.admitted[failed] = False
        return len(failed)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A corpus of which 10 % is bad."""
    random = np.random.default_rng(3)
    bad = np.zeros(SIZE, bool)
    bad[random.choice(SIZE, SIZE // 10, replace=False)] = True
    return Company(tmp_path / "o", bad, np.ones(SIZE, bool))


def outcomes(company: Company) -> list[tuple[str, int, int, bool]]:
    """What anybody reads off the register: round, failures, judged, passed."""
    return [
        (one.id, *(one.closed["outcome"]["manual"][key] for key in ("failures", "judged")), one.closed["passed"])
        for one in company.register.rounds()
        if one.closed is not None
    ]


def test_a_bad_corpus_does_not_pass_by_dropping_failures_and_drawing_again(company: Company) -> None:
    first = company.round("首轮", False)
    dropped = company.drop_failures(first)
    assert 330 < dropped < 470, "about a tenth of 4000"
    # with the passes carried and only the places of the failures judged anew it would look like 1 %
    forbidden = np.random.default_rng(4).binomial(dropped, 0.1, ROUNDS)
    assert np.all(25 * forbidden <= MINIMUM)
    for honest in (False, True):  # also if the remediation is not said to come from the verdicts
        with pytest.raises(UsageError, match="carry") as refused:
            company.round("剔除不合格语料", honest, carry=True)
        assert len(refused.value.problems) == (2 if honest else 1)
        company.register.append({"event": "abandoned", "round": company.register.rounds()[-1].id, "by": "主管"})
    for _ in range(4):
        company.drop_failures(company.round("剔除不合格语料", True))
    told = outcomes(company)
    assert [passed for *_, passed in told] == [False] * 5, "every new sample is judged, and finds the others"
    assert all(300 < failures < 470 and judged == MINIMUM for _, failures, judged, _ in told)
    drawn = [event["round"] for event in company.register.events() if event["event"] == "drawn"]
    assert drawn == [name for name, *_ in told], "no draw that is not on record"
    assert [one.state for one in company.register.rounds()] == ["closed", "abandoned", "abandoned", *["closed"] * 4]


def test_a_passed_round_whose_failures_were_dropped_lends_no_verdicts_even_if_nobody_says_so(tmp_path: Path) -> None:
    company = Company(tmp_path / "o", np.arange(SIZE) % 30 == 0, np.ones(SIZE, bool))
    first = company.round("首轮", False)
    assert first.closed is not None and first.closed["passed"]
    held = company.round("无改动", False, carry=True)
    assert held.drawn is not None and held.drawn["carried"]["from"] == first.id
    expected = MINIMUM * MINIMUM / SIZE
    assert held.drawn["carried"]["items"] == pytest.approx(expected, abs=4 * sqrt(expected)), "where the draws meet"
    assert company.drop_failures(held) > 100
    with pytest.raises(UsageError, match="gone from the frame"):
        company.round("无改动", False, carry=True)


def test_a_register_that_was_cut_or_rewritten_is_refused(company: Company) -> None:
    company.drop_failures(company.round("首轮", False))
    company.round("剔除", True)
    path = company.register.path
    lines = path.read_bytes().splitlines(keepends=True)
    from pipeline.errors import RunFailed

    path.write_bytes(b"".join(lines[4:]))  # the first round gone
    with pytest.raises(RunFailed, match="changed"):
        company.register.rounds()


# -- carrying verdicts over


def carry_over(random: np.random.Generator, share: float, erring: float, rounds: int) -> Iterator[tuple[bool, ...]]:
    """Two rounds of the same corpus of 4000 documents, samples of 800: which passed, the second with the verdicts of the
    first carried where both drew a document and the first passed, without, and under the forbidden rule.

    A reading errs on a document with the chance `erring`, each anew.
    """
    population, judged, most = 4000, 800, 32
    for _ in range(rounds):
        bad = random.random(population) < share
        said = [bad ^ (random.random(population) < erring) for _ in range(3)]
        first, second = (random.permutation(population)[:judged] for _ in range(2))
        passed = said[0][first].sum() <= most
        known = np.zeros(population, bool)
        known[first] = passed
        with_carry = np.where(known, said[0], said[1])[second].sum() <= most
        kept = first[~said[0][first]]  # forbidden: whatever passed is kept, the places of failures are filled up
        filled = random.choice(np.setdiff1d(np.arange(population), first), judged - len(kept), replace=False)
        yield bool(passed), bool(with_carry), bool(said[1][second].sum() <= most), bool(said[2][filled].sum() <= most)


@pytest.mark.parametrize(("share", "erring"), [(0.03, 0.0), (0.04, 0.0), (0.05, 0.0), (0.035, 0.005), (0.04, 0.005)])
def test_carrying_over_keeps_the_pass_rate_and_the_forbidden_variant_does_not(share: float, erring: float) -> None:
    told = np.array(list(carry_over(np.random.default_rng(5), share, erring, ROUNDS)))
    first, with_carry, without, forbidden = told.mean(axis=0)
    assert with_carry == pytest.approx(without, abs=margin(without, ROUNDS))
    after = told[told[:, 0]]
    assert after[:, 1].mean() == pytest.approx(after[:, 2].mean(), abs=margin(without, len(after))), (
        "given that the first passed"
    )
    if share >= 0.04:
        assert forbidden > first + 0.3, "filling up the places of failures lets nearly anything pass"


# -- bounds of sources


@dataclass(frozen=True)
class Source:
    """A source as it is: size, true rate, and the share of violations and of the rest that the machine calls."""

    size: int
    rate: float
    recall: float
    alarms: float = 0.01
    unclear: float = 0.0

    @property
    def strata(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(size, violations) of the machine-positive and the machine-negative stratum."""
        violations = round(self.size * self.rate)
        found = round(violations * self.recall)
        positive = found + round((self.size - violations) * self.alarms)
        return (positive, found), (self.size - positive, violations - found)

    @property
    def truth(self) -> float:
        """The true rate, as near as whole documents come."""
        return sum(violations for _, violations in self.strata) / self.size

    def judged(self, random: np.random.Generator, rounds: int) -> list[Judged]:
        """So many samples of 60 and 150, drawn without putting back; some items people cannot tell."""
        strata = []
        for (size, violations), most in zip(self.strata, (60, 150), strict=True):
            n = min(size, most)
            found = random.hypergeometric(violations, size - violations, n, rounds)
            lost = random.binomial(found, self.unclear)
            more = random.binomial(n - found, self.unclear)
            strata.append(Judged(size, n, found - lost, lost + more))
        return strata


SOURCES = [
    Source(size, rate, recall, alarms, unclear)
    for size, rate, recall, alarms, unclear in (
        (200, 0.05, 0.6, 0.01, 0.0),
        (1_000, 0.02, 0.45, 0.01, 0.0),
        (1_000, 0.06, 0.9, 0.05, 0.0),
        (10_000, 0.03, 0.45, 0.01, 0.01),
        (10_000, 0.05, 0.45, 0.0, 0.0),
        (10_000, 0.11, 0.45, 0.01, 0.0),
        (10_000, 0.11, 0.0, 0.02, 0.02),
        (1_000_000, 0.001, 0.8, 0.001, 0.0),
        (1_000_000, 0.052, 0.95, 0.0, 0.0),
        (1_000_000, 0.3, 0.2, 0.1, 0.0),
    )
]


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_the_bounds_of_a_source_hold_at_their_stated_level(source: Source) -> None:
    low, high = estimates.bounds(source.judged(np.random.default_rng(6), ROUNDS))
    assert np.mean(low > source.truth) <= 0.05
    assert np.mean(high < source.truth) <= 0.05
    assert np.all(low <= high)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_bounds_are_not_so_wide_that_they_would_always_hold(confidence: float) -> None:
    source = Source(100_000, 0.05, 0.5, 0.0)
    low, high = estimates.bounds(source.judged(np.random.default_rng(7), ROUNDS), confidence)
    assert 0 < np.mean(high < source.truth) <= 1 - confidence
    assert np.mean(high) < 0.1 and np.mean(low) > 0.02


@pytest.mark.parametrize("recall", [0.0, 0.45, 0.9])
@pytest.mark.parametrize("rate", [0.0502, 0.06, 0.11])
def test_a_source_above_5_percent_is_hardly_ever_called_within(rate: float, recall: float) -> None:
    source = Source(50_000, rate, recall)
    _, high = estimates.bounds(source.judged(np.random.default_rng(8), ROUNDS))
    assert np.mean(np.asarray(high) <= LIMIT) <= 0.05
    if (rate, recall) == (0.11, 0.45):
        machine = source.rate * source.recall
        assert machine < LIMIT, "by the machine alone it would be within"


def test_a_good_source_with_a_good_machine_is_called_within_most_of_the_time() -> None:
    source = Source(50_000, 0.005, 0.9)
    _, high = estimates.bounds(source.judged(np.random.default_rng(9), ROUNDS))
    assert np.mean(np.asarray(high) <= LIMIT) > 0.9


@pytest.mark.parametrize("source", [Source(10_000, 0.11, 0.45), Source(2_000, 0.05, 0.8, 0.02)], ids=str)
def test_the_bounds_of_the_missed_share_hold_together(source: Source) -> None:
    positive, negative = source.judged(np.random.default_rng(10), 300)
    (_, called), (_, gone) = source.strata
    truth, outside = gone / (called + gone), 0
    for found, unfound in zip(np.asarray(positive.sure), np.asarray(negative.sure), strict=True):
        told = estimates.missed(
            [Judged(positive.size, positive.judged, int(found))], [Judged(negative.size, negative.judged, int(unfound))]
        )
        outside += told.low > truth or told.high < truth
    assert outside / 300 <= 0.1, "two one-sided bounds at 95 %"
