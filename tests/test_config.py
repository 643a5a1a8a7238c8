from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.config import Config, load_config
from pipeline.errors import UsageError

SOURCE = "  - {id: news, name: 新闻, kind: open, region: domestic, paths: [data/*.jsonl]}\n"
GOOD = f"seed: '2026-11'\nsources:\n{SOURCE}"
POLICY = "id: own\nversion: 1\nrules:\n  - {name: r, when: {block: 1}, assess: violation, filter: true}\n"
CSV_HEADER = "id,name,kind,region,paths,fields.text,evidence.licence,personal_info.lawful_basis\n"


def problems(folder: Path, text: str) -> list[str]:
    """The problems of the one error that loading this configuration gives."""
    file = folder / "audit.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        load_config(file)
    assert error.value.exit_code == 2
    return error.value.problems


def test_defaults_follow_the_contract(tmp_path: Path) -> None:
    (tmp_path / "audit.yaml").write_text(GOOD, encoding="utf-8-sig")
    config = load_config(tmp_path / "audit.yaml")
    assert (config.profile.id, config.policy.id, config.seed) == ("tc260-003", "starter", "2026-11")
    assert (config.output, config.scans) == (tmp_path / "out", str(tmp_path / "out" / "scans"))
    assert (config.sampling.manual, config.sampling.technical) == (4000, Decimal("0.10"))
    source = config.sources[0]
    assert (source.stage, source.format, source.encoding) == ("pretrain", None, "utf-8")
    assert (source.fields.text_paths, source.fields.id, source.fields.url) == (("text",), "id", "url")


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("sede: x\n" + GOOD, 1, "sede"),
        (GOOD + "sampling: {manuel: 5}\n", 4, "sampling.manuel"),
        (GOOD.replace("region:", "regoin:"), 3, "sources[0].regoin"),
        (f"sources:\n{SOURCE}", None, "seed"),
        ("seed: 's'\n", None, "sources"),
        (GOOD.replace("'2026-11'", "2026"), 1, "seed"),
        (GOOD.replace("'2026-11'", "''"), 1, "seed"),
        (GOOD.replace("'2026-11'", "x" * 201), 1, "seed"),
        (GOOD.replace("'2026-11'", '"a\\nb"'), 1, "seed"),
        (GOOD.replace("'2026-11'", '"a\\x7fb"'), 1, "seed"),
        (GOOD.replace("'2026-11'", '"a\\x85b"'), 1, "seed"),
        (GOOD.replace("'2026-11'", "2026-13-01"), None, ""),
        (GOOD.replace("kind: open", "kind: stolen"), 3, "sources[0].kind"),
        (GOOD.replace("id: news", "id: 新闻"), 3, "sources[0].id"),
        (GOOD.replace("id: news", "id: '..'"), 3, "sources[0].id"),
        (GOOD.replace("paths: [data/*.jsonl]", "paths: []"), 3, "sources[0].paths"),
        (GOOD.replace("}", ", encoding: idna}"), 3, "sources[0].encoding"),
        (GOOD.replace("}", ", encoding: klingon}"), 3, "sources[0].encoding"),
        (GOOD.replace("}", ", fields: {text: []}}"), 3, "sources[0].fields.text"),
        (GOOD.replace("}", ", format: pdf}"), 3, "sources[0].format"),
        (GOOD + SOURCE, 4, "sources[1].id"),
        ("seed: s\nsources: []\n", 2, "sources"),
        ("seed: s\nsources: gone.yaml\n", 2, "sources"),
        (GOOD + "sampling: {technical: 0.10}\n", 4, "sampling.technical"),
        (GOOD + 'sampling: {technical: "0.0999"}\n', 4, "sampling.technical"),
        (GOOD + 'sampling: {technical: "1.5"}\n', 4, "sampling.technical"),
        (GOOD + "sampling: {manual: 0}\n", 4, "sampling.manual"),
        (GOOD + "lexicons: [gone.tsv]\n", 4, "lexicons[0]"),
        (GOOD + "blocked: [gone.txt]\n", 4, "blocked[0]"),
        (GOOD + "blocked: [.]\n", 4, "blocked[0]"),
        (GOOD + "classifier: {model: gone}\n", 4, "classifier.model"),
        (GOOD + "emit: ''\n", 4, "emit"),
        (GOOD + "seed: again\n", 4, "seed"),
        (GOOD + "sampling: {manual: 1, manual: 2}\n", 4, "manual"),
        (GOOD + "limits: [\n", 5, ""),
    ],
)
def test_a_problem_is_told_with_file_line_and_key(tmp_path: Path, text: str, line: int | None, key: str) -> None:
    found = problems(tmp_path, text)
    assert all(problem.startswith(f"{tmp_path / 'audit.yaml'}: ") for problem in found)
    assert any(key in problem and (line is None or f"line {line}" in problem) for problem in found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "should be a mapping"),
        ("- a\n", "should be a mapping"),
        ("a: b: c\n", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
        ("? [a]\n: b\n", "not valid YAML"),
        (GOOD + "profile: nonsense\n", "no such profile; available: gbt-45654-2025, tc260-003"),
        (GOOD + "policy: gone.yaml\n", "cannot read the policy"),
    ],
)
def test_a_file_that_is_of_no_use_is_an_error_too(tmp_path: Path, text: str, says: str) -> None:
    (found,) = problems(tmp_path, text)
    assert says in found


@pytest.mark.parametrize(("name", "says"), [("gone.yaml", "no such configuration file"), (".", "is a folder")])
def test_a_configuration_that_is_not_there_is_an_error(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        load_config(tmp_path / name)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY.replace("block: 1", "blok: 1"))
    text = (
        "sede: x\nprofile: nonsense\npolicy: policy.yaml\nlexicons: [gone.tsv]\nclassifier: {model: gone}\n"
        f"sampling: {{technical: 0.1}}\nsources:\n{SOURCE}{SOURCE.replace('open', 'odd')}{SOURCE}"
    )
    found = "\n".join(problems(tmp_path, text))
    keys = ("sede", "seed", "nonsense", "rules[0].when.blok", "lexicons[0]", "classifier.model", "sampling.technical")
    for key in (*keys, "sources[1].kind", "sources[2].id"):
        assert f"{key}: " in found


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        (POLICY.replace("filter: true", "filter: true, weight: 3"), "rules[0].weight"),
        (POLICY.replace("block: 1", ""), "rules[0].when"),
        (POLICY.replace("block: 1", "score: 0.01"), "rules[0].when"),
        (POLICY + POLICY.splitlines()[-1] + "\n", "rule names given twice: r"),
        (POLICY.replace("violation", "guilty"), "rules[0].assess"),
    ],
)
def test_a_wrong_rule_is_told_with_the_file_of_the_policy(tmp_path: Path, policy: str, key: str) -> None:
    (tmp_path / "policy.yaml").write_text(policy)
    (found,) = problems(tmp_path, GOOD + "policy: policy.yaml\n")
    assert str(tmp_path / "policy.yaml") in found
    assert key in found


def test_a_profile_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(b"\xff\xfe")
    assert "cannot read the profile" in problems(tmp_path, GOOD + "profile: own.yaml\n")[0]


@pytest.mark.parametrize("wrap", ["{}", "sources:\n{}"])
def test_sources_come_from_a_yaml_file(tmp_path: Path, wrap: str, configure: Callable[..., Config]) -> None:
    (tmp_path / "list.yaml").write_text(wrap.format(SOURCE))
    assert [source.name for source in configure(sources="list.yaml").sources] == ["新闻"]


def test_sources_come_from_a_csv_file(tmp_path: Path, configure: Callable[..., Config]) -> None:
    row = "a,甲,commercial,overseas,x/*.jsonl; y/*.jsonl,body,CC-BY-4.0,\n"
    (tmp_path / "list.csv").write_text(CSV_HEADER + row, encoding="utf-8-sig")
    (source,) = configure(sources="list.csv").sources
    assert (source.id, source.kind, source.paths) == ("a", "commercial", ["x/*.jsonl", "y/*.jsonl"])
    assert (source.fields.text_paths, source.licence, source.personal_info.lawful_basis) == (
        ("body",),
        "CC-BY-4.0",
        None,
    )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("list.yaml", SOURCE + SOURCE.replace("open", "odd"), "line 2: [1].kind"),
        ("list.yaml", SOURCE + SOURCE, "line 2: [1].id"),
        ("list.yaml", "sources: []\nsorces: []\n", "should be a list of source records"),
        ("list.yaml", "", "should be a list of source records"),
        ("list.yaml", "a: b: c", "not valid YAML"),
        ("list.csv", CSV_HEADER, "no source at all"),
        ("list.csv", CSV_HEADER + "a,甲,odd,overseas,x,,,\n", "[0].kind"),
        ("list.csv", CSV_HEADER + "a,甲,open,overseas,x,,,,surplus\n", "line 2: more cells than columns"),
        ("list.csv", "id,id,name\n1,2,3\n", "columns given twice or clashing with a nested one: id"),
        (
            "list.csv",
            "id,evidence,evidence.licence\n1,2,3\n",
            "columns given twice or clashing with a nested one: evidence",
        ),
        ("list.csv", CSV_HEADER.replace("kind", "art") + "a,甲,open,overseas,x,,,\n", "[0].art"),
    ],
)
def test_a_wrong_list_of_sources_is_an_error(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    found = "\n".join(problems(tmp_path, f"seed: s\nsources: {name}\n"))
    assert says in found
    assert name in found or "no source at all" in found


def test_the_digest_says_nothing_of_the_place(tmp_path: Path) -> None:
    digests = set()
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        (folder / "audit.yaml").write_text(GOOD)
        digests.add(load_config(folder / "audit.yaml", out=folder / "elsewhere").sha256)
    (tmp_path / "b" / "audit.yaml").write_text(GOOD.replace("2026-11", "2026-12"))
    assert len(digests) == 1
    assert load_config(tmp_path / "b" / "audit.yaml").sha256 not in digests
