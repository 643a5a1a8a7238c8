"""A source on the blacklist does not come back under another name: the listing follows its shards and its texts."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blacklist.log import BlacklistLog
from pipeline.nights.prune import prune
from pipeline.origins.held import BY, TEXTS, Held, Listing
from pipeline.origins.renames import Having, judged
from pipeline.store.output import Output, write_json
from pipeline.verification.verify import verify
from tests.audits import SOURCES, Corpus, jsonl, make_corpus, reseal, result, sql, texts
from tests.round_runs import copied, night

LISTED = "plain"
REST = [source for source in SOURCES if source["id"] != LISTED]
PLAIN: dict[str, Any] = SOURCES[0]
Move = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus and its run, after which people put a source on the blacklist."""
    corpus = make_corpus(tmp_path_factory.mktemp("renames") / "c")
    out = corpus.folder.parent / "o"
    night(corpus, out)
    event = {"event": "blacklisted", "source_key": LISTED, "scope": "source", "reason": "人工评估", "by": "李"}
    BlacklistLog(out / "blacklist").append([{**event, "evidence": {}}])
    assert _status(out)[LISTED] == "admitted"
    return corpus


@pytest.fixture
def own(listed: Corpus, tmp_path: Path) -> tuple[Corpus, Path]:
    """A copy of the corpus and of its output."""
    folder = copied(listed.folder, tmp_path / "c")
    return Corpus(folder, folder / "config.json"), copied(listed.folder.parent / "o", tmp_path / "o")


def _status(out: Path) -> dict[str, str]:
    return {row["source_id"]: row["status"] for row in result(out)["sources"]}


def _next(own: tuple[Corpus, Path], sources: list[dict[str, Any]]) -> None:
    corpus, out = own
    corpus.write(sources=sources)
    night(corpus, out)


def _problems(out: Path) -> list[str]:
    return [f"{check.title}: {problem}" for check in verify(Output(out)) for problem in check.problems]


def _renamed(folder: Path) -> list[dict[str, Any]]:
    return [*REST, {**PLAIN, "id": "fresh"}]


def _moved(folder: Path) -> list[dict[str, Any]]:
    (folder / "plain").rename(folder / "elsewhere")
    return [*REST, {**PLAIN, "id": "fresh", "paths": ["elsewhere/*.jsonl"]}]


def _one_shard_and_others(folder: Path) -> list[dict[str, Any]]:
    shutil.copy(folder / "plain" / "b.jsonl", folder / "plain" / "z.jsonl")
    (folder / "plain" / "b.jsonl").unlink()
    (folder / "plain" / "y.jsonl").write_bytes(jsonl([{"text": text} for text in texts("其他", 900)]))
    return [*REST, {**PLAIN, "id": "fresh", "paths": ["plain/[yz].jsonl"]}]


def _merged(folder: Path) -> list[dict[str, Any]]:
    packed = {**SOURCES[1], "paths": ["packed/**", "plain/a.jsonl"]}
    return [packed if source["id"] == "packed" else source for source in REST]


def _name_kept_for_a_remainder(folder: Path) -> list[dict[str, Any]]:
    first, second = ({**PLAIN, "paths": [f"plain/{name}.jsonl"]} for name in "ba")
    return [*REST, first, {**second, "id": "fresh"}]


def _written_anew(folder: Path) -> list[dict[str, Any]]:
    for name in "ab":
        content = (folder / "plain" / f"{name}.jsonl").read_bytes()
        (folder / "plain" / f"{name}.jsonl").unlink()
        (folder / "plain" / f"{name}.jsonl.gz").write_bytes(gzip.compress(content, mtime=0))
    return [*REST, {**PLAIN, "id": "fresh", "paths": ["plain/*.jsonl.gz"]}]


def _safety(folder: Path) -> list[dict[str, Any]]:
    return [*REST, {**PLAIN, "id": "fresh", "stage": "safety"}]


def _in_parts(folder: Path) -> list[dict[str, Any]]:
    """Each under a name of its own, written anew: most of each was in the listed one."""
    lines = (folder / "plain" / "a.jsonl").read_bytes().splitlines(keepends=True)
    for number in range(3):
        (folder / "plain" / f"part{number}.jsonl").write_bytes(b"".join(lines[number::3]))
    return [*REST, *({**PLAIN, "id": f"fresh{n}", "paths": [f"plain/part{n}.jsonl"]} for n in range(3))]


@pytest.mark.parametrize(
    ("move", "found", "by_shards"),
    [
        (_renamed, ["fresh"], True),
        (_moved, ["fresh"], True),
        (_one_shard_and_others, ["fresh"], True),
        (_merged, ["packed"], True),
        (_name_kept_for_a_remainder, ["fresh"], True),
        (_safety, ["fresh"], True),
        (_written_anew, ["fresh"], False),
        (_in_parts, ["fresh0", "fresh1", "fresh2"], False),
    ],
)
def test_what_a_listed_source_held_is_not_admitted_under_another_name(
    own: tuple[Corpus, Path], move: Move, found: list[str], by_shards: bool
) -> None:
    corpus, out = own
    _next(own, move(corpus.folder))
    events = [event for event in BlacklistLog(out / "blacklist").events() if event["by"] == BY]
    assert [(event["source_key"], event["scope"]) for event in events] == [(name, "source") for name in found]
    assert {event["evidence"]["renamed_from"] for event in events} == {LISTED}
    assert all(bool(event["evidence"]["shards"]) is by_shards for event in events)
    for name in found:
        reasons = f"SELECT status, admitted_documents, review_reasons FROM source_stats WHERE source_id = '{name}'"
        ((status, admitted, told),) = sql(out, reasons)
        assert (status, admitted) == ("blacklisted", 0) and "suspected_rename" in told
        why = f"SELECT DISTINCT exclusion_reason FROM documents WHERE source_id = '{name}'"
        assert sql(out, why) == [("source_blacklisted",)]
    assert _problems(out) == []


def test_taking_a_listed_source_out_for_a_while_and_pruning_do_not_forget_it(own: tuple[Corpus, Path]) -> None:
    corpus, out = own
    for seed in ("two", "three"):
        corpus.write(sources=REST, seed=seed)
        night(corpus, out)
    assert len(prune(Output(out), 1).runs) == 2
    _next(own, _written_anew(corpus.folder))
    night(corpus, out)  # and the night after
    assert _status(out)["fresh"] == "blacklisted"
    assert len([event for event in BlacklistLog(out / "blacklist").events() if event["by"] == BY]) == 1
    assert _problems(out) == []


def test_a_source_listed_when_it_was_out_already_is_looked_for_in_earlier_runs(own: tuple[Corpus, Path]) -> None:
    out = own[1]
    without = [source for source in SOURCES if source["id"] != "packed"]
    _next(own, without)
    event = {"event": "blacklisted", "source_key": "packed", "scope": "source", "reason": "人工评估", "by": "李"}
    BlacklistLog(out / "blacklist").append([{**event, "evidence": {}}])
    _next(own, [*without, {**SOURCES[1], "id": "fresh"}])
    assert _status(out)["fresh"] == "blacklisted"
    assert _problems(out) == []


def test_other_sources_are_left_alone(own: tuple[Corpus, Path]) -> None:
    corpus, out = own
    (corpus.folder / "other.jsonl").write_bytes(jsonl([{"text": text} for text in texts("新来", 80)]))
    few = [{"text": text} for text in [*texts("plain", 9, every=50), *texts("另一", 300)]]
    (corpus.folder / "few.jsonl").write_bytes(jsonl(few))
    added = [{**PLAIN, "id": name, "paths": [f"{name}.jsonl"]} for name in ("other", "few")]
    _next(own, [*REST, *added])
    told = sql(out, "SELECT source_id FROM source_stats WHERE list_contains(review_reasons, 'suspected_rename')")
    assert told == [] and _status(out)["few"] == "admitted"
    assert [event["by"] for event in BlacklistLog(out / "blacklist").events()] == ["rule:5.1a2", "李"]
    assert _problems(out) == []


def _same_site(folder: Path) -> list[dict[str, Any]]:
    rows = [{"text": text, "url": f"https://bbs.example.com/{n}"} for n, text in enumerate(texts("后来", 70))]
    (folder / "later.jsonl").write_bytes(jsonl(rows))
    return [source for source in SOURCES if source["id"] != "packed"]


def _same_data_set(folder: Path) -> list[dict[str, Any]]:
    (folder / "later.jsonl").write_bytes(jsonl([{"text": text} for text in texts("后来", 70)]))
    return REST


@pytest.mark.parametrize(("come", "listed_too"), [(_same_site, "packed"), (_same_data_set, LISTED)])
def test_a_site_or_data_set_in_common_of_what_came_afterwards_is_for_people(
    own: tuple[Corpus, Path], come: Move, listed_too: str
) -> None:
    corpus, out = own
    declared = {"evidence": {"url": "https://data.example.org/set/"}}
    _next(own, [{**PLAIN, **declared}, *REST])
    event = {"event": "blacklisted", "source_key": listed_too, "scope": "source", "reason": "人工评估", "by": "李"}
    BlacklistLog(out / "blacklist").append([{**event, "evidence": {}}])
    rest = come(corpus.folder)
    same = {"evidence": {"url": "http://data.example.org/set"}} if come is _same_data_set else {}
    later = {**PLAIN, **same, "id": "later", "paths": ["later.jsonl"]}
    for seed in ("one", "two"):  # and the night after, when it is not new any more
        corpus.write(sources=[*rest, later], seed=seed)
        night(corpus, out)
        flagged = "SELECT source_id, status FROM source_stats WHERE list_contains(review_reasons, 'suspected_rename')"
        assert sql(out, flagged) == [("later", "admitted")]
    assert _problems(out) == []


def test_a_source_that_gets_its_name_back_is_not_a_rename_of_what_it_was_called(own: tuple[Corpus, Path]) -> None:
    corpus, out = own
    _next(own, _renamed(corpus.folder))
    _next(own, SOURCES)
    ((status, told),) = sql(out, f"SELECT status, review_reasons FROM source_stats WHERE source_id = '{LISTED}'")
    assert status == "blacklisted" and "suspected_rename" not in told
    assert _problems(out) == []


@pytest.mark.parametrize("key", [LISTED, "fresh"])
def test_a_lift_for_this_very_content_holds(own: tuple[Corpus, Path], key: str) -> None:
    """Of the old name, or of the new one though the old one stays listed."""
    corpus, out = own
    log = BlacklistLog(out / "blacklist")
    if key == "fresh":
        _next(own, _renamed(corpus.folder))
    manifest = json.loads((out / "current" / "manifest.json").read_text())
    held = {"source_version": manifest["source_versions"][key], "ruleset_sha256": manifest["ruleset_sha256"]}
    event = {"event": "lifted", "source_key": key, "scope": "source", "reason": "复核", "by": "李 + 王"}
    log.append([{**event, "evidence": held}])
    _next(own, _renamed(corpus.folder))
    assert _status(out)["fresh"] == "admitted"
    assert not [problem for problem in _problems(out) if "lacks" not in problem]  # made by hand, on no round


def _forgotten(manifest: dict[str, Any]) -> None:
    manifest["listed"]["sources"] = {}


def _emptied(manifest: dict[str, Any]) -> None:
    manifest["listed"]["sources"][LISTED] |= {"shards": [], "texts": []}


def _left_out(manifest: dict[str, Any]) -> None:
    del manifest["listed"]


@pytest.mark.parametrize(
    ("forge", "told"),
    [
        (_forgotten, "are not the sources listed then: bad, plain"),
        (_emptied, "listed plain: 不是运行"),
        (_left_out, "does not say what listed sources held"),
    ],
)
def test_a_manifest_that_forgets_what_listed_sources_held_is_found(
    own: tuple[Corpus, Path], forge: Callable[[dict[str, Any]], None], told: str
) -> None:
    corpus, out = own
    _next(own, _renamed(corpus.folder))
    path = (out / "current").resolve() / "manifest.json"
    manifest = json.loads(path.read_text())
    forge(manifest)
    path.chmod(0o644)
    write_json(path, manifest)
    reseal(out)
    assert told in "\n".join(_problems(out))


HELD = Held("v", ("s1", "s2"), tuple(f"{number:064x}" for number in range(TEXTS)))
FEW = Held("v", (), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("held", "shards", "found", "documents", "is_one"),
    [
        (HELD, ["s2"], 0, 10_000, True),
        (HELD, ["s3"], 0, 1, False),
        (HELD, [], 256, 10_000, True),  # half of the listed one
        (HELD, [], 255, 10**25, False),
        (HELD, [], 7, 8, False),  # too few to tell anything
        (FEW, [], 3, 100, True),
        (FEW, [], 2, 3, False),
        (FEW, [], 0, 0, False),
    ],
)
def test_what_counts_as_the_same(held: Held, shards: list[str], found: int, documents: int, is_one: bool) -> None:
    listed = Listing((1, 2), {"old": held})
    pairs = [("new", text) for text in held.texts[:found]]
    having = Having([("new", shard) for shard in shards], pairs, {("new", None): documents})
    assert [one.same for one in judged(listed, having)] == [True] * is_one


def test_how_many_texts_a_source_held_is_told_by_the_sample() -> None:
    step = 2**64 // 100_000  # as if there were 100 000, evenly spread
    texts_of = tuple(f"{number * step:016x}{'0' * 48}" for number in range(TEXTS))
    assert Held("", (), texts_of).documents == pytest.approx(100_000, rel=0.01)
    assert FEW.documents == 3
