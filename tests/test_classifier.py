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

from models import STARTER_MODEL
from models.fit import PARAMETERS, fit
from models.rows import Row
from schemas import layers
from schemas.risks import risks
from transforms.classifier import FLOOR, NONE, SILENT, Classifier, ModelError, read_labels
from transforms.linear import LARGEST_MODEL, LinearModel, check_complete
from transforms.normalise import normalised_blocks
from transforms.text import TextBatch
from transforms.windows import LONGEST_WORD, MAX_WINDOWS, WINDOW, Tokens, spelled, tokens, windows

INSULT = "北边的人都是骗子，离他们远点。"
FRAUD = "先生您好，您的账户异常，请马上转账到安全账户。"
ORDINARY = "今天天气很好，我们去公园散步，看见许多花。"


def batch(*texts: str) -> TextBatch:
    return TextBatch(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]))


def scores(classifier: Classifier, *texts: str) -> list[list[dict[str, object]] | None]:
    found: list[list[dict[str, object]] | None] = classifier(batch(*texts)).column("scores").to_pylist()
    return found


def synthetic_rows() -> list[Row]:
    kinds = {"A2-d": INSULT, "A1-h": FRAUD, NONE: ORDINARY}
    return [
        Row("synthetic", "train", frozenset({label}), text[shift:] + text[:shift])
        for label, text in kinds.items()
        for shift in range(len(text))
    ]


QUICK = PARAMETERS | {"bucket": 5000, "epoch": 60, "minCount": 1}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    fit(synthetic_rows(), folder / "risk.bin", QUICK)
    write_labels(folder, labels={"A1-h": 0.5, "A2-d": 0.5})
    return folder


def write_labels(folder: Path, **changes: object) -> None:
    model = folder / "risk.bin"
    digest = hashlib.sha256(model.read_bytes()).hexdigest() if model.exists() else "0" * 64
    content = {"version": 2, "tokeniser": 2, "labels": {"A1-h": 0.5}, "sha256": digest} | changes
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
        (WINDOW, [(0, WINDOW)]),
        (WINDOW + 1, [(0, WINDOW // 2), (WINDOW // 2, WINDOW + 1)]),
        (3 * WINDOW, [(0, WINDOW), (WINDOW, 2 * WINDOW), (2 * WINDOW, 3 * WINDOW)]),
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
    assert (high > low).all()
    assert (high - low <= WINDOW).all()
    number = Counter(document.tolist())
    assert [number[i] for i in range(len(lengths))] == [min(-(-length // WINDOW), MAX_WINDOWS) for length in lengths]
    for i, length in enumerate(lengths):
        mine = document == i
        if 0 < length <= WINDOW * MAX_WINDOWS:
            assert (low[mine][1:] == high[mine][:-1]).all()
        if length:
            assert (low[mine][0], high[mine][-1]) == (starts[i], starts[i + 1])


def read(*texts: str) -> Tokens:
    (normalised,) = normalised_blocks(batch(*texts))
    return tokens(normalised)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＡＢ，歧 視！\n1\u3000\U0001f602", "ab 歧 视 1 \U0001f602 "),
        ("Hello world, it's 2024", "hello world it s 2 0 2 4 "),
        ("a赌b博", "a 赌 b 博 "),
        ("x" * (LONGEST_WORD + 3), "x" * LONGEST_WORD + " xxx "),
    ],
)
def test_tokens_are_characters_and_latin_words(text: str, expected: str) -> None:
    found = read(text)
    assert spelled(found, 0, len(found.first)) == expected


def test_a_word_ends_with_its_document() -> None:
    found = read("ab", "", "cd")
    assert [spelled(found, *found.starts[i : i + 2]) for i in range(3)] == ["ab ", "", "cd "]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(alphabet=st.sampled_from("北边的人都是骗子转账天气abcz é1，。 \U0001f602"), max_size=300), min_size=1
    )
)
def test_the_model_says_what_fasttext_says_of_the_same_lines(trained: Path, texts: list[str]) -> None:
    import fasttext

    predict = fasttext.FastText._FastText(model_path=str(trained / "risk.bin")).f.multilinePredict
    model = LinearModel(trained / "risk.bin")
    found = read(*texts[:60])
    _, low, high = windows(found.starts)
    odds, known = model.odds(found, low, high)
    assert ((known >= 0) & (known <= 1)).all()
    lines = [spelled(found, a, z) + "\n" for a, z in zip(low.tolist(), high.tolist(), strict=True)]
    for row, (labels, raw) in enumerate(zip(*predict(lines, -1, 0.0, "strict"), strict=True)):
        for label, probability in zip(labels, raw, strict=True):
            own = 1 / (1 + np.exp(-odds[row, model.labels.index(label.removeprefix("__label__"))]))
            assert own == pytest.approx(probability, abs=0.009)  # fastText reads its sigmoid from a table of 512


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
    write_labels(copy)
    assert Classifier(copy).fingerprint() != Classifier(trained).fingerprint()


def test_a_missing_model_file_is_named_with_the_remedy(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    (copy / "risk.bin").unlink()
    with pytest.raises(ModelError, match=r"risk\.bin: .*cannot be read .*give a model folder"):
        Classifier(copy)(batch(INSULT))
    with pytest.raises(ModelError, match=r"risk\.bin: .*cannot be read"):
        Classifier(copy).fingerprint()
    with pytest.raises(ModelError, match=r"labels\.json: .*cannot be read"):
        Classifier(tmp_path / "nowhere")(batch(INSULT))


@pytest.mark.parametrize("content", [b"", b"not a model", (793712314).to_bytes(4, "little") + b"\x7f\x00\x00\x00"])
def test_a_corrupt_model_file_is_an_error(trained: Path, tmp_path: Path, content: bytes) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    (copy / "risk.bin").write_bytes(content)
    with pytest.raises(ModelError, match=r"risk\.bin: .*does not match the sha256"):
        Classifier(copy)(batch(INSULT))
    write_labels(copy)
    with pytest.raises(ModelError, match=r"risk\.bin: .*not a readable fastText model"):
        Classifier(copy)(batch(INSULT))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True))
def test_a_model_file_cut_anywhere_is_an_error(trained: Path, tmp_path: Path, share: float) -> None:
    whole = (trained / "risk.bin").read_bytes()
    cut = tmp_path / "cut.bin"
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"cut short|wrong first bytes|should be|empty"):
        check_complete(cut)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(4, 90), st.integers(0, 255))
def test_false_counts_at_the_head_of_a_model_file_are_no_traceback(
    trained: Path, tmp_path: Path, place: int, value: int
) -> None:
    content = bytearray((trained / "risk.bin").read_bytes())
    (tmp_path / "risk.bin").write_bytes(content)
    write_labels(tmp_path, labels={"A1-h": 0.5, "A2-d": 0.5})
    content[place] = value
    (tmp_path / "risk.bin").write_bytes(content)
    try:
        Classifier(tmp_path)(batch(INSULT))
    except ModelError as error:
        assert "risk.bin" in str(error)


def test_a_model_without_a_digest_is_not_read(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    write_labels(copy, sha256=None)
    with pytest.raises(ModelError, match=r"risk\.bin: .*has no sha256"):
        Classifier(copy)(batch(INSULT))


def test_a_truncated_or_huge_model_is_an_error(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    whole = (copy / "risk.bin").read_bytes()
    (copy / "risk.bin").write_bytes(whole[: len(whole) // 2])
    write_labels(copy)
    with pytest.raises(ModelError, match=r"risk\.bin: .*not a readable fastText model .*cut short"):
        Classifier(copy)(batch(INSULT))
    with (copy / "risk.bin").open("r+b") as file:
        file.truncate(LARGEST_MODEL + 1)  # sparse: takes no room on disk
    with pytest.raises(ModelError, match=r"risk\.bin: .*too large"):
        Classifier(copy).fingerprint()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"A9-z": 0.5, "A1-h": 0.5}}, "unknown risk ids A9-z"),
        ({"tokeniser": 0}, "made for tokeniser 0"),
        ({"calibration": {"A1-h": {"slope": "steep"}}}, "calibration.A1-h.slope"),
        ({"labels": {"A1-h": 0.5, "A3-a": 0.5}}, "its labels are not those of labels.json: A2-d, A3-a"),
        ({"labels": ["A1-h"]}, "labels: Input should be"),
        ({"sha256": "0" * 64}, "does not match the sha256"),
        ({"sha256": "abc"}, r"labels\.json: .*sha256: "),
        ({"version": 99}, r"labels\.json: .*version: "),
        ({"labels": {"A1-h": float("nan"), "A2-d": 0.5}}, r"labels\.json: .*labels\.A1-h: "),
        ({"labels": {"A1-h": float("inf"), "A2-d": 0.5}}, r"labels\.json: .*labels\.A1-h: "),
        ({"labels": {"A1-h": -5, "A2-d": 0}}, r"labels\.json: .*labels\.A1-h: .*labels\.A2-d: "),
        ({"labels": {"A1-h": SILENT + 0.01, "A2-d": 0.5}}, r"labels\.A1-h: "),
        ({"labels": {"A1-h": True, "A2-d": 0.5}}, r"labels\.A1-h: "),
        ({"calibration": {"A1-h": {"slope": -1.0}}}, r"labels\.json: .*calibration\.A1-h\.slope: "),
        ({"calibration": {"A1-h": {"offset": float("nan")}}}, r"calibration\.A1-h\.offset: "),
        ({"evidence": {"A9-z": {"strength": "weak"}}}, "unknown risk ids A9-z"),
        ({"name": "x" * (1 << 20)}, r"labels\.json: .*too large"),
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
    fit([Row("s", "train", frozenset({"spam"}), INSULT)], tmp_path / "risk.bin", QUICK | {"epoch": 1})
    write_labels(tmp_path)
    with pytest.raises(ModelError, match="unknown risk ids spam"):
        Classifier(tmp_path)(batch(INSULT))


def test_a_model_trained_in_another_way_is_an_error(tmp_path: Path) -> None:
    fit(synthetic_rows(), tmp_path / "risk.bin", QUICK | {"epoch": 1, "wordNgrams": 1})
    write_labels(tmp_path)
    with pytest.raises(ModelError, match=r"not trained as models/fit\.py does"):
        Classifier(tmp_path)(batch(INSULT))


def test_calibration_moves_the_scores_and_is_part_of_the_fingerprint(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    labels = {"A1-h": 0.5, "A2-d": 0.5}
    write_labels(copy, labels=labels, calibration={"A2-d": {"slope": 0.5, "offset": -1.0}})
    (before,), (after,) = scores(Classifier(trained), INSULT), scores(Classifier(copy), INSULT)
    assert before is not None
    assert after is not None
    assert after[0]["score"] < before[0]["score"]  # type: ignore[operator]
    assert Classifier(copy).fingerprint() != Classifier(trained).fingerprint()


def test_thresholds_are_no_part_of_the_fingerprint(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    write_labels(copy, labels={"A1-h": 0.9, "A2-d": 0.1})
    assert Classifier(copy).fingerprint() == Classifier(trained).fingerprint()


def test_the_shipped_model_is_small_readable_and_quiet_on_ordinary_text() -> None:
    model = STARTER_MODEL / "risk.bin"
    labels = read_labels(STARTER_MODEL)
    assert model.stat().st_size <= 10_000_000
    assert labels.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert all(FLOOR < threshold <= SILENT for threshold in labels.labels.values())
    assert set(labels.labels) | set(labels.untrained) == set(risks())
    assert set(labels.evidence) == set(labels.labels)
    ordinary = [
        ORDINARY,
        "第一条 为了保护民事主体的合法权益，制定本法。",
        "def add(a, b):\n    return a + b\n",
        "Good morning.",
    ]
    first = scores(Classifier(STARTER_MODEL), *ordinary)
    assert first == scores(Classifier(STARTER_MODEL), *ordinary)
    assert all(entry["score"] < labels.labels[entry["label"]] for found in first for entry in found or ())  # type: ignore[operator, index]
