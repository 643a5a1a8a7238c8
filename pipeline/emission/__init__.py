"""The admitted corpus as files, and whether what was trained on is that."""
