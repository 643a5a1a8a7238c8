"""Annotation (clause 5.3): what the log of annotation events and the staff list come to, and the checks K.ANN.*."""

from report.annotation.reading import BadLog
from report.annotation.rows import annotation_rows

__all__ = ["BadLog", "annotation_rows"]
