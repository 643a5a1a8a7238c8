"""`make eval`: how well the default library, classifier and policy detect, on the labelled sets beside the project.

Prints two tables: per labelled set what share of its risky and of its harmless documents is flagged, and per source of
ordinary text what share is flagged at all. Only documents count (`form` = content): a prompt is no document. The data
is not part of the project; without it one line says so.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from lexicon.library import load_library
from models import STARTER_MODEL
from pipeline.readers.base import RECORDS
from schemas.policy import load_policy
from schemas.profile import load_profile
from transforms.classifier import Classifier, read_labels
from transforms.decide import Decider
from transforms.keywords import Keywords
from transforms.text import TextBatch

DATA = Path("../shared/data")
_BATCH = 1024


class Detector:
    """The default detectors over plain texts."""

    def __init__(self) -> None:
        library = load_library([])
        self.stages = {"keywords": Keywords(library), "classifier": Classifier(STARTER_MODEL)}
        labels = read_labels(STARTER_MODEL).labels
        self.decider = Decider(load_policy(None), load_profile("tc260-003"), library, labels)

    def flagged(self, texts: list[str]) -> list[bool]:
        """Whether each text has a decided risk."""
        found: list[bool] = []
        for start in range(0, len(texts), _BATCH):
            batch = TextBatch(_records(texts[start : start + _BATCH]))
            hits = self.stages["keywords"](batch).column("hits").to_pylist()
            scores = self.stages["classifier"](batch).column("scores").to_pylist()
            found += [bool(self.decider.risks(h or [], s or [])) for h, s in zip(hits, scores, strict=True)]
        return found


def _records(texts: list[str]) -> pa.RecordBatch:
    rows = [
        {"member": 0, "row": i, "offset": None, "native_id": None, "url": None, "text": text}
        for i, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=RECORDS)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as handle, zstandard.ZstdDecompressor().stream_reader(handle) as stream:
        for line in stream.read().split(b"\n"):
            if line:
                yield json.loads(line)


def labelled(detector: Detector, data: Path) -> None:
    """One row a set: its dev documents."""
    print(f"{'set (dev, documents only)':34}{'risky':>8}{'flagged':>9}{'harmless':>10}{'flagged':>9}")
    for group in ("shippable", "eval_only"):
        for path in sorted((data / "labelled" / group).glob("*.jsonl.zst")):
            rows = [row for row in _lines(path) if row["split"] == "dev" and row["form"] == "content"]
            shown = []
            for want in (lambda row: row["risk"] not in (None, "none"), lambda row: row["risk"] == "none"):
                texts = [row["text"] for row in rows if want(row)]
                hits = sum(detector.flagged(texts))
                shown.append((len(texts), f"{hits / len(texts):.1%}" if texts else "—"))
            if any(count for count, _ in shown):
                (risky, recall), (harmless, alarms) = shown
                print(
                    f"{group + '/' + path.name.removesuffix('.jsonl.zst'):34}{risky:>8,}{recall:>9}{harmless:>10,}{alarms:>9}"
                )


def ordinary(detector: Detector, data: Path) -> None:
    """One row a source of the corpus: documents without a label, nearly all of them harmless."""
    gold = {row["id"] for row in _lines(data / "corpus_gold.jsonl.zst")}
    print(f"\n{'ordinary text (no gold label)':34}{'documents':>10}{'flagged':>9}")
    for folder in sorted((data / "corpus").iterdir()):
        texts: list[str] = []
        for path in sorted(folder.glob("*.jsonl.zst")):
            texts += [row["text"] for row in _lines(path) if row["id"] not in gold]
        if texts:
            hits = sum(detector.flagged(texts))
            print(f"{folder.name:34}{len(texts):>10,}{hits / len(texts):>9.2%}")


def main() -> int:
    """Prints the tables, or says what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    if not (data / "labelled").is_dir():
        print(f"skipped: no labelled data in {data}; name its folder with --data")
        return 0
    detector = Detector()
    labelled(detector, data)
    ordinary(detector, data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
