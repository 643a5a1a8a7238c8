"""Input of any size out of a small corpus: its files again and again, other texts like them, or longer documents.

Repeated files are copies under names of their own, so nothing is found committed. Texts repeat, and so do what depends
on them being different (distinct texts, copies): about one percent of a run. Varied files hold no text twice.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
import zstandard

from benchmarks.corpus import Corpus
from benchmarks.naive import texts

LONG = 2000  # bytes of the mean document of the joined corpus
_FINEST = 25  # bytes, of the search for the length that gives the mean
_ALPHABETS = (("a", 26, 1), ("A", 26, 1), ("一", 20_992, 2_003))  # first letter, how many, how far they move
_PER_FILE = 16_000_000  # bytes of text


def text_bytes(corpus: Corpus) -> int:
    """How much text the corpus holds."""
    return sum(len(text.encode()) for own in corpus.sources.values() for path in own for text in texts(path))


def repeated(corpus: Corpus, times: int, folder: Path) -> Corpus:
    """The corpus `times` times over, in `folder`; copies that are there already are used."""
    sources: dict[str, list[Path]] = {}
    for source, files in corpus.sources.items():
        (folder / source).mkdir(parents=True, exist_ok=True)
        for number in range(times):
            for file in files:
                target = folder / source / f"r{number:03d}-{file.name}"
                if not target.exists():
                    shutil.copyfile(file, target)
                sources.setdefault(source, []).append(target)
    return Corpus(f"{corpus.title}, {times} times", folder, sources)


def varied(corpus: Corpus, times: int, folder: Path) -> Corpus:
    """As `repeated`, but each time with other letters: texts of the same form and size that nobody wrote before.

    Letters move on within their alphabet and Han characters within their block, by as much for a whole repetition. Such
    texts say nothing, and cost what others cost wherever it does not matter what they say.
    """
    sources: dict[str, list[Path]] = {}
    for source, files in corpus.sources.items():
        (folder / source).mkdir(parents=True, exist_ok=True)
        for number in range(times):
            for file in files:
                target = folder / source / f"v{number:03d}-{file.name.partition('.')[0]}.jsonl.zst"
                if not target.exists():
                    _write_varied(target, texts(file), number)
                sources.setdefault(source, []).append(target)
    return Corpus(f"{corpus.title}, {times} times with other letters", folder, sources)


def other_letters(number: int) -> dict[int, int]:
    """For `str.translate`: letters moved on so many times."""
    return {
        ord(first) + place: ord(first) + (place + number * step) % size
        for first, size, step in _ALPHABETS
        for place in range(size)
    }


def _write_varied(target: Path, found: Iterator[str], number: int) -> None:
    moved = other_letters(number)
    lines = (orjson.dumps({"text": text.translate(moved)}) + b"\n" for text in found)
    target.write_bytes(zstandard.compress(b"".join(lines)))


def joined(corpus: Corpus, folder: Path, mean: int = LONG) -> Corpus:
    """Consecutive documents of each source joined by a line break until they have a certain length; none is cut.

    The length is chosen so that the mean over all is `mean` bytes; documents that are longer stay as they are, and so
    do the shares of the sources.
    """
    sizes = {source: [len(t.encode()) for t in _all(files)] for source, files in corpus.sources.items()}
    total = sum(map(sum, sizes.values()))
    least = next(
        (
            length
            for length in range(_FINEST, mean, _FINEST)
            if total / sum(_joins(own, length) for own in sizes.values()) >= mean
        ),
        mean,
    )
    for source, files in corpus.sources.items():
        (folder / source).mkdir(parents=True, exist_ok=True)
        _write(folder / source, _join(_all(files), least))
    title = f"{corpus.title}, documents joined to at least {least:,} bytes"
    return Corpus(title, folder, {source: sorted((folder / source).glob("*.zst")) for source in corpus.sources})


def _all(files: list[Path]) -> Iterator[str]:
    return (text for path in files for text in texts(path))


def _joins(sizes: list[int], least: int) -> int:
    """How many documents there would be."""
    made = size = 0
    for own in sizes:
        size += own
        if size >= least:
            made, size = made + 1, 0
    return made + (size > 0)


def _join(documents: Iterator[str], least: int) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for text in documents:
        held.append(text)
        size += len(text.encode())
        if size >= least:
            yield "\n".join(held)
            held, size = [], 0
    if held:
        yield "\n".join(held)


def _write(folder: Path, documents: Iterator[str]) -> None:
    """Files as the corpus has them: a few MB compressed each."""
    number = size = 0
    lines: list[bytes] = []
    for text in documents:
        lines.append(orjson.dumps({"text": text}) + b"\n")
        size += len(lines[-1])
        if size >= _PER_FILE:
            _put(folder, number, lines)
            number, size, lines = number + 1, 0, []
    if lines:
        _put(folder, number, lines)


def _put(folder: Path, number: int, lines: list[bytes]) -> None:
    (folder / f"part-{number:02d}.jsonl.zst").write_bytes(zstandard.compress(b"".join(lines), 6))
