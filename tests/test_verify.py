"""`verify` recomputes: what a forger changes and covers with fresh hashes no longer follows from the documents."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.output import Output
from pipeline.verify import verify
from tests.audits import audit, make_corpus, reseal

Forge = Callable[[Path], None]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a blacklisted source and one blacklisted by hand as a domain."""
    corpus = make_corpus(tmp_path_factory.mktemp("corpus"))
    out = tmp_path_factory.mktemp("out") / "o"
    audit("run", corpus.config, "--out", out)
    audit("blacklist", "add", out, "example.com", "--scope", "domain", "--by", "Li", "--reason", "test")
    audit("run", corpus.config, "--out", out)
    return out


def run_of(out: Path) -> Path:
    return (out / "current").resolve()


def change_json(name: str, *path: Any, to: Any) -> Forge:
    def forge(out: Path) -> None:
        file = run_of(out) / name
        content = json.loads(file.read_text())
        node = content
        for part in path[:-1]:
            node = node[part]
        assert node[path[-1]] != to
        node[path[-1]] = to
        file.chmod(0o644)
        file.write_text(json.dumps(content))

    return forge


def change_database(statement: str) -> Forge:
    def forge(out: Path) -> None:
        file = run_of(out) / "audit.duckdb"
        file.chmod(0o644)
        with duckdb.connect(str(file)) as connection:
            connection.execute(statement)

    return forge


def change_documents(source: str, **columns: Callable[[pa.Table], Any]) -> Forge:
    """Changes columns in the Parquet file and in the database alike."""

    def forge(out: Path) -> None:
        run = run_of(out)
        [file] = (run / "documents").glob(f"{source}-*.parquet")
        table = pq.read_table(file)
        for name, value in columns.items():
            table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), value(table))
        file.chmod(0o644)
        file.unlink()
        pq.write_table(table, file)
        database = run / "audit.duckdb"
        database.chmod(0o644)
        listed = ", ".join(f"'{path}'" for path in sorted((run / "documents").glob("*.parquet")))
        with duckdb.connect(str(database)) as connection:
            names = ", ".join(f'"{row[0]}"' for row in connection.execute("DESCRIBE documents").fetchall())
            connection.execute(f"CREATE OR REPLACE TABLE documents AS SELECT {names} FROM read_parquet([{listed}])")

    return forge


def nothing(table: pa.Table) -> pa.Array:
    return pa.array([[]] * len(table), type=table.schema.field("risks").type)


FORGERIES: dict[str, Forge] = {
    "a gate": change_json("result.json", "gates", "blacklist", to=True),
    "a rate of the sample": change_json("result.json", "samples", "technical", "qualified_rate", to=0.5),
    "a total": change_json("result.json", "totals", "records_read", to=7),
    "no custom profile": change_json("result.json", "custom_profile", to=False),
    "the threshold": change_json("manifest.json", "profile", "source_rate", "maximum", to=[1, 2]),
    "the configuration": change_json("manifest.json", "config", "sources", 0, "region", to="overseas"),
    "the seed": change_json("manifest.json", "seed", to="another"),
    "the rules": change_json("manifest.json", "policy", "rules", 0, "filter", to=False),
    "a rate in the database": change_database("UPDATE source_stats SET violations = 0 WHERE source_id = 'plain'"),
    "a second line of run_info": change_database("INSERT INTO run_info FROM run_info"),
    "the software": change_database("UPDATE run_info SET software_version = '9'"),
    "a digest in the ledger": change_database("UPDATE ledger SET sha256 = repeat('0', 64) WHERE source_id = 'bad'"),
    "a verdict": change_database("UPDATE clauses SET verdict = '符合' WHERE clause = '8.2a'"),
    "an admitted domain": change_documents(
        "packed",
        admitted=lambda table: pa.array([True] * len(table)),
        exclusion_reason=lambda table: pa.nulls(len(table), pa.string()),
    ),
    "filtered documents let in": change_documents(
        "plain",
        admitted=lambda table: pa.array([True] * len(table)),
        exclusion_reason=lambda table: pa.nulls(len(table), pa.string()),
    ),
    "risks of the keywords": change_documents("plain", keyword_risks=nothing),
    "a language": change_documents("table", bucket=lambda table: pc.replace_substring(table["bucket"], "zh", "en")),
}


def test_a_good_output_passes(published: Path) -> None:
    assert [check.title for check in verify(Output(published)) if check.problems] == []


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forgery_with_fresh_hashes_is_found(published: Path, tmp_path: Path, what: str) -> None:
    out = tmp_path / "o"
    shutil.copytree(published, out, symlinks=True)
    FORGERIES[what](out)
    reseal(out)
    checks = verify(Output(out))
    assert not [check for check in checks if "hashes" in check.title and check.problems and out.name in check.title]
    assert [problem for check in checks for problem in check.problems], what
