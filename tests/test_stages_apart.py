"""Safety prompts and rejected answers violate by design: listed apart in runs and rounds, never judged as ordinary nor passed over."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.store.output import Output
from rounds.design import Design
from rounds.register import find_round
from rounds.tables import MANUAL, SAMPLE
from schemas.sources import APART_RULE
from tests.audits import BAD_WORDING, SOURCES, audit, jsonl, make_corpus, sql
from tests.made_rounds import bad, facts_of, good, result
from tests.round_runs import Clock, drawn, events_of, items_of, opened

STAGES = {"prompts": "safety", "pairs": "preference"}
DESIGN = Design(manual=60, stage=20, positive=10, negative=15, second="0.2", known=4, repeat="0")


def add_apart(folder: Path) -> list[dict[str, Any]]:
    """Two more sources, each document of which violates, one with URLs of a site of its own."""
    more = []
    for name, stage in STAGES.items():
        (folder / name).mkdir()
        rows = [
            {"id": i, "text": f"{name} 第{i}问：{BAD_WORDING}", "url": f"https://red.example.org/{i}"}
            for i in range(70)
        ]
        (folder / name / "a.jsonl").write_bytes(jsonl(rows))
        more.append(
            {"id": name, "name": name, "kind": "open", "region": "domestic", "stage": stage, "paths": [f"{name}/*"]}
        )
    return more


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of four ordinary sources and two that are listed apart."""
    folder = tmp_path_factory.mktemp("apart")
    corpus = make_corpus(folder / "c")
    corpus.write(sources=[*SOURCES, *add_apart(folder / "c")])
    audit("run", corpus.config, "--out", folder / "o")
    return folder / "o"


@pytest.fixture
def out(audited: Path, tmp_path: Path) -> Path:
    shutil.copytree(audited, tmp_path / "o", symlinks=True)
    return tmp_path / "o"


def result_of(out: Path) -> Any:
    return json.loads((out / "current" / "result.json").read_text())


def test_a_run_lists_them_apart_and_judges_the_others(audited: Path) -> None:
    rows = {row["source_id"]: row for row in result_of(audited)["sources"]}
    assert result_of(audited)["blacklisted"] == ["bad"]
    assert result_of(audited)["blacklisted_domains"] == []
    for name, stage in STAGES.items():
        row = rows[name]
        assert (row["stage"], row["violations"], row["documents"], row["status"]) == (stage, 70, 70, "admitted")
        assert row["needs_review"] and "stage_listed_apart" in row["review_reasons"]
    assert all("stage_listed_apart" not in rows[source["id"]]["review_reasons"] for source in SOURCES)
    ((verdict, basis),) = sql(audited, "SELECT verdict, basis FROM clauses WHERE clause = '5.1a2'")
    assert verdict == "待人工" and APART_RULE in basis and "prompts" in basis and "pairs" in basis
    assert "单列" in audit("status", audited).stdout
    audit("verify", audited)


def test_a_round_samples_them_by_stage_alone(out: Path) -> None:
    clock = Clock()
    found = opened(out, clock, design=DESIGN)
    admitted = dict(sql(out, "SELECT stage, count(*) FROM documents WHERE admitted GROUP BY stage"))
    assert found.opened["strata"]["manual"] == admitted["pretrain"]
    assert found.opened["frame"]["documents"] == sum(admitted.values())
    assert not [name for name in found.opened["strata"] if re.match("source:(prompts|pairs):", name)]
    told = found.opened["apart"]
    assert told["rule"] == APART_RULE
    assert [(row["stage"], row["sources"], row["collected"]) for row in told["stages"]] == [
        ("preference", ["pairs"], 70),
        ("safety", ["prompts"], 70),
    ]
    drawn(out, clock)
    items = [row for row in items_of(find_round(Output(out))) if row["kind"] == SAMPLE]
    for row in items:
        apart = row["source_id"] in STAGES
        assert apart == (row["stage"] in STAGES.values())
        if apart:
            assert row["samples"] == [f"stage:{row['stage']}"]
    drawn_of = {
        name: sum(name in row["samples"] for row in items) for name in (MANUAL, "stage:safety", "stage:preference")
    }
    assert drawn_of == {MANUAL: 60, **{f"stage:{stage}": 20 for stage in STAGES.values()}}
    assert "单列阶段" in audit("round", "status", out).stdout
    audit("verify", out)


def test_a_register_that_leaves_them_out_is_found(out: Path) -> None:
    from rounds.redrawing import reframed

    found = opened(out, Clock(), design=DESIGN)
    assert list(reframed(Output(out), found)) == []
    found.opened["apart"]["stages"][0]["admitted"] += 1
    assert any("单列" in problem for problem in reframed(Output(out), found))


def test_only_named_sources_have_a_sample_and_the_others_are_left_to_people(out: Path) -> None:
    clock = Clock()
    design = Design(manual=60, stage=5, positive=60, negative=300, second="0", known=0, repeat="0", sources=("table",))
    opened(out, clock, design=design)
    assert events_of(out)[0]["design"]["sources"] == ["table"]
    drawn(out, clock)
    sizes = {name: size for name, size in events_of(out)[-1]["sizes"].items() if size and name.startswith("source:")}
    assert sizes == {"source:table:negative": 240}
    audit("verify", out)


@pytest.mark.parametrize("sources", [("nobody",), ("table", "prompts")])
def test_a_source_that_has_no_sample_cannot_be_named(out: Path, sources: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--source-sample"):
        opened(out, Clock(), design=Design(sources=sources))
    assert not (out / "rounds" / "register.ndjson").exists()


@pytest.mark.parametrize("changes", [{"sources": ()}, {"sources": ("a",), "positive": 0, "negative": 0}])
def test_naming_no_source_to_sample_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--source-sample"):
        Design(**changes)


def test_a_design_comes_back_from_the_register_as_it_was() -> None:
    for design in (Design(), Design(sources=("b", "a"))):
        assert Design(**json.loads(json.dumps(design.stated()))) == design


STRATA = {"manual": 5000, "source:a:negative": 300, "source:b:negative": 300}
ITEMS = [good(4000, "manual"), good(300, "source:a:negative")]


def source_clause(specs: Any, strata: dict[str, int], **facts: Any) -> tuple[str, str]:
    """Verdict and basis of 5.1 a 2."""
    content = result(specs, strata, facts_of(["a", "b"], **facts)).content
    ((verdict, basis),) = [(row["verdict"], row["basis"]) for row in content["clauses"] if row["clause"] == "5.1a2"]
    return verdict, basis


def test_a_source_without_a_sample_never_passes() -> None:
    assert source_clause([*ITEMS, good(300, "source:b:negative")], STRATA)[0] == "符合"
    verdict, basis = source_clause(ITEMS, STRATA)
    assert verdict == "待人工" and "cannot be told yet: b；" in basis
    rows = {row["source_id"]: row for row in result(ITEMS, STRATA, facts_of(["a", "b"])).content["sources"]}
    assert (rows["b"]["conclusion"], rows["b"]["rate"], rows["b"]["rate_high"]) == ("待人工", None, 1.0)


def test_a_stage_listed_apart_fails_nobody_and_passes_nobody() -> None:
    strata = {"manual": 5000, "stage:pretrain": 5000, "stage:safety": 100, "source:a:negative": 300}
    specs = [*ITEMS, bad(100, "stage:safety")]
    known = facts_of(["a", "b"])
    sources = {**known.sources, "b": replace(known.sources["b"], apart=True, documents=100)}
    content = result(specs, strata, replace(known, sources=sources)).content
    assert (content["manual"]["failures"], content["manual"]["passes"]) == (0, True)
    assert APART_RULE in content["manual"]["basis"] and "b（100 条" in content["manual"]["basis"]
    stages = {row["stage"]: (row["apart"], row["failures"], row["judged"]) for row in content["stages"]}
    assert stages == {"pretrain": (False, 0, 0), "safety": (True, 100, 100)}
    ((verdict, basis),) = [(row["verdict"], row["basis"]) for row in content["clauses"] if row["clause"] == "5.1a2"]
    assert verdict == "待人工" and APART_RULE in basis
