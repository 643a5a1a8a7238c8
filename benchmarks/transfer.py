"""The classifier alone, on each labelled set: trained with the set's own training rows, and without any row of it.

The first says how well it does on more of the same, the second what to expect of a corpus nobody has labelled.
"""

from pathlib import Path

from models import STARTER_MODEL
from models.evaluation import RATES, SetFigures
from models.starter import starter_in_domain, starter_leave_one_out


def show_transfer(data: Path) -> None:
    """One row a set: in-domain and left out, at the thresholds that would ship, and recall at fixed false-alarm rates."""
    inside, outside = starter_in_domain(data, STARTER_MODEL), starter_leave_one_out(data)
    rates = "".join(f"{f'@{rate:.1%}':>8}" for rate in RATES)
    print(
        "\nclassifier alone, dev rows of each shippable set: in-domain, and trained without the set (and what was made from it)"
    )
    print(
        "recall and false alarms at the model's thresholds; recall where so many of the set's harmless rows may be flagged (@)"
    )
    print(f"{'set':24}{'':14}{'risky':>8}{'recall':>9}{'harmless':>10}{'alarms':>9}{rates}")
    for name in outside:
        for title, figures in (("in-domain", inside.get(name)), ("left out", outside[name])):
            if figures is not None:
                print(f"{name if title == 'in-domain' else '':24}{title:14}{_row(figures)}")


def _row(figures: SetFigures) -> str:
    rates = "".join(f"{_share(rate):>8}" for rate in figures.at_rates or (None,) * len(RATES))
    return (
        f"{figures.risky:>8,}{_share(figures.recall):>9}{figures.harmless:>10,}{_share(figures.false_alarms):>9}{rates}"
    )


def _share(share: float | None) -> str:
    return "—" if share is None else f"{share:.1%}"
