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

from pipeline.store.output import Output
from pipeline.verification.verify import unproved, verify
from tests.audits import audit, make_corpus, reseal
from tests.guard_server import Fault, guarding
from tests.test_scorers_run import again, cascade_corpus, judge

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
    "nothing is unverified": change_json("result.json", "profile_standing", "unverified", to=[]),
    "no custom profile": change_json("result.json", "custom_profile", to=False),
    "the threshold": change_json("manifest.json", "profile", "source_rate", "maximum", to=[1, 2]),
    "the configuration": change_json("manifest.json", "config", "sources", 0, "region", to="overseas"),
    "the seed": change_json("manifest.json", "seed", to="another"),
    "the rules": change_json("manifest.json", "policy", "rules", 0, "filter", to=False),
    "a rate in the database": change_database("UPDATE source_stats SET violations = 0 WHERE source_id = 'plain'"),
    "a domain that has no documents": change_database(
        "INSERT INTO domain_stats (source_id, domain, judged, domains, documents, violations, violation_rate, status) "
        "VALUES ('plain', 'example.cn', true, 1, 30, 0, 0, 'admitted')"
    ),
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


def change_rows(name: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Forge:
    """Changes rows, or drops them for None, in the Parquet files and in the database alike."""

    def forge(out: Path) -> None:
        run = run_of(out)
        place = run / "samples" / f"{name.split('_', maxsplit=1)[0]}.parquet"
        files = [place] if name.endswith("_sample") else sorted((run / name).glob("*.parquet"))
        for file in files:
            table = pq.read_table(file)
            rows = [new for row in table.to_pylist() if (new := change(row)) is not None]
            file.chmod(0o644)
            pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
        listed = ", ".join(f"'{file}'" for file in files)
        change_database(f"DELETE FROM {name}; INSERT INTO {name} BY NAME FROM read_parquet([{listed}])")(out)

    return forge


def together(*forges: Forge) -> Forge:
    def forge(out: Path) -> None:
        for one in forges:
            one(out)

    return forge


def confirming_only(**values: Any) -> Forge:
    return change_rows("findings", lambda row: row | values if row["detector"] == "confirm@1" else row)


def demote(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"rule": "confirmed-weakly", "verdict": "candidate"} if row["verdict"] == "violation" else row


def found_nothing(row: dict[str, Any]) -> dict[str, Any]:
    nothing: dict[str, Any] = {"risks": [], "classifier_risks": [], "keyword_risks": [], "illegal_unhealthy": False}
    return row | nothing | {"candidate_risks": sorted({*row["candidate_risks"], *row["risks"]})}


def answered(row: dict[str, Any]) -> dict[str, Any]:
    clean = not row["keyword_risks"] and not row["classifier_risks"]
    return row | {"unscored": None, "confirmed_risks": [], "qualified": clean}


# by the state of the scorer: the forgery, and the check that notices it
CASCADE: dict[str, dict[str, tuple[Forge, str]]] = {
    "answering": {
        "confirming scores": (confirming_only(score=0.01), "findings and rules"),
        "a rule there is none of": (confirming_only(rule="made-up"), "findings and rules"),
        "a verdict that is not the rule's": (confirming_only(verdict="candidate"), "findings and rules"),
        "nothing confirmed": (
            change_rows("findings", lambda row: None if row["detector"] == "confirm@1" else row),
            "findings and rules",
        ),
        "a score of the classifier": (
            confirming_only(detector="classifier@1", rule="classifier-confirmed", score=0.06),
            "findings and rules",
        ),
        "a later rule": (
            together(change_rows("findings", demote), change_rows("documents", found_nothing)),
            "findings and rules",
        ),
        "a library without risks": (
            change_database("DELETE FROM keyword_library WHERE risk_id <> 'all'"),
            "keyword library",
        ),
        "a larger library": (
            change_database("UPDATE keyword_library SET block = 12000, counted = review + 12000"),
            "keyword library",
        ),
        "a library larger for one risk": (
            change_database("UPDATE keyword_library SET block = 900, counted = review + 900 WHERE risk_id = 'A2-a'"),
            "keyword library",
        ),
        "evidence for the classifier": (
            change_database("UPDATE classifier_evidence SET strength = 'real', documents = 99999, recall = 1"),
            "/ classifier",
        ),
        "thresholds": (change_database("UPDATE classifier_evidence SET threshold = 0.99"), "/ classifier"),
        "other known answers": (
            together(
                change_json("manifest.json", "known_answers", "sha256", to="0" * 64),
                change_database("UPDATE known_answers SET texts = 1, found = 1, as_candidate = 0, passed = true"),
            ),
            "known answers",
        ),
        "the floor": (change_json("manifest.json", "known_answers", "floor", to=[0, 1]), "known answers"),
        "who was asked": (change_json("manifest.json", "confirm", "asked", to=0), "confirming scorer"),
    },
    "down": {
        "answers there were none of": (change_json("manifest.json", "confirm", "unscored", to={}), "confirming scorer"),
        "other reasons": (
            change_rows("documents", lambda row: row | {"unscored": "timeout" if row["unscored"] else None}),
            "confirming scorer",
        ),
        "who was asked": (change_json("manifest.json", "confirm", "asked", to=0), "confirming scorer"),
        "a review that is needed": (
            change_database("UPDATE source_stats SET unscored = 0, needs_review = false, review_reasons = []"),
            "statistics",
        ),
        "the gate": (change_json("result.json", "gates", "blacklist", to=True), "statistics"),
    },
    "down for the sample": {
        "answers on the sample": (change_rows("technical_sample", answered), "confirming scorer"),
    },
}


@pytest.fixture(scope="module")
def cascades(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs with a confirming scorer that answers, is down, and is down for the technical sample it is limited to."""
    folder = tmp_path_factory.mktemp("cascades")
    with guarding(judge) as guard:
        for name, scope in (
            ("answering", "candidates"),
            ("down", "candidates"),
            ("down for the sample", "technical_sample"),
        ):
            guard.fault = None if name == "answering" else Fault(500)
            again(cascade_corpus(folder / name / "c", guard.url, scope=scope, retries=0), folder / name / "o")
    return {name: folder / name / "o" for name in CASCADE}


@pytest.mark.parametrize("name", CASCADE)
def test_a_good_cascade_passes(cascades: dict[str, Path], name: str) -> None:
    assert [check for check in verify(Output(cascades[name])) if check.problems] == []


@pytest.mark.parametrize(("name", "what"), [(name, what) for name, forgeries in CASCADE.items() for what in forgeries])
def test_a_forged_cascade_is_found(cascades: dict[str, Path], tmp_path: Path, name: str, what: str) -> None:
    out = tmp_path / "o"
    shutil.copytree(cascades[name], out, symlinks=True)
    forge, title = CASCADE[name][what]
    forge(out)
    reseal(out)
    assert [check.title for check in verify(Output(out)) if check.problems and title in check.title], what


def test_known_answers_of_another_version_are_named_as_not_proved(cascades: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "o"
    shutil.copytree(cascades["answering"], out, symlinks=True)
    change_json("manifest.json", "known_answers", "sha256", to="0" * 64)(out)
    change_json("manifest.json", "software_version", to="0.0.1")(out)
    change_database("UPDATE run_info SET software_version = '0.0.1'")(out)
    reseal(out)
    assert [check for check in verify(Output(out)) if check.problems] == []
    assert "known answers: those of version 0.0.1" in "\n".join(unproved(Output(out)))
    assert "known answers: those of" not in "\n".join(unproved(Output(cascades["answering"])))
