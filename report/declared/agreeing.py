"""Whether declarations agree with the run and the annotation log: sources and clauses there are, people, days."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from pipeline.store.output import Run
from pipeline.terminal.opening import open_audit
from report.declared.model import Declarations
from report.declared.parts import Place, walk
from schemas.profile import Profile, load_profile

Told = Iterator[tuple[Place, str]]


def with_run(declared: Declarations, run: Run) -> Told:
    """What is declared of sources the run has none of, or of clauses no edition has: place, what to do."""
    with open_audit(run) as audit:
        sources = {source for (source,) in audit.execute("SELECT source_id FROM sources").fetchall()}
    yield from unknown(declared, "source_id", sources, "来源 / source")
    yield from unknown(declared, "clause", _clauses(run), "条款 / clause")


def unknown(declared: Declarations, key: str, known: Collection[str], what: str) -> Told:
    """Every value of that key that is not among the known ones."""
    for place, value in walk(declared):
        if place and place[-1] == key and value not in known:
            yield place, f"没有这个 / no such {what}: {value}; {', '.join(sorted(known)) or '-'}"


def with_log(declared: Declarations, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Told:
    """Head counts that are not those of the staff list, and a log that goes on after the day of the report."""
    annotation, organisation = declared.annotation, declared.organisation
    if annotation is None or not rows["log"]:
        return
    for employment in ("internal", "external"):
        told = getattr(annotation, employment)
        listed = sum(row["employment"] == employment for row in rows["staff"])
        if told is not None and told != listed:
            yield (
                ("annotation", employment),
                f"申报 {told} 人，台账 {listed} 人，请改正其一 / {told} are declared and {listed} are on the staff list: correct one of them",
            )
    last = rows["log"][0]["last_day"]
    if organisation is not None and last > organisation.day.isoformat():
        yield (
            ("annotation", "log"),
            f"日志有报告日期之后的事件（{last}） / the log has events after the day of the report: correct one of them",
        )


def _clauses(run: Run) -> set[str]:
    """The keys of the run's profile and of every shipped one: the same declarations serve when the edition is changed."""
    shipped = resources.files("schemas").joinpath("profiles").iterdir()
    names = sorted(file.name.removesuffix(".yaml") for file in shipped if file.name.endswith(".yaml"))
    profiles = [Profile.model_validate(run.manifest["profile"]), *map(load_profile, names)]
    return {clause.key for profile in profiles for clause in profile.clauses if clause.key}
