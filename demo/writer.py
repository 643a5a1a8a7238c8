"""Texts from small grammars: `grammar/<source>.txt` holds, a section a symbol, the ways each symbol may be written.

    [weather]
    <city#1>今日最高气温<15..33>摄氏度，<wind>。

`<name>` writes a symbol; `<name#1>` writes it once and says the same wherever the document repeats it; `<3..7>` is a
number, `<0.5..2.9>` one with a decimal. `\n` is a line break. In a section `[name|block]` the alternatives span lines
and `---` parts them. A document repeats no alternative of a symbol while others are left.
"""

import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent / "grammar"

_SECTION = re.compile(r"^\[(\w+)(\|block)?\]$")
_SLOT = re.compile(r"<(?:(?P<low>-?\d+(?:\.\d)?)\.\.(?P<high>-?\d+(?:\.\d)?)|(?P<symbol>[A-Za-z_]\w*)(?P<key>#\d)?)>")


@cache
def load(name: str) -> Mapping[str, tuple[str, ...]]:
    """The alternatives of each symbol of a grammar, in file order."""
    rules: dict[str, tuple[str, ...]] = {}
    lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    starts = [(number, match) for number, line in enumerate(lines) if (match := _SECTION.match(line))]
    ends = [number for number, _ in starts[1:]] + [len(lines)]
    for (start, match), end in zip(starts, ends, strict=True):
        body = lines[start + 1 : end]
        if match[2]:
            blocks = ("\n".join(body)).split("\n---\n")
            rules[match[1]] = tuple(block.strip("\n") for block in blocks)
        else:
            rules[match[1]] = tuple(line.replace("\\n", "\n") for line in body if line)
    return rules


class Writer:
    """Writes documents of one grammar, drawing from `rng`; `given` adds symbols whose values the caller computes."""

    def __init__(self, name: str, rng: random.Random) -> None:
        self.name = name
        self.rules = load(name)
        self.rng = rng
        self.given: dict[str, str] = {}

    def write(self, symbol: str = "document", **given: str) -> str:
        """One document, starting from `symbol`."""
        self.given = given
        self._kept: dict[str, str] = {}
        self._left: dict[str, list[str]] = {}
        return self._expand(symbol)

    def _expand(self, symbol: str) -> str:
        if symbol in self.given:
            return self.given[symbol]
        if symbol not in self.rules:
            raise KeyError(f"grammar {self.name}: no section [{symbol}]")
        left = self._left.get(symbol)
        if not left:
            left = self._left[symbol] = list(self.rules[symbol])
        return _SLOT.sub(self._slot, left.pop(self.rng.randrange(len(left))))

    def _slot(self, match: re.Match[str]) -> str:
        if match["low"] is not None:
            return self._number(match["low"], match["high"])
        if not match["key"]:
            return self._expand(match["symbol"])
        key = match["symbol"] + match["key"]
        if key not in self._kept:
            self._kept[key] = self._expand(match["symbol"])
        return self._kept[key]

    def _number(self, low: str, high: str) -> str:
        if "." in low:
            return f"{self.rng.randint(round(float(low) * 10), round(float(high) * 10)) / 10:.1f}"
        return str(self.rng.randint(int(low), int(high)))
