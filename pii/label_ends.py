"""Lists of words in patterns: labels, read from their ends: a pattern that begins with what follows a label fails at nearly every character.

A pattern that begins with hundreds of labels is tried at each of them; one that begins with a mark or a family name, and
only then looks back, is not.
"""

import re
from collections.abc import Iterable


def behind_one_of(words: str) -> str:
    """A look behind at any of the words a|b|c, which may hold classes but no repeats; first at its last character alone."""
    by_width: dict[int, list[str]] = {}
    for word in dict.fromkeys(words.split("|")):
        by_width.setdefault(len(_units(word)), []).append(word)
    last = "|".join(dict.fromkeys(_units(word)[-1] for group in by_width.values() for word in group))
    return f"(?<={last})(?:{'|'.join(f'(?<={chr(124).join(group)})' for group in by_width.values())})"


def _units(word: str) -> list[str]:
    """What matches one character each."""
    return re.findall(r"\[[^\]]+\]|.", re.sub(r"\(\?<!.*?\)", "", word))


def one_of(words: Iterable[str], size: int = 24) -> str:
    """One of many words, longer ones first, behind looks at their first two characters: few are tried in vain."""
    rests: dict[str, list[str]] = {}
    for word in sorted(set(words), key=lambda word: (-len(word), word)):
        rests.setdefault(word[0], []).append(word[1:])
    firsts = sorted(rests)
    groups = [firsts[at : at + size] for at in range(0, len(firsts), size)]
    seconds = "".join(sorted({rest[0] for group in rests.values() for rest in group}))
    branches = (
        f"(?=[{''.join(group)}])(?:{'|'.join(f'{first}(?:{chr(124).join(rests[first])})' for first in group)})"
        for group in groups
    )
    return f"(?:(?=[{''.join(firsts)}][{seconds}])(?:{'|'.join(branches)}))"
