import hashlib
import json
import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import STARTER_MODEL, train
from schemas import layers
from transforms.classifier import (
    FLOOR,
    MAX_WINDOWS,
    NONE,
    WINDOW,
    Classifier,
    ModelError,
    read_labels,
    space,
    windows,
)
from transforms.normalise import normalised_blocks
from transforms.text import TextBatch

INSULT = "北边的人都是骗子，离他们远点。"
FRAUD = "先生您好，您的账户异常，请马上转账到安全账户。"
ORDINARY = "今天天气很好，我们去公园散步，看见许多花。"


def batch(*texts: str) -> TextBatch:
    return TextBatch(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]))


def scores(classifier: Classifier, *texts: str) -> list[list[dict[str, object]] | None]:
    found: list[list[dict[str, object]] | None] = classifier(batch(*texts)).column("scores").to_pylist()
    return found


def synthetic_rows() -> list[train.Row]:
    kinds = {"A2-d": INSULT, "A1-h": FRAUD, NONE: ORDINARY}
    return [
        train.Row("synthetic", "train", frozenset({label}), text[shift:] + text[:shift])
        for label, text in kinds.items()
        for shift in range(len(text))
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "PARAMETERS", train.PARAMETERS | {"bucket": 5000, "epoch": 60, "minCount": 1})
        train.fit(synthetic_rows(), folder / "risk.bin")
    write_labels(folder, labels={"A1-h": 0.5, "A2-d": 0.5})
    return folder


def write_labels(folder: Path, **changes: object) -> None:
    content = {"version": 1, "tokeniser": 1, "labels": {"A1-h": 0.5}} | changes
    (folder / "labels.json").write_text(json.dumps(content), encoding="utf-8")


def test_a_trained_model_names_the_risk_of_a_text(trained: Path) -> None:
    insult, fraud, ordinary = scores(Classifier(trained), INSULT, FRAUD, ORDINARY)
    assert insult is not None
    assert insult[0]["label"] == "A2-d"
    assert insult[0]["score"] > 0.5  # type: ignore[operator]
    assert fraud is not None
    assert fraud[0]["label"] == "A1-h"
    assert ordinary is None or ordinary[0]["score"] < 0.5  # type: ignore[operator]


@pytest.mark.parametrize("text", ["", "   \n", "。，！", "\u200b\u200b", "\x00", "\U0001f602" * 3])
def test_a_text_without_words_has_no_score_and_no_complaint(trained: Path, text: str) -> None:
    records = Classifier(trained)(batch(text))
    assert records.schema.equals(layers.CLASSIFIER)
    assert records.column("unscored").to_pylist() == [None]
    assert all(entry["score"] < 0.9 for entry in records.column("scores").to_pylist()[0] or ())


def test_an_empty_batch_gives_no_rows(trained: Path) -> None:
    records = Classifier(trained)(batch())
    assert records.num_rows == 0
    assert records.schema.equals(layers.CLASSIFIER)


def test_a_passage_deep_in_a_long_document_is_found_and_its_window_points_at_it(trained: Path) -> None:
    head = ORDINARY * 100
    text = head + INSULT * 60 + ORDINARY * 100
    (found,) = scores(Classifier(trained), text)
    assert found is not None
    best = next(entry for entry in found if entry["label"] == "A2-d")
    passage = range(len(head), len(head) + 60 * len(INSULT))
    assert best["start"] < passage.stop and best["end"] > passage.start  # type: ignore[operator]
    assert best["score"] > 0.5  # type: ignore[operator]


def test_hidden_characters_do_not_change_the_score_but_widen_the_window(trained: Path) -> None:
    plain, hidden = scores(Classifier(trained), INSULT, "*".join(INSULT))
    assert plain is not None
    assert hidden is not None
    assert [entry["score"] for entry in plain] == [entry["score"] for entry in hidden]
    assert hidden[0]["end"] > plain[0]["end"]  # type: ignore[operator]


def test_labels_are_above_the_floor_best_first_and_without_none(trained: Path) -> None:
    for found in scores(Classifier(trained), *(row.text for row in synthetic_rows()), INSULT + FRAUD):
        order = [(-entry["score"], entry["label"]) for entry in found or ()]  # type: ignore[operator]
        assert order == sorted(order)
        assert all(-score >= np.float32(FLOOR) and label != NONE for score, label in order)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, []),
        (1, [(0, 1)]),
        (600, [(0, 600)]),
        (601, [(0, 600), (1, 601)]),
        (1500, [(0, 600), (450, 1050), (900, 1500)]),
    ],
)
def test_windows_cover_a_document_from_end_to_end(length: int, expected: list[tuple[int, int]]) -> None:
    _, low, high = windows(np.array([0, length]))
    assert list(zip(low.tolist(), high.tolist(), strict=True)) == expected


@given(st.lists(st.integers(0, 40_000), max_size=6))
def test_windows_of_any_documents_stay_inside_and_are_few(lengths: list[int]) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    document, low, high = windows(starts)
    assert (low >= starts[document]).all()
    assert (high <= starts[document + 1]).all()
    assert (high - low <= WINDOW).all()
    number = Counter(document.tolist())
    assert [number[i] for i in range(len(lengths))] == [min(-(-length // WINDOW), MAX_WINDOWS) for length in lengths]


def test_tokens_are_folded_letters_and_digits_with_a_blank_behind_each() -> None:
    (normalised,) = normalised_blocks(batch("ＡＢ，歧 視！\n1\u3000\U0001f602"))
    assert space(normalised).text == "a b 歧 视 1 \U0001f602 "


texts = st.lists(
    st.one_of(
        st.text(alphabet=st.sampled_from("北边的人都是骗子转账天气好 \n*a1，\u3042\U0001f602"), max_size=80),
        st.builds(lambda text, times: text * times, st.sampled_from([INSULT, FRAUD, ORDINARY]), st.integers(1, 90)),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, st.integers(0, 8))
def test_scores_do_not_depend_on_the_batch_and_offsets_lie_inside(trained: Path, texts: list[str], cut: int) -> None:
    classifier = Classifier(trained)
    whole = scores(classifier, *texts)
    assert whole == scores(classifier, *texts[:cut]) + scores(classifier, *texts[cut:])
    for text, found in zip(texts, whole, strict=True):
        assert all(0 <= entry["start"] < entry["end"] <= len(text) for entry in found or ())  # type: ignore[operator]


def test_a_stage_travels_before_and_after_use(trained: Path) -> None:
    classifier = Classifier(trained)
    before = scores(pickle.loads(pickle.dumps(classifier)), INSULT)
    assert before == scores(classifier, INSULT)
    assert before == scores(pickle.loads(pickle.dumps(classifier)), INSULT)


def test_the_fingerprint_follows_the_model_file(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    assert Classifier(copy).fingerprint() == Classifier(trained).fingerprint()
    with (copy / "risk.bin").open("ab") as file:
        file.write(b"\0")
    assert Classifier(copy).fingerprint() != Classifier(trained).fingerprint()


def test_a_missing_model_file_is_named_with_the_remedy(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    (copy / "risk.bin").unlink()
    with pytest.raises(ModelError, match=r"risk\.bin: cannot be read .*give a model folder"):
        Classifier(copy)(batch(INSULT))
    with pytest.raises(ModelError, match=r"risk\.bin: cannot be read"):
        Classifier(copy).fingerprint()
    with pytest.raises(ModelError, match=r"labels\.json: cannot be read"):
        Classifier(tmp_path / "nowhere")(batch(INSULT))


@pytest.mark.parametrize("content", [b"", b"not a model", (793712314).to_bytes(4, "little") + b"\x7f\x00\x00\x00"])
def test_a_corrupt_model_file_is_an_error(trained: Path, tmp_path: Path, content: bytes) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    (copy / "risk.bin").write_bytes(content)
    with pytest.raises(ModelError, match=r"risk\.bin: not a readable fastText model"):
        Classifier(copy)(batch(INSULT))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"A9-z": 0.5, "A1-h": 0.5}}, "unknown risk ids A9-z"),
        ({"tokeniser": 0}, "made for tokeniser 0"),
        ({"labels": ["A1-h"]}, "labels: Input should be"),
        ({"sha256": "0" * 64}, "does not match the sha256"),
    ],
)
def test_labels_that_do_not_fit_are_an_error(
    trained: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    write_labels(copy, **changes)
    with pytest.raises(ModelError, match=message):
        Classifier(copy)(batch(INSULT))


def test_a_model_with_a_label_nobody_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "PARAMETERS", train.PARAMETERS | {"bucket": 5000, "epoch": 1, "minCount": 1})
        train.fit([train.Row("s", "train", frozenset({"spam"}), INSULT)], tmp_path / "risk.bin")
    write_labels(tmp_path)
    with pytest.raises(ModelError, match="unknown risk ids spam"):
        Classifier(tmp_path)(batch(INSULT))


def test_training_twice_gives_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "PARAMETERS", train.PARAMETERS | {"bucket": 5000, "epoch": 60, "minCount": 1})
        train.fit(synthetic_rows()[::-1], tmp_path / "risk.bin")
    assert (tmp_path / "risk.bin").read_bytes() == (trained / "risk.bin").read_bytes()


@given(st.text(max_size=3000), st.text(max_size=3))
def test_pieces_are_consecutive_and_of_the_stated_size(text: str, key: str) -> None:
    found = list(train.pieces(key, text))
    assert text.startswith("".join(found))
    assert len(text) - len("".join(found)) < train.PIECE[0]
    assert all(len(piece) <= train.PIECE[1] for piece in found)


def test_the_threshold_is_the_lowest_that_keeps_the_limits() -> None:
    rows = (
        [train.Row("set", "dev", frozenset({"A2-d"}), "")] * 90
        + [train.Row("set", "dev", frozenset({NONE}), "")] * 1000
        + [train.Row("zh_law", "dev", frozenset({NONE}), "")] * 1000
    )
    scored = np.zeros((len(rows), 1))
    scored[:80] = 0.9
    scored[90:101] = 0.62  # 11 of 1,000 benign rows: more than the limit up to 0.62
    assert train.choose_thresholds(rows, scored, ["A2-d"]) == {"A2-d": 0.63}
    scored[1090:1093] = 0.8  # 3 of 1,000 ordinary texts
    assert train.choose_thresholds(rows, scored, ["A2-d"]) == {"A2-d": 0.81}
    scored[1090:1093] = 0.99
    assert train.choose_thresholds(rows, scored, ["A2-d"]) == {"A2-d": 1.0}


def test_the_shipped_model_is_small_readable_and_quiet_on_ordinary_text() -> None:
    model = STARTER_MODEL / "risk.bin"
    labels = read_labels(STARTER_MODEL)
    assert model.stat().st_size <= 8_000_000
    assert labels.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert all(FLOOR < threshold <= 1 for threshold in labels.labels.values())
    ordinary = [
        ORDINARY,
        "第一条 为了保护民事主体的合法权益，制定本法。",
        "def add(a, b):\n    return a + b\n",
        "Good morning.",
    ]
    first = scores(Classifier(STARTER_MODEL), *ordinary)
    assert first == scores(Classifier(STARTER_MODEL), *ordinary)
    assert all(entry["score"] < labels.labels[entry["label"]] for found in first for entry in found or ())  # type: ignore[operator, index]
