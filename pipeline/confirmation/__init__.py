"""A stronger scorer confirms what the first line nominates."""
