"""What sources declare beyond `audit.sources`, as rows: address, access, dates, contracts, what the ledger of sources lists."""

from collections.abc import Iterator, Mapping
from typing import Any

_COPIED = (
    "url",
    "version",
    "obtained_at",
    "contract_no",
    "agreement_version",
    "valid_from",
    "valid_to",
    "terms_allow_training",
)


def source_detail_rows(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of record.source_details, from the configuration and the facts of evidence a run's manifest keeps."""
    facts = manifest["evidence"]["sources"]
    for source in manifest["config"]["sources"]:
        told = source["evidence"]
        collection = facts.get(source["id"], {}).get("collection") or {}
        yield {
            "source_id": source["id"],
            **{name: told.get(name) for name in _COPIED},
            "fetched_from": collection.get("fetched_from"),
            "fetched_to": collection.get("fetched_to"),
            "produced": bool(told.get("production_record")) and not told.get("collection_record"),
            "mixed_regions": bool(source["regions"]),
            "lawful_basis": source["personal_info"]["lawful_basis"] or [],
            "contract_documents": (told.get("volume") or {}).get("documents"),
            "contract_bytes": (told.get("volume") or {}).get("bytes"),
        }
