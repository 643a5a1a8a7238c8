"""Arrow schemas of what a run publishes: documents, findings, rejects and the two samples.

Columns are documented for auditors in database.yaml, whose texts become the COMMENTs of the DuckDB tables.
"""

import pyarrow as pa

_STRINGS = pa.list_(pa.field("element", pa.string(), nullable=False))
_NUMBERS = pa.list_(pa.field("element", pa.int64(), nullable=False))

DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("domain", pa.string()),
        pa.field("language", pa.string(), nullable=False),
        pa.field("content_type", pa.string(), nullable=False),
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("chars", pa.int64(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("risks", _STRINGS, nullable=False),
        pa.field("candidate_risks", _STRINGS, nullable=False),
        pa.field("keyword_risks", _STRINGS, nullable=False),
        pa.field("classifier_risks", _STRINGS, nullable=False),
        pa.field("illegal_unhealthy", pa.bool_(), nullable=False),
        pa.field("pii_level", pa.string(), nullable=False),
        pa.field("pii_types", _STRINGS, nullable=False),
        pa.field("admitted", pa.bool_(), nullable=False),
        pa.field("exclusion_reason", pa.string()),
        pa.field("unscored", pa.string()),
        pa.field("provenance", pa.string()),
        pa.field("tokens", pa.int64()),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("pii_under_14", pa.bool_(), nullable=False),
        pa.field("pii_covered", pa.bool_()),  # NULL: no personal information
        pa.field("pii_checked", pa.bool_(), nullable=False),
        pa.field("other_types", _STRINGS, nullable=False),
        pa.field("rights_indicators", _STRINGS, nullable=False),
        pa.field("rights_counts", _NUMBERS, nullable=False),
        pa.field("rights_starts", _NUMBERS, nullable=False),
    ]
)

FINDINGS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("detector", pa.string(), nullable=False),
        pa.field("risk_id", pa.string()),
        pa.field("pii_type", pa.string()),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("score", pa.float32()),
        pa.field("excerpt", pa.string()),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("rule", pa.string()),
        pa.field("admitted", pa.bool_(), nullable=False),
        pa.field("level", pa.string()),
        pa.field("raised", pa.string()),
        pa.field("hmac", pa.string()),
    ]
)

REJECTS = pa.schema(
    [
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("records", pa.int64()),
        pa.field("offset", pa.int64()),
        pa.field("detail", pa.string()),
    ]
)

MANUAL_SAMPLE = pa.schema(
    [
        pa.field("sample_no", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("machine_risks", _STRINGS, nullable=False),
    ]
)

# The columns of an emitted corpus: documents a trainer reads, with what ties them to the audit. `content_hash` is the
# audited text's, `text_sha256` that of the text as emitted: another one only where something in it was masked.
EMITTED = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("text_sha256", pa.string(), nullable=False),
    ]
)

# One row a document of a group of similar documents (docs/duplicates.md), in order of group and place.
NEAR_DUPLICATES = pa.schema(
    [
        pa.field("group_no", pa.int64(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("text", pa.uint64(), nullable=False),  # the first 64 bits of the content hash
        pa.field("similarity", pa.float64(), nullable=False),  # the highest with another of the group
    ]
)

TECHNICAL_SAMPLE = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("keyword_risks", _STRINGS, nullable=False),
        pa.field("classifier_risks", _STRINGS, nullable=False),
        pa.field("qualified", pa.bool_(), nullable=False),
        pa.field("confirmed_risks", _STRINGS),  # NULL: the scorer is not limited to the sample, or gave no answer
        pa.field("unscored", pa.string()),
    ]
)
