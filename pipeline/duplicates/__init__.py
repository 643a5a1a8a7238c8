"""Copies of documents across all sources: exact ones by content hash, near ones by MinHash (docs/duplicates.md).

`bands` derives small committed files from fingerprints, `similar` finds the pairs that are alike, `groups` joins them and
writes who belongs together, `search` does all that for a run and remembers it for the next, `copies` says who is left
out, `tables` counts for auditors, `diversity` counts the sources that are independent.
"""
