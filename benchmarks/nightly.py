"""What a night costs: nothing new, one small shard, another lexicon, another policy, on a small and a larger corpus.

A run is taken to cost so much in any case, so much for what is new, and so much for every GB that did not change. The
last is the slope between two sizes of corpus, each of which gets one small shard. It depends on how many texts have
copies, so it is measured where none has and where all have. All on one core.
"""

import importlib.resources
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.corpus import Corpus, write_config
from benchmarks.inputs import other_letters, repeated, varied
from benchmarks.machine import Took, audit_command, need_disk, take
from benchmarks.naive import texts
from benchmarks.rates import clear, say
from benchmarks.targets import Line

FIXED = 5.0  # seconds
UNCHANGED = 1.0  # % of a scan, for every unchanged GB
_SHARD = 1_000_000  # bytes of text
_TERM = "基准测试专用词条\tA1-a\tcontext\t\t\tsynthetic\t2026-11\n"


@dataclass(frozen=True)
class Night:
    """Runs over one corpus: the first scan, the same again, and with one small shard more."""

    gigabytes: float
    scan: Took
    same: Took
    shard: Took


class Nights:
    """A corpus of a certain number of repetitions, audited again and again; `copies`: every text is there each time."""

    def __init__(self, corpus: Corpus, times: int, library: Path, folder: Path, size: int, copies: bool) -> None:
        need_disk(folder, times * size * 2)
        self.gigabytes = times * size / 1e9
        self.times, self.copies = times, copies
        self.corpus = (repeated if copies else varied)(corpus, times, folder / ("copies" if copies else "varied"))
        self.library = library
        self.folder = folder / f"nights-{times}-{copies:d}"
        self.added: list[Path] = []
        self.settings: dict[str, str] = {}

    def night(self) -> Night:
        """The first three runs; the new shard comes twice, and the better run counts."""
        scan, same = self.run("first scan"), self.run("nothing new")
        shards = []
        for number in range(2):
            self.add_shard(number)
            shards.append(self.run("one small shard more"))
        return Night(self.gigabytes, scan, same, min(shards, key=lambda took: took.wall))

    def run(self, what: str) -> Took:
        say(f"{what}, {self.gigabytes:.2f} GB")
        # a source of its own: in another it would drag along the small files it is packed with, which are not unchanged
        sources = {**self.corpus.sources, **({"new": self.added} if self.added else {})}
        corpus = Corpus(self.corpus.title, self.corpus.folder, sources)
        return take(audit_command(write_config(corpus, self.library, self.folder, **self.settings)), 1)

    def add_shard(self, number: int) -> None:
        """Texts of all sources, so that the shard holds no text that is known: marked ones, or nobody's."""
        lines, size = [], 0
        letters = {} if self.copies else other_letters(self.times + number)
        per_source = _SHARD // len(self.corpus.sources)
        for files in self.corpus.sources.values():
            own = 0
            for text in texts(files[0]):
                lines.append(json.dumps({"text": f"{number}：{text}".translate(letters)}, ensure_ascii=False))
                own += len(text.encode())
                if own >= per_source:
                    break
            size += own
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"new-{number}.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.added.append(path)

    def change_library(self) -> None:
        """One more term."""
        changed = self.folder / "changed.tsv"
        changed.write_text(self.library.read_text(encoding="utf-8") + _TERM, encoding="utf-8")
        self.library = changed

    def change_policy(self) -> None:
        """The bundled policy with one score moved."""
        content = yaml.safe_load(
            importlib.resources.files("schemas").joinpath("policies/starter.yaml").read_text(encoding="utf-8")
        )
        for rule in content["rules"]:
            if rule["when"].get("score") == 0.5:
                rule["when"]["score"] = 0.51
        file = self.folder / "policy.yaml"
        file.write_text(yaml.safe_dump({**content, "id": "benchmark"}, allow_unicode=True), encoding="utf-8")
        self.settings = {"policy": str(file)}


def nights(corpus: Corpus, size: int, library: Path, folder: Path, times: tuple[int, int]) -> tuple[list[Line], str]:
    """The figures, and a table of all runs."""
    lines: list[Line] = []
    table = [f"  {'run':24}{'texts':>10}{'GB':>8}{'wall s':>9}{'CPU s':>9}"]
    for copies in (False, True):
        found: list[Night] = []
        changed: list[tuple[str, float, Took]] = []
        for number in times:
            own = Nights(corpus, number, library, folder, size, copies)
            found.append(own.night())
            if not copies and number == times[0]:
                own.change_policy()
                changed.append(("another policy", own.gigabytes, own.run("another policy")))
                own.change_library()
                changed.append(("another lexicon", own.gigabytes, own.run("another lexicon")))
            clear(own.folder)
        lines += _unchanged(*found, copies) + (_fixed(*found) if not copies else [])
        lines += [_share(what, took, found[0]) for what, _, took in changed]
        rows = [("first scan", night.gigabytes, night.scan) for night in found]
        rows += [("nothing new", night.gigabytes, night.same) for night in found]
        rows += [("one small shard more", night.gigabytes, night.shard) for night in found]
        texts_are = "repeat" if copies else "differ"
        table += [f"  {w:24}{texts_are:>10}{gb:8.2f}{t.wall:9.2f}{t.cpu:9.2f}" for w, gb, t in (*rows, *changed)]
    return lines, "\n".join(table)


def _slopes(small: Night, large: Night) -> tuple[float, float]:
    """Seconds a GB of a scan, and of what did not change."""
    more = large.gigabytes - small.gigabytes
    return (large.scan.wall - small.scan.wall) / more, max(0.0, (large.shard.wall - small.shard.wall) / more)


def _unchanged(small: Night, large: Night, copies: bool) -> list[Line]:
    scan, unchanged = _slopes(small, large)
    what = f"every unchanged GB where {'all texts repeat' if copies else 'no text repeats'}"
    return [
        Line("nightly", f"{what}, of a scan of it", 100 * unchanged / scan, "%", UNCHANGED, False),
        Line("nightly", what, unchanged, "s"),
    ]


def _fixed(small: Night, large: Night) -> list[Line]:
    scan, unchanged = _slopes(small, large)
    fixed = small.shard.wall - unchanged * small.gigabytes - scan * _SHARD / 1e9
    return [
        Line("nightly", "nothing new: no run is built", small.same.wall, "s", FIXED, False),
        Line("nightly", "fixed cost of a run with something new", fixed, "s", FIXED, False),
    ]


def _share(what: str, took: Took, night: Night) -> Line:
    return Line("nightly", f"{what}, of a first scan", 100 * (took.wall - night.same.wall) / night.scan.wall, "%")
