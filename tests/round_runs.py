"""Rounds on real runs, for tests: a small corpus in many formats with hostile texts, a clock, and steps in one line."""

import gzip
import itertools
import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import load_config
from pipeline.engine.execution import Engine
from pipeline.run import Options, run
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from rounds.design import Design, Opening, PublicValue
from rounds.drawing import Request, draw_round, write_rows
from rounds.opening import open_round
from rounds.register import Register, Round, find_round
from rounds.tables import FINALS, READINGS, SAMPLE
from tests.audits import SOURCES, Corpus, give_salt, jsonl, make_corpus, texts
from tests.made_rounds import reading_row

EXPECTED = "2026-12-01T07:00:00+00:00"
VALUE, FORM = "2026141081217", "[0-9]{13}"
_ISSUES = itertools.count(2026141)
DESIGN = Design(manual=120, stage=40, positive=6, negative=15, second="0.5", known=9, repeat="0.05")
HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x.example","点我")',
    "\u202e倒着写\u2066隔离\u2069",
    "\x00\x01\x07\x1b[31m控制字符\x7f\x85\u2028\u2029",
    "𠀀𝒳🧑\u200d🚀 星位字符",
    "\ufeff带标记\r\n\r混合换行\n\t",
    "a" * 200_000,
)
MORE: list[dict[str, Any]] = [
    {
        "id": "qa",
        "name": "问答",
        "kind": "commercial",
        "region": "domestic",
        "stage": "sft",
        "paths": ["qa/*.jsonl.gz"],
    },
    {
        **{"id": "lines", "name": "逐行", "kind": "open", "region": "domestic", "paths": ["lines/*.txt"]},
        **{"format": "text", "records": "line", "encoding": "gb18030"},
    },
    {"id": "hostile", "name": "险恶", "kind": "open", "region": "domestic", "paths": ["hostile/*.jsonl"]},
    {
        **{"id": "long", "name": "长分片", "kind": "open", "region": "domestic", "paths": ["long/*"]},
        "fields": {"text": "text", "id": "id"},
    },
]


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Path]:
    """A corpus and its run, made once for all modules; who changes the corpus puts it back."""
    folder = tmp_path_factory.getbasetemp() / "round-corpus"
    corpus = Corpus(folder / "c", folder / "c" / "config.json", [*SOURCES, *MORE])
    if not folder.exists():
        folder.mkdir()
        night(round_corpus(folder / "c"), folder / "o")
    return corpus, folder / "o"


@pytest.fixture(scope="session")
def ready(audited: tuple[Corpus, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output whose first round is drawn; to be looked at only."""
    out = tmp_path_factory.getbasetemp() / "round-ready"
    if not out.exists():
        clock = Clock()
        opened(copied(audited[1], out), clock)
        drawn(out, clock)
    return out


@pytest.fixture
def fresh(audited: tuple[Corpus, Path], tmp_path: Path) -> Path:
    """A copy of the output without any round."""
    return copied(audited[1], tmp_path / "o")


@pytest.fixture
def own(ready: Path, tmp_path: Path) -> Path:
    """A copy of the output with the drawn round."""
    return copied(ready, tmp_path / "o")


def copied(source: Path, target: Path) -> Path:
    """A copy of a folder with its links and times."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, time: str = "2026-11-30T01:00:00+00:00") -> None:
        self.time = datetime.fromisoformat(time)

    def __call__(self) -> datetime:
        return self.time

    def pass_to(self, time: str) -> None:
        self.time = datetime.fromisoformat(time)

    def tick(self, **delta: float) -> None:
        self.time += timedelta(**delta)


def round_corpus(folder: Path) -> Corpus:
    """The corpus of the other tests, and: another stage, lines in GB 18030, hostile texts and ids, shards cut in parts."""
    corpus = make_corpus(folder)
    for name in ("qa", "lines", "hostile", "long"):
        (folder / name).mkdir()
    qa = [{"id": f"q{i}", "text": text} for i, text in enumerate(texts("问答", 60, every=20))]
    (folder / "qa" / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(qa), mtime=0))
    (folder / "lines" / "a.txt").write_bytes("\n".join(texts("逐行", 50)).encode("gb18030"))
    ids = ["tab\there", "line\nbreak", "back\\slash", "nul\x00", "rtl\u202e", "same", "same", "=1+1"]
    hostile = [{"id": ids[i % len(ids)], "text": f"{i} {text}"} for i, text in enumerate(HOSTILE * 2)]
    (folder / "hostile" / "a.jsonl").write_bytes(jsonl(hostile))
    long = [{"id": f"l{i}", "text": text * 20} for i, text in enumerate(texts("长分片", 120, every=30))]
    (folder / "long" / "a.jsonl").write_bytes(jsonl(long[:60]))
    table = pa.Table.from_pylist(long[60:])
    pq.write_table(table, folder / "long" / "b.parquet", row_group_size=8, compression="none", use_dictionary=False)
    corpus.sources = [*SOURCES, *MORE]
    write(corpus)
    return corpus


def write(corpus: Corpus, **changes: Any) -> None:
    """Writes the configuration, shards being cut in parts of 64 KB."""
    corpus.write(**{"sources": corpus.sources, "limits": {"unit_bytes": 65536}, **changes})


def night(corpus: Corpus, out: Path, workers: int = 1) -> str:
    """A run; its id."""
    give_salt(out)
    return run(load_config(corpus.config, out), Options(Engine(workers=workers))).folder.name


def opening(**changes: Any) -> Opening:
    """What a lead says who opens a round."""
    value = PublicValue("双色球开奖号", "公证处公告", EXPECTED, FORM)
    return Opening(**{"by": "李主管", "value": value, "changes": "首轮", "design": DESIGN, **changes})


def opened(out: Path, clock: Clock, **changes: Any) -> Round:
    """Opens the next round, at least a day before its value is expected."""
    return open_round(Output(out), opening(**changes), clock)


def drawn(out: Path, clock: Clock, value: str = VALUE, carry: bool = False) -> Round:
    """Draws the open round once its value is out."""
    expected = Register(Output(out)).rounds()[-1].opened["public_value"]["expected_at"]
    clock.pass_to(max(expected, clock.time.astimezone(UTC).isoformat(timespec="seconds")))
    return draw_round(Output(out), Request(value, "李主管", carry), clock)


def later(clock: Clock, **changes: Any) -> dict[str, Any]:
    """What is said who opens another round behind the first: a value of tomorrow of its own, nothing derived from verdicts."""
    expected = (clock.time + timedelta(days=1)).isoformat(timespec="seconds")
    value = PublicValue(f"双色球第 {next(_ISSUES)} 期开奖号", "公证处公告", expected, FORM)
    return {"value": value, "changes": "例行", "from_verdicts": False, **changes}


def closed(out: Path, clock: Clock, passed: bool = True, bad: Sequence[int] = (), ticked: Sequence[int] = ()) -> Round:
    """Ends the drawn round with a verdict on every document: qualified but for the items in `bad`.

    Of the items in `ticked` a reading says that they hold personal information, which the final verdict does not.
    """
    output = Output(out)
    found = find_round(output)
    rows = [
        {
            "item_no": row["item_no"],
            "verdict": "unqualified" if row["item_no"] in bad else "qualified",
            "risks": ["A3-e"] if row["item_no"] in bad else [],
            "personal": [],
            "how": "single",
        }
        for row in items_of(found)
        if row["kind"] == SAMPLE
    ]
    readings = [reading_row(number, personal=["general"]) for number in ticked]
    for name, schema, made in (("finals", FINALS, rows), ("readings", READINGS, readings)):
        write_rows(found.folder / f"{name}.parquet", schema, made, {})
    digests = {f"{name}_sha256": sha256_file(found.folder / f"{name}.parquet") for name in ("finals", "readings")}
    Register(output, clock).append({"event": "closed", "round": found.id, "by": "李主管", "passed": passed, **digests})
    return find_round(output, found.id)


def items_of(found: Round, name: str = "items") -> list[dict[str, Any]]:
    """The rows of a table of a round."""
    rows: list[dict[str, Any]] = pq.read_table(found.folder / f"{name}.parquet").to_pylist()
    return rows


def events_of(out: Path) -> list[dict[str, Any]]:
    """The lines of the register."""
    return [json.loads(line) for line in (out / "rounds" / "register.ndjson").read_text().splitlines()]


def writable(path: Path) -> Path:
    """A published file that may be changed."""
    path.chmod(0o644)
    return path
