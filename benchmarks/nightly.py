"""What a night costs: nothing new, one small shard, another lexicon, another policy, on a small and a larger corpus.

A run is taken to cost so much in any case, so much for what is new, and so much for every GB that did not change. The
last is the slope between two sizes of corpus, each of which gets one small shard. All on one core.
"""

import importlib.resources
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.corpus import Corpus, write_config
from benchmarks.inputs import repeated
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
    """A corpus of a certain number of repetitions, audited again and again."""

    def __init__(self, corpus: Corpus, times: int, library: Path, folder: Path, size: int) -> None:
        need_disk(folder, times * size * 2)
        self.gigabytes = times * size / 1e9
        self.corpus = repeated(corpus, times, folder / "copies")
        self.library = library
        self.folder = folder / f"nights-{times}"
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
        """Texts of all sources, every one marked, so that the shard holds nothing known."""
        lines, size = [], 0
        per_source = _SHARD // len(self.corpus.sources)
        for files in self.corpus.sources.values():
            own = 0
            for text in texts(files[0]):
                lines.append(json.dumps({"text": f"{number}：{text}"}, ensure_ascii=False))
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
    small = Nights(corpus, times[0], library, folder, size)
    first = small.night()
    small.change_policy()
    policy = small.run("another policy")
    small.change_library()
    lexicon = small.run("another lexicon")
    clear(small.folder)
    large = Nights(corpus, times[1], library, folder, size)
    second = large.night()
    clear(large.folder)
    rows = [
        *(("first scan", night.gigabytes, night.scan) for night in (first, second)),
        *(("nothing new", night.gigabytes, night.same) for night in (first, second)),
        *(("one small shard more", night.gigabytes, night.shard) for night in (first, second)),
        ("another policy", first.gigabytes, policy),
        ("another lexicon", first.gigabytes, lexicon),
    ]
    head = f"  {'run':24}{'GB':>8}{'wall s':>9}{'CPU s':>9}"
    table = [f"  {what:24}{gb:8.2f}{took.wall:9.2f}{took.cpu:9.2f}" for what, gb, took in rows]
    return _lines(first, second, policy, lexicon), "\n".join([head, *table])


def _lines(first: Night, second: Night, policy: Took, lexicon: Took) -> list[Line]:
    more = second.gigabytes - first.gigabytes
    scan = (second.scan.wall - first.scan.wall) / more  # seconds a GB
    unchanged = max(0.0, (second.shard.wall - first.shard.wall) / more)
    fixed = first.shard.wall - unchanged * first.gigabytes - scan * _SHARD / 1e9
    begin = first.same.wall
    return [
        Line("nightly", "nothing new: no run is built", begin, "s", FIXED, False),
        Line("nightly", "fixed cost of a run with something new", fixed, "s", FIXED, False),
        Line("nightly", "every unchanged GB, of a scan of it", 100 * unchanged / scan, "%", UNCHANGED, False),
        Line("nightly", "every unchanged GB", unchanged, "s"),
        Line("nightly", "another policy, of a first scan", 100 * (policy.wall - begin) / first.scan.wall, "%"),
        Line("nightly", "another lexicon, of a first scan", 100 * (lexicon.wall - begin) / first.scan.wall, "%"),
    ]
