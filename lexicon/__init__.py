"""Keyword libraries: their file format, and the bundled starter library."""
