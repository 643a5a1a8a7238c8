"""How places of the declarations, and values nobody has looked at, are written for people."""

import unicodedata
from typing import Any

from report.declared.parts import Place

_BAD = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def place_text(place: Place) -> str:
    """`policies.blacklist.file`, `judgements[2].reason`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def shown(value: Any) -> str:
    """A value in a message, table or comment: short, on one line, its unprintable characters written out."""
    text = str(value)
    clean = "".join(char if unicodedata.category(char) not in _BAD else f"\\u{ord(char):04x}" for char in text[:100])
    return clean + ("…" if len(text) > 100 else "")
