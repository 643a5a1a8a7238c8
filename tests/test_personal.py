"""Levels, aggregation, children and lawful bases: the catalogue, the pure functions, what is decided, and what may be said."""

import json
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pii import Detector
from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.jobs import Gate
from pipeline.origins.evidence import gather
from pipeline.origins.lawful_basis import Grounds, basis_rows, clause_facts, not_looked_into, with_record
from pipeline.verification.recompute_personal import together
from schemas.evidence import Collection, Facts
from schemas.layers import PII_ENTITIES
from schemas.lexicon import Library
from schemas.loading import DocumentError
from schemas.personal_information import LEVELS, Catalogue, catalogue
from schemas.policy import PersonalInformationPolicy, Policy, load_policy
from schemas.profile import PersonalInformationLevels, Profile, load_profile
from schemas.results import DOCUMENTS, FINDINGS
from schemas.sources import PersonalInformationBasis, SourceRecord
from tests.test_decide import decide, document
from transforms.decide import MAX_CANDIDATES, Admission, Decider, Origin
from transforms.personal import VERDICTS, Persons, judge_entities, reference_year

STRICT, NEW = "gbt-35273-2020", "gbt-45574-2025"


def entity(kind: str, start: int = 0, end: int | None = None, grade: str = "validated", **facts: Any) -> dict[str, Any]:
    end = start + 1 if end is None else end
    plain = {"type": kind, "start": start, "end": end, "grade": grade, "mask": "*", "hmac": bytes(16), "born": None}
    return plain | {"minor": False} | facts


def judged(*documents: list[dict[str, Any]] | None, standard: str = STRICT, year: int | None = None) -> Persons:
    column = pa.array(documents, PII_ENTITIES)
    return judge_entities(column, PersonalInformationLevels(standard=standard), year)


def levels(found: Persons) -> list[str | None]:
    return [None if level < 0 else LEVELS[level] for level in found.levels]


def test_the_catalogue_holds_every_type_the_detector_finds() -> None:
    assert {rule.entity for rule in Detector().rules} <= catalogue().types.keys()


@pytest.mark.parametrize(
    ("kind", "strict", "new"),
    [
        ("CN_ID_CARD", "sensitive", "general"),
        ("CN_PASSPORT", "sensitive", "general"),
        ("CN_MILITARY_ID", "sensitive", "sensitive"),
        ("BANK_CARD", "sensitive", "sensitive"),
        ("MEDICAL_RECORD", "sensitive", "sensitive"),
        ("TRACK", "sensitive", "sensitive"),
        ("CN_MOBILE", "general", "general"),
        ("PERSON", "general", "general"),
        ("IP_ADDRESS", "general", "general"),
        ("UNHEARD_OF", "general", "general"),
        ("CN_USCC", None, None),
        ("CREDENTIAL", None, None),
    ],
)
def test_the_level_follows_from_type_and_standard(kind: str, strict: str | None, new: str | None) -> None:
    assert [levels(judged([entity(kind)], standard=s)) for s in (STRICT, NEW)] == [[strict], [new]]


def test_no_standard_is_looser_in_what_the_stricter_says_is_general() -> None:
    kinds = [kind for kind in catalogue().types.values() if kind.class_ == "personal"]
    assert all(LEVELS.index(kind.levels[STRICT]) >= LEVELS.index(kind.levels[NEW]) for kind in kinds)


@pytest.mark.parametrize(
    ("entities", "raised"),
    [
        ([("PERSON", 0), ("CN_MOBILE", 10)], []),
        ([("PERSON", 0), ("CN_ID_CARD", 10)], [0, 1]),
        ([("CN_ID_CARD", 0), ("CN_MOBILE", 201)], [0, 1]),  # the gap is 200
        ([("CN_ID_CARD", 0), ("CN_MOBILE", 202)], []),
        ([("PERSON", 0), ("CN_MOBILE", 50), ("CN_ADDRESS", 100)], [0, 1, 2]),
        ([("CN_ADDRESS", 0), ("CN_LANDLINE", 150), ("PERSON", 201)], [0, 1, 2]),
        ([("CN_ADDRESS", 0), ("CN_LANDLINE", 150), ("PERSON", 300)], []),  # the ends are too far apart
        ([("PERSON", 0), ("EMAIL", 5), ("CN_ADDRESS", 10)], []),
        ([("PERSON", 0), ("BIRTH_DATE", 5), ("CN_MOBILE", 10)], [0, 1, 2]),
        ([("PERSON", 0), ("BIRTH_DATE", 5)], []),
        ([("PERSON", 0), ("PERSON", 100), ("CN_ID_CARD", 300), ("PERSON", 501), ("PERSON", 502)], [1, 2, 3]),
    ],
)
def test_what_identifies_together_is_raised_together(entities: list[tuple[str, int]], raised: list[int]) -> None:
    found = judged([entity(kind, start) for kind, start in entities], standard=NEW)
    assert found.aggregated.nonzero()[0].tolist() == raised
    assert [i for i, level in enumerate(levels(found)) if level == "sensitive"] == raised


def test_nothing_aggregates_across_documents_or_with_what_does_not_count() -> None:
    assert not judged([entity("PERSON")], [entity("CN_ID_CARD")], standard=NEW).aggregated.any()
    weak = [entity("PERSON"), entity("CN_ID_CARD", 9, grade="weak")]
    assert not judged(weak, standard=NEW).aggregated.any()


def test_under_the_strict_standard_a_number_is_sensitive_by_itself_and_what_stands_beside_it_is_raised() -> None:
    found = judged([entity("CN_ID_CARD"), entity("CN_MOBILE", 10)])
    assert (found.aggregated.tolist(), levels(found)) == ([False, True], ["sensitive", "sensitive"])


@st.composite
def some_entities(draw: st.DrawFn) -> list[dict[str, Any]]:
    place, entities = 0, []
    kinds = st.sampled_from(["PERSON", "CN_ID_CARD", "CN_MOBILE", "CN_ADDRESS", "BIRTH_DATE", "EMAIL", "CN_USCC"])
    for kind, gap, length in draw(st.lists(st.tuples(kinds, st.integers(0, 120), st.integers(1, 40)), max_size=9)):
        entities.append(entity(kind, place + gap, place + gap + length, draw(st.sampled_from(["validated", "weak"]))))
        place += gap + length
    return entities


@settings(max_examples=150, deadline=None)
@given(st.lists(some_entities(), max_size=3))
def test_aggregation_is_what_its_definition_says(documents: list[list[dict[str, Any]]]) -> None:
    expected = []
    for entities in documents:
        counted = [i for i, one in enumerate(entities) if one["grade"] == "validated"]
        raised: set[int] = set()
        for rule in catalogue().combinations(NEW):
            parts = [[i for i in counted if entities[i]["type"] in part] for part in rule.of]
            for chosen in product(*parts):
                last, first = max(entities[i]["start"] for i in chosen), min(entities[i]["end"] for i in chosen)
                raised.update(chosen if last - first <= rule.within else ())
        expected += [i in raised for i in range(len(entities))]
    assert judged(*documents, standard=NEW).aggregated.tolist() == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(some_entities(), min_size=1, max_size=3))
def test_verify_finds_the_same_to_aggregate(documents: list[list[dict[str, Any]]]) -> None:
    found = judged(*documents, standard=NEW)
    findings = [
        {"source_id": "s", "shard": "a", "row": number, "doc_id": str(number), "pii_type": one["type"]}
        | {"start": one["start"], "end": one["end"], "verdict": VERDICTS[catalogue().class_of(one["type"])]}
        for number, entities in enumerate(documents)
        for one in entities
        if one["grade"] == "validated"
    ]
    starts = found.entities.field("start").to_pylist()
    expected = {(found.documents[i], starts[i]) for i in found.aggregated.nonzero()[0]}
    with duckdb.connect() as connection:
        connection.register("findings", pa.Table.from_pylist(findings, schema=FINDINGS))
        query = " UNION ".join(map(together, catalogue().combinations(NEW)))
        assert set(connection.execute(f'SELECT "row", "start" FROM ({query})').fetchall()) == expected


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), some_entities()), max_size=6), st.integers(0, 6))
def test_levels_do_not_depend_on_how_documents_are_batched(
    documents: list[list[dict[str, Any]] | None], cut: int
) -> None:
    column = pa.array(documents, PII_ENTITIES)
    standing, list_type = PersonalInformationLevels(standard=NEW), DOCUMENTS.field("pii_types").type

    def told(part: pa.ListArray) -> list[Any]:
        found = judge_entities(part, standing, 2026)
        columns = [
            found.document_levels,
            found.types(True, list_type),
            found.types(False, list_type),
            found.covered(()),
        ]
        return list(zip(*(column.to_pylist() for column in columns), strict=True))

    assert told(column[:cut]) + told(column[cut:]) == told(column)


@pytest.mark.parametrize(
    ("facts", "year", "raised"),
    [
        ({"born": 2012}, 2026, True),  # 14 by the year: still counts, the birthday is not known
        ({"born": 2011}, 2026, False),
        ({"born": 2030}, 2026, True),  # an earlier year of reference than the birth
        ({"born": 2020}, None, False),
        ({"minor": True}, None, True),
        ({"minor": True, "born": 1980}, 2026, True),
        ({}, 2026, False),
    ],
)
def test_information_of_children_is_sensitive(facts: dict[str, Any], year: int | None, raised: bool) -> None:
    found = judged([entity("CN_MOBILE", **facts)], year=year)
    assert (found.under_14.tolist(), levels(found)) == ([raised], ["sensitive" if raised else "general"])
    assert judged([entity("CN_USCC", **facts)], year=year).under_14.tolist() == [False]


def test_of_a_child_is_told_before_aggregation_and_of_what_is_sensitive_anyway() -> None:
    found = judged([entity("PERSON", minor=True), entity("CN_ID_CARD", 9, born=2020)], standard=NEW, year=2026)
    assert (found.under_14.tolist(), found.aggregated.tolist()) == ([True, True], [False, False])
    assert judged([entity("BANK_CARD", minor=True)]).under_14.tolist() == [True]


@pytest.mark.parametrize(
    ("bases", "general", "sensitive", "biometric", "child"),
    [
        ((), False, False, False, False),
        (("consent",), True, False, False, False),
        (("separate_consent",), True, True, False, False),
        (("written_consent",), True, True, True, False),
        (("guardian_consent",), False, False, False, True),  # of the child, and of nobody else
        (("consent", "guardian_consent"), True, False, False, True),
        (("separate_consent", "guardian_consent"), True, True, False, True),
        (("written_consent", "guardian_consent"), True, True, True, True),
        (("legal_duty",), True, True, False, True),
        (("lawfully_public",), True, True, False, True),
    ],
)
def test_what_a_basis_covers(
    bases: tuple[str, ...], general: bool, sensitive: bool, biometric: bool, child: bool
) -> None:
    covers = catalogue().covers
    assert [covers(bases, level, False) for level in LEVELS] == [general, sensitive, biometric]
    assert covers(bases, "sensitive", True) == child


@pytest.mark.parametrize(
    ("bases", "covered"),
    [
        (("written_consent",), False),
        (("guardian_consent",), False),
        (("written_consent", "contract"), False),  # the contract covers children, but nothing biometric
        (("written_consent", "guardian_consent"), True),
        (("separate_consent", "guardian_consent"), False),
    ],
)
def test_biometrics_of_a_child_take_a_consent_that_covers_both(bases: tuple[str, ...], covered: bool) -> None:
    assert catalogue().covers(bases, "biometric", True) is covered


SOURCE: dict[str, Any] = {"id": "s", "name": "来源", "kind": "self_collected", "region": "domestic", "paths": ["x"]}


@pytest.mark.parametrize(
    ("evidence", "collected", "expected"),
    [
        ({}, None, 2026),
        ({}, date(2019, 5, 1), 2019),
        ({"obtained_at": "2021-01-01"}, None, 2021),
        ({"obtained_at": "2018-01-01"}, date(2019, 5, 1), 2018),
        ({"obtained_at": "2050-01-01"}, None, 2026),  # nobody is older than at the audit
        ({}, date(2095, 5, 1), 2026),
    ],
)
def test_ages_are_told_by_the_first_year_the_source_declares(
    evidence: dict[str, Any], collected: date | None, expected: int
) -> None:
    source = SourceRecord.model_validate(SOURCE | {"evidence": evidence})
    assert reference_year(source, Facts(collection=Collection(fetched_from=collected)), 2026) == expected
    assert reference_year(source, Facts(), 2026) == min(2026, (source.evidence.obtained_at or date(2026, 1, 1)).year)


def test_the_year_enters_the_key_of_decisions_by_source() -> None:
    from blacklist.rule import Standing
    from transforms.decide import Blocked

    def digests(year: int) -> dict[str, str]:
        gate = Gate(Standing((1, 20)), Blocked(), {}, {"dated": 2019, "undated": year})
        return {source: gate.admission(source).digest() for source in ("dated", "undated")}

    before, after = digests(2026), digests(2027)
    assert before["dated"] == after["dated"]
    assert before["undated"] != after["undated"]


# Profiles, policies and sources


def test_the_shipped_profile_keeps_the_stricter_standard() -> None:
    standing = load_profile("tc260-003").personal_information
    assert (standing.standard, standing.levels, standing.level_of("CN_ID_CARD")) == (STRICT, {}, "sensitive")


def test_a_profile_of_the_old_form_loads_and_one_may_say_otherwise() -> None:
    old = PersonalInformationLevels.model_validate(
        {"standard": "GB/T 35273-2020", "levels": {"CN_ID_CARD": "sensitive", "EMAIL": "general"}}
    )
    assert (old.standard, old.level_of("CN_ID_CARD"), old.level_of("BANK_CARD")) == (STRICT, "sensitive", "sensitive")
    own = PersonalInformationLevels(standard=NEW, levels={"CN_ID_CARD": "sensitive", "PERSON": "biometric"})
    assert [own.level_of(kind) for kind in ("CN_ID_CARD", "CN_PASSPORT", "PERSON")] == [
        "sensitive",
        "general",
        "biometric",
    ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("standard: gbt-1", "unknown standard: gbt-1; one of gbt-35273-2020, gbt-45574-2025"),
        (f"standard: {NEW}, levels: {{CN_ID_CART: general}}", "CN_ID_CART (? CN_ID_CARD)"),
        (f"standard: {NEW}, levels: {{CN_USCC: general}}", "have no level, remove them: CN_USCC"),
        (f"standard: {NEW}, levels: {{EMAIL: high}}", "personal_information.levels.EMAIL"),
    ],
)
def test_a_wrong_profile_is_told_with_its_line_and_the_remedy(tmp_path: Path, changes: str, says: str) -> None:
    shipped = Path(str(load_profile.__globals__["resources"].files("schemas"))) / "profiles" / "tc260-003.yaml"
    text = shipped.read_text(encoding="utf-8").replace(
        f"standard: {STRICT}\n  clauses: {{", f"{changes.replace(', levels', chr(10) + '  levels')}\n  clauses: {{"
    )
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as error:
        load_profile(str(tmp_path / "own.yaml"))
    assert says in str(error.value)
    assert "line 2" in str(error.value)


@pytest.mark.parametrize(
    ("clauses", "says"),
    [
        ({"general": "5.2c1", "sensitive": "5.2c1"}, "one clause for several levels: keep the lowest"),
        ({"general": "9.9z"}, "the profile has no such clause, correct it or list it under clauses: 9.9z"),
        ({"sensitive": "5.2c9"}, "5.2c9 (? 5.2c"),
        *(({"general": taken}, f"about something else, name those on personal information: {taken}")
          for taken in ("5.1a2", "8.2a", "8.2b", "8.2c", "9.1")),
    ],
)  # fmt: skip
def test_each_clause_on_personal_information_has_one_level_and_is_about_nothing_else(
    clauses: dict[str, str], says: str
) -> None:
    shipped = load_profile("tc260-003").model_dump(mode="json", by_alias=True)
    shipped["personal_information"]["clauses"] = clauses
    shipped["clauses"].append({"id": "9.1", "title": "-"})
    with pytest.raises(ValidationError) as error:
        Profile.model_validate(shipped)
    assert says in str(error.value)
    assert all(item["loc"][0] == "personal_information" for item in error.value.errors())


def test_a_profile_may_name_no_clause_on_personal_information() -> None:
    shipped = load_profile("tc260-003").model_dump(mode="json", by_alias=True)
    shipped["personal_information"]["clauses"] = {}
    assert clause_facts(Profile.model_validate(shipped), Grounds([], ())) == {}


def test_excluding_what_is_sensitive_excludes_what_is_biometric() -> None:
    assert PersonalInformationPolicy(exclude=frozenset({"sensitive"})).excluded == {"sensitive", "biometric"}
    assert PersonalInformationPolicy(exclude=frozenset({"general"})).excluded == set(LEVELS)
    assert PersonalInformationPolicy(exclude=frozenset({"biometric", "sensitive"})).excluded == {
        "sensitive",
        "biometric",
    }
    assert PersonalInformationPolicy(exclude=frozenset({"biometric"})).excluded == {"biometric"}
    assert PersonalInformationPolicy(exclude=frozenset()).excluded == frozenset()


def test_a_policy_that_says_nothing_keeps_out_what_is_sensitive() -> None:
    silent = load_policy(None).model_dump(exclude={"personal_information", "sha256"})
    for given_ in (silent, silent | {"personal_information": {}}):
        assert Policy.model_validate(given_).personal_information.excluded == {"sensitive", "biometric"}
    bare = Policy.model_validate(silent | {"personal_information": {"exclude": "general"}})
    assert bare.personal_information.excluded == set(LEVELS)
    for wrong in (None, {"sensitive": True}, True):
        with pytest.raises(
            ValidationError, match=r"应为级别的列表.* / should be a list of levels, \[\] to exclude nothing"
        ):
            Policy.model_validate(silent | {"personal_information": {"exclude": wrong}})


@pytest.mark.parametrize(
    ("given_", "bases"),
    [
        (None, ()),
        ("consent", ("consent",)),
        (["written_consent", "consent", "consent"], ("consent", "written_consent")),
    ],
)
def test_a_source_declares_one_basis_or_several(given_: Any, bases: tuple[str, ...]) -> None:
    declared = PersonalInformationBasis.model_validate({"lawful_basis": given_})
    assert declared.bases == bases
    assert PersonalInformationBasis.model_validate(declared.model_dump(mode="json")) == declared


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"lawful_basis": "user consent"}, "unknown lawful basis: user consent (? consent); should be one of these, or a list: consent"),
        ({"lawful_basis": ["consent", "x"]}, "unknown lawful basis: x;"),
        ({"record": "r.pdf"}, "a record without lawful_basis: name the basis it shows, or remove it"),
        ({"lawful_basis": True}, "应为处理依据的名称或其列表 / should be the name of a lawful basis, or a list of names"),
        ({"lawful_basis": {"consent": True}}, "应为处理依据的名称或其列表 / should be the name of a lawful basis"),
        ({"lawful_basis": ["consent", None]}, "应为处理依据的名称或其列表 / should be the name of a lawful basis"),
        ({"lawful_basis": "consent;guardian_consent"}, "several bases are a list, [a, b]; a CSV list of sources holds one"),
        ({"lawful_basis": "单独同意"}, "unknown lawful basis: 单独同意 (? separate_consent)"),
        ({"lawful_basis": "同意"}, "unknown lawful basis: 同意;"),  # which one, nobody can tell
        ({"lawful_basis": "consent", "record": ""}, "文件名为空，请写证明材料的文件名，或删去此键 / is empty: name the file"),
    ],
)  # fmt: skip
def test_a_wrong_basis_names_those_there_are(declared: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=r"lawful_basis|record") as error:
        PersonalInformationBasis.model_validate(declared)
    assert says in str(error.value)


def test_a_catalogue_that_contradicts_itself_is_refused() -> None:
    content = catalogue().model_dump(mode="json", by_alias=True)
    twice = [{"name": "r", "standards": [NEW], "within": 9, "of": ["PERSON", "PERSON"]}]
    unknown = [{"name": "r", "standards": [NEW], "within": 9, "of": ["PERSON", "NOBODY"]}]
    for aggregation in (twice, unknown):
        with pytest.raises(ValidationError, match="r: "):
            Catalogue.model_validate(content | {"aggregation": aggregation, "sets": {}})


# What is decided


@pytest.fixture(scope="module")
def decider() -> Decider:
    return Decider(load_policy(None), load_profile("tc260-003"), Library(()), {})


def with_entities(*entities: dict[str, Any]) -> dict[str, Any]:
    facts = document()
    facts["pii"]["entities"] = list(entities) or None
    return facts


def test_organisations_and_credentials_are_told_but_are_no_personal_information(decider: Decider) -> None:
    (found,), findings = decide(decider, with_entities(entity("CN_USCC"), entity("CREDENTIAL", 5), entity("EMAIL", 9)))
    assert (found["pii_types"], found["other_types"], found["pii_level"]) == (
        ["EMAIL"],
        ["CN_USCC", "CREDENTIAL"],
        "general",
    )
    assert [(f["verdict"], f["level"]) for f in findings] == [
        ("organisation", None),
        ("credential", None),
        ("personal_information", "general"),
    ]
    (found,), _ = decide(decider, with_entities(entity("CN_HOTLINE"), entity("CN_USCC", 9)))
    assert (found["pii_level"], found["pii_covered"], found["admitted"]) == ("none", None, True)


def test_findings_hold_level_reason_and_digest(decider: Decider) -> None:
    entities = (
        entity("PERSON", 0, hmac=b"\x01" * 16),
        entity("CN_ID_CARD", 9, hmac=b"\xab" * 16),
        entity("EMAIL", 30, grade="weak", hmac=b"\x02" * 16),
        entity("QQ", 40, minor=True, grade="contextual"),
    )
    (found,), findings = decide(decider, with_entities(*entities), admission=Admission(year=2026))
    assert [(f["pii_type"], f["rule"], f["level"], f["raised"]) for f in findings] == [
        ("PERSON", "validated", "sensitive", "aggregation"),
        ("CN_ID_CARD", "validated", "sensitive", None),
        ("EMAIL", "weak", None, None),
        ("QQ", "contextual", "sensitive", "under_14"),
    ]
    assert [f["hmac"] for f in findings] == ["01" * 16, "ab" * 16, "02" * 16, "00" * 16]
    assert (found["pii_level"], found["pii_under_14"], found["exclusion_reason"]) == (
        "sensitive",
        True,
        "personal_information",
    )


@pytest.mark.parametrize(
    ("bases", "entities", "covered"),
    [
        (("consent",), [entity("EMAIL")], True),
        (("consent",), [entity("EMAIL"), entity("BANK_CARD", 9)], False),
        (("separate_consent",), [entity("EMAIL"), entity("BANK_CARD", 9)], True),
        (("separate_consent",), [entity("EMAIL", minor=True)], False),
        (("separate_consent", "guardian_consent"), [entity("EMAIL", minor=True)], True),
        (("separate_consent",), [entity("CN_ID_CARD", born=2013)], False),
        (("contract",), [entity("CN_ID_CARD", born=2013)], True),
        (("guardian_consent",), [entity("CN_ID_CARD")], False),
        (("guardian_consent",), [entity("CN_ID_CARD"), entity("EMAIL", 900, minor=True)], False),
        (("guardian_consent",), [entity("EMAIL", minor=True)], True),
        (("consent", "guardian_consent"), [entity("EMAIL"), entity("BANK_CARD", 900, minor=True)], True),
        (("consent", "guardian_consent"), [entity("BANK_CARD"), entity("EMAIL", 900, minor=True)], False),
        ((), [entity("CN_USCC")], None),
        ((), [entity("EMAIL", grade="weak")], None),
    ],
)
def test_a_document_is_covered_where_all_of_it_is(
    decider: Decider, bases: tuple[str, ...], entities: list[dict[str, Any]], covered: bool | None
) -> None:
    (found,), _ = decide(
        decider, with_entities(*entities), origin=Origin("src", ("a",), (0,), bases), admission=Admission(year=2026)
    )
    assert found["pii_covered"] is covered
    assert found["admitted"] == (covered is not False or found["pii_level"] == "general")


def test_weak_findings_are_cut_for_each_document_by_itself(decider: Decider) -> None:
    weak = [entity("EMAIL", place, grade="weak") for place in range(30)]
    _, findings = decide(decider, with_entities(*weak, entity("EMAIL", 50)), with_entities(), with_entities(*weak))
    assert len(findings) == 2 * MAX_CANDIDATES + 1
    assert findings[MAX_CANDIDATES]["verdict"] == "personal_information"


# What may be said


def facts_of(
    profile: Profile, documents: list[dict[str, Any]], **declared: Any
) -> tuple[list[dict[str, Any]], dict[str, tuple[str, str]]]:
    source = SourceRecord.model_validate(SOURCE | {"personal_info": declared})
    with duckdb.connect() as connection:
        connection.register("given", pa.Table.from_pylist(documents))
        rows = basis_rows([source], lambda query: connection.execute(query).fetchall(), "given")
        failed = not_looked_into(lambda query: connection.execute(query).fetchall(), "given")
    return rows, clause_facts(profile, Grounds(rows, ("s",) if source.personal_info.record else (), failed))


def row(
    level: str, covered: bool | None, admitted: bool, under_14: bool = False, unscored: str | None = None
) -> dict[str, Any]:
    return {
        "source_id": "s",
        "pii_level": level,
        "pii_under_14": under_14,
        "pii_covered": covered,
        "admitted": admitted,
        "unscored": unscored,
    }


def test_documents_are_counted_by_level_and_basis() -> None:
    documents = [
        row("none", None, True),
        row("general", True, True),
        row("sensitive", False, False),
        row("sensitive", False, False, True),
    ]
    rows, facts = facts_of(load_profile("tc260-003"), documents, lawful_basis="consent", record="r.pdf")
    assert {(r["level"], r["under_14"], r["basis"], r["covered"], r["phase"]): r["documents"] for r in rows} == {
        ("general", False, "consent", True, "collected"): 1,
        ("general", False, "consent", True, "admitted"): 1,
        ("sensitive", False, "consent", False, "collected"): 1,
        ("sensitive", False, "consent", False, "admitted"): 0,
        ("sensitive", True, "consent", False, "collected"): 1,
        ("sensitive", True, "consent", False, "admitted"): 0,
    }
    assert facts["5.2c1"][0] == facts["5.2c2"][0] == facts["5.2c3"][0] == "待人工"
    assert "3 documents found, 1 covered by a declared basis, 2 not, of these 0 admitted" in facts["5.2c1"][1]
    assert "2 documents found, 0 covered" in facts["5.2c2"][1]
    assert "of children under 14 1, not covered 1" in facts["5.2c2"][1]
    assert "none found by machine" in facts["5.2c3"][1]


def test_what_is_trained_on_without_basis_or_record_wants_evidence() -> None:
    profile = load_profile("tc260-003")
    _, facts = facts_of(profile, [row("general", False, True)])
    assert (facts["5.2c1"][0], facts["5.2c2"][0]) == ("待补充", "待人工")
    _, facts = facts_of(profile, [row("general", True, True)], lawful_basis="consent")
    assert facts["5.2c1"][0] == "待补充"
    assert "bases declared without a record, or with an empty one: s" in facts["5.2c1"][1]


def test_nothing_found_is_not_yet_not_applicable() -> None:
    _, facts = facts_of(load_profile("tc260-003"), [row("none", None, True)])
    assert {verdict for verdict, _ in facts.values()} == {"待人工"}


def test_a_record_that_is_empty_shows_nothing(tmp_path: Path) -> None:
    declared = SOURCE | {"personal_info": {"lawful_basis": "consent", "record": "r.pdf"}}
    source, shown = SourceRecord.model_validate(declared), []
    for content in ("", "signed"):
        (tmp_path / "r.pdf").write_text(content)
        facts = gather(source, tmp_path)[0].facts
        shown.append(with_record([source], {"s": facts}, date(2026, 6, 1)))
    assert shown == [frozenset(), {"s"}]
    assert with_record([SourceRecord.model_validate(SOURCE)], {"s": Facts()}, date(2026, 6, 1)) == frozenset()


def test_documents_nobody_looked_into_are_told() -> None:
    failed = "personal information: ValueError"
    given_ = [row("none", None, False, unscored=reason) for reason in (failed, f"timeout; {failed}", "timeout", None)]
    _, facts = facts_of(load_profile("tc260-003"), given_)
    assert all("未能检测 2 条 / the detectors failed on 2 documents" in basis for _, basis in facts.values())
    _, facts = facts_of(load_profile("tc260-003"), given_[2:])
    assert not any("未能检测" in basis for _, basis in facts.values())


def test_a_failure_of_the_detector_is_told_behind_another_reason(decider: Decider) -> None:
    facts = document(unscored="timeout")
    facts["pii"]["unscored"] = "personal information: ValueError"
    assert decide(decider, facts)[0][0]["unscored"] == "timeout; personal information: ValueError"


# Days


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ({"audit_date": "2099-01-01"}, "line 1: audit_date: 2099-01-01 在今天之后"),
        ({"audit_date": "2024-06-01", "obtained_at": "2024-06-02"}, "sources[0].evidence.obtained_at: obtained_at: 2024-06-02 在评估日 2024-06-01 之后"),
        ({"obtained_at": "2050-01-01"}, "2050-01-01 在评估日"),
        ({"audit_date": "2024-06-01", "fetched_from": "2095-01-01"}, "sources[0].evidence.collection_record: fetched_from: 2095-01-01 在评估日 2024-06-01"),
        ({"audit_date": "2024-06-01", "obtained_at": "2024-06-01", "fetched_from": "2024-01-01"}, None),
    ],
)  # fmt: skip
def test_no_day_by_which_ages_are_told_may_be_one_to_come(
    tmp_path: Path, days: dict[str, str], says: str | None
) -> None:
    (tmp_path / "record.json").write_text(json.dumps({"fetched_from": days.get("fetched_from")}))
    evidence = {"collection_record": "record.json"} | (
        {"obtained_at": days["obtained_at"]} if "obtained_at" in days else {}
    )
    content = {"audit_date": days.get("audit_date"), "seed": "s", "sources": [SOURCE | {"evidence": evidence}]}
    (tmp_path / "config.yaml").write_text(json.dumps(content), encoding="utf-8")
    if says is None:
        assert load_config(tmp_path / "config.yaml").audit_date == date(2024, 6, 1)
        return
    with pytest.raises(UsageError) as error:
        load_config(tmp_path / "config.yaml")
    assert says in str(error.value)
    assert " / " in str(error.value)


def test_a_record_that_is_not_there_is_told_with_the_remedy(tmp_path: Path) -> None:
    declared = SOURCE | {"personal_info": {"lawful_basis": "consent", "record": "r.pdf"}}
    [(key, message)] = gather(SourceRecord.model_validate(declared), tmp_path)[1]
    assert key == "lawful_basis_record"
    assert "put it there, or remove the key: the clauses will then want evidence" in message
