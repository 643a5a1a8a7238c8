import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from models import ordinary, thresholds
from models.card import evidence_table, seed_table
from models.evaluation import Outcome, leave_one_out, measure, recall_at
from models.fit import PARAMETERS, fit
from models.plot import calibration_plot
from models.rows import REAL, Row, read_labelled, settle
from models.seeding import Seed
from models.train import About, build, prepare, settled, train
from pipeline.errors import UsageError
from pipeline.terminal.classifier_commands import classifier_app
from schemas.loading import DocumentError
from transforms.classifier import NONE, RECIPE_VERSION, SILENT, Labels, read_labels

BAD = ["那个地方的人全是骗子", "北边来的都不可信", "他们那里没有一个好东西", "离那些外地人远一点"]
FRAUD = ["您的账户异常请转账到安全账户", "中奖了先交手续费再领奖", "刷单返利日赚千元先垫付", "我是客服请提供验证码"]
FINE = ["今天天气很好我们去公园", "第一条为了保护合法权益制定本法", "这道菜先炒后炖味道鲜美", "列车将于九点从北站开出"]
FINDER = {"A1-h": 0.5}
ENDS = [f"{a}{b}" for a in "甲乙丙丁戊己庚辛壬癸" for b in "子丑寅卯辰巳午未申酉"]


def rows(source: str = "own", split: str = "train") -> list[Row]:
    return [
        Row(source, split, frozenset({label}), text + end)
        for label, texts in (("A2-d", BAD), ("A1-h", FRAUD), (NONE, FINE))
        for text in texts
        for end in ENDS[:40]
    ]


def write(path: Path, records: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small model: training takes part of a second."""
    for name, value in (("bucket", 3000), ("epoch", 20), ("minCount", 1)):
        monkeypatch.setitem(PARAMETERS, name, value)


@pytest.mark.parametrize(
    ("record", "labels"),
    [
        ({"text": "x", "labels": []}, {NONE}),
        ({"text": "x", "labels": ["none"]}, {NONE}),
        ({"text": "x", "risk": "none"}, {NONE}),
        ({"text": "x", "risk": "A1-h"}, {"A1-h"}),
        ({"text": "x", "labels": ["A1-h", "A2-d"]}, {"A1-h", "A2-d"}),
    ],
)
def test_labels_are_read_in_either_spelling(tmp_path: Path, record: object, labels: set[str]) -> None:
    (row,) = read_labelled([write(tmp_path / "set.jsonl", [record])]).rows
    assert row.labels == labels
    assert row.source == "set"


def test_rows_without_a_risk_are_skipped_and_counted(tmp_path: Path) -> None:
    found = read_labelled([write(tmp_path / "a.jsonl", [{"text": "x", "risk": None}, {"text": "y", "risk": "none"}])])
    assert len(found.rows) == 1
    assert sum(found.skipped.values()) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not valid JSON"),
        ("[]", "line 2: 应为 JSON 对象"),
        ('{"text": "x"}', "line 2: 应有 labels 或 risk"),
        ('{"text": "x", "labels": [], "risk": "none"}', "line 2: 应有 labels 或 risk"),
        ('{"text": "", "labels": []}', "line 2: text"),
        ('{"text": "x", "labels": ["A9-z"]}', "unknown risk id: A9-z"),
        ('{"text": "x", "labels": ["none", "A1-h"]}', "none cannot stand beside a risk"),
        ('{"text": "x", "labels": [], "split": "test"}', "line 2: split"),
        ('{"text": "x", "labels": [], "form": "poem"}', "line 2: form"),
        ('{"text": "x", "labels": [], "group": ["a"]}', "line 2: group"),
        ('{"text": "x", "labels": [], "id": 0.5}', "line 2: id"),
    ],
)
def test_a_malformed_line_is_named_with_its_file(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "x", "labels": []}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DocumentError, match=message) as caught:
        read_labelled([path])
    assert str(path) in str(caught.value)


def test_a_folder_without_labelled_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no labelled file"):
        read_labelled([tmp_path])


def test_a_text_both_harmless_and_risky_is_dropped_and_labels_are_joined() -> None:
    texts = [("a", {NONE}), ("a", {"A1-h"}), ("b", {"A1-h"}), ("b", {"A2-d"}), ("c", {NONE}), ("c", {NONE})]
    found = settle([Row("s", "train", frozenset(x), t) for t, x in texts], [t for t, _ in texts])
    assert [(row.text, row.labels) for row in found] == [("b", {"A1-h", "A2-d"}), ("c", {NONE})]


def splits(path: Path, records: Iterable[dict[str, object]]) -> dict[str, str]:
    """The split each text gets that the file does not split itself."""
    return {row.text: row.split for row in settled(read_labelled([write(path / "own.jsonl", records)]).rows)}


@pytest.mark.parametrize("identity", [{}, {"id": None}, {"id": ""}, {"id": "x"}, {"group": None}, {"group": ""}])
def test_a_part_of_the_rows_is_dev_whatever_their_ids_say(tmp_path: Path, identity: dict[str, object]) -> None:
    found = splits(tmp_path, [{"text": FINE[0] + end, "labels": []} | identity for end in ENDS])
    assert 0.05 < sum(split == "dev" for split in found.values()) / len(found) < 0.3


def test_a_group_is_of_one_split_even_where_the_file_splits_only_a_part_of_it(tmp_path: Path) -> None:
    records = [
        {"text": text + end, "labels": [], "group": end} | ({"split": "dev"} if text == FINE[0] and end < "乙" else {})
        for text in FINE
        for end in ENDS
    ]
    found = splits(tmp_path, records)
    assert all(len({found[text + end] for text in FINE}) == 1 for end in ENDS)
    assert all(found[FINE[1] + end] == "dev" for end in ENDS if end < "乙")
    assert set(found.values()) == {"train", "dev"}


def test_one_text_under_two_ids_or_folded_alike_is_one_row() -> None:
    same = [Row("s", "", frozenset({NONE}), text, id=str(i)) for i, text in enumerate(["ＡＢ 好", "ab好！", "ab 好"])]
    assert len(settled(same)) == 1
    assert settled([*same, Row("t", "dev", frozenset({NONE}), "ab,好")])[0].split == "dev"


def test_texts_and_groups_that_meet_hang_together() -> None:
    met = [Row("s", "", frozenset({NONE}), t, group=g) for t, g in (("甲", "1"), ("乙", "1"), ("乙", "2"), ("丙", "2"))]
    far = Row("s", "dev", frozenset({NONE}), "丙")
    assert {row.split for row in settled([*met, far])} == {"dev"}
    assert [row.split for row in settled([far, Row("s", "train", frozenset({NONE}), "。", group="1"), met[0]])] == [
        "dev",
        settled(met[:1])[0].split,
    ]


drawn_rows = st.lists(
    st.builds(
        Row,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["", "train", "held", "dev"]),
        st.sampled_from([frozenset({NONE}), frozenset({"A1-h"}), frozenset({"A2-d"})]),
        st.sampled_from(["ab 好", "AB好", "转账", "转 账！", "天气", "。"]),
        st.sampled_from(["content", "seed", "template", "ordinary"]),
        st.booleans(),
        group=st.sampled_from(["", "1", "2"]),
        repeat=st.sampled_from([1, 2]),
    ),
    max_size=8,
)


@given(drawn_rows, st.randoms(use_true_random=False))
def test_what_is_trained_on_does_not_depend_on_the_order_of_the_rows(given_rows: list[Row], order: Random) -> None:
    shuffled = list(given_rows)
    order.shuffle(shuffled)
    ready = prepare(given_rows)
    assert prepare(shuffled) == ready == prepare(ready)
    by_group: dict[str, set[str]] = {}
    for row in ready:
        by_group.setdefault(row.group, set()).add(row.split)
    assert all(len(found) == 1 for found in by_group.values())
    assert "" not in set().union(*by_group.values())


def test_rows_of_a_group_are_held_back_together() -> None:
    ready = prepare(
        [Row("s", "train", frozenset({NONE}), f"{text}{i}", group=str(i)) for i in range(60) for text in FINE]
    )
    splits: dict[str, set[str]] = {}
    for row in ready:
        splits.setdefault(row.group, set()).add(row.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {"train", "held"} == set().union(*splits.values())


def test_training_twice_gives_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    fit(rows(), tmp_path / "a.bin")
    fit(rows()[::-1], tmp_path / "b.bin")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_shuffled_duplicates_give_the_same_model_labels_and_card(tmp_path: Path) -> None:
    once = rows()
    again = [
        replace(row, split=s, source=f, group=g) for row in once[::5] for s, f, g in (("dev", "z", "1"), ("", "y", ""))
    ]
    given_rows = [*once, *again, *(Row("own", "dev", r.labels, r.text + "了") for r in once[::7])]
    for name, order in (("a", given_rows), ("b", Random(5).sample(given_rows, len(given_rows)))):
        train(order, tmp_path / name, About("own"), 0.01)
    for file in ("risk.bin", "labels.json", "card.md"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(("documents", "strength"), [(1, "weak"), (REAL - 1, "weak"), (REAL, "real")])
def test_few_documents_are_weak_evidence(tmp_path: Path, documents: int, strength: str) -> None:
    risky = [Row("own", "train", frozenset({"A1-h"}), FRAUD[0] + end, fixed=True) for end in ENDS[:documents]]
    harmless = [replace(row, fixed=True) for row in rows() if row.harmless]
    held = [replace(row, split="held") for row in rows() if row.text.endswith("己未")]
    train([*risky, *harmless, *held], tmp_path, About("own"))
    found = read_labels(tmp_path).evidence["A1-h"]
    assert (found.documents, found.strength) == (documents, strength)
    assert f"fewer than {REAL} documents" in (tmp_path / "card.md").read_text(encoding="utf-8")


def test_the_card_counts_seeds_by_risk_and_by_who_made_them() -> None:
    made = [("A1-h", "A1-h", None), ("A1-h", "A1-h", "p"), (NONE, "A1-h", "p"), (NONE, "A1-h", "p"), (NONE, NONE, None)]
    lines = seed_table([Seed("i", label, subject, "t", pattern, "x") for label, subject, pattern in made]).splitlines()
    assert lines[2:] == ["| A1-h | 1 | 1 | 0 | 2 |", "| none | 0 | 0 | 1 | 0 |", "| all | 1 | 1 | 1 | 2 |"]


def test_copies_of_an_ordinary_document_are_of_one_split_and_cut_alike(tmp_path: Path) -> None:
    texts = ["".join(FINE) * 40 + end for end in ENDS[:30]]
    write(tmp_path / "a.jsonl", ({"text": text} for text in texts))
    write(tmp_path / "b.jsonl", ({"text": text} for text in texts[::-1]))
    both, one = ordinary.ordinary_rows("all", tmp_path), ordinary.ordinary_rows("all", tmp_path / "b.jsonl")
    assert both == one
    assert {row.split for row in one} == {"train", "held", "dev"}


@given(st.text(max_size=9000), st.text(max_size=3))
def test_pieces_are_consecutive_and_of_the_stated_size(text: str, key: str) -> None:
    found = list(ordinary.pieces(key, text))
    assert text.startswith("".join(found))
    assert len(text) - len("".join(found)) < ordinary.PIECE[0]
    assert all(len(piece) <= ordinary.PIECE[1] for piece in found)


def test_calibrated_scores_rise_with_evidence_and_come_near_the_share_that_is_right() -> None:
    drawn = np.random.default_rng(1)
    evidence = drawn.normal(0, 4, 4000)
    right = drawn.random(4000) < 1 / (1 + np.exp(-(0.5 * evidence - 1)))
    found = thresholds.calibrate(evidence, right)
    assert found.slope == pytest.approx(0.5, abs=0.08)
    assert found.offset == pytest.approx(-1, abs=0.2)
    assert thresholds.calibrate(-evidence, right).slope > 0


def held(positives: int, harmless: int, text: int) -> list[Row]:
    return [
        *[Row("set", "held", frozenset({"A2-d"}), "")] * positives,
        *[Row("set", "held", frozenset({NONE}), "")] * harmless,
        *[Row("law", "held", frozenset({NONE}), "", "ordinary")] * text,
    ]


@pytest.mark.parametrize(
    ("harmless_score", "harmless", "ordinary_score", "alarms", "expected"),
    [
        (0.0, 0, 0.0, 0, 0.6),  # nothing in the way: the lowest score of a risky text
        (0.7, 20, 0.0, 0, 0.6),  # 2 % of the harmless rows are allowed
        (0.7, 21, 0.0, 0, 0.9),
        (0.0, 0, 0.7, 2, 0.6),  # 0.2 % of ordinary text
        (0.0, 0, 0.7, 3, 0.9),
        (0.0, 0, 0.95, 3, SILENT),  # no threshold keeps the limit: silent
        (0.0, 0, 1.0, 3, SILENT),
    ],
)
def test_the_threshold_is_the_lowest_that_keeps_the_limits(
    harmless_score: float, harmless: int, ordinary_score: float, alarms: int, expected: float
) -> None:
    found = held(100, 1000, 1000)
    scores = np.zeros((len(found), 1))
    scores[:50], scores[50:100] = 0.9, 0.6
    scores[100 : 100 + harmless] = harmless_score
    scores[1100 : 1100 + alarms] = ordinary_score
    assert thresholds.choose(found, scores, ["A2-d"], 0.002) == {"A2-d": expected}


def test_labels_share_one_budget_of_false_alarms() -> None:
    found = held(100, 0, 1000) + [Row("set", "held", frozenset({"A1-h"}), "")] * 100
    scores = np.zeros((len(found), 2))
    scores[:100, 0] = 0.6
    scores[1100:, 1] = 0.6
    scores[100:102, 0] = 0.8  # each label alone would keep the limit of 2, both together do not
    scores[102:104, 1] = 0.8
    chosen = thresholds.choose(found, scores, ["A2-d", "A1-h"], 0.002)
    assert sorted(chosen.values()) == [0.6, SILENT]


def test_a_silent_label_flags_nothing_however_high_its_score() -> None:
    silent = Outcome([Row("a", "dev", frozenset({NONE}), FINE[0])], ("A2-d",), np.array([SILENT]), np.array([[1.0]]))
    assert not silent.flagged.any()
    found = FINDER | {"A2-d": SILENT}
    card = evidence_table(Labels(version=RECIPE_VERSION, tokeniser=2, labels=found))
    assert [line.split(" | ")[6] for line in card.splitlines() if line.startswith(("| A1-h", "| A2-d"))] == [
        "0.5",
        "silent",
    ]


@pytest.mark.parametrize(("hits", "of", "low", "high"), [(0, 0, 0, 1), (0, 1000, 0, 0.004), (10, 1000, 0.005, 0.019)])
def test_the_interval_of_a_rate(hits: int, of: int, low: float, high: float) -> None:
    found = thresholds.false_alarms_found(0.002, of, hits)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.001)


def test_recall_is_read_off_where_the_harmless_rows_allow_it() -> None:
    harmless, risky = np.arange(100.0), np.array([98.5, 97.5, 50, 120])
    assert recall_at(risky, harmless, [0.01, 0.02, 0.6]) == (0.5, 0.75, 1.0)
    assert recall_at(risky, np.zeros(0), [0.01]) == (None,)


def test_figures_by_label_set_and_bucket() -> None:
    texts = [
        Row("a", "dev", frozenset({"A2-d"}), BAD[0]),
        Row("a", "dev", frozenset({"A2-d"}), BAD[1]),
        Row("a", "dev", frozenset({NONE}), FINE[0]),
        Row("b", "dev", frozenset({NONE}), "The train leaves the station at nine, and the weather is fine."),
    ]
    outcome = Outcome(texts, ("A2-d",), np.array([0.5]), np.array([[0.9], [0.2], [0.6], [0.0]]))
    figures = outcome.by_label("a")["A2-d"]
    assert (figures.precision, figures.recall, figures.f1) == (0.5, 0.5, 0.5)
    assert outcome.by_set()["a"].false_alarms == 1
    assert outcome.by_set()["b"].recall is None
    assert outcome.alarms_by_bucket() == {"en": (1, 0), "zh": (1, 1)}
    assert [(b.scores, b.right) for b in outcome.calibration()] == [(1, 1.0), (1, 0.0), (1, 1.0)]
    assert calibration_plot(outcome.calibration(), "<x>").count("<circle") == 3


@pytest.fixture
def model(tmp_path: Path) -> Path:
    out = tmp_path / "model"
    about = About("own", "Apache-2.0", command="x")
    train([*rows(), *(Row("own", "dev", r.labels, r.text + "了") for r in rows()[::7])], out, about, 0.01)
    return out


def test_a_trained_model_comes_with_thresholds_calibration_evidence_and_card(model: Path) -> None:
    labels = read_labels(model)
    assert set(labels.labels) == set(labels.calibration) == set(labels.evidence) == {"A1-h", "A2-d"}
    assert labels.evidence["A1-h"].strength == "real"
    assert labels.evidence["A1-h"].precision == 1
    assert len(labels.untrained) == 29
    assert labels.false_alarms is not None
    assert labels.false_alarms.flagged == 0
    card = (model / "card.md").read_text(encoding="utf-8")
    for part in ("Apache-2.0", str(labels.sha256), "| A5-b |", "none", "## Training data", "## Limits"):
        assert part in card


def test_figures_of_a_set_come_from_a_model_that_never_saw_it_nor_its_family(tmp_path: Path) -> None:
    seen: list[set[str]] = []
    sets = [row for name in ("a", "b", "c") for row in rows(name)]
    texts = [*sets, *(Row(r.source, "dev", r.labels, r.text) for r in sets[::9])]

    def watch(training: object, out: Path) -> None:
        seen.append({row.source for row in training})  # type: ignore[attr-defined]
        build(prepare([row for row in training if row.split == "train"]), out, About("x"))  # type: ignore[attr-defined]

    found = leave_one_out(texts, watch, [frozenset({"a", "b"})])
    assert seen == [{"c"}, {"c"}, {"a", "b"}]
    assert found["a"].recall == 1


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "no text to train on"),
        ([{"text": t, "labels": []} for t in FINE], "only one label: none"),
        ([{"text": t, "risk": "A1-h", "split": "train"} for t in FRAUD], "only one label: A1-h"),
        ([{"text": t, "labels": ["A9-z"]} for t in FINE], "line 1: .*unknown risk id"),
    ],
)
def test_data_that_cannot_train_is_one_message(tmp_path: Path, records: list[object], message: str) -> None:
    path = write(tmp_path / "own.jsonl", records)
    result = CliRunner().invoke(classifier_app, ["train", str(path), "--out", str(tmp_path / "m")])
    assert isinstance(result.exception, UsageError)
    assert "own" in str(result.exception)
    with pytest.raises(UsageError, match=message):
        raise result.exception


def test_train_eval_and_show_from_the_command_line(tmp_path: Path) -> None:
    data = write(tmp_path / "own.jsonl", [{"text": r.text, "labels": sorted(r.labels - {NONE})} for r in rows()])
    law = write(tmp_path / "law.jsonl", ({"text": "，".join(FINE) + end} for end in ENDS))
    out, plot = tmp_path / "m", tmp_path / "plot.svg"

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(classifier_app, list(arguments), catch_exceptions=False)
        return result.stdout

    assert "A1-h" in run("train", str(data), "--out", str(out), "--ordinary", str(law), "--licence", "CC0-1.0") + str(
        (out / "card.md").read_text(encoding="utf-8")
    )
    found = json.loads(run("eval", str(out), str(data), "--format", "json", "--plot", str(plot)))
    assert found["sets"]["own"]["recall"] > 0.8
    assert found["evidence"]["A5-b"]["strength"] == "none"
    assert plot.read_text(encoding="utf-8").startswith("<svg")
    trained_on = {row.text for row in ordinary.ordinary_rows("law", law) if row.split == "dev"}
    for split, texts in (("dev", len(trained_on)), ("all", len(ENDS))):
        arguments = ("eval", str(out), str(data), "--ordinary", str(law), "--split", split, "--format", "json")
        assert 0 < json.loads(run(*arguments))["sets"]["law.jsonl"]["harmless"] <= texts
    assert "A2-d" in run("eval", str(out), str(data), "--ordinary", str(law), "--split", "all")
    shown = run("show", str(out))
    assert "CC0-1.0" in shown
    assert measure(out, rows()).by_set()["own"].false_alarms == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--split", "train"], "--split"), (["--plot", "x.png"], "svg"), (["--format", "xml"], "--format")],
)
def test_wrong_options_of_eval_are_named(model: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    data = write(tmp_path / "own.jsonl", [{"text": FINE[0], "labels": []}])
    result = CliRunner().invoke(classifier_app, ["eval", str(model), str(data), *arguments])
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_eval_counts_a_text_once_and_leaves_out_what_training_saw(model: Path, tmp_path: Path) -> None:
    texts = [text + end for text in FINE for end in ENDS]
    twice = write(tmp_path / "own.jsonl", [{"text": t, "labels": [], "id": f"{i}{t}"} for i in "ab" for t in texts])
    once = write(tmp_path / "once.jsonl", [{"text": t, "labels": [], "set": "own"} for t in texts])
    figures = []
    for data in (twice, once):
        result = CliRunner().invoke(classifier_app, ["eval", str(model), str(data), "--format", "json"])
        figures.append(json.loads(result.stdout)["sets"]["own"]["harmless"])
    seen = {row.text for row in settled(read_labelled([twice]).rows) if row.split == "train"}
    assert figures == [len(set(texts) - seen)] * 2


def test_show_finds_a_model_file_that_is_not_the_one_of_its_labels(model: Path) -> None:
    content = bytearray((model / "risk.bin").read_bytes())
    content[-1] ^= 1
    (model / "risk.bin").write_bytes(content)
    result = CliRunner().invoke(classifier_app, ["show", str(model)])
    assert isinstance(result.exception, UsageError)
    assert "does not match the sha256" in str(result.exception)
