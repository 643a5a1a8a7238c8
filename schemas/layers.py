"""Arrow schemas of the committed layers: facts about documents, free of policy, rows aligned within a unit.

A layer is one Parquet file a unit. Row `i` of every layer of a unit speaks of the same document. Positions are
code-point offsets into the original text; `end` is exclusive. Excerpts are masked (transforms/excerpt.py).
"""

import pyarrow as pa

BASE = pa.schema(
    [
        pa.field("member", pa.int32(), nullable=False),  # which shard of the unit, by its position in the plan
        pa.field("row", pa.int64(), nullable=False),  # ordinal of the record, counted from the member's first record
        pa.field("offset", pa.int64()),  # byte offset of the record in the decoded shard; NULL for columnar formats
        pa.field("native_id", pa.large_string()),
        pa.field("url", pa.large_string()),
        pa.field("domain", pa.string()),
        pa.field("language", pa.string(), nullable=False),
        pa.field("content_type", pa.string(), nullable=False),
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("chars", pa.int64(), nullable=False),
        pa.field("content_hash", pa.binary(32), nullable=False),
        pa.field("user_hash", pa.binary(32)),  # sha256 of the native user id; NULL where the source declares none
    ]
)

PROVENANCE_COLUMNS = ("member", "row", "offset", "native_id", "url", "domain", "user_hash")
BUCKET_COLUMNS = ("language", "content_type", "bucket", "bytes", "chars")

# One entry a distinct term of the document, in order of first occurrence; `entry` indexes the compiled library.
KEYWORD_HITS = pa.list_(
    pa.field(
        "hit",
        pa.struct(
            [
                pa.field("entry", pa.int32(), nullable=False),
                pa.field("count", pa.int32(), nullable=False),
                pa.field("start", pa.int64(), nullable=False),
                pa.field("end", pa.int64(), nullable=False),
                pa.field("excerpt", pa.string(), nullable=False),
                pa.field("straddles", pa.bool_(), nullable=False),  # cuts through a word: 和服 in 和服务
            ]
        ),
        nullable=False,
    )
)
KEYWORDS = pa.schema([pa.field("hits", KEYWORD_HITS)])  # NULL: no term occurs

# Labels with a score of at least the stage's floor, best first; scores are rounded to 4 decimals.
CLASSIFIER_SCORES = pa.list_(
    pa.field(
        "score",
        pa.struct(
            [
                pa.field("label", pa.string(), nullable=False),
                pa.field("score", pa.float32(), nullable=False),
                pa.field("start", pa.int64(), nullable=False),  # the window of text that was scored
                pa.field("end", pa.int64(), nullable=False),
            ]
        ),
        nullable=False,
    )
)
CLASSIFIER = pa.schema(
    [
        pa.field("scores", CLASSIFIER_SCORES),  # NULL: nothing above the floor
        pa.field("unscored", pa.string()),  # why the classifier gave no answer; NULL where it did
    ]
)

PII_ENTITIES = pa.list_(
    pa.field(
        "entity",
        pa.struct(
            [
                pa.field("type", pa.string(), nullable=False),
                pa.field("start", pa.int64(), nullable=False),
                pa.field("end", pa.int64(), nullable=False),
                pa.field("grade", pa.string(), nullable=False),  # validated | contextual | weak
                pa.field("mask", pa.string(), nullable=False),
                pa.field("hmac", pa.binary(16), nullable=False),  # of type and normalised value, salted
                pa.field("born", pa.int16()),  # year of birth, where the identifier or a labelled date says it
                pa.field("minor", pa.bool_(), nullable=False),  # the words around speak of a child under 14
            ]
        ),
        nullable=False,
    )
)
PII = pa.schema(
    [
        pa.field("entities", PII_ENTITIES),  # NULL: none found; in order of position, never overlapping
        pa.field("unscored", pa.string()),  # why nothing is known, "personal information: ..."; NULL where it is
        pa.field("checked", pa.bool_(), nullable=False),  # read in full to check the gate
        pa.field("cut", pa.bool_(), nullable=False),  # more weak ones of a type than are kept; all that count are
    ]
)

MINHASH_PERMUTATIONS = 64
FINGERPRINT = pa.schema([pa.field("minhash", pa.binary(4 * MINHASH_PERMUTATIONS), nullable=False)])

# NULL: outside the share that is counted. The layer is only there where a tokenizer is configured.
TOKENS = pa.schema([pa.field("tokens", pa.int64())])

# What the confirming scorer says. The layer is only there where one is configured.
CONFIRM = pa.schema(
    [
        pa.field("scores", CLASSIFIER_SCORES),  # NULL: nothing found, or not asked
        pa.field("asked", pa.bool_(), nullable=False),
        pa.field("unscored", pa.string()),  # why no complete answer came; NULL where one did, or nobody was asked
        pa.field("read", pa.float32()),  # the share of the text the answer is about; NULL where nobody was asked
    ]
)

# What indicates intellectual property, in order of name. `start` is where the first occurrence begins.
RIGHTS_INDICATORS = pa.list_(
    pa.field(
        "indicator",
        pa.struct(
            [
                pa.field("indicator", pa.string(), nullable=False),
                pa.field("count", pa.int64(), nullable=False),
                pa.field("start", pa.int64(), nullable=False),
            ]
        ),
        nullable=False,
    )
)
RIGHTS = pa.schema([pa.field("indicators", RIGHTS_INDICATORS)])  # NULL: none

LAYERS = {
    "base": BASE,
    "keywords": KEYWORDS,
    "classifier": CLASSIFIER,
    "pii": PII,
    "fingerprint": FINGERPRINT,
    "rights": RIGHTS,
    "tokens": TOKENS,
    "confirm": CONFIRM,
}
