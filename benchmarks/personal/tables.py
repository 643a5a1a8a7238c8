"""The tables of the evaluation, printed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.personal.false_alarms import LIMITS, ORGANISATION, Alarms
from benchmarks.personal.labelled import Agreement
from benchmarks.personal.providers import TYPES
from benchmarks.personal.scoring import OLD_ID, TARGETS, VALIDATED, Result, Score, class_of, passes, total
from benchmarks.personal.templates import Document

ROWS = (*VALIDATED, OLD_ID, *(kind for kind in TYPES if kind not in VALIDATED))


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _mark(score: Score, name: str) -> str:
    verdict = passes(score, name)
    return "" if verdict is None else "pass" if verdict else "FAIL"


def _score_cells(score: Score) -> str:
    touched = score.touched / score.gold if score.gold else None
    return f"{score.gold:>7,}{_share(score.precision):>8}{_share(score.recall):>8}{_share(score.f1):>8}{_share(touched):>9}{score.wrong:>7}"


def show_templates(
    result: Result, title: str, built_ins: Result | None = None, built_in_types: Iterable[str] = ()
) -> None:
    """One row a type; the built-in recognizers beside it where they have that type."""
    print(
        f"\n{title}: templates with look-alikes, to the code point (touched: share of gold spans some finding overlaps)"
    )
    beside = f"  {'built-ins: P':>12}{'R':>8}{'touched':>9}{'wrong':>7}" if built_ins else ""
    print(f"{'type':24}{'gold':>7}{'P':>8}{'R':>8}{'F1':>8}{'touched':>9}{'wrong':>7}  {'target':12}{'':4}{beside}")
    known = set(built_in_types)
    for name, (precision, recall) in TARGETS.items():
        for row in ROWS:
            if class_of(row) == name and row in result.scores:
                other = built_ins.scores.get(row, Score()) if built_ins and row in known else None
                _template_row(row, name, result.scores[row], other)
        whole = total(result, name)
        print(
            f"{name + ', together':24}{_score_cells(whole)}  {f'{precision:.2f} / {recall:.2f}':12}{_mark(whole, name)}"
        )


def _template_row(row: str, name: str, score: Score, other: Score | None) -> None:
    precision, recall = TARGETS[name]
    beside = ""
    if other is not None:
        touched = other.touched / other.gold if other.gold else None
        beside = f"  {_share(other.precision):>12}{_share(other.recall):>8}{_share(touched):>9}{other.wrong:>7}"
    line = f"{row:24}{_score_cells(score)}  {f'{precision:.2f} / {recall:.2f}':12}{_mark(score, name):4}{beside}"
    print(line.rstrip())


def show_development(result: Result, title: str) -> None:
    """The sums, and the types that do not reach their targets."""
    print(f"\n{title} (rules are tuned on it): the sums, and the types below their targets")
    print(f"{'type':24}{'gold':>7}{'P':>8}{'R':>8}{'F1':>8}{'touched':>9}{'wrong':>7}  target")
    for name, (precision, recall) in TARGETS.items():
        whole = total(result, name)
        rows = [row for row in ROWS if class_of(row) == name and row in result.scores]
        for row in rows:
            if passes(result.scores[row], name) is False:
                _template_row(row, name, result.scores[row], None)
        print(
            f"{name + ', together':24}{_score_cells(whole)}  {f'{precision:.2f} / {recall:.2f}':12}{_mark(whole, name)}"
        )


def show_error_counts(result: Result) -> None:
    """What is missed and what is wrong, by type alone: nobody is to tune on single templates of the held-out set."""
    print("\nmissed and wrong by type (templates by name with --held-out-errors: not for who writes rules)")
    for title, errors in (("missed", result.missed), ("wrong", result.wrong)):
        by_type: Counter[str] = Counter()
        for (_, row), count in errors.items():
            by_type[row] += count
        print(f"  {title}: {_named(by_type) or 'nothing'}")


def show_errors(result: Result, repeats: int, of: str) -> None:
    """What is missed and what is wrong, by template: no values."""
    for title, errors in (("missed", result.missed), ("wrong", result.wrong)):
        print(
            f"\n{of}, {title}, by template and type (each template filled {repeats} times or more)"
            if errors
            else f"\n{of}, {title}: nothing"
        )
        by_type: dict[str, list[str]] = {}
        for (template, row), count in sorted(errors.items()):
            by_type.setdefault(row, []).append(f"{template} ×{count}")
        for row in sorted(by_type):
            print(f"  {row}: {', '.join(by_type[row])}")


def show_cues(documents: Sequence[Document], result: Result) -> None:
    """Recall by what the text says of the value."""
    found: Counter[tuple[str, str]] = Counter()
    every: Counter[tuple[str, str]] = Counter()
    for document, flags in zip(documents, result.flags, strict=False):
        for span, flag in zip(document.spans, flags, strict=True):
            key = (document.template.cue, class_of(span.type))
            every[key] += 1
            found[key] += flag
    print("\nrecall by what the text says of a value: the plain keyword, everyday words, nothing")
    print(f"{'':12}" + "".join(f"{name:>22}" for name in TARGETS))
    for cue in ("label", "cue", "bare"):
        cells = [
            f"{_share(found[cue, name] / every[cue, name] if every[cue, name] else None)} of {every[cue, name]:,}"
            for name in TARGETS
        ]
        print(f"{cue:12}" + "".join(f"{cell:>22}" for cell in cells))


def show_look_alikes(result: Result, built_ins: Result | None, documents: Sequence[Document]) -> None:
    """False alarms on texts without personal information, by kind."""
    sizes = Counter((document.template.about, document.template.apart) for document in documents)
    print(
        f"\nlook-alikes: {sum(n for (_, apart), n in sizes.items() if not apart):,} texts without personal information; findings by kind"
    )
    for (kind, apart), count in sizes.items():
        if apart:
            continue
        own = _by_type(result.wrong, kind + ".")
        other = f"   built-ins {sum(_by_type(built_ins.wrong, kind + '.').values()):>5}" if built_ins else ""
        print(f"  {kind:34}{count:>6,} texts{sum(own.values()):>6}{other}   {_named(own)}".rstrip())
    print("apart, not part of the precision: what belongs to organisations or to nobody")
    for (kind, apart), count in sizes.items():
        if apart:
            own = Counter({row: n for (name, row), n in result.apart.items() if name == kind})
            print(f"  {kind:34}{count:>6,} texts{sum(own.values()):>6}   {_named(own)}".rstrip())


def _by_type(errors: Counter[tuple[str, str]], prefix: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for (template, row), count in errors.items():
        if template.startswith(prefix):
            found[row] += count
    return found


def _named(found: Counter[str]) -> str:
    return ", ".join(f"{row} {count}" for row, count in found.most_common())


def show_variants(base: Result, variants: Mapping[str, tuple[Sequence[Document], Result]], title: str) -> None:
    """For each way of writing: what is found of the values written so, beside the same values as they were."""
    print(f"\n{title}")
    print(f"{'way of writing':34}{'class':12}{'values':>8}{'as it was':>11}{'so':>8}  lowest types")
    for name, (documents, result) in variants.items():
        for of_class in TARGETS:
            counts: dict[str, list[int]] = {}
            for document, before, after in zip(documents, base.flags, result.flags, strict=True):
                for span, was, now in zip(document.spans, before, after, strict=True):
                    if span.changed and class_of(span.type) == of_class:
                        own = counts.setdefault(span.type, [0, 0, 0])
                        own[0] += 1
                        own[1] += was
                        own[2] += now
            if counts:
                values, was, now = (sum(column) for column in zip(*counts.values(), strict=True))
                low = sorted((own[2] / own[0], kind) for kind, own in counts.items())[:4]
                shown = ", ".join(f"{kind} {share:.2f}" for share, kind in low if share < 1)
                print(f"{name:34}{of_class:12}{values:>8,}{was / values:>11.3f}{now / values:>8.3f}  {shown}".rstrip())


def show_agreements(own: Iterable[Agreement], built_ins: Sequence[Agreement]) -> None:
    """Labelled sets: found of what is labelled, labelled of what is found."""
    print(
        "\nlabelled sets (overlap); not every labelled name or place is personal information: see benchmarks/personal/labelled.py"
    )
    print(
        f"{'set: label':40}{'labelled':>10}{'touched':>9}{'equal':>8}{'found':>8}{'of it labelled':>16}   built-ins: touched, of found labelled"
    )
    others = {(one.set, one.label): one for one in built_ins}
    for one in own:
        other = others.get((one.set, one.label))
        beside = (
            f"   {_part(other.spans_touched, other.spans)} {_part(other.found_touching, other.found)}" if other else ""
        )
        print(
            f"{f'{one.set}: {one.label}':40}{one.spans:>10,}{_part(one.spans_touched, one.spans):>9}{_part(one.spans_equal, one.spans):>8}"
            f"{one.found:>8,}{_part(one.found_touching, one.found):>16}{beside}"
        )


def _part(count: int, of: int) -> str:
    return f"{count / of:.3f}" if of else "—"


def show_alarms(alarms: Alarms) -> None:
    """Counted findings and false alarms per million characters by source and bucket; limits where nearly none are right."""
    print(
        f"\ncounted findings in ordinary text ({_sample(alarms)}), those of organisations not counted; false: all but those"
        "\njudged right in benchmarks/personal/adjudicated.tsv; a limit on them where nearly all would be false"
    )
    print(
        f"{'source':22}{'documents':>10}{'M chars':>9}{'found':>8}{'per M':>9}{'false':>8}{'per M':>9}{'limit':>7}{'':6}types of the false"
    )
    for source in sorted({source for source, _ in alarms.characters}):
        buckets = sorted(bucket for own, bucket in alarms.characters if own == source)
        _alarm_row(alarms, source, source, buckets, LIMITS.get(source))
        if len(buckets) > 1:
            for bucket in buckets:
                _alarm_row(alarms, source, f"  {bucket}", [bucket], None)
    _show_judged(alarms)


def _sample(alarms: Alarms) -> str:
    return "all of it" if alarms.share >= 1 else f"{alarms.share:.1%} of the documents, chosen by their text"


def _of(counts: Mapping[tuple[str, str, str], int], source: str, buckets: Sequence[str] | None = None) -> Counter[str]:
    """Counts of a source, or of some of its buckets, by type; those of organisations left out."""
    types: Counter[str] = Counter()
    for (own, bucket, kind), count in counts.items():
        if own == source and (buckets is None or bucket in buckets) and kind not in ORGANISATION:
            types[kind] += count
    return types


def _alarm_row(alarms: Alarms, source: str, title: str, buckets: Sequence[str], limit: float | None) -> None:
    characters = sum(alarms.characters[source, bucket] for bucket in buckets)
    documents = sum(alarms.documents[source, bucket] for bucket in buckets)
    found, types = _of(alarms.found, source, buckets).total(), _of(alarms.false(), source, buckets)
    false = types.total()
    rate = _per_million(false, characters)
    mark = "" if limit is None else "pass" if rate <= limit else "FAIL"
    limits = "" if limit is None else f"{limit:.0f}"
    print(
        f"{title:22}{documents:>10,}{characters / 1e6:>9.2f}{found:>8,}{_per_million(found, characters):>9.1f}{false:>8,}{rate:>9.1f}"
        f"{limits:>7} {mark:5}{_named(types)}".rstrip()
    )


def _per_million(count: int, characters: int) -> float:
    return count / characters * 1e6 if characters else 0.0


def _show_judged(alarms: Alarms) -> None:
    """The findings somebody judged, apart, by source and verdict."""
    print(f"\njudged findings: {alarms.judged.total():,} of {alarms.found.total():,}, by source, verdict and kind")
    rows: dict[tuple[str, str], Counter[str]] = {}
    for (source, _, kind_of, judgement), count in alarms.judged.items():
        rows.setdefault((source, judgement.verdict), Counter())[f"{kind_of} ({judgement.kind})"] += count
    for (source, verdict), kinds in sorted(rows.items()):
        print(f"  {source:22}{verdict:14}{kinds.total():>6,}   {_named(kinds)}")


def show_built_in_alarms(alarms: Alarms, built_ins: Alarms) -> None:
    """Presidio's recognizers and ours on the same documents."""
    print(
        f"\nPresidio's built-in recognizers and ours on the same documents ({_sample(built_ins)}), per million characters"
    )
    print(f"{'source':22}{'M chars':>9}{'built-ins':>11}{'ours':>9}{'ours, false':>13}  types of the built-ins")
    for source in sorted({source for source, _ in built_ins.characters}):
        characters = sum(count for (name, _), count in built_ins.characters.items() if name == source)
        types = _of(built_ins.found, source)
        rates = (
            _per_million(_of(counts, source).total(), characters)
            for counts in (built_ins.found, alarms.found, alarms.false())
        )
        theirs, own, false = rates
        print(f"{source:22}{characters / 1e6:>9.2f}{theirs:>11.1f}{own:>9.1f}{false:>13.1f}  {_named(types)}".rstrip())
