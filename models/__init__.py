"""The models that ship with the project, as files: language identification and the starter risk classifier.

`models/language` is fastText's own model, unchanged; `models/starter` is written by `python -m models.train`. Each
folder carries its licence notice.
"""

from pathlib import Path

_HERE = Path(__file__).resolve().parent

LANGUAGE_MODEL = _HERE / "language" / "lid.176.ftz"
STARTER_MODEL = _HERE / "starter"  # a folder: risk.bin, labels.json, card.md, NOTICE.md
