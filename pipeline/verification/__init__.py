"""Recomputes what a run claims, from its own files."""
