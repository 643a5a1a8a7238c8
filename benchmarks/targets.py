"""The figures with their targets, as a table for the terminal and as Markdown for the documentation."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One figure. `target` is what it must reach (`at_least`) or stay under; None where nothing is asked."""

    part: str
    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = True

    @property
    def passed(self) -> bool:
        """Whether the target is met; so it is where there is none."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def aim(self) -> str:
        """The target in words."""
        if self.target is None:
            return ""
        return f"{'at least' if self.at_least else 'at most'} {self.target:,g}"

    @property
    def verdict(self) -> str:
        """PASS, SHORT, or nothing."""
        return "" if self.target is None else "PASS" if self.passed else "SHORT"


def as_text(lines: Sequence[Line]) -> str:
    """For a terminal."""
    return "\n".join(
        f"{line.part:9}{line.what:62}{line.value:11,.2f} {line.unit:13}{line.aim:16}{line.verdict}".rstrip()
        for line in lines
    )


def as_markdown(lines: Sequence[Line], about: dict[str, str]) -> str:
    """For documentation, with date and machine."""
    head = [f"{about['date']}, {about['machine']}, Python {about['python']}.", ""]
    table = ["| part | figure | value | target | |", "|---|---|--:|---|---|"]
    rows = [f"| {o.part} | {o.what} | {o.value:,.2f} {o.unit} | {o.aim} | {o.verdict} |" for o in lines]
    return "\n".join([*head, *table, *rows])


def stage_table(stages: dict[str, dict[str, float]], markdown: bool) -> str:
    """µs of CPU per KB by stage, a column a run; the last row adds them up."""
    names = list(dict.fromkeys(name for column in stages.values() for name in column))
    rows = [[name, *(column.get(name, 0.0) for column in stages.values())] for name in names]
    rows.append(["all", *(sum(column.values()) for column in stages.values())])
    if markdown:
        head = f"| µs of CPU per KB | {' | '.join(stages)} |\n|---|{'--:|' * len(stages)}\n"
        return head + "\n".join(
            f"| {name} | {' | '.join(f'{value:.2f}' for value in cells)} |" for name, *cells in rows
        )
    width = max(14, *map(len, stages)) + 2
    head = f"  {'µs of CPU per KB of text':28}" + "".join(f"{name:>{width}}" for name in stages) + "\n"
    return head + "\n".join(f"  {name:28}" + "".join(f"{value:{width}.2f}" for value in cells) for name, *cells in rows)
