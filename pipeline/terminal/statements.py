"""What the SQL shell passes on: statements that read, or make something temporary; and where a statement ends."""

import re

import duckdb

from pipeline.errors import UsageError

_STRINGS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*(?:\n|$)|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_OPEN = re.compile(r"['\"]|/\*|\$\w*\$")
_READS = frozenset({"SELECT", "EXPLAIN", "MULTI"})  # MULTI: what PIVOT becomes
_TEMPORARY = frozenset({"VIEW", "TABLE", "MACRO", "FUNCTION"})
_NEVER = frozenset({"COPY", "EXPORT", "ATTACH", "INSTALL", "LOAD", "SET", "CALL", "PRAGMA"})


class Refused(UsageError):  # noqa: N818 - reads as what happened
    """A statement the shell does not pass on."""


def must_read(connection: duckdb.DuckDBPyConnection, sql: str) -> list[duckdb.Statement]:
    """The statements of a text, if none does more than read or make something temporary. Raises Refused, duckdb.Error."""
    statements = connection.extract_statements(sql)
    for statement in statements:
        kind, words = _kind(statement), _words(statement.query)
        if kind == "CREATE":
            fine = _is_temporary(words)
        elif kind == "EXPLAIN":  # with ANALYZE it runs what it explains
            fine = not _NEVER & {*words}
        else:
            fine = kind in _READS
        if not fine:
            raise Refused(
                f"{_command(kind, words)}: 此处只读，可用 SELECT、EXPLAIN、CREATE TEMP / this shell only reads: SELECT, EXPLAIN, "
                "CREATE TEMP VIEW, TABLE or MACRO"
            )
    return statements


def _kind(statement: duckdb.Statement) -> str:
    """What the engine calls a statement; empty for a kind its Python interface has no name for."""
    try:
        return statement.type.name
    except ValueError:
        return ""


def _command(kind: str, words: list[str]) -> str:
    """The command as it was typed: INSTALL is one of several the engine calls LOAD."""
    if kind == "EXPLAIN":
        return " … ".join(["EXPLAIN", *(word for word in words if word in _NEVER)][:2])
    if kind == "CREATE":
        return " ".join(words[: 3 if words[1:2] in (["TEMP"], ["TEMPORARY"]) else 2])
    return " ".join(words[: 2 if words[:1] == ["FORCE"] else 1])


def _words(sql: str) -> list[str]:
    """The words of a statement as the engine's own tokenizer tells them, without strings and comments."""
    tokens = duckdb.tokenize(sql)
    ends = [place for place, _ in tokens[1:]] + [len(sql.encode())]
    content = sql.encode()
    return [
        content[start:end].decode("utf-8", "replace").strip().upper()
        for (start, kind), end in zip(tokens, ends, strict=True)
        if kind.name not in ("comment", "string_const")
    ]


def _is_temporary(words: list[str]) -> bool:
    """Whether CREATE makes a temporary table, view or macro."""
    rest = words[3:] if words[1:3] == ["OR", "REPLACE"] else words[1:]
    return len(rest) > 1 and rest[0] in ("TEMP", "TEMPORARY") and rest[1] in _TEMPORARY


def is_complete(text: str) -> bool:
    """Whether a text ends with a semicolon that is not in a string or comment."""
    bare = _STRINGS.sub(" ", text)
    return bare.rstrip().endswith(";") and not _OPEN.search(bare)
