"""Beam engines: which there are, how a graph runs on one, how detectors reach its workers."""
