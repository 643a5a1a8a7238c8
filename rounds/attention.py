"""Whether people read what they judged: how fast, how much of the text, and whether two readers agree beyond chance.

Who clicks through a round finds nothing, so each of these alone leaves a pass to people. The thresholds are wide: they tell a
round nobody read from one that was read, not a good reader from a better one. Times and shares of imported readings are
what a file says, so they prove nothing; their number is named beside the conclusion.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rounds.agreement import PAGE, Agreement, agreement, double_read, fast_readings
from rounds.facts import Tables
from rounds.tables import KNOWN, QUALIFIED, SAMPLE

# Readings faster than anybody can skim: one in twenty happens to people who read, by a slip or a text they know from
# elsewhere. One reader of ten who clicks through makes a tenth.
FAST_MOST = Fraction(1, 20)
# Items called qualified of which nobody had the whole text on the screen. The literal rule lets 4 in 100 fail, so what is
# in a hundredth that nobody saw to the end moves it by no more than a quarter of that.
UNREAD_MOST = Fraction(1, 100)
# Agreement says little of fewer pairs, and kappa little where hardly anything is called not qualified: it falls towards 0
# there though people agree. Below 0.2 (Landis and Koch 1977: slight) two readers share next to nothing beyond chance; AC1
# below 0.6 (moderate at most) is not what two people come to who know the same criteria.
LEAST_PAIRS, LEAST_MARKED = 200, Fraction(1, 50)
KAPPA_FLOOR, AC1_FLOOR = Fraction(1, 5), Fraction(3, 5)


@dataclass(frozen=True)
class Attention:
    """Readings of samples and known answers on the page, too fast, and imported; verdicts, and those on texts unread."""

    page: int
    fast: int
    imported: int
    qualified: int
    unread: int
    agreed: Agreement
    marked: Fraction  # share of the readings of double-read items that are not "qualified"

    @classmethod
    def of(cls, tables: Tables) -> "Attention":
        """From the tables of a round; verdicts carried over were read in an earlier one."""
        items = {row["item_no"]: row for row in tables.items if row["kind"] in (SAMPLE, KNOWN)}
        readings = [row for row in tables.readings if row["item_no"] in items]
        read: dict[int, float] = defaultdict(float)
        for row in readings:
            read[row["item_no"]] = max(read[row["item_no"]], row["read_share"])
        passed = [row["item_no"] for row in tables.finals if row["verdict"] == QUALIFIED and row["item_no"] in read]
        pairs = [(one["verdict"], other["verdict"]) for one, other in double_read(tables.items, tables.readings)]
        page = sum(row["via"] == PAGE for row in readings)
        return cls(
            page=page,
            fast=fast_readings(items, readings).total(),
            imported=len(readings) - page,
            qualified=len(passed),
            unread=sum(read[number] < 1 for number in passed),
            agreed=agreement(pairs),
            marked=Fraction(sum(said != QUALIFIED for pair in pairs for said in pair), max(1, 2 * len(pairs))),
        )

    def stated(self) -> dict[str, Any]:
        """As `result.json` and `round.duckdb` have it."""
        return {
            "readings_page": self.page,
            "readings_fast": self.fast,
            "readings_imported": self.imported,
            "qualified_judged": self.qualified,
            "qualified_unread": self.unread,
        }

    def reasons(self) -> Iterator[str]:
        """Why the round concludes nothing in favour, as far as this tells."""
        if self.fast > FAST_MOST * self.page:
            yield (
                f"页面判读 {self.page} 次，其中 {self.fast} 次快于能读完，多于 {_share(FAST_MOST)} / {self.fast} of {self.page} readings on the page "
                f"were faster than the text can be read, more than {_share(FAST_MOST)}"
            )
        if self.unread > UNREAD_MOST * self.qualified:
            yield (
                f"判为合格 {self.qualified} 条，其中 {self.unread} 条无人读完全文，多于 {_share(UNREAD_MOST)} / of {self.qualified} items called "
                f"qualified nobody had the whole text of {self.unread} on the screen, more than {_share(UNREAD_MOST)}"
            )
        if self.agreed.pairs >= LEAST_PAIRS:
            yield from self._disagreement()

    def note(self) -> str:
        """What the basis of a conclusion says of readings whose time and share were typed in; nothing where there are none."""
        if not self.imported:
            return ""
        return (
            f"；判读 {self.page + self.imported} 次中 {self.imported} 次由文件导入，其用时与已读比例以文件所写为准，无从核对 / {self.imported} of "
            f"{self.page + self.imported} readings were imported: their time and share read are what the file says"
        )

    def _disagreement(self) -> Iterator[str]:
        kappa, ac1 = self.agreed.kappa, self.agreed.ac1
        if ac1 is not None and ac1 < AC1_FLOOR:
            yield _low("Gwet AC1", ac1, AC1_FLOOR)
        if kappa is not None and kappa < KAPPA_FLOOR and self.marked >= LEAST_MARKED:
            yield _low("Cohen κ", kappa, KAPPA_FLOOR)


def _low(name: str, value: Fraction, floor: Fraction) -> str:
    return f"双人判读的一致性过低 / the two readers agree too little: {name} {float(value):.2f}，少于 / less than {_share(floor)}"


def _share(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
