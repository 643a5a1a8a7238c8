"""Answers exported items of a round on the demo corpus, as people would who know what was planted in it.

    python -m demo.judge items.jsonl …

For the worked example alone (docs/worked-example.md): in a filing people read and decide. Not qualified is what
`demo/make.py` planted, and every text the demo corpus cannot hold: a known-answer text. Personal information is ticked
where an identifier was planted.
"""

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from demo.writer import load
from schemas.known_answers import load_known_answers

_SLOT = re.compile(r"<[^<>]+>")
_SENSITIVE = re.compile(r"(?<!\d)(?:110101\d{11}[\dX]|62220200000000\d{5})(?!\d)")
_GENERAL = re.compile(r"(?<!\d)13[89]0013\d{4}(?!\d)|@(?:mail\.)?example\.(?:com|org|net)")
_ADS = "A1-h"  # what advertising forbidden goods and services comes under


def main(paths: list[str]) -> None:
    """Fills in the answers of each file, in place."""
    for path in map(Path, paths):
        items = [answered(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
        lines = (json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in items)
        path.write_text("".join(lines), encoding="utf-8")


def answered(item: dict[str, Any]) -> dict[str, Any]:
    """An item with verdict, risks, personal information and the share that was read."""
    text = str(item["text"])
    risks = [_ADS] if planted().search(text) else expected(text)
    personal = [name for name, found in (("general", _GENERAL), ("sensitive", _SENSITIVE)) if found.search(text)]
    verdict = "unqualified" if risks else "qualified"
    return {**item, "verdict": verdict, "risks": risks, "personal": personal, "read_share": "100%"}


@cache
def planted() -> re.Pattern[str]:
    """What forbidden advertisements of the demo corpus say, whatever stands in the slots of its grammar."""
    cores = [*load("zh_forum")["ad_core"], *load("zh_forum")["odd_evasion"], *load("zh_spam_sms")["ad_core"]]
    return re.compile("|".join(".{1,12}?".join(map(re.escape, _SLOT.split(core))) for core in cores))


def expected(text: str) -> list[str]:
    """The risk a known-answer text was written for; none of any other text."""
    return [risk for risk, texts in load_known_answers().texts.items() if text in texts]


if __name__ == "__main__":
    main(sys.argv[1:])
