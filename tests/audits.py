"""A small corpus of real files and real runs of the console script, for the end-to-end tests."""

import gzip
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

SCRIPT = [sys.executable, "-c", "from pipeline.cli import main; main()"]
COMPARED = ("documents", "findings", "rejects", "samples", "result.json")
BAD_WORDING = "某平台百家乐开户，代开发票加微信"


def texts(source: str, count: int, every: int = 0) -> list[str]:
    """`count` different harmless texts; every `every`-th carries a wording of the block tier."""
    return [
        f"{source} 第{i}篇：今天天气很好，大家一起去公园散步，讨论第{i * 7 % 101}个话题。" * (1 + i % 3)
        + (BAD_WORDING if every and i % every == 0 else "")
        for i in range(count)
    ]


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


@dataclass
class Corpus:
    """A corpus folder with its configuration file."""

    folder: Path
    config: Path
    sources: list[dict[str, Any]] = field(default_factory=list)

    def write(self, **changes: Any) -> None:
        """Writes the configuration, with keys changed or added."""
        content = {"seed": "test-1", "sources": SOURCES, "sampling": {"manual": 150}, **changes}
        self.config.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")  # JSON is YAML


SOURCES: list[dict[str, Any]] = [
    {"id": "plain", "name": "纯文本", "kind": "open", "region": "domestic", "paths": ["plain/*.jsonl"]},
    {"id": "packed", "name": "压缩", "kind": "self_collected", "region": "domestic", "paths": ["packed/**"]},
    {
        "id": "table",
        "name": "表格",
        "kind": "commercial",
        "region": "overseas",
        "paths": ["table/*.parquet"],
        "fields": {"text": "body", "id": "key", "url": "link"},
    },
    {"id": "bad", "name": "违规来源", "kind": "user_input", "region": "domestic", "paths": ["bad/*.jsonl.zst"]},
]


def make_corpus(folder: Path, scale: int = 1) -> Corpus:
    """Four sources in four formats with broken records, repeated ids, personal data, and one source above 5 %."""
    for name in ("plain", "packed/deep", "table", "bad"):
        (folder / name).mkdir(parents=True)
    rows = [{"id": f"p{i}", "text": text} for i, text in enumerate(texts("plain", 300 * scale, every=50))]
    rows[5]["text"] += " 联系电话13800138000，邮箱zhang@mail.com.cn"
    rows[7]["id"] = "p6"
    lines = jsonl(rows).splitlines(keepends=True)
    lines[20:20] = [
        b'{"id": "broken", "text": \n',
        b'{"id": "none"}\n',
        b'{"id": 1, "text": 5}\n',
        b'{"text": "\xff\xfe"}\n',
        b"\n",
    ]
    (folder / "plain" / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + b"".join(lines))
    (folder / "plain" / "b.jsonl").write_bytes(jsonl([{"text": text} for text in texts("无编号", 80 * scale)]))
    half = [
        {"id": i, "text": text, "url": f"https://news{i % 3}.example.com/{i}"}
        for i, text in enumerate(texts("packed", 200 * scale))
    ]
    (folder / "packed" / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(half[: 100 * scale]), mtime=0))
    (folder / "packed" / "deep" / "b.jsonl.zst").write_bytes(zstandard.compress(jsonl(half[100 * scale :])))
    (folder / "packed" / "_ignored.jsonl").write_bytes(b"not read\n")
    body = texts("table", 240 * scale)
    table = pa.table(
        {"key": [f"t{i}" for i in range(len(body))], "body": body, "link": [None] * len(body)},
        schema=pa.schema([("key", pa.string()), ("body", pa.large_string()), ("link", pa.string())]),
    )
    pq.write_table(table, folder / "table" / "one.parquet", row_group_size=64)
    (folder / "bad" / "x.jsonl.zst").write_bytes(
        zstandard.compress(
            jsonl([{"id": f"b{i}", "text": text} for i, text in enumerate(texts("bad", 100 * scale, every=4))])
        )
    )
    corpus = Corpus(folder, folder / "config.json")
    corpus.write()
    return corpus


def audit(*arguments: object, check: int | None = 0, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Runs the command line and checks its exit code. New output folders get the same salt, so that runs compare."""
    if "run" in arguments[:1] and "--out" in arguments and "--dry-run" not in arguments and check == 0:
        give_salt(Path(str(arguments[arguments.index("--out") + 1])))
    done = subprocess.run(
        [*SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "COLUMNS": "160"},
        check=False,
    )
    if check is not None:
        assert done.returncode == check, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def give_salt(out: Path, salt: str = "5a" * 32) -> None:
    """Makes a new output folder with that salt for digests of personal information."""
    if not out.exists():
        out.mkdir(parents=True)
        (out / ".corpus-audit").write_text("corpus-audit output, layout 1\n", encoding="utf-8")
        (out / "personal-information.salt").write_text(salt + "\n", encoding="ascii")
        (out / "personal-information.salt").chmod(0o600)


def flip(path: Path, place: float) -> None:
    """Flips a bit of a file, `place` of its length into it."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)


def reseal(out: Path) -> None:
    """Gives the current run fresh hashes, as somebody would who covers up a change."""
    from pipeline.nights import history
    from pipeline.store.output import Output, file_digests, write_json
    from pipeline.store.scans import sha256_file
    from schemas.chain import append_to_chain

    run = (out / "current").resolve()
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["files"] = file_digests(run)
    manifest["history_head"] = "0" * 64
    (run / "manifest.json").chmod(0o644)
    write_json(run / "manifest.json", manifest)
    (out / "publications.ndjson").unlink()
    sealed = {"run_id": run.name, "manifest_sha256": sha256_file(run / "manifest.json")}
    append_to_chain(out / "publications.ndjson", [sealed])
    (out / "history.ndjson").unlink()
    history.catch_up(Output(out))


def contents(out: Path) -> dict[str, bytes]:
    """The bytes of everything that must not depend on how the run was made."""
    run = (out / "current").resolve()
    found = {}
    for name in COMPARED:
        for path in sorted((run / name).rglob("*")) if (run / name).is_dir() else [run / name]:
            found[str(path.relative_to(run))] = path.read_bytes()
    return found


def events(out: Path) -> list[dict[str, Any]]:
    """The events of the current run."""
    return [json.loads(line) for line in (out / "current" / "events.ndjson").read_text().splitlines()]


def result(out: Path) -> dict[str, Any]:
    """The numbers of the current run."""
    content: dict[str, Any] = json.loads((out / "current" / "result.json").read_text())
    return content


def sql(out: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of the current run's database."""
    with duckdb.connect(str((out / "current").resolve() / "audit.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()
