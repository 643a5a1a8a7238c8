"""Profiles as data: the shipped three, where each value comes from, and files that rest on them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lexicon.checking import check
from pipeline.accounting.profile_standing import note, standing
from pipeline.accounting.statistics import clause_rows
from schemas import profile_strictness
from schemas.loading import DocumentError
from schemas.profile import Profile, is_shipped, load_profile, may_pass, shipped_profiles
from schemas.profile_basis import UNSTATED, stated
from schemas.risks import risks
from tests.audits import audit

SEED, LATER, NATIONAL = "tc260-003", "tc260-003-2024", "gbt-45654-2025"
ALL = (NATIONAL, SEED, LATER)
COMMON = {
    "K.SRC.BLACKLIST", "K.SRC.RATE5", "K.SRC.DIVERSITY", "K.TRACE.OPEN", "K.TRACE.SELF", "K.TRACE.COMM", "K.TRACE.USER",
    "K.BLOCKED", "K.FILTER", "K.IP.OWNER", "K.IP.IDENTIFY", "K.IP.COMPLAINT", "K.IP.AGREEMENT", "K.IP.UPDATE", "K.IP.PUBLIC",
    "K.PI.GENERAL", "K.PI.SENSITIVE", "K.ANN.STAFF.EXAM", "K.ANN.STAFF.ROLES", "K.ANN.STAFF.TIME", "K.ANN.RULE.CONTENT",
    "K.ANN.RULE.KINDS", "K.ANN.RULE.FUNC", "K.ANN.RULE.RISKS", "K.ANN.ACC.SAFE", "K.ANN.ACC.FUNC", "K.EVAL.PERCLAUSE",
    "K.EVAL.REPORT", "K.EVAL.SIGN", "K.EVAL.MANUAL", "K.EVAL.TECH", "K.EVAL.ASSETS", "K.KW.TOTAL", "K.KW.REP", "K.CLS",
}  # fmt: skip
AFTER_2023 = {"K.KW.UPDATE", "K.ANN.STAFF.TRAIN", "K.ANN.ISOLATE"}


def write(folder: Path, content: dict[str, Any], name: str = "own.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def own(folder: Path, base: str = SEED, **changes: Any) -> Profile:
    """A profile of a company, which extends a shipped one."""
    return load_profile(str(write(folder, {"id": "own", "extends": base, **changes})))


def clauses_of(name: str) -> list[dict[str, Any]]:
    return [clause.model_dump(mode="json") for clause in load_profile(name).clauses]


def with_clause(name: str, key: str, **changes: Any) -> list[dict[str, Any]]:
    return [clause | changes if clause["key"] == key else clause for clause in clauses_of(name)]


# The shipped ones


def test_three_ship_and_each_may_pass_as_it_is() -> None:
    assert shipped_profiles() == ALL
    for name in ALL:
        profile = load_profile(name)
        assert (profile.id, is_shipped(profile), may_pass(profile), profile.looser) == (name, True, True, ())


@pytest.mark.parametrize(
    ("name", "keys"),
    [(SEED, COMMON | {"K.KW.LEN", "K.PI.BIO"}), (LATER, COMMON | AFTER_2023), (NATIONAL, COMMON | AFTER_2023)],
)
def test_every_clause_about_the_corpus_is_a_row_under_a_key_that_is_the_same_in_every_edition(
    name: str, keys: set[str]
) -> None:
    assert {clause.key for clause in load_profile(name).clauses} == keys


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("K.SRC.RATE5", ("5.1a2", "5.1a1-2", "5.1a1-2")),
        ("K.IP.PUBLIC", ("5.2b6", "5.2b6", "5.2b6")),
        ("K.PI.BIO", ("5.2c3", None, None)),
        ("K.ANN.STAFF.ROLES", ("5.3a2", "5.3a3", "24:5.3a3")),
        ("K.ANN.ACC.SAFE", ("5.3c1", "5.3c2", "24:5.3c2")),
        ("K.EVAL.MANUAL", ("8.2a", "9.2a", "24:9.2a")),
        ("K.KW.TOTAL", ("9.1b", "8.1a", "24:8.1a")),
        ("K.KW.LEN", ("9.1a", None, None)),
        ("K.KW.UPDATE", (None, "8.1c", "24:8.1c")),
        ("K.CLS", ("9.2", "8.4", "24:8.4")),
        ("K.NO.SUCH", (None, None, None)),
    ],
)
def test_a_clause_is_found_by_its_key_whatever_its_number(key: str, numbers: tuple[str | None, ...]) -> None:
    found = [load_profile(name).clause_of(key) for name in (SEED, LATER, NATIONAL)]
    assert tuple(clause and clause.id for clause in found) == numbers


@pytest.mark.parametrize(
    ("name", "recommended"),
    [
        (SEED, {"K.IP.PUBLIC"}),
        (LATER, {"K.IP.PUBLIC", "K.ANN.ISOLATE", "K.KW.TOTAL", "K.KW.REP"}),
        (NATIONAL, {"K.IP.PUBLIC", "K.ANN.ISOLATE"}),
    ],
)
def test_what_an_edition_only_recommends(name: str, recommended: set[str]) -> None:
    profile = load_profile(name)
    assert {clause.key for clause in profile.clauses if clause.modality == "should"} == recommended
    assert profile.keywords.modality == ("should" if "K.KW.TOTAL" in recommended else "shall")


@pytest.mark.parametrize("name", ALL)
def test_checks_name_clauses_of_the_list(name: str) -> None:
    profile = load_profile(name)
    key_of = {clause.id: clause.key for clause in profile.clauses}
    assert [
        key_of[number]
        for number in (
            profile.source_rate.clause,
            profile.manual.clause,
            profile.technical.clause,
            profile.instruments or "",
            profile.diversity.clause,
        )
    ] == ["K.SRC.RATE5", "K.EVAL.MANUAL", "K.EVAL.TECH", "K.EVAL.ASSETS", "K.SRC.DIVERSITY"]
    levels = {level: key_of[number] for level, number in profile.personal_information.clauses.items()}
    written = profile.personal_information.written_consent_biometric
    biometric = {"biometric": "K.PI.BIO"} if written else {}
    assert levels == {"general": "K.PI.GENERAL", "sensitive": "K.PI.SENSITIVE"} | biometric


@pytest.mark.parametrize("name", ALL)
def test_no_value_is_without_a_source(name: str) -> None:
    profile = load_profile(name)
    numbers = {
        "source_rate.maximum", "manual.minimum", "manual.pass", "technical.minimum_share", "technical.pass", "keywords.minimum",
        "keywords.per_risk.A1", "keywords.per_risk.A2", "keywords.max_han", "keywords.max_words", "keywords.max_update_days",
        "classifier.risks_required", "diversity.minimum", "diversity.merge", "diversity.floor", "diversity.share",
        "advisory.overseas_share",
    }  # fmt: skip
    assert numbers <= stated(profile).keys() == profile.basis.keys()
    assert UNSTATED not in {value.source for value in profile.unverified}


def numbers_in(place: str, value: Any) -> set[str]:
    """The places of all numbers in a profile as written, wherever they stand."""
    if isinstance(value, dict):
        return set().union(*(numbers_in(f"{place}.{key}", inner) for key, inner in value.items()))
    number = isinstance(value, int) and not isinstance(value, bool)
    fraction = isinstance(value, list) and bool(value) and all(isinstance(part, int) for part in value)
    return {place} if number or fraction else set()


@pytest.mark.parametrize("name", ALL)
def test_whatever_is_a_number_in_a_profile_is_among_what_wants_a_source(name: str) -> None:
    content = load_profile(name).model_dump(mode="json", by_alias=True)
    found = set().union(*(numbers_in(key, value) for key, value in content.items()))
    assert found and found <= stated(load_profile(name)).keys()


def grades(name: str) -> dict[str, str]:
    return {field: basis.confidence for field, basis in load_profile(name).basis.items()}


@pytest.mark.parametrize(
    ("field", "sure"),
    [  # draft, 2024, national standard
        ("source_rate.maximum", "AMB"),
        ("source_rate.stages", "AMB"),
        ("manual.minimum", "ABC"),
        ("manual.pass", "ABC"),
        ("technical.minimum_share", "ABM"),
        ("technical.pass", "ABM"),
        ("keywords.minimum", "ABB"),
        ("keywords.per_risk.A1", "ABM"),
        ("keywords.max_han", "AMM"),
        ("keywords.max_update_days", "ABM"),
        ("classifier.risks_required", "AMM"),
        ("illegal_unhealthy", "MMC"),
        ("diversity.minimum", "MMM"),
        ("advisory.overseas_share", "BBB"),
    ],
)
def test_how_sure_each_value_is(field: str, sure: str) -> None:
    assert "".join(grades(name)[field] for name in (SEED, LATER, NATIONAL)) == sure


def test_what_was_not_read_in_the_text_is_listed_with_a_line_for_output() -> None:
    found = {value.field: value for value in load_profile(NATIONAL).unverified}
    assert found["keywords.minimum"].standing == "secondary"
    assert {found[field].standing for field in ("manual.minimum", "technical.pass")} == {"unverified"}
    line = found["technical.pass"].line
    assert line.startswith("technical.pass = 98/100：未经标准原文核对（M ") and "/ unverified (M: " in line
    assert "manual.minimum" not in {value.field for value in load_profile(SEED).unverified}
    assert load_profile(SEED).unverified_clauses == ()
    assert len(load_profile(LATER).unverified_clauses) == len(load_profile(LATER).clauses)


def test_numerators_and_editions() -> None:
    seed, later, national = (load_profile(name) for name in (SEED, LATER, NATIONAL))
    assert seed.illegal_unhealthy == later.illegal_unhealthy and len(seed.illegal_unhealthy) == 23
    assert national.illegal_unhealthy == {risk for risk in risks() if not risk.startswith("A5")}
    assert [profile.edition and profile.edition.in_force for profile in (seed, later, national)] == [False, False, True]
    assert seed.edition is not None and "征求意见稿口径" in seed.edition.cover.zh
    assert [profile.source_rate.stages for profile in (seed, later)] == [
        ("post_collection",),
        ("pre_collection", "post_collection"),
    ]


def test_result_json_says_what_is_not_verified_and_one_line_is_printed() -> None:
    told = standing(load_profile(SEED))
    assert told["edition"]["in_force"] is False and told["unverified_clauses"] == [] and told["may_pass"]
    assert {value["field"]: value["standing"] for value in told["unverified"]}["advisory.overseas_share"] == "secondary"
    json.dumps(told)
    zh, en = note({"profile_standing": told}) or ("", "")
    assert "征求意见稿口径" in zh and "9 个取值（其中二手 2 个）与 0 项条款" in zh
    assert "not the edition in force" in en and "9 values (2 of them secondary)" in en
    zh, _ = note({"profile_standing": standing(load_profile(NATIONAL))}) or ("", "")
    assert "非现行" not in zh and "38 项条款未经标准原文核对" in zh
    assert note({}) is None, "a run of before"
    silent = told | {"unverified": [], "edition": told["edition"] | {"in_force": True}}
    assert note({"profile_standing": silent}) is None


@pytest.mark.parametrize(
    ("name", "sufficient", "overlong"), [(SEED, False, 1), (LATER, True, None), (NATIONAL, False, None)]
)
def test_a_keyword_library_is_held_against_what_the_edition_asks_for(
    tmp_path: Path, name: str, sufficient: bool, overlong: int | None
) -> None:
    """Where numbers are a recommendation a small library suffices; where length has no limit none is overlong."""
    (tmp_path / "own.tsv").write_text("term\trisks\ttier\n一二三四五六七八九十甲乙\tA1-a\tblock\n", encoding="utf-8")
    report = check([tmp_path / "own.tsv"], load_profile(name).keywords)
    assert report.sufficient is sufficient
    assert [one.found for one in report.requirements if one.at_most] == ([] if overlong is None else [overlong])
    assert not report.requirements[0].met and report.requirements[0].must is not sufficient


def test_the_check_of_a_library_tells_of_values_nobody_read_in_the_standard() -> None:
    done = audit("lexicon", "check", "--profile", LATER)
    assert "keywords.minimum = 10000：二手（B " in done.stdout and "fewer than recommended" in done.stdout
    assert "on the profile" not in audit("lexicon", "check", check=1).stdout


@pytest.mark.parametrize(
    ("name", "key", "told"),
    [
        (SEED, "K.EVAL.MANUAL", "not_applicable (M)"),
        (SEED, "K.SRC.RATE5", "illegal_unhealthy (M)"),
        (SEED, "K.TRACE.OPEN", None),
        (SEED, "K.CLS", None),
        (NATIONAL, "K.EVAL.MANUAL", "number and wording (M), manual.minimum (C), manual.pass (C), not_applicable (M)"),
        (NATIONAL, "K.TRACE.OPEN", "number and wording (M)"),
        (LATER, "K.KW.TOTAL", "number and wording (B), keywords.minimum (B), keywords.modality (B)"),
    ],
)
def test_verdicts_tell_of_what_they_rest_on_and_nobody_read_in_the_standard(
    name: str, key: str, told: str | None
) -> None:
    profile = load_profile(name)
    clause = profile.clause_of(key)
    assert clause is not None
    rows = {row["clause"]: row["basis"] for row in clause_rows(profile, (0, 0), 0, [], [], "", {})}
    if told is None:
        assert "standard's text" not in rows[clause.id]
    else:
        assert "未经标准原文核对" in rows[clause.id]
        assert f"not checked with the standard's text: {told}" in rows[clause.id]


# Files of one's own


def test_a_file_of_before_loads_and_never_passes(tmp_path: Path) -> None:
    """As files were written before editions, sources and keys: without any of them."""
    content = {
        "id": "old",
        "title": "旧",
        "source_rate": {"clause": "5.1a2", "maximum": [1, 20]},
        "manual": {"clause": "8.2a", "minimum": 4000, "pass": [96, 100]},
        "technical": {"clause": "8.2b", "minimum_share": [1, 10], "pass": [98, 100]},
        "illegal_unhealthy": ["A1-a"],
        "not_applicable": [],
        "personal_information": {"standard": "gbt-35273-2020", "clauses": {"general": "5.2c1"}},
        "clauses": [{"id": "5.2c1", "title": "个人信息"}, {"id": "8.2a", "title": "人工抽检"}],
    }
    profile = load_profile(str(write(tmp_path, content)))
    assert (may_pass(profile), profile.extends, profile.edition, profile.looser) == (False, None, None, ())
    assert profile.source_rate.stages == ("post_collection",)
    assert {value.source for value in profile.unverified} == {UNSTATED}
    assert {value.field for value in profile.unverified} == stated(profile).keys()
    assert "未说明依据哪一版标准" in (note({"profile_standing": standing(profile)}) or ("", ""))[0]


def test_a_copy_of_a_shipped_file_with_one_number_changed_never_passes(tmp_path: Path) -> None:
    text = (Path(profile_strictness.__file__).parent / "profiles" / f"{SEED}.yaml").read_text("utf-8")
    (tmp_path / "a.yaml").write_text(text.replace("minimum: 4000", "minimum: 4001"), "utf-8")
    assert not may_pass(load_profile(str(tmp_path / "a.yaml")))


def test_what_extends_is_merged_over_the_shipped_one(tmp_path: Path) -> None:
    profile = own(tmp_path, manual={"minimum": 5000}, keywords={"per_risk": {"A1": 300}}, source_rate={"stages": ["pre_collection", "post_collection"]})  # fmt: skip
    assert (profile.id, profile.extends, profile.title) == ("own", SEED, load_profile(SEED).title)
    assert (profile.manual.minimum, profile.manual.passing, profile.manual.clause) == (5000, (96, 100), "8.2a")
    assert profile.keywords.per_risk == {"A1": 300, "A2": 100}
    assert len(profile.source_rate.stages) == 2, "lists are replaced"
    assert may_pass(profile) and not is_shipped(profile)
    changed = {value.field for value in profile.unverified} - {value.field for value in load_profile(SEED).unverified}
    assert changed == {"manual.minimum", "keywords.per_risk.A1", "source_rate.stages"}, (
        "a source of 4000 is none of 5000"
    )


def test_one_file_may_extend_another_and_all_is_held_against_the_shipped_one(tmp_path: Path) -> None:
    write(tmp_path, {"id": "group", "extends": NATIONAL, "manual": {"minimum": 6000}}, "group.yaml")
    profile = own(tmp_path, "group.yaml", manual={"minimum": 5000})
    assert (profile.extends, may_pass(profile)) == (NATIONAL, True), "looser than the group's, not than the standard"
    before = profile.sha256
    write(tmp_path, {"id": "group", "extends": NATIONAL, "technical": {"pass": [99, 100]}}, "group.yaml")
    assert load_profile(str(tmp_path / "own.yaml")).sha256 != before
    write(tmp_path, load_profile(SEED).model_dump(mode="json", by_alias=True) | {"id": "free"}, "group.yaml")
    profile = load_profile(str(tmp_path / "own.yaml"))
    assert (profile.extends, may_pass(profile)) == (None, False), "it rests on nothing of ours"


def personal(**changes: Any) -> dict[str, Any]:
    return {"personal_information": changes}


STRICTER: dict[str, Callable[[], dict[str, Any]]] = {
    "nothing": dict,
    "a title of one's own": lambda: {"title": "集团口径"},
    "a lower source rate": lambda: {"source_rate": {"maximum": [1, 50]}},
    "more items": lambda: {"manual": {"minimum": 4001, "pass": [961, 1000]}},
    "the same share in other numbers": lambda: {"manual": {"pass": [24, 25]}},
    "more risks are bad": lambda: {"illegal_unhealthy": sorted(risks())},
    "all risks apply": lambda: {"not_applicable": []},
    "more keywords": lambda: {"keywords": {"minimum": 20_000, "per_risk": {"A3": 50}, "max_han": 8, "max_update_days": 7}},
    "three sources": lambda: {"diversity": {"minimum": 3, "merge": [1, 3], "floor": [0, 1], "share": [1, 50]}},
    "a type of a higher level": lambda: personal(levels={"EMAIL": "sensitive"}),
    "a recommendation is a must": lambda: {"clauses": with_clause(SEED, "K.IP.PUBLIC", modality="shall")},
    "a clause more": lambda: {"clauses": [*clauses_of(SEED), {"id": "X1", "key": "K.OWN.RULE", "title": "内部要求"}]},
    "a grade somebody checked": lambda: {"basis": {"not_applicable": {"source": "法务核对", "confidence": "A"}}},
}  # fmt: skip


@pytest.mark.parametrize("changes", [pytest.param(change, id=name) for name, change in STRICTER.items()])
def test_what_asks_for_no_less_may_pass(tmp_path: Path, changes: Callable[[], dict[str, Any]]) -> None:
    profile = own(tmp_path, **changes())
    assert profile.looser == () and may_pass(profile)


LOOSER: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "a higher source rate": (lambda: {"source_rate": {"maximum": [51, 1000]}}, "source_rate.maximum: 51/1000"),
    "a stage less": (lambda: {"source_rate": {"stages": ["pre_collection"]}}, "source_rate.stages"),
    "fewer items": (lambda: {"manual": {"minimum": 3999}}, "manual.minimum: 3999"),
    "a lower share": (lambda: {"manual": {"pass": [959, 1000]}}, "manual.pass"),
    "fewer in the technical sample": (lambda: {"technical": {"minimum_share": [99, 1000]}}, "technical.minimum_share"),
    "a lower technical share": (lambda: {"technical": {"pass": [97, 100]}}, "technical.pass"),
    "fewer keywords": (lambda: {"keywords": {"minimum": 9999}}, "keywords.minimum"),
    "fewer keywords of a risk": (lambda: {"keywords": {"per_risk": {"A2": 99}}}, "keywords.per_risk.A2"),
    "keywords as a recommendation": (lambda: {"keywords": {"modality": "should"}}, "keywords.modality"),
    "longer keywords": (lambda: {"keywords": {"max_han": 11}}, "keywords.max_han"),
    "keywords of any length": (lambda: {"keywords": {"max_words": None}}, "keywords.max_words"),
    "fewer risks in the classifier": (lambda: {"classifier": {"risks_required": 30}}, "classifier.risks_required"),
    "one source is several": (lambda: {"diversity": {"minimum": 1}}, "diversity.minimum"),
    "copies are sources": (lambda: {"diversity": {"merge": [2, 3]}}, "diversity.merge"),
    "more is noise": (lambda: {"diversity": {"floor": [1, 10]}}, "diversity.floor"),
    "a trifle is a source": (lambda: {"diversity": {"share": [1, 1000]}}, "diversity.share"),
    "more from overseas": (lambda: {"advisory": {"overseas_share": None}}, "advisory.overseas_share"),
    "a risk is not bad": (
        lambda: {"illegal_unhealthy": sorted(load_profile(SEED).illegal_unhealthy - {"A4-g"})}, "illegal_unhealthy"),
    "a risk does not apply": (lambda: {"not_applicable": ["A5-a", "A5-b", "A3-a"]}, "not_applicable"),
    "the looser standard": (lambda: personal(standard="gbt-45574-2025"), "types of a lower level"),
    "a type of a lower level": (lambda: personal(levels={"BANK_CARD": "general"}), "BANK_CARD"),
    "no written consent": (lambda: personal(written_consent_biometric=False), "written_consent_biometric"),
    "a clause is gone": (
        lambda: {"clauses": [one for one in clauses_of(SEED) if one["key"] != "K.BLOCKED"]}, "K.BLOCKED（5.1d）"),
    "a must is a recommendation": (
        lambda: {"clauses": with_clause(SEED, "K.BLOCKED", modality="should")}, "clauses K.BLOCKED: “应”改成了“宜”"),
    "the standard's text rewritten": (
        lambda: {"clauses": with_clause(SEED, "K.EVAL.MANUAL", title="人工抽检不少于40条")}, "clauses K.EVAL.MANUAL"),
    "a result under another clause": (lambda: {"manual": {"clause": "5.2a"}}, "manual.clause: 所指条款应为 K.EVAL.MANUAL"),
    "two keys change places": (
        lambda: {"clauses": [one | {"key": {"K.EVAL.MANUAL": "K.FILTER", "K.FILTER": "K.EVAL.MANUAL"}.get(one["key"], one["key"])}
                             for one in clauses_of(SEED)]}, "manual.clause"),
    "no clause on instruments": (lambda: {"instruments": None}, "instruments"),
    "another edition's cover": (
        lambda: {"edition": {"in_force": True, "document": "GB/T 45654-2025"}}, "edition"),
    "a grade nobody checked": (
        lambda: {"basis": {"not_applicable": {"confidence": "A"}}}, "basis.not_applicable"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "says"), [pytest.param(*case, id=name) for name, case in LOOSER.items()])
def test_what_asks_for_less_in_any_respect_says_so_and_never_passes(
    tmp_path: Path, changes: Callable[[], dict[str, Any]], says: str
) -> None:
    profile = own(tmp_path, **changes())
    assert any(says in respect for respect in profile.looser), profile.looser
    assert not may_pass(profile)


def test_a_clause_on_other_things_takes_no_result_on_personal_information(tmp_path: Path) -> None:
    """Else 不适用, which people and machine say of persons, would stand under any clause."""
    profile = own(tmp_path, NATIONAL, **personal(clauses={"biometric": "5.1d"}))
    assert [respect.partition(":")[0] for respect in profile.looser] == ["personal_information.clauses.biometric"]
    extra = [*clauses_of(NATIONAL), {"id": "5.2c3", "key": "K.PI.BIO", "title": "书面授权同意"}]
    assert may_pass(own(tmp_path, NATIONAL, clauses=extra, **personal(clauses={"biometric": "5.2c3"})))


def test_a_field_no_rule_speaks_of_may_not_be_changed() -> None:
    """Whoever adds a field to profiles has to say which way is looser before anybody may change it."""
    assert profile_strictness._is_looser("manual.brand_new", 1, 2)
    ruled = (
        profile_strictness._AT_LEAST | profile_strictness._AT_MOST | profile_strictness._ALL_OF
        | profile_strictness._NONE_BUT | profile_strictness._BY_TYPE
        | {profile_strictness._MODALITY, profile_strictness._WRITTEN, "edition"}
    )  # fmt: skip
    fields = {"keywords.per_risk" if "per_risk" in field else field for field in stated(load_profile(SEED))}
    assert fields | {"personal_information.levels"} == ruled


def test_what_a_manifest_claims_counts_for_nothing(tmp_path: Path) -> None:
    told = own(tmp_path, manual={"minimum": 10}).model_dump(mode="json", by_alias=True)
    assert not may_pass(Profile.model_validate(told | {"id": SEED, "sha256": load_profile(SEED).sha256}))
    assert not may_pass(Profile.model_validate(told | {"extends": "tc260-003-2031"}))
    stricter = own(tmp_path, manual={"minimum": 5000}).model_dump(mode="json", by_alias=True)
    assert may_pass(Profile.model_validate(json.loads(json.dumps(stricter))))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"extends": "tc260-004", "id": "x"}, "no such profile; available: gbt-45654-2025, tc260-003"),
        ({"extends": "a\0b", "id": "x"}, "no such profile"),
        ({"extends": "a" * 5000, "id": "x"}, "no such profile"),
        ({"extends": SEED}, "give it a name of its own"),
        ({"extends": SEED, "id": NATIONAL}, "give it a name of its own"),
        ({"extends": ["a"], "id": "x"}, "should be the name of a shipped profile"),
        ({"extends": "own.yaml", "id": "x"}, "goes round in a circle"),
        ({"extends": SEED, "id": "x", "manual": {"minimum": 0}}, "manual.minimum"),
        ({"extends": SEED, "id": "x", "manual": 4000}, "manual: 应为映射"),
        ({"extends": SEED, "id": "x", "colour": "red"}, "unknown key"),
        ({"extends": SEED, "id": "x", "basis": {"manual.minimun": {"source": "x", "confidence": "A"}}}, "(? manual.minimum)"),
        ({"extends": SEED, "id": "x", "clauses": [{"id": "1", "title": "a"}, {"id": "1", "title": "b"}]}, "given twice: 1"),
        ({"extends": SEED, "id": "x", "basis": {"manual.minimum": {"source": "", "confidence": "A"}}}, "basis"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, content: dict[str, Any], says: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DocumentError) as error:
        load_profile(str(path))
    assert says in str(error.value)
    assert "own.yaml: " in str(error.value)


# What decisions depend on


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "别名"},
        {"clauses": with_clause(SEED, "K.BLOCKED", title="改写")},
        {"basis": {"not_applicable": {"source": "法务核对", "confidence": "A"}}},
        {"manual": {"minimum": 5000}},
        {"source_rate": {"maximum": [1, 50]}},
        {"keywords": {"minimum": 20_000}},
    ],
)
def test_decisions_do_not_depend_on_texts_sources_and_thresholds(tmp_path: Path, changes: dict[str, Any]) -> None:
    profile = own(tmp_path, **changes)
    assert profile.decisive_sha256 == load_profile(SEED).decisive_sha256
    assert profile.sha256 != load_profile(SEED).sha256


@pytest.mark.parametrize(
    "changes",
    [
        {"illegal_unhealthy": sorted(risks())},
        {"not_applicable": []},
        {"personal_information": {"standard": "gbt-45574-2025"}},
        {"personal_information": {"levels": {"EMAIL": "sensitive"}}},
    ],
)
def test_decisions_depend_on_numerators_and_levels(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert own(tmp_path, **changes).decisive_sha256 != load_profile(SEED).decisive_sha256
