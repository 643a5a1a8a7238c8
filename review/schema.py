"""The tables of the live review in SQLite.

`events` is the record: append-only, each line carrying the hash of the one before. `readings`, `open`, `looks` and
`skips` are what replaying it gives, kept because a page must answer at once; check() compares the two. `leases` and
`sessions` are passing matters and no evidence of anything.
"""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE items (
    item_no INTEGER PRIMARY KEY, kind TEXT NOT NULL, bucket TEXT NOT NULL, stage TEXT, source_id TEXT,
    content_hash TEXT NOT NULL, chars INTEGER NOT NULL, samples TEXT NOT NULL, second INTEGER NOT NULL,
    repeat_of INTEGER, gap INTEGER NOT NULL, carried INTEGER NOT NULL
) STRICT;
CREATE INDEX items_by_kind ON items (kind);
CREATE TABLE texts (item_no INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE carried (
    item_no INTEGER PRIMARY KEY, verdict TEXT NOT NULL, risks TEXT NOT NULL, personal TEXT NOT NULL
) STRICT;

CREATE TABLE people (
    name TEXT PRIMARY KEY, folded TEXT NOT NULL UNIQUE, roles TEXT NOT NULL, secret TEXT NOT NULL,
    active INTEGER NOT NULL, qualified_until TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    digest TEXT PRIMARY KEY, person TEXT NOT NULL, browser TEXT NOT NULL, began REAL NOT NULL, seen REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY, event TEXT NOT NULL, person TEXT, item_no INTEGER, line TEXT NOT NULL,
    previous TEXT NOT NULL, sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_item ON events (item_no, person);

CREATE TABLE readings (
    item_no INTEGER NOT NULL, reading TEXT NOT NULL, person TEXT NOT NULL, seq INTEGER NOT NULL UNIQUE,
    nth INTEGER NOT NULL, verdict TEXT NOT NULL, risks TEXT NOT NULL, personal TEXT NOT NULL, note TEXT NOT NULL,
    read_share REAL NOT NULL, seconds REAL NOT NULL, decided_at TEXT NOT NULL, criteria TEXT NOT NULL,
    via TEXT NOT NULL, after_findings INTEGER NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (item_no, reading),
    UNIQUE (item_no, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX readings_by_person ON readings (person, reading, seq);
CREATE INDEX readings_by_kind ON readings (reading);

CREATE TABLE open (reading TEXT NOT NULL, item_no INTEGER NOT NULL, PRIMARY KEY (reading, item_no)) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
    item_no INTEGER NOT NULL, reading TEXT NOT NULL, person TEXT NOT NULL, since REAL NOT NULL, until REAL NOT NULL,
    reserved INTEGER NOT NULL, PRIMARY KEY (item_no, reading)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_lease ON leases (person, reading) WHERE reserved = 0;
CREATE TABLE looks (item_no INTEGER NOT NULL, person TEXT NOT NULL, PRIMARY KEY (item_no, person)) STRICT, WITHOUT ROWID;
CREATE TABLE skips (
    person TEXT NOT NULL, reading TEXT NOT NULL, item_no INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (person, reading, item_no)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_follow BEFORE INSERT ON events
WHEN NEW.seq <> coalesce((SELECT max(seq) FROM events), 0) + 1
    OR NEW.previous <> coalesce((SELECT sha256 FROM events ORDER BY seq DESC LIMIT 1), printf('%064d', 0))
BEGIN SELECT RAISE(ABORT, 'events are only ever added behind the last'); END;
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
"""

_FROZEN = """
CREATE TRIGGER {table}_no_insert BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, '{table} is frozen'); END;
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is frozen'); END;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is frozen'); END;
"""

# Added once the draw is in: what is judged is never changed again.
FREEZE = "".join(_FROZEN.format(table=table) for table in ("items", "texts", "carried"))
