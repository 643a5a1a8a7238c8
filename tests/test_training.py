import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from models import ordinary, thresholds
from models.evaluation import Outcome, leave_one_out, measure, recall_at
from models.fit import PARAMETERS, fit
from models.plot import calibration_plot
from models.rows import Row, read_labelled, settle
from models.train import About, build, prepare, train
from pipeline.classifier_commands import classifier_app
from pipeline.errors import UsageError
from schemas.loading import DocumentError
from transforms.classifier import NONE, read_labels

BAD = ["那个地方的人全是骗子", "北边来的都不可信", "他们那里没有一个好东西", "离那些外地人远一点"]
FRAUD = ["您的账户异常请转账到安全账户", "中奖了先交手续费再领奖", "刷单返利日赚千元先垫付", "我是客服请提供验证码"]
FINE = ["今天天气很好我们去公园", "第一条为了保护合法权益制定本法", "这道菜先炒后炖味道鲜美", "列车将于九点从北站开出"]
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
        (0.0, 0, 0.95, 3, 1.0),  # no threshold keeps the limit: silent
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
    assert sorted(chosen.values()) == [0.6, 1.0]


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
    law = tmp_path / "law.txt"
    law.write_text("\n".join(FINE * 40), encoding="utf-8")
    out, plot = tmp_path / "m", tmp_path / "plot.svg"

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(classifier_app, list(arguments), catch_exceptions=False)
        return result.stdout

    assert "A1-h" in run("train", str(data), "--out", str(out), "--ordinary", str(law), "--licence", "CC0-1.0") + str(
        (out / "card.md").read_text(encoding="utf-8")
    )
    found = json.loads(run("eval", str(out), str(data), "--format", "json", "--plot", str(plot)))
    assert found["sets"]["own"]["recall"] > 0.9
    assert found["evidence"]["A5-b"]["strength"] == "none"
    assert plot.read_text(encoding="utf-8").startswith("<svg")
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
