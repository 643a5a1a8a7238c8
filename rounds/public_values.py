"""One public value serves one round: who may open several rounds on it may choose among their samples."""

from collections.abc import Iterator, Sequence

from pipeline.errors import UsageError
from rounds.design import PublicValue
from rounds.register import Round, value_name


def must_be_another(before: Sequence[Round], value: PublicValue) -> None:
    """Raises UsageError where an earlier round named the same value of the same time."""
    for one in before:
        if _is_same(one, value):
            raise UsageError(
                f"--value-name: {value.name}（{value.expected_at}）是 {one.id} 用过的公开值；一个公开值只供一轮，请另选一个，并在名称中写明期号 / is the public "
                f"value {one.id} was opened with: a value serves one round, name another, with its issue or date"
            )


def used_again(rounds: Sequence[Round]) -> Iterator[str]:
    """Rounds opened on the value of an earlier one, which `round open` refuses; a line each."""
    for place, one in enumerate(rounds):
        for earlier in rounds[:place]:
            if _is_same(earlier, one):
                yield f"{one.id}: 公开值与 {earlier.id} 相同 / has the public value of {earlier.id}: samples could be chosen among"


def same_names(rounds: Sequence[Round]) -> Iterator[str]:
    """What rounds leave open whose values have one name, though not one time."""
    named: dict[str, list[Round]] = {}
    for one in rounds:
        named.setdefault(value_name(one.opened), []).append(one)
    for name, alike in named.items():
        if name and len(alike) > 1:
            told = "、".join(one.id for one in alike)
            yield (
                f"{told} 的公开值同名（{alike[0].opened['public_value']['name']}），是否确为不同的值须核实；其中提前放弃者按样本可知计 / whether the public values of "
                f"{told}, which have one name, are different ones; those given up early count as known"
            )


def _is_same(one: Round, other: Round | PublicValue) -> bool:
    told = vars(other) if isinstance(other, PublicValue) else other.opened.get("public_value", {})
    own, name = one.opened.get("public_value", {}), value_name(one.opened)
    return name == value_name({"public_value": told}) != "" and own["expected_at"] == told["expected_at"]
