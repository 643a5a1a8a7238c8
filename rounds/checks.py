"""Whether the tables of a round fit together: all items decided, by the people and rules that may decide them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rounds.agreement import Row
from rounds.facts import RunFacts, Tables
from rounds.judged import SOURCE
from rounds.known import known_answers
from rounds.register import Round
from rounds.tables import ADJUDICATION, FIRST, PERSONAL, QUALIFIED, SAMPLE, SECOND, UNQUALIFIED, VERDICTS
from schemas.risks import risks

AGREED, ADJUDICATED, SINGLE, CARRIED = "agreed", "adjudicated", "single", "carried"


def undecided(tables: Tables) -> dict[str, int]:
    """How many items of each sample have no final verdict yet.

    Known answers and repeats hold nothing up: those nobody read count against the people (rounds/reliance.py).
    """
    decided = {row["item_no"] for row in tables.finals}
    missing: Counter[str] = Counter()
    for row in tables.items:
        if row["kind"] == SAMPLE and row["item_no"] not in decided:
            missing.update(row["samples"])
    return dict(sorted(missing.items()))


def known_unread(tables: Tables, seed: str) -> int:
    """How many known answers wait for a reading: a first, a second or an adjudication."""
    known = known_answers(tables.items, tables.readings, seed)
    return known.drawn - known.decided


def contradictions(round_: Round, tables: Tables, facts: RunFacts | None) -> Iterator[str]:
    """Every way in which the tables contradict each other or the register, a line each; `facts` where the run is there."""
    yield from _sizes(round_, tables, facts)
    items = {row["item_no"]: row for row in tables.items}
    readings: dict[int, dict[str, Row]] = defaultdict(dict)
    for reading in tables.readings:
        yield from _reading(round_, items, readings[reading["item_no"]], reading)
        readings[reading["item_no"]][reading["reading"]] = reading
    finals = {row["item_no"]: row for row in tables.finals}
    if len(finals) != len(tables.finals) or finals.keys() - items.keys():
        yield "finals: 条目重复或不属本轮 / items that occur twice or are not of this round"
    for number, item in items.items():
        if number in finals:
            yield from _final(item, finals[number], readings[number])


def _sizes(round_: Round, tables: Tables, facts: RunFacts | None) -> Iterator[str]:
    assert round_.drawn is not None
    counted = Counter(name for row in tables.items if row["kind"] == SAMPLE for name in row["samples"])
    stated = {name: size for name, size in round_.drawn["sizes"].items() if size}
    if dict(counted) != stated:
        yield "items.parquet: 样本大小与登记不符 / sizes of samples differ from the register"
    if [row["item_no"] for row in tables.items] != [row["item_no"] for row in tables.machine]:
        yield "machine.parquet: 条目与 items.parquet 不符 / has other items"
    for name, population in round_.drawn["strata"].items():
        source = name.removeprefix(SOURCE).rpartition(":")[0]
        if name.startswith(SOURCE) and facts is not None and source not in facts.sources:
            yield f"{name}: 该运行没有这个来源 / the run has no such source"
        if counted[name] > population:
            yield f"{name}: 样本大于总体 / the sample is larger than its population"


def _reading(round_: Round, items: Mapping[int, Row], before: Mapping[str, Row], reading: Row) -> Iterator[str]:
    number, place = reading["item_no"], f"readings: 第 {reading['item_no']} 条 / item {reading['item_no']}"
    if number not in items:
        yield f"{place}: 不属本轮 / is not of this round"
    if reading["reading"] not in (FIRST, SECOND, ADJUDICATION) or reading["reading"] in before:
        yield f"{place}: 判读次序重复或未知 / a reading that is unknown or occurs twice"
    if reading["person"] in {row["person"] for row in before.values()}:
        yield f"{place}: {reading['person']} 判了不止一次 / judged it more than once"
    if reading["criteria"] != round_.opened["criteria"]:
        yield f"{place}: 判据 {reading['criteria']} 不是本轮的 / is not by the criteria of this round"
    if round_.drawn is not None and reading["decided_at"] < round_.drawn["time"][:19]:
        yield f"{place}: 判定早于抽样 / was judged before it was drawn"
    yield from _verdict(place, reading)


def _verdict(place: str, row: Mapping[str, Any]) -> Iterator[str]:
    if row["verdict"] not in VERDICTS or set(row["personal"]) - set(PERSONAL) or set(row["risks"]) - risks().keys():
        yield f"{place}: 判定用词未知 / words that are none of the vocabulary"
    if (row["verdict"] == QUALIFIED and row["risks"]) or (row["verdict"] == UNQUALIFIED and not row["risks"]):
        yield f"{place}: 判定与风险矛盾 / verdict and risks contradict each other"


def _final(item: Row, final: Row, readings: Mapping[str, Row]) -> Iterator[str]:
    """A final verdict follows from the readings: one, two that agree, or the adjudication of what cannot decide."""
    place = f"finals: 第 {item['item_no']} 条 / item {item['item_no']}"
    yield from _verdict(place, final)
    read = [readings[name] for name in (FIRST, SECOND)[: 1 + item["second"]] if name in readings]
    last = readings.get(ADJUDICATION)
    # an adjudicator decides where readings differ, or one was made after the machine's findings were seen
    apart = len({row["verdict"] for row in read}) > 1 or any(row["after_findings"] for row in read)
    if item["carried_from"] is not None:
        follows = final["how"] == CARRIED and not readings
    elif len(read) + (last is not None) != len(readings) or len(read) != 1 + item["second"]:
        follows = False
    elif last is not None:
        blind = not last["after_findings"] and last["seq"] > max(row["seq"] for row in read)
        follows = final["how"] == ADJUDICATED and apart and blind and _same(final, last)
    else:
        agreed = not apart and final["verdict"] == read[0]["verdict"]
        told = all(set(final[name]) == {one for row in read for one in row[name]} for name in ("risks", "personal"))
        follows = agreed and told and final["how"] == (AGREED if item["second"] else SINGLE)
    if not follows:
        yield f"{place}: 结论不出自判读 / does not follow from what was read"


def _same(final: Row, reading: Row) -> bool:
    alike = all(set(final[name]) == set(reading[name]) for name in ("risks", "personal"))
    return bool(final["verdict"] == reading["verdict"] and alike)


def carried_otherwise(round_: Round, parts: Tables) -> Iterator[str]:
    """A verdict carried over is the one the earlier round came to."""
    finals = {row["item_no"]: row for row in parts.finals}
    named = {row["carried_from"] for row in parts.items if row["carried_from"] is not None}
    earlier = {name: _verdicts(Tables.of_closed(round_.folder.parent / name)) for name in sorted(named)}
    for row in parts.items:
        if row["carried_from"] is None:
            continue
        final = finals[row["item_no"]]
        said = (final["verdict"], tuple(sorted(final["risks"])), tuple(sorted(final["personal"])))
        if said not in earlier[row["carried_from"]].get((row["doc_id"], row["content_hash"]), ()):
            yield f"{round_.id}/finals: 第 {row['item_no']} 条不是 {row['carried_from']} 的结论 / item {row['item_no']} was decided otherwise there"


def _verdicts(parts: Tables) -> Mapping[tuple[str, str], Sequence[tuple[Any, ...]]]:
    finals = {row["item_no"]: row for row in parts.finals}
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in parts.items:
        if row["item_no"] in finals:
            final = finals[row["item_no"]]
            said = (final["verdict"], tuple(sorted(final["risks"])), tuple(sorted(final["personal"])))
            found.setdefault((row["doc_id"], row["content_hash"]), []).append(said)
    return found
