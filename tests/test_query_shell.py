"""`query --shell`: what it answers, and what it refuses twice, by its rules and by the engine behind them."""

import io
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipeline.errors import UsageError
from pipeline.store.output import Output, Run
from pipeline.terminal.shell import Shell, closed
from pipeline.terminal.statements import Refused, is_complete, must_read
from tests.audits import SCRIPT, Corpus, audit, make_corpus

LONG = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE hash(a.range) % 7 = hash(b.range) % 11;"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = make_corpus(tmp_path_factory.mktemp("shell"))
    audit("run", corpus.config, "--out", corpus.folder / "out [1]")
    return corpus


@pytest.fixture(scope="module")
def out(corpus: Corpus) -> Path:
    """An output with a closed round beside its run, and a glob character in its name."""
    folder = corpus.folder / "out [1]"
    (folder / "rounds" / "R0001").mkdir(parents=True)
    with duckdb.connect(str(folder / "rounds" / "R0001" / "round.duckdb")) as connection:
        connection.execute("CREATE TABLE finals AS SELECT 1 AS item_no, 'qualified' AS verdict")
    return folder


@pytest.fixture(scope="module")
def views(corpus: Corpus) -> Path:
    """The same corpus with documents and findings as views over Parquet."""
    corpus.write(store={"native_rows": 10})
    folder = corpus.folder / "views [2]"
    audit("run", corpus.config, "--out", folder)
    corpus.write()
    return folder


def run_of(out: Path) -> Run:
    run = Output(out).current
    assert run is not None
    return run


@pytest.fixture
def connection(out: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with closed(run_of(out)) as (connection, warnings):
        assert not warnings
        yield connection


def shell(out: Path, text: str, check: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*SCRIPT, "query", str(out), "--shell"],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == check, done.stderr
    return done


def test_a_pipe_is_answered_over_several_lines_and_without_prompts(out: Path) -> None:
    told = shell(
        out,
        "SELECT count(*) AS n\nFROM documents -- all;\n;\nSELECT ';' AS semicolon, 'it''s' AS quoted;\nSELECT 7 AS last",
    )
    assert "920" in told.stdout and "it's" in told.stdout and "last" in told.stdout
    assert "audit>" not in told.stdout + told.stderr


def test_the_commands_answer(out: Path) -> None:
    text = ".help\n.tables\n.columns run_info\n.macros\n.queries\n.explain ledger\n.run ledger\n.mode csv\nSELECT 1 AS a, '=x' AS b;\n.quit\nnonsense;"
    told = shell(out, text).stdout
    for part in (
        "Ctrl-D",
        "台账",
        "抽样种子",
        "wilson_low",
        "sources_by_rate",
        "Books of every shard",
        "x.jsonl.zst",
        "r0001",
    ):
        assert part in told
    assert told.endswith("a,b\r\n1,'=x\r\n") or told.endswith("a,b\n1,'=x\n")


def test_csv_has_every_row_and_the_table_says_that_it_has_not(out: Path) -> None:
    rows = shell(out, ".mode csv\nSELECT range AS i FROM range(25000);").stdout.split()
    assert rows == ["i", *map(str, range(25000))]
    assert "only the first 1000 rows" in shell(out, "SELECT range AS i FROM range(25000);").stderr


def test_a_script_ends_with_its_first_error(out: Path) -> None:
    told = shell(out, "SELECT 1 AS one;\nSELECT * FROM nothing;\nSELECT 2 AS two;", check=2)
    assert "one" in told.stdout and "two" not in told.stdout and "nothing" in told.stderr
    assert "no such command" in shell(out, ".open x", check=2).stderr
    assert ".columns nothing: 没有这张表 / no such table" in shell(out, ".columns nothing", check=2).stderr
    shell(out, "SELECT 'unfinished", check=2)


def test_what_a_text_holds_moves_no_terminal(out: Path) -> None:
    told = shell(out, "SELECT chr(27) || '[2J' || chr(8238) AS evil;")
    assert "\x1b" not in told.stdout and "\u202e" not in told.stdout
    told = shell(out, "SELECT error(chr(27) || '[2J');", check=2)
    assert "\x1b" not in told.stderr


def test_closed_rounds_and_logs_are_there(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.execute("SELECT verdict FROM r0001.finals").fetchall() == [("qualified",)]
    assert connection.execute("SELECT DISTINCT source_key FROM blacklist_log").fetchall() == [("bad",)]


def test_views_over_parquet_read_the_runs_own_files_and_no_others(views: Path) -> None:
    with closed(run_of(views)) as (connection, _):
        assert connection.execute("SELECT count(*) FROM documents").fetchall() == [(920,)]
        assert connection.execute("SELECT count(*) > 0 FROM findings").fetchall() == [(True,)]
        rejects = next((views / "current" / "rejects").resolve().glob("*.parquet"))
        with pytest.raises(duckdb.PermissionException):
            connection.execute(f"SELECT * FROM read_parquet('{rejects}')")
        target = next((views / "current" / "documents").resolve().glob("*.parquet"))
        before = target.read_bytes()
        for options in ("FORMAT parquet", "FORMAT parquet, USE_TMP_FILE false"):
            with pytest.raises(Refused):
                must_read(connection, f"COPY (SELECT 1) TO '{target}' ({options})")
            with pytest.raises(Refused):
                must_read(connection, f"EXPLAIN ANALYZE COPY (SELECT 1) TO '{target}' ({options})")
        assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "command"),
    [
        ("INSTALL httpfs", "INSTALL"),
        ("FORCE INSTALL httpfs", "FORCE INSTALL"),
        ("load httpfs", "LOAD"),
        ("UPDATE EXTENSIONS", "UPDATE"),
        ("CREATE TABLE own AS SELECT 1", "CREATE TABLE"),
        ("CREATE TEMP SECRET s (TYPE s3)", "CREATE TEMP SECRET"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'x'", "EXPLAIN … COPY"),
    ],
)
def test_a_refusal_names_the_command_that_was_typed(
    connection: duckdb.DuckDBPyConnection, sql: str, command: str
) -> None:
    with pytest.raises(Refused, match=f"^{command}: "):
        must_read(connection, sql)


# what is refused, and whether the engine would refuse it too; PLACE is a file that may not be touched
REFUSED = {
    "COPY (SELECT 1) TO 'PLACE'": True,
    "COPY documents TO 'PLACE' (FORMAT parquet)": True,
    "EXPORT DATABASE 'PLACE'": True,
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'PLACE'": True,
    "EXPLAIN /* /* ' */ */ ANALYZE /* ' */ COPY (SELECT 1) TO 'PLACE'": True,
    "ATTACH 'PLACE' AS other": True,
    "ATTACH ':memory:' AS other": True,
    "INSTALL httpfs": True,
    "LOAD httpfs": True,
    "SET enable_external_access = true": True,
    "SET memory_limit = '99GB'": True,
    "RESET lock_configuration": True,
    "PRAGMA enable_profiling": True,
    "CALL enable_logging(storage = 'file')": True,
    "CREATE TABLE own AS SELECT 1": True,
    "CREATE VIEW own AS SELECT 1": True,
    "CREATE MACRO own() AS 1": True,
    "CREATE OR REPLACE PERSISTENT SECRET s (TYPE s3)": True,
    "INSERT INTO documents (doc_id) VALUES ('x')": True,
    "UPDATE source_stats SET violations = 0": True,
    "DELETE FROM blacklist": True,
    "DROP TABLE blacklist": True,
    "ALTER TABLE blacklist ADD COLUMN x INT": True,
    "WITH gone AS (DELETE FROM blacklist RETURNING *) SELECT * FROM gone": True,
    "DETACH r0001": False,
    "PREPARE p AS SELECT 1": False,
    "BEGIN": False,
}
READ = [  # only the engine stands between these and files
    "SELECT * FROM read_csv('PLACE')",
    "SELECT * FROM read_text('PLACE')",
    "SELECT * FROM read_blob('PLACE')",
    "SELECT * FROM read_json('PLACE')",
    "SELECT * FROM 'PLACE'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    "SELECT * FROM parquet_metadata('PLACE')",
    "CREATE TEMP VIEW v AS SELECT * FROM read_csv('PLACE')",
    "SELECT * FROM SECRETS_OF_PYTHON",
]
SECRETS_OF_PYTHON = pa.table({"x": ["a variable of the program"]})


def left_alone(place: Path) -> bool:
    return place.read_text() == "a\n1\n" and [*place.parent.iterdir()] == [place]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A file outside the run."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    return tmp_path / "secret.csv"


@pytest.mark.parametrize("statement", [*REFUSED, *READ])
def test_nothing_outside_the_run_is_read_written_or_set(out: Path, place: Path, statement: str) -> None:
    lines = iter([f"{statement.replace('PLACE', str(place))};"])
    told = io.StringIO()
    with closed(run_of(out)) as (connection, _), pytest.raises(UsageError):
        Shell(run_of(out), connection, False, told).serve(lambda _: next(lines))  # ends before it asks for more
    assert told.getvalue() == "" and left_alone(place)


def test_a_refusal_is_one_message_and_exit_code_2(out: Path, place: Path) -> None:
    told = shell(out, f"COPY (SELECT 1) TO '{place}';", check=2)
    assert told.stderr.startswith("错误 / error: COPY") and len(told.stderr.splitlines()) == 1 and left_alone(place)


@pytest.mark.parametrize("statement", [statement for statement, engine in REFUSED.items() if engine] + READ)
def test_the_engine_alone_refuses_too(connection: duckdb.DuckDBPyConnection, place: Path, statement: str) -> None:
    with pytest.raises(duckdb.Error):
        connection.execute(statement.replace("PLACE", str(place))).fetchall()
    assert left_alone(place)


@pytest.mark.parametrize("statement", ["DETACH r0001", "PREPARE p AS SELECT 1", "SELECT 1; BEGIN"])
def test_the_rules_refuse_what_the_engine_would_do(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    with pytest.raises(Refused):
        must_read(connection, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "WITH a AS (SELECT 1) FROM a",
        "FROM sources",
        "DESCRIBE sources",
        "SHOW TABLES",
        "SUMMARIZE source_stats",
        "VALUES (1)",
        "EXPLAIN SELECT 'COPY'",
        "EXPLAIN ANALYZE SELECT count(*) FROM documents",
        "PIVOT bucket_stats ON phase USING sum(documents)",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "CREATE OR REPLACE TEMPORARY VIEW mine AS SELECT 1",
        "CREATE TEMP MACRO mine(a) AS a + 1",
    ],
)
def test_what_auditors_need_is_passed_on(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    for part in must_read(connection, statement):
        connection.execute(part).fetchall()


def test_memory_is_bounded(connection: duckdb.DuckDBPyConnection) -> None:
    limits = connection.execute("SELECT current_setting('memory_limit'), current_setting('max_temp_directory_size')")
    assert [amount.split()[1] for amount in limits.fetchall()[0]] == ["MiB", "GiB"]
    with pytest.raises(duckdb.OutOfMemoryException):
        connection.execute("SELECT len(list(repeat('x', 100) || range)) FROM range(100000000)").fetchall()


def test_a_changed_register_is_told_and_the_rest_goes_on(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy, symlinks=True)
    (copy / "rounds" / "register.ndjson").write_text('{"seq": 1}\n{"seq": 2}\n')
    (copy / "rounds" / "R0002").mkdir()
    (copy / "rounds" / "R0002" / "round.duckdb").write_bytes(b"no database")
    told = shell(copy, "SELECT 42 AS answer;")
    assert "answer" in told.stdout and "register.ndjson" in told.stderr and "R0002" in told.stderr


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("SELECT 1;", True),
        ("SELECT 1; ", True),
        ("SELECT 1", False),
        ("SELECT ';", False),
        ("SELECT ';';", True),
        ("SELECT 1; -- done", True),
        ("SELECT 1 -- ;", False),
        ("SELECT /* ; */ 1", False),
        ("SELECT /* ;", False),
        ("SELECT $$ ; $$", False),
        ("SELECT $$ ; $$;", True),
        ('SELECT 1 AS "a;b"', False),
        ("", False),
    ],
)
def test_a_statement_ends_where_its_semicolon_is(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


class Terminal:
    """The shell on a terminal of its own, as a person has it; another process makes it, for this one has threads."""

    def __init__(self, out: Path) -> None:
        spawn = (  # a job in the background would hand down that it ignores Ctrl-C
            "import os, pty, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
            "sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", spawn, *SCRIPT, "query", str(out), "--shell"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "120"},
        )

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def until(self, pattern: str, seconds: float = 60) -> str:
        """What is shown until a pattern appears."""
        assert self.process.stdout is not None
        handle, content, end = self.process.stdout.fileno(), b"", time.monotonic() + seconds
        while not re.search(pattern, shown := content.decode("utf-8", "replace")):  # reads may end within a character
            assert time.monotonic() < end, f"{pattern!r} did not appear in {shown!r}"
            if select.select([handle], [], [], 0.2)[0]:
                content += os.read(handle, 65536)
        return shown

    def interrupted_after(self, pause: float) -> str:
        """What a long query shows that is interrupted after so many seconds."""
        self.type(f"{LONG}\n")
        time.sleep(pause)
        self.type("\x03")
        return self.until(r"interrupted|audit> $")

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.kill()
        self.process.wait()


def test_ctrl_c_interrupts_the_query_and_not_the_shell(out: Path) -> None:
    with Terminal(out) as terminal:
        terminal.until("audit> ")
        terminal.type("SELECT 'half\n")
        terminal.until("…> ")
        terminal.type("\x03")
        terminal.until("audit> ")
        assert any("interrupted" in terminal.interrupted_after(pause) for pause in (0.5, 3, 8))  # it may come too early
        terminal.type("SELECT 40 + 2 AS answer;\n")
        assert "42" in terminal.until(r"42\s")
        terminal.type("SELECT nonsense;\n")
        terminal.until("nonsense")
        terminal.type("\x1b[A\n")  # the key that would bring back what was typed
        terminal.type(".quit\n")
        assert terminal.process.wait(20) == 0


def test_an_interrupted_script_ends_with_130_and_leaves_nothing_behind(out: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [*SCRIPT, "query", str(out), "--shell"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f".mode csv\nSELECT 1 AS started;\n{LONG}\n")
        process.stdin.flush()
        while process.stdout.readline().strip() != "1":
            pass
        assert [*tmp_path.iterdir()]
        time.sleep(0.3)  # into the long query, though it would be as well anywhere else
        process.terminate()
        assert process.wait(60) == 130
    assert not [*tmp_path.iterdir()]
