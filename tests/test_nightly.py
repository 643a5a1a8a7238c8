"""Night after night on one output: a change costs what depends on it, and leaves the books as a run from scratch would."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard

from blacklist.log import BlacklistLog
from models import STARTER_MODEL
from pipeline.config import load_config
from pipeline.run import Options, run
from pipeline.terminal.overview import failed_gates
from schemas import profile
from tests.audits import SOURCES, Corpus, audit, contents, events, give_salt, jsonl, make_corpus, sql, texts
from transforms import fingerprint

SPLIT = {"limits": {"unit_bytes": 65536}}  # each large shard is a unit of its own
LAYERS = {"base", "keywords", "classifier", "pii", "fingerprint", "rights"}


@dataclass
class Nights:
    """A corpus and an output that has seen a first run."""

    corpus: Corpus
    out: Path

    def change(self, **changes: Any) -> None:
        self.corpus.write(**{**SPLIT, **changes})

    def run(self, out: Path | None = None) -> "Night":
        """A run in this process."""
        target = out or self.out
        give_salt(target)
        unchanged = run(load_config(self.corpus.config, target), Options()).unchanged
        return Night(unchanged, events(target))


@dataclass
class Night:
    """What one run did, by its events."""

    unchanged: bool
    happened: list[dict[str, Any]]

    @property
    def scanned(self) -> dict[str, set[str]]:
        """Units that were read, with the layers that were built."""
        told = (event for event in self.happened if event["event"] == "unit_scanned")
        return {event["unit"]: set(event["layers_built"]) for event in told if event["layers_built"]}

    @property
    def decided(self) -> set[str]:
        """Units whose decisions were made anew."""
        return {event["unit"] for event in self.happened if event["event"] == "unit_decided" and event["built"]}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    folder = tmp_path_factory.mktemp("nights")
    nights = Nights(make_corpus(folder / "c", scale=3), folder / "o")
    nights.change()
    night = nights.run()
    assert set().union(*night.scanned.values()) == LAYERS
    return nights


@pytest.fixture
def nights(first: Nights, tmp_path: Path) -> Nights:
    """A copy of the output, with a configuration of its own over the same shards."""
    shutil.copytree(first.out, tmp_path / "o", symlinks=True)
    return Nights(Corpus(first.corpus.folder, tmp_path / "config.json"), tmp_path / "o")


def sources(nights: Nights, **of_first: Any) -> list[dict[str, Any]]:
    """The corpus's sources, seen from the folder of the test."""
    found = [{**source, "paths": [str(nights.corpus.folder / path) for path in source["paths"]]} for source in SOURCES]
    return [{**found[0], **of_first}, *found[1:]]


def units(out: Path) -> set[str]:
    return {path.stem for path in (out / "current" / "documents").iterdir()}


def units_of(out: Path, source: str) -> set[str]:
    return {unit for unit in units(out) if unit.rpartition("-")[0] == source}


def other_lexicon(nights: Nights) -> dict[str, Any]:
    (nights.corpus.config.parent / "own.tsv").write_text(
        "term\trisks\ttier\n公园散步\tA1-h\treview\n", encoding="utf-8"
    )
    return {"lexicons": ["own.tsv"]}


def other_model(nights: Nights) -> dict[str, Any]:
    folder = nights.corpus.config.parent / "model"
    shutil.copytree(str(STARTER_MODEL), folder)
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    next(iter(labels["calibration"].values()))["offset"] += 0.25
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    return {"classifier": {"model": "model"}}


def other_policy(nights: Nights) -> dict[str, Any]:
    rule = "{name: any, when: {block: 1}, assess: violation, filter: false}"
    (nights.corpus.config.parent / "policy.yaml").write_text(f"id: mine\nversion: 1\nrules:\n  - {rule}\n")
    return {"policy": "policy.yaml"}


def other_profile(nights: Nights) -> dict[str, Any]:
    shipped = Path(str(profile.__file__)).parent / "profiles" / "tc260-003.yaml"
    text = shipped.read_text(encoding="utf-8").replace("id: tc260-003", "id: stricter", 1)
    (nights.corpus.config.parent / "stricter.yaml").write_text(text.replace("A4-e, A4-g]", "A4-e]", 1), "utf-8")
    return {"profile": "stricter.yaml"}


@pytest.mark.parametrize(
    ("change", "layers"),
    [
        pytest.param(other_lexicon, {"keywords"}, id="lexicon"),
        pytest.param(other_model, {"classifier"}, id="classifier"),
        pytest.param(other_policy, set(), id="policy"),
        pytest.param(other_profile, set(), id="profile"),
    ],
)
def test_rules_are_applied_anew_where_only_they_changed(
    nights: Nights, change: Callable[[Nights], dict[str, Any]], layers: set[str]
) -> None:
    nights.change(sources=sources(nights), **change(nights))
    before = units(nights.out)
    night = nights.run()
    assert set().union(*night.scanned.values()) == layers
    assert set(night.scanned) == (before if layers else set())
    assert night.decided == before
    audit("verify", nights.out)


@pytest.mark.parametrize(
    ("name", "clause", "decides"),
    [
        pytest.param("tc260-003-2024", "9.2a", False, id="the same numerator"),
        pytest.param("gbt-45654-2025", "24:9.2a", True, id="all 29 risks"),
    ],
)
def test_another_edition_is_decided_anew_where_its_numerator_is_another_and_read_nowhere(
    nights: Nights, name: str, clause: str, decides: bool
) -> None:
    nights.change(sources=sources(nights), profile=name)
    before = units(nights.out)
    night = nights.run()
    assert (night.scanned, night.decided, night.unchanged) == ({}, before if decides else set(), False)
    assert sql(nights.out, "SELECT profile FROM run_info") == [(name,)]
    assert sql(nights.out, f"SELECT count(*) FROM clauses WHERE clause = '{clause}'") == [(1,)]
    result = json.loads((nights.out / "current" / "result.json").read_text(encoding="utf-8"))
    assert result["custom_profile"] is True, "for its small sample alone"
    assert result["profile_standing"]["may_pass"] is True
    assert result["profile_standing"]["edition"]["in_force"] is (name == "gbt-45654-2025")
    assert "38 clauses not checked with the standard's text" in audit("status", nights.out).stdout
    audit("verify", nights.out)


TITLE = "title: 集团口径\nbasis: {not_applicable: {source: 法务核对, confidence: A}}\nsource_rate: {maximum: [1, 50]}\n"


@pytest.mark.parametrize(
    ("changes", "decides", "looser"),
    [
        pytest.param(TITLE, False, 0, id="title, source and threshold"),
        pytest.param("not_applicable: []\n", True, 0, id="what counts"),
        pytest.param("illegal_unhealthy: [A1-a]\n", True, 1, id="numerator"),
    ],
)
def test_a_profile_that_extends_ours_is_decided_anew_only_for_what_decides(
    nights: Nights, changes: str, decides: bool, looser: int
) -> None:
    was = json.loads((nights.out / "current" / "manifest.json").read_text(encoding="utf-8"))
    own = nights.corpus.config.parent / "own.yaml"
    own.write_text(f"id: own\nextends: tc260-003\n{changes}", encoding="utf-8")
    nights.change(sources=sources(nights), profile="own.yaml")
    before = units(nights.out)
    night = nights.run()
    assert (night.scanned, night.decided, night.unchanged) == ({}, before if decides else set(), False)
    result = json.loads((nights.out / "current" / "result.json").read_text(encoding="utf-8"))
    assert len(result["profile_standing"]["looser"]) == looser
    assert result["profile_standing"]["may_pass"] is (looser == 0)
    now = json.loads((nights.out / "current" / "manifest.json").read_text(encoding="utf-8"))
    assert (now["versions"]["decider"] != was["versions"]["decider"]) is decides
    assert now["ruleset_sha256"] != was["ruleset_sha256"], "lifts are bound to it, and hold for one source rate"
    audit("verify", nights.out)


def test_the_version_of_one_stage_costs_its_layer_alone(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "VERSION", 99)
    nights.change(sources=sources(nights))
    night = nights.run()
    assert set().union(*night.scanned.values()) == {"fingerprint"}
    assert night.decided == set(), "no decision rests on it"


def test_a_seed_costs_a_draw(nights: Nights) -> None:
    before = contents(nights.out)
    nights.change(sources=sources(nights), seed="other")
    night = nights.run()
    assert (night.scanned, night.decided) == ({}, set())
    after = contents(nights.out)
    assert before.pop("samples/manual.parquet") != after.pop("samples/manual.parquet")
    assert {name for name in before if before[name] != after[name]} <= {"samples/technical.parquet", "result.json"}


def test_the_blacklist_costs_the_decisions_it_is_about(nights: Nights) -> None:
    nights.change(sources=sources(nights))
    audit("blacklist", "add", nights.out, "table", "--by", "Li", "--reason", "合同到期")
    night = nights.run()
    assert night.scanned == {}
    assert night.decided == units_of(nights.out, "table")
    manifest = json.loads((nights.out / "current" / "manifest.json").read_text())
    held = {"source_version": manifest["source_versions"]["bad"], "ruleset_sha256": manifest["ruleset_sha256"]}
    lift = {"event": "lifted", "source_key": "bad", "scope": "suspended", "reason": "盲评", "by": "Li + Wang"}
    BlacklistLog(nights.out / "blacklist").append([lift | {"evidence": held}])  # as one on a closed round would be
    night = nights.run()
    assert night.scanned == {}
    assert night.decided <= units_of(nights.out, "bad"), (
        "at most its own; the first run may have decided them so before"
    )
    assert sql(nights.out, "SELECT status FROM source_stats WHERE source_id = 'bad'") == [("admitted",)]
    assert sql(nights.out, "SELECT status FROM source_stats WHERE source_id = 'table'") == [("blacklisted",)]


def test_a_new_source_costs_itself_and_a_renamed_one_is_another(nights: Nights) -> None:
    before = units(nights.out)
    (nights.corpus.config.parent / "more.jsonl").write_bytes(jsonl([{"text": text} for text in texts("more", 30)]))
    more = {"id": "more", "name": "新来源", "kind": "open", "region": "domestic", "paths": ["more.jsonl"]}
    nights.change(sources=[*sources(nights), more])
    night = nights.run()
    assert night.scanned == {"more-00000": LAYERS}
    assert night.decided == {"more-00000"}
    assert units(nights.out) == before | {"more-00000"}
    nights.change(sources=[*sources(nights), more | {"id": "renamed"}])
    night = nights.run()
    assert set(night.scanned) == {"renamed-00000"}
    assert units(nights.out) == before | {"renamed-00000"}
    renamed = json.loads(audit("query", nights.out, "changes_inputs", "--format", "json").stdout)
    assert [(row["before"], row["after"]) for row in renamed if "renamed" in row["what"]] == [("more", "renamed")]
    nights.change(sources=sources(nights))
    night = nights.run()
    assert (night.scanned, night.decided) == ({}, set()), "taking a change back costs nothing"
    assert units(nights.out) == before
    audit("verify", nights.out)


def more_shards(folder: Path) -> None:
    """A large shard behind the others of its source, a small one in another."""
    (folder / "plain" / "c.jsonl").write_bytes(
        jsonl([{"id": f"c{i}", "text": t} for i, t in enumerate(texts("丙", 600))])
    )
    (folder / "packed" / "deep" / "c.jsonl.zst").write_bytes(
        zstandard.compress(jsonl([{"id": "x", "text": "春天来了。"}]))
    )


def fewer_shards(folder: Path) -> None:
    (folder / "plain" / "b.jsonl").unlink()
    (folder / "packed" / "deep" / "b.jsonl.zst").unlink()


def changed_shards(folder: Path) -> None:
    """Rows put in, taken out and rewritten, in a shard that is cut into parts and in one of a single part."""
    lines = (folder / "plain" / "a.jsonl").read_bytes().splitlines(keepends=True)
    lines[3:5] = [
        jsonl([{"id": "put-in", "text": "放进来的一条。"}]),
        lines[4].replace("天气".encode(), "气候".encode()),
    ]
    (folder / "plain" / "a.jsonl").write_bytes(b"".join(lines))
    rows = [{"id": f"b{i}", "text": text} for i, text in enumerate(texts("bad", 60, every=30))]
    (folder / "bad" / "x.jsonl.zst").write_bytes(zstandard.compress(jsonl(rows)))


@pytest.mark.parametrize("change", [more_shards, fewer_shards, changed_shards])
def test_shards_come_go_and_change_and_the_books_are_those_of_a_run_from_scratch(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    nights = Nights(make_corpus(tmp_path / "c"), tmp_path / "o")
    nights.change()
    nights.run()
    before = units(nights.out)
    change(nights.corpus.folder)
    night = nights.run()
    assert night.scanned, "something was read"
    assert not {unit for unit in night.scanned if unit.startswith("table")}, "what did not change was not"
    if change is more_shards:
        assert not before & {unit for unit in night.scanned if unit.startswith("plain")}, "a large shard costs itself"
    audit("verify", nights.out)
    if change is changed_shards:  # a source once suspended stays so: the fresh output learns of it too
        shutil.copytree(nights.out / "blacklist", tmp_path / "fresh" / "blacklist")
        (tmp_path / "fresh" / ".corpus-audit").write_text("corpus-audit output, layout 1\n")
        shutil.copy(nights.out / "personal-information.salt", tmp_path / "fresh")
    nights.run(tmp_path / "fresh")
    assert contents(nights.out) == contents(tmp_path / "fresh")
    books = "SELECT source_id, shard, records_read, audited, rejected, complete FROM ledger ORDER BY ALL"
    assert sql(nights.out, books) == sql(tmp_path / "fresh", books)


def test_nothing_changed_costs_nothing(first: Nights) -> None:
    published = (first.out / "publications.ndjson").read_bytes()
    first.change()
    assert first.run().unchanged
    assert (first.out / "publications.ndjson").read_bytes() == published


GATES = ("blacklist", "technical", "manual", "rejects", "provenance", "clauses")


@pytest.mark.parametrize("gate", GATES)
def test_each_gate_says_what_the_result_says(first: Nights, gate: str) -> None:
    passed = json.loads((first.out / "current" / "result.json").read_text())["gates"]
    assert set(passed) == set(GATES)
    assert failed_gates(first.out / "current", (gate,)) == ([] if passed[gate] else [gate])


def test_gates_that_fail_are_named_in_the_order_asked_and_exit_1(first: Nights) -> None:
    first.change()
    done = audit("run", first.corpus.config, "--out", first.out, "--fail-on", ",".join(GATES), check=1)
    named = [line.partition(": ")[2] for line in done.stderr.splitlines() if line.startswith("未通过的关卡")]
    assert named == [", ".join(failed_gates(first.out / "current", GATES))]
    assert {"blacklist", "manual", "rejects", "provenance", "clauses"} <= set(named[0].split(", "))


def test_a_gate_that_passes_exits_0(tmp_path: Path) -> None:
    """A clean corpus passes the gates `blacklist` and `rejects`, by themselves and together."""
    (tmp_path / "a.jsonl").write_bytes(jsonl([{"id": i, "text": text} for i, text in enumerate(texts("a", 80))]))
    source = {"id": "a", "name": "甲", "kind": "open", "region": "domestic", "paths": ["a.jsonl"]}
    corpus = Corpus(tmp_path, tmp_path / "config.json")
    corpus.write(sources=[source])
    audit("run", corpus.config, "--out", tmp_path / "o", "--fail-on", "blacklist,rejects")
    done = audit("run", corpus.config, "--out", tmp_path / "o", "--fail-on", "blacklist,provenance", check=1)
    assert "gates failed: provenance" in done.stderr
