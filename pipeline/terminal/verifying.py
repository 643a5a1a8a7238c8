"""`corpus-audit verify`: an output folder or an evidence bundle, each difference named, and what stays unproved."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.terminal.query import harmless


@dataclass(frozen=True)
class Asked:
    """The options of the command."""

    quick: bool
    against_corpus: Path | None
    spot: int
    seed: str | None
    timestamp_ca: Path | None


def verify_output(out: Path, asked: Asked) -> int:
    """Checks an output folder; exit code."""
    from pipeline.store.output import Output
    from pipeline.verification.verify import unproved, verify

    if asked.timestamp_ca is not None:
        raise UsageError("--timestamp-ca: 只用于证据包 / is for evidence bundles")
    output = Output(out.absolute())
    checks = [(one.title, one.problems) for one in verify(output, asked.quick)]
    notes: list[str] = []
    run = output.readable
    if asked.against_corpus is not None and run is not None:
        from report.checking.spot import Look, look_into_run

        seen = look_into_run(run, Look.of(asked.against_corpus, asked.spot, asked.seed))
        checks.append(("对照语料 / against the corpus", seen.problems))
        notes.append(seen.told)
    return _show(checks, notes, lambda: unproved(output))


def verify_bundle(path: Path, asked: Asked) -> int:
    """Checks an evidence bundle; exit code."""
    from report.bundle.checking import verify_bundle as check
    from report.checking.spot import Look

    look = Look.of(asked.against_corpus, asked.spot, asked.seed) if asked.against_corpus is not None else None
    found = check(path, asked.timestamp_ca, look, asked.quick)
    return _show(found.checks, found.notes, lambda: found.unproved)


def _show(
    checks: Iterable[tuple[str, Iterable[str]]], notes: Iterable[str], unproved: Callable[[], Iterable[str]]
) -> int:
    """Prints everything; 3 where anything differs. Names come from corpora and bundles."""
    wrong = 0
    for title, problems in checks:
        found = list(problems)
        print(harmless(f"{'✗' if found else '✓'} {title}"))
        for problem in found:
            print(harmless(f"    {problem}"))
        wrong += len(found)
    for note in notes:
        print(harmless(note))
    if wrong:
        print(f"发现 {wrong} 处不符 / {wrong} differences found")
        return 3
    print("全部相符 / everything agrees")
    print("无法由此证明 / what this cannot prove:")
    for line in unproved():
        print(harmless(f"  - {line}"))
    return 0
