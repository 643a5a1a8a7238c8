"""The tables of a round as Arrow schemas: what was drawn, what the machine says of it, what people decided.

`items.parquet` and `machine.parquet` are written when a round is drawn, apart, because people judge blind; `readings`
and `finals` come from the review when the round is closed. All are in order of `item_no` (readings then of `seq`).
"""

import pyarrow as pa

_STRINGS = pa.list_(pa.field("element", pa.string(), nullable=False))

SAMPLE, KNOWN, REPEAT = "sample", "known", "repeat"  # kinds of items; only the first counts for any figure of a corpus
MANUAL = "manual"  # names of samples: manual, stage:<stage>, source:<id>:positive, source:<id>:negative
QUALIFIED, UNQUALIFIED, UNCLEAR = "qualified", "unqualified", "unclear"
VERDICTS = (QUALIFIED, UNQUALIFIED, UNCLEAR)  # 无法判定 counts as not qualified and is never replaced
PERSONAL = ("general", "sensitive", "biometric")  # personal information people tick
FIRST, SECOND, ADJUDICATION = "first", "second", "adjudication"  # readings of an item

ITEMS = pa.schema(
    [
        pa.field("item_no", pa.int64(), nullable=False),  # 1 … n, in an order taken from the seed
        pa.field("kind", pa.string(), nullable=False),
        pa.field("doc_id", pa.string()),  # NULL: a known-answer text
        pa.field("source_id", pa.string()),
        pa.field("shard", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("stage", pa.string()),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("samples", _STRINGS, nullable=False),  # in which samples it is; empty for known answers and repeats
        pa.field("second", pa.bool_(), nullable=False),  # is read by two, fixed by hash before anybody has judged
        pa.field("repeat_of", pa.int64()),  # the item whose text it shows once more
        pa.field("carried_from", pa.string()),  # the round whose verdict holds for it; nobody judges it again
        pa.field("text", pa.large_string(), nullable=False),
    ]
)

FOUND = pa.struct(
    [
        pa.field("detector", pa.string(), nullable=False),
        pa.field("risk_id", pa.string()),
        pa.field("pii_type", pa.string()),
        pa.field("start", pa.int64(), nullable=False),  # code points of the text
        pa.field("end", pa.int64(), nullable=False),
        pa.field("score", pa.float32()),
        pa.field("verdict", pa.string(), nullable=False),
    ]
)

MACHINE = pa.schema(
    [
        pa.field("item_no", pa.int64(), nullable=False),
        pa.field("risks", _STRINGS, nullable=False),
        pa.field("candidate_risks", _STRINGS, nullable=False),
        pa.field("illegal_unhealthy", pa.bool_(), nullable=False),
        pa.field("pii_level", pa.string(), nullable=False),
        pa.field("pii_types", _STRINGS, nullable=False),
        pa.field("findings", pa.list_(pa.field("element", FOUND, nullable=False)), nullable=False),
        pa.field("expected", _STRINGS, nullable=False),  # the risks a known-answer text was written for
    ]
)

# One row a judgement that stands: what was undone or released is in the log of the review alone.
READINGS = pa.schema(
    [
        pa.field("item_no", pa.int64(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),  # of the event in the review's log
        pa.field("reading", pa.string(), nullable=False),  # first | second | adjudication
        pa.field("person", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("risks", _STRINGS, nullable=False),
        pa.field("personal", _STRINGS, nullable=False),
        pa.field("note", pa.string()),
        pa.field("read_share", pa.float64(), nullable=False),  # of the text that was on the screen, 0 … 1
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("decided_at", pa.string(), nullable=False),  # ISO 8601, UTC
        pa.field("criteria", pa.string(), nullable=False),
        pa.field("via", pa.string(), nullable=False),  # page | import
        pa.field("after_findings", pa.bool_(), nullable=False),  # its reader had seen what the machine says: not blind
        pa.field("sha256", pa.string(), nullable=False),  # of the event in the chain
    ]
)

# One row an item that is decided for good.
FINALS = pa.schema(
    [
        pa.field("item_no", pa.int64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("risks", _STRINGS, nullable=False),
        pa.field("personal", _STRINGS, nullable=False),
        pa.field("how", pa.string(), nullable=False),  # single | agreed | adjudicated | carried
    ]
)
