"""Evidence by kind: complete, each thing missing, expired, contradicting; robots.txt and authorisations by document."""

import json
import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from protego import Protego

from pipeline.database import connect
from pipeline.errors import UsageError
from pipeline.origins.evidence import Gathered, changed_files, declared_bars, gather
from pipeline.origins.examination import Counts, Examined, evidence_rows, examine, is_complete, missing_titles, settle
from pipeline.origins.sourcing import examined_digest, provenance_tables, wrongly_admitted
from schemas import layers
from schemas.evidence import user_hash
from schemas.policy import Policy, load_policy
from schemas.sources import SourceRecord
from tests.conftest import SOURCE
from transforms.permits import UNREACHABLE, Permits, Robots, Users, host_key

TODAY = date(2026, 6, 1)
RECORD = {"crawler": "spider 2.1", "user_agent": "CorpusBot", "fetched_from": "2026-01-01", "fetched_to": "2026-02-01"}
SNAPSHOT = {"host": "a.cn", "fetched_at": "2026-01-02T00:00:00Z", "status": 200, "body": "User-agent: *\nDisallow: /x"}
FILES: dict[str, str] = {
    "LICENSE": "Apache License 2.0",
    "download.log": "sha256 ok",
    "record.json": json.dumps(RECORD),
    "robots.jsonl": json.dumps(SNAPSHOT) + "\n",
    "terms.md": "reviewed",
    "production.md": "written by the editors",
    "contract.pdf": "%PDF",
    "proof.pdf": "%PDF",
    "review.md": "reviewed",
    "granted.csv": "user,granted_at,agreement_version\nann,2026-01-01,v1\nbob,2026-01-01,v1\n",
    "withdrawn.csv": "user,withdrawn_at\nbob,2026-02-01\n",
    "empty": "",
}
COLLECTED = {"collection_record": "record.json", "robots": "robots.jsonl", "terms_review": "terms.md"}
COMPLETE: dict[str, dict[str, Any]] = {
    "open": {
        "licence": "Apache-2.0", "licence_file": "LICENSE", "terms_allow_training": True, "version": "1.0",
        "download_log": "download.log", "obtained_at": "2026-01-01",
    },
    "self_collected": {**COLLECTED, "user_agent": "CorpusBot"},
    "commercial": {
        "contract": "contract.pdf", "contract_no": "HT-1", "valid_from": "2026-01-01", "valid_to": "2027-01-01",
        "volume": {"documents": 100, "bytes": 1000}, "legality_proof": "proof.pdf", "review_record": "review.md",
    },
    "user_input": {"authorisation": "granted.csv", "withdrawals": "withdrawn.csv"},
}  # fmt: skip
LINKED = {"licence": "CC-BY-4.0", "licence_file": "LICENSE", "link_only": True, **COLLECTED}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def record(kind: str, evidence: dict[str, Any], **keys: Any) -> SourceRecord:
    fields = {"user": "uid"} if kind == "user_input" else {}
    source = {**SOURCE, "kind": kind, "fields": fields, "region_basis": "出版者住所在境内", **keys}
    return SourceRecord.model_validate({**source, "evidence": evidence})


def gathered(source: SourceRecord, folder: Path) -> Gathered:
    found, problems = gather(source, folder)
    assert problems == []
    return found


def examined(source: SourceRecord, folder: Path) -> Examined:
    return examine(source, gathered(source, folder).facts, TODAY)


def wrong(found: Examined) -> dict[str, str]:
    return {item.key: item.status for item in found.items if item.status != "ok"}


@pytest.mark.parametrize("kind", COMPLETE)
def test_complete_evidence_is_complete_and_hashed(folder: Path, kind: str) -> None:
    found = examined(record(kind, COMPLETE[kind]), folder)
    assert (wrong(found), is_complete(found), missing_titles(found), found.treated_as) == ({}, True, [], kind)
    rows = evidence_rows(record(kind, COMPLETE[kind]), found)
    assert {row["file"] for row in rows if row["file"]} == {
        name for name in COMPLETE[kind].values() if isinstance(name, str) and name in FILES
    }
    assert all((row["file"] is None) == (row["sha256"] is None) for row in rows)


@pytest.mark.parametrize(
    ("kind", "left_out", "missing"),
    [
        ("open", ["licence"], {"licence"}),
        ("open", ["licence_file"], {"licence_file"}),
        ("open", ["terms_allow_training"], {"terms_allow_training"}),
        ("open", ["version"], {"version"}),
        ("open", ["download_log"], {"download_log"}),
        ("self_collected", ["collection_record"], {"collection_record", "fetched"}),
        ("self_collected", ["collection_record", "user_agent"], {"collection_record", "fetched", "crawler"}),
        ("self_collected", ["robots"], {"robots"}),
        ("self_collected", ["terms_review"], {"terms_review"}),
        ("commercial", ["contract"], {"contract"}),
        ("commercial", ["valid_to"], {"validity"}),
        ("commercial", ["valid_from", "valid_to"], {"validity"}),
        ("commercial", ["volume"], {"volume"}),
        ("commercial", ["legality_proof"], {"legality_proof"}),
        ("commercial", ["review_record"], {"review_record"}),
        ("user_input", ["authorisation"], {"authorisation", "agreement_version"}),
        ("user_input", ["withdrawals"], {"withdrawals"}),
    ],
)
def test_what_is_left_out_is_named_and_keeps_nothing_out(
    folder: Path, kind: str, left_out: list[str], missing: set[str]
) -> None:
    source = record(kind, {key: value for key, value in COMPLETE[kind].items() if key not in left_out})
    assert wrong(examined(source, folder)) == dict.fromkeys(missing, "missing")
    assert not gathered(source, folder).permits(source, load_policy(None)).barred


@pytest.mark.parametrize("kind", COMPLETE)
def test_nothing_declared_is_everything_missing(folder: Path, kind: str) -> None:
    found = examined(record(kind, {}, fields={}, region_basis=None), folder)
    assert set(wrong(found).values()) == {"missing"}
    assert len(missing_titles(found)) >= 5
    assert missing_titles(found)[-1] == "境内外属性依据"


@pytest.mark.parametrize(
    ("kind", "changes", "status"),
    [
        # expired
        ("open", {"valid_to": "2025-12-31"}, {"validity": "expired"}),
        ("commercial", {"valid_to": "2026-05-31"}, {"validity": "expired"}),
        ("commercial", {"valid_to": "2026-05-31", "obtained_at": "2026-05-31"}, {}),
        ("commercial", {"valid_to": "2026-05-31", "obtained_at": "2026-06-01"}, {"validity": "expired"}),
        ("user_input", {"valid_to": "2026-05-31"}, {"validity": "expired"}),
        # contradicting
        ("open", {"licence": "CC-BY-NC-4.0"}, {"licence": "contradicting"}),
        ("open", {"licence": "CC-BY-ND-4.0"}, {"licence": "contradicting"}),
        ("open", {"licence": "MIT"}, {}),
        ("open", {"terms_allow_training": False}, {"terms_allow_training": "contradicting"}),
        ("open", {"terms_allow_training": "unclear"}, {"terms_allow_training": "missing"}),
        ("open", {"obtained_at": "2026-06-02"}, {"obtained_at": "contradicting"}),
        ("open", {"licence_file": "empty"}, {"licence_file": "missing"}),
        ("self_collected", {"user_agent": "OtherBot"}, {"crawler": "contradicting"}),
        ("self_collected", {"terms_allow_training": False}, {"terms_allow_training": "contradicting"}),
        ("commercial", {"valid_from": "2027-06-01"}, {"validity": "contradicting"}),
        ("commercial", {"obtained_at": "2025-12-31"}, {"validity": "contradicting"}),
        ("commercial", {"legality_proof": False}, {"legality_proof": "missing"}),
        ("user_input", {"valid_from": "2026-06-02"}, {"validity": "contradicting"}),
    ],
)
def test_what_ran_out_or_speaks_against_itself_is_told(
    folder: Path, kind: str, changes: dict[str, Any], status: dict[str, str]
) -> None:
    assert wrong(examined(record(kind, {**COMPLETE[kind], **changes}), folder)) == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"fetched_to": "2025-12-31"}, {"fetched": "contradicting"}),
        ({"fetched_to": "2026-06-02"}, {"fetched": "contradicting"}),
        ({"fetched_to": None}, {"fetched": "missing"}),
        ({"user_agent": "Else"}, {"crawler": "contradicting"}),
        ({"fetched_from": "2026-05-01", "fetched_to": "2026-05-02"}, {"robots": "expired"}),
        ({"fetched_from": "2026-01-20T08:00:00Z"}, {}),
    ],
)
def test_the_collection_record_is_read(folder: Path, changes: dict[str, Any], status: dict[str, str]) -> None:
    (folder / "record.json").write_text(json.dumps({**RECORD, **changes}))
    assert wrong(examined(record("self_collected", COMPLETE["self_collected"]), folder)) == status


def test_own_production_needs_its_record_alone(folder: Path) -> None:
    assert wrong(examined(record("self_collected", {"production_record": "production.md"}), folder)) == {}


@pytest.mark.parametrize(
    ("kind", "counts", "status"),
    [
        ("commercial", Counts(100, 1000), {}),
        ("commercial", Counts(101, 1000), {"volume": "contradicting"}),
        ("commercial", Counts(100, 1001), {"volume": "contradicting"}),
        ("self_collected", Counts(2, 9, (("robots_allowed", 2, 2),)), {}),
        ("self_collected", Counts(2, 9, (("robots_denied", 1, 0),)), {"robots": "contradicting"}),
        ("self_collected", Counts(2, 9, (("no_snapshot", 1, 1),)), {"robots": "missing"}),
        ("self_collected", Counts(2, 9, (("no_url", 1, 1),)), {"robots": "missing"}),
        ("user_input", Counts(2, 9, (("authorised", 1, 1), ("withdrawn", 1, 0))), {}),
        ("user_input", Counts(2, 9, (("withdrawn", 1, 1),)), {"withdrawals": "contradicting"}),
        ("user_input", Counts(2, 9, (("not_authorised", 1, 0),)), {"authorisation": "contradicting"}),
    ],
)
def test_the_documents_are_held_against_the_evidence(
    folder: Path, kind: str, counts: Counts, status: dict[str, str]
) -> None:
    source = record(kind, COMPLETE[kind])
    assert wrong(settle(source, examined(source, folder), counts)) == status


@pytest.mark.parametrize(
    ("evidence", "name", "treated_as", "status"),
    [
        (LINKED, "图文链接", "self_collected", {}),
        ({"link_only": True}, "x", "self_collected", None),
        ({**LINKED, "link_only": None}, "LAION-400M", "self_collected", {}),
        ({**LINKED, "link_only": None, "readme": "README"}, "x", "self_collected", {}),
        ({**COMPLETE["open"], "link_only": False}, "LAION-400M", "open", {}),
        ({**COMPLETE["open"], "link_only": False, "readme": "README"}, "x", "open", {"link_only": "contradicting"}),
        (COMPLETE["open"], "DataComp-LM", "open", {}),
        (COMPLETE["open"], "维基百科", "open", {}),
    ],
)
def test_data_sets_of_links_are_treated_as_collected(
    folder: Path, evidence: dict[str, Any], name: str, treated_as: str, status: dict[str, str] | None
) -> None:
    (folder / "README").write_text("We only distribute the image URLs and captions.")
    found = examined(record("open", evidence, name=name), folder)
    assert found.treated_as == treated_as
    assert wrong(found) == status if status is not None else {"collection_record", "robots"} <= wrong(found).keys()


@pytest.mark.parametrize(
    ("kind", "evidence", "bars"),
    [
        ("commercial", {"legality_proof": "none"}, {"no_legality_proof"}),
        ("commercial", {"legality_proof": False}, {"no_legality_proof"}),
        ("commercial", {}, set()),
        ("open", {"terms_allow_training": "no"}, {"terms_forbid_training"}),
        ("open", {"terms_allow_training": "unclear"}, set()),
        ("self_collected", {"terms_allow_training": False}, {"terms_forbid_training"}),
    ],
)
def test_only_what_is_declared_bars_a_source(folder: Path, kind: str, evidence: dict[str, Any], bars: set[str]) -> None:
    source = record(kind, evidence)
    assert declared_bars(source) == bars
    policy = load_policy(None)
    assert gathered(source, folder).permits(source, policy).barred == bool(bars)
    lenient = Policy.model_validate({**policy.model_dump(), "provenance": {"exclude": []}})
    assert not gathered(source, folder).permits(source, lenient).barred


# Files


@pytest.mark.parametrize(
    ("kind", "key", "content", "says"),
    [
        ("open", "licence_file", None, "no such file"),
        ("open", "licence_file", "", "is a folder"),
        ("self_collected", "collection_record", "a: b: c", "not valid YAML"),
        ("self_collected", "collection_record", "fetched_from: soon", "fetched_from"),
        ("self_collected", "robots", "{", "line 1 is not JSON"),
        ("self_collected", "robots", '{"body": ""}', "should have host"),
        ("user_input", "authorisation", "name\nann\n", "names none of user"),
        ("user_input", "authorisation", "user,granted_at\nann,soon\n", "line 2: granted_at"),
        ("user_input", "authorisation", "user,granted_at\n,\n", "line 2 names no user"),
    ],
)
def test_a_named_file_that_is_of_no_use_is_a_problem_with_its_remedy(
    folder: Path, kind: str, key: str, content: str | None, says: str
) -> None:
    suffix = {"robots": "f.jsonl", "authorisation": "f.csv"}.get(key, "f.yaml")
    if content:
        (folder / suffix).write_text(content)
    elif content is not None:
        (folder / suffix).mkdir()
    ((place, message),) = gather(record(kind, {key: suffix}), folder)[1]
    assert (place, says in message, str(folder / suffix) in message) == (key, True, True)


def test_missing_files_are_told_with_the_other_problems_of_the_configuration(configure: Any) -> None:
    sources = [
        {**SOURCE, "evidence": {"licence_file": "gone", "readme": "gone2"}},
        {**SOURCE, "id": "b", "kind": "odd"},
    ]
    with pytest.raises(UsageError) as raised:
        configure(sources=sources, seed="")
    for key in ("sources[0].evidence.licence_file", "sources[0].evidence.readme", "sources[1].kind", "seed"):
        assert f"{key}: " in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"evidence": {"contract": "x"}}, "sources[0].evidence.contract: 未知的键"),
        ({"evidence": {"version": 1.0}}, "sources[0].evidence.version: 应为字符串"),
        ({"evidence": {"terms_allow_training": "perhaps"}}, "sources[0].evidence.terms_allow_training"),
        ({"regions": {"news.example.com": "overseas"}}, "sources[0].regions.news.example.com: 应为可注册域名"),
        ({"regions": {"example.com": "mars"}}, "sources[0].regions.example.com"),
    ],
)
def test_wrong_declarations_are_told_by_key(configure: Any, changes: dict[str, Any], key: str) -> None:
    with pytest.raises(UsageError) as raised:
        configure(sources=[{**SOURCE, **changes}])
    assert key in str(raised.value)


def test_a_change_of_a_file_changes_the_digest_and_is_named(folder: Path, configure: Any) -> None:
    sources = [{**SOURCE, "evidence": {"licence_file": "LICENSE"}}]
    config = configure(sources=sources)
    (source,), facts = config.sources, config.evidence["news"].facts
    assert list(changed_files(source, facts, folder)) == []
    (folder / "LICENSE").write_text("else")
    assert "changed while the run" in next(changed_files(source, facts, folder))
    assert configure(sources=sources).sha256 != config.sha256
    (folder / "LICENSE").unlink()
    assert "disappeared" in next(changed_files(source, facts, folder))


# robots.txt

WILD = "User-agent: *\nDisallow: /*.pdf$\nDisallow: /private\nAllow: /private/open\n"
GROUPS = "User-agent: CorpusBot\nUser-agent: OtherBot\nDisallow: /c\n\nUser-agent: *\nDisallow: /\n"
CHINESE = "User-agent: *\nDisallow: /新闻\n"
CASES = [
    ("", "http://a.cn/x", "CorpusBot", True),
    ("User-agent: *\nDisallow:\n", "http://a.cn/x", "CorpusBot", True),
    ("User-agent: *\nDisallow: /\n", "http://a.cn/", "CorpusBot", False),
    (UNREACHABLE, "http://a.cn/", "CorpusBot", False),
    (WILD, "http://a.cn/a/b.pdf", "CorpusBot", False),
    (WILD, "http://a.cn/a/b.pdf?x=1", "CorpusBot", True),
    (WILD, "http://a.cn/private/x", "CorpusBot", False),
    (WILD, "http://a.cn/private/open/x", "CorpusBot", True),
    (GROUPS, "http://a.cn/c/1", "CorpusBot", False),
    (GROUPS, "http://a.cn/d", "CorpusBot", True),
    (GROUPS, "http://a.cn/d", "Mozilla/5.0 (compatible; corpusbot/2.0; +http://b.cn)", True),
    (GROUPS, "http://a.cn/d", "Stranger", False),
    (CHINESE, "http://a.cn/新闻/1", "CorpusBot", False),
    (CHINESE, "http://a.cn/%E6%96%B0%E9%97%BB/1", "CorpusBot", False),
    ("<html>404</html>", "http://a.cn/x", "CorpusBot", True),
    ("User-agent: *\r\nDisallow: /x # why\r\n", "https://a.cn/x/y", "CorpusBot", False),
]


@pytest.mark.parametrize(("body", "url", "agent", "allowed"), CASES)
def test_robots_agree_with_the_library(body: str, url: str, agent: str, allowed: bool) -> None:
    assert Protego.parse(body).can_fetch(url, agent) == allowed
    judged = pickle.loads(pickle.dumps(Robots({"a.cn": (body,)}, (agent,)))).judge(url)
    assert judged == ("robots_allowed" if allowed else "robots_denied")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://A.cn/x", "a.cn"),
        ("a.cn/x", "a.cn"),
        ("https://a.cn:443/x", "a.cn"),
        ("http://a.cn:8080/x", "a.cn:8080"),
        ("http://中文.cn/", "xn--fiq228c.cn"),
        ("a.cn", "a.cn"),
        ("http://", None),
        ("http://[x/", None),
        ("http://a.cn:99999/", None),
        ("http://" + "中" * 80 + ".cn/", None),
    ],
)
def test_the_host_of_a_url(url: str, host: str | None) -> None:
    assert host_key(url) == host


def test_every_snapshot_and_every_agent_must_allow() -> None:
    deny = "User-agent: CorpusBot\nDisallow: /\n"
    assert Robots({"a.cn": ("", deny)}, ("CorpusBot",)).judge("http://a.cn/") == "robots_denied"
    assert Robots({"a.cn": (deny,)}, ("Else", "CorpusBot")).judge("http://a.cn/") == "robots_denied"
    assert Robots({"a.cn": (deny,)}, ("Else",)).judge("http://a.cn/") == "robots_allowed"
    assert Robots({"a.cn": (deny,)}, ()).judge("http://b.cn/") == "no_snapshot"
    assert Robots({"a.cn": (deny,)}, ()).judge(None) == "no_url"


def snapshot(day: str, body: str, **keys: Any) -> str:
    return json.dumps({"host": "a.cn", "fetched_at": f"{day}T00:00:00Z", "status": 200, "body": body, **keys}) + "\n"


@pytest.mark.parametrize(
    ("lines", "judged"),
    [
        (snapshot("2026-01-02", "", status=404), "robots_allowed"),
        (snapshot("2026-01-02", "", status=503), "robots_denied"),
        (snapshot("2026-01-02", "", status=429), "robots_denied"),
        (snapshot("2026-01-02", "", status=301), "no_snapshot"),
        (snapshot("2025-01-01", UNREACHABLE) + snapshot("2025-12-31", "User-agent: x"), "robots_allowed"),
        (snapshot("2025-12-31", UNREACHABLE) + snapshot("2026-01-05", "User-agent: x"), "robots_denied"),
        (snapshot("2026-01-05", "User-agent: x") + snapshot("2026-03-01", UNREACHABLE), "robots_allowed"),
        (snapshot("2026-03-01", UNREACHABLE), "robots_denied"),
    ],
)
def test_snapshots_of_the_time_of_collecting_judge(folder: Path, lines: str, judged: str) -> None:
    (folder / "robots.jsonl").write_text(lines)
    robots = gathered(record("self_collected", COMPLETE["self_collected"]), folder).robots
    assert robots is not None
    assert robots.judge("http://a.cn/") == judged


def test_snapshots_may_stand_in_a_folder(folder: Path) -> None:
    for name in ("robots/a.cn.txt", "robots/b.cn_8080.txt", "robots/c.cn/robots.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(UNREACHABLE)
    source = record("self_collected", {**COMPLETE["self_collected"], "robots": "robots"})
    robots = gathered(source, folder).robots
    assert robots is not None
    assert sorted(robots.snapshots) == ["a.cn", "b.cn:8080", "c.cn"]
    assert robots.judge("http://b.cn:8080/") == "robots_denied"
    assert robots.agents == ("CorpusBot",)


# Users


@pytest.mark.parametrize(
    ("granted", "withdrawn", "judged"),
    [
        ("user\nann\n", "", "authorised"),
        ("user\nbob\n", "", "not_authorised"),
        ("user\nann\n", "user\nann\n", "withdrawn"),
        ("user,granted_at\nann,2026-01-01\n", "user,withdrawn_at\nann,2026-02-01\n", "withdrawn"),
        ("user,granted_at\nann,2026-03-01\n", "user,withdrawn_at\nann,2026-02-01\n", "authorised"),
        ("user,granted_at\nann,2026-02-01\n", "user,withdrawn_at\nann,2026-02-01\n", "withdrawn"),
        (f"user_hash\n{user_hash('ann').hex().upper()}\n", "", "authorised"),
    ],
)
def test_a_withdrawal_holds_unless_a_later_authorisation_follows(
    folder: Path, granted: str, withdrawn: str, judged: str
) -> None:
    (folder / "granted.csv").write_text(granted)
    (folder / "withdrawn.csv").write_text(withdrawn)
    users = gathered(record("user_input", COMPLETE["user_input"]), folder).users
    assert users is not None
    assert users.judge(user_hash("ann")) == judged
    assert users.judge(None) == "not_authorised"


def test_withdrawals_alone_are_honoured(folder: Path) -> None:
    users = gathered(record("user_input", {"withdrawals": "withdrawn.csv"}), folder).users
    assert users is not None
    assert [users.judge(user_hash(name)) for name in ("bob", "ann")] == ["withdrawn", None]


def test_what_is_declared_beyond_the_required_is_listed_and_judges(folder: Path) -> None:
    source = record("open", {**COMPLETE["open"], "robots": "robots.jsonl"})
    found = settle(source, examined(source, folder), Counts(1, 1, (("robots_denied", 1, 0),)))
    assert wrong(found) == {"robots": "contradicting"}
    assert gathered(source, folder).robots is not None


def test_without_a_user_field_nothing_is_joined(folder: Path) -> None:
    source = record("user_input", COMPLETE["user_input"], fields={})
    assert gathered(source, folder).users is None
    assert wrong(examined(source, folder)) == {"user": "missing"}


def test_permits_judge_a_batch_and_change_their_digest_with_every_part() -> None:
    empty = {f.name: None for f in layers.BASE}
    facts = {"member": 0, "row": 0, "language": "zh", "content_type": "p", "bucket": "zh", "bytes": 1, "chars": 1}
    rows = [{**empty, **facts, "content_hash": b"h" * 32, "url": u} for u in ("http://a.cn/", "http://b.cn/", None)]
    base = pa.RecordBatch.from_pylist(rows, schema=layers.BASE)
    robots = Robots({"a.cn": (UNREACHABLE,)}, ())
    assert Permits(robots=robots).judge(base).to_pylist() == ["robots_denied", "no_snapshot", "no_url"]
    users = Users(frozenset({b"u"}), frozenset())
    assert Permits(users=users).judge(base).to_pylist() == ["not_authorised"] * 3
    assert Permits().judge(base).null_count == 3
    several = (
        Permits(),
        Permits(barred=True),
        Permits(robots=robots),
        Permits(robots=Robots({"a.cn": ("",)}, ())),
        Permits(robots=Robots({"a.cn": (UNREACHABLE,)}, ("x",))),
        Permits(users=users),
        Permits(users=Users(frozenset(), frozenset({b"u"}))),
        Permits(excluding=frozenset({"withdrawn"})),
    )
    assert len({permits.digest for permits in several}) == len(several)


# Tables


def test_the_day_changes_what_a_run_says_only_where_a_status_changes(folder: Path) -> None:
    source = record("commercial", COMPLETE["commercial"])
    facts = gathered(source, folder).facts
    days = [date(2026, 6, 1), date(2027, 1, 1), date(2027, 1, 2)]
    digests = [examined_digest({source.id: examine(source, facts, day)}) for day in days]
    assert digests[0] == digests[1] != digests[2]


def test_what_is_admitted_against_the_evidence_is_named(folder: Path) -> None:
    sources = [
        record("self_collected", COMPLETE["self_collected"], regions={"a.cn": "overseas"}),
        record("commercial", {"legality_proof": "none"}, id="bought"),
    ]
    rows = [
        ("news", "a.cn", 5, True, "robots_denied"),
        ("news", None, 7, False, "no_url"),
        ("bought", None, 9, True, None),
    ]
    with connect() as connection:
        connection.execute(
            "CREATE TABLE d (source_id VARCHAR, domain VARCHAR, bytes BIGINT, admitted BOOLEAN, provenance VARCHAR)"
        )
        connection.executemany("INSERT INTO d VALUES (?, ?, ?, ?, ?)", rows)

        def query(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        policy, bars = load_policy(None), {source.id: declared_bars(source) for source in sources}
        problems = list(wrongly_admitted(sources, policy, bars, query, "d"))
        facts = {source.id: gathered(source, folder).facts for source in sources}
        tables = provenance_tables(sources, facts, TODAY, query, "d")
    assert [problem.split("，")[0] for problem in problems] == ["bought: no_legality_proof", "news: robots_denied"]
    assert [(r["source_id"], r["region"], r["phase"], r["documents"], r["bytes"]) for r in tables["region_stats"]] == [
        ("bought", "domestic", "collected", 1, 9),
        ("bought", "domestic", "admitted", 1, 9),
        ("news", "domestic", "collected", 1, 7),
        ("news", "overseas", "collected", 1, 5),
        ("news", "overseas", "admitted", 1, 5),
    ]
    assert [row["provenance_complete"] for row in tables["sources"]] == [False, False]
