"""Whether the rows of `declared.*` in an evidence folder are what the declarations in it say, read again.

The declared files themselves stay with whoever declared them: their digests are taken as stated.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.store.scans import sha256_file
from report.checking.comparison import table_differences
from report.declared.declarations import load_declarations
from report.declared.files import FileDigest, UnusableFile
from report.evidence import layout
from report.evidence.extract import table_of
from report.store import ATTACHED, DECLARATIONS

_BY_PROGRAMS = frozenset({"problems"})  # only rows where declarations may be incomplete, of which no report is made


def wrongly_declared(evidence: Path) -> Iterator[str]:
    """Every table that differs, and every attached file that is none of the declared ones."""
    path = evidence / DECLARATIONS
    stated = {one.stem: pq.read_table(one) for one in sorted((evidence / "declared").glob("*.parquet"))}
    if not path.is_file():
        for name, table in stated.items():
            if table.num_rows:
                yield f"evidence/declared/{name}.parquet: 有内容而没有申报文件 / holds rows, and there are no declarations"
        return
    digests = _Stated({row["file"]: _digest(row) for row in stated["files"].to_pylist()})
    again = load_declarations(path, files=digests).rows()
    for name, table in stated.items():
        if name not in _BY_PROGRAMS:
            made = table_of(layout.columns()["declared"][name], again.get(name, []))
            yield from (f"evidence/declared/{name}.parquet: {told}" for told in table_differences(table, made))
    for file in sorted((evidence / ATTACHED).glob("*")):
        if sha256_file(file) != file.name:
            yield f"evidence/{ATTACHED}/{file.name}: 内容不是其名称所示 / is not what its name says"


class _Stated(dict[str, FileDigest | UnusableFile]):
    """The digests of declared files as the evidence states them."""

    def __missing__(self, name: str) -> UnusableFile:
        return UnusableFile(f"证据中没有它的摘要 / the evidence states no digest of it: {name}")


def _digest(row: Mapping[str, Any]) -> FileDigest:
    return FileDigest(row["file"], row["sha256"], row["bytes"], row["parts"])
