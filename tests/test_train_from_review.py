"""Verdicts of closed rounds as training data, and that they never measure the model they trained."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from models.fit import PARAMETERS
from models.from_review import FILE, content_hash, read_reviews, read_trained_on, trained_on
from pipeline.errors import RunFailed, UsageError
from pipeline.terminal.classifier_commands import classifier_app
from rounds.tables import KNOWN, REPEAT
from schemas.loading import DocumentError
from tests.audits import Corpus, audit, jsonl
from tests.small_round import close, draw, final, item
from transforms.classifier import LABELS_FILE, NONE, Classifier, ModelError, read_labels

FRAUD = ["您的账户异常请转账到安全账户", "中奖了先交手续费再领奖", "刷单返利日赚千元先垫付", "我是客服请提供验证码"]
FINE = ["今天天气很好我们去公园", "第一条为了保护合法权益制定本法", "这道菜先炒后炖味道鲜美", "列车将于九点从北站开出"]
ENDS = [f"{a}{b}" for a in "甲乙丙丁戊己庚辛壬癸" for b in "子丑寅卯辰巳午未申酉"]
TEXTS = [(text + end, risky) for group, risky in ((FRAUD, True), (FINE, False)) for text in group for end in ENDS[:25]]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small model: training takes part of a second."""
    for name, value in (("bucket", 3000), ("epoch", 20), ("minCount", 1)):
        monkeypatch.setitem(PARAMETERS, name, value)


def make(out: Path, closed: bool = True) -> None:
    """A round of 200 verdicts, among them an unclear one; with a known answer, a repeat, and an item nobody decided."""
    items = [item(number, text) for number, (text, _) in enumerate(TEXTS, start=1)]
    count = len(items)
    items += [item(count + 1, "说不清的文本"), item(count + 2, "已知答案", kind=KNOWN)]
    items += [item(count + 3, TEXTS[0][0], kind=REPEAT, repeat_of=1), item(count + 4, "没有人判定的")]
    output, round = draw(out, items)
    if closed:
        verdicts = [
            final(number, "unqualified", "A1-h", "A3-e") if risky else final(number, "qualified")
            for number, (_, risky) in enumerate(TEXTS, start=1)
        ]
        close(output, round, [*verdicts, final(count + 1, "unclear")])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A model trained on the verdicts of a closed round, and on nothing else."""
    folder = tmp_path_factory.mktemp("trained")
    make(folder / "out")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("bucket", 3000), ("epoch", 20), ("minCount", 1)):
            patch.setitem(PARAMETERS, name, value)
        done = command("train", "--from-review", f"{folder / 'out'}:R0001", "--out", folder / "model")
    assert done.exit_code == 0, done.output
    yield folder / "model"


def command(*arguments: object) -> Result:
    return CliRunner().invoke(classifier_app, [str(argument) for argument in arguments])


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def fresh(count: int = 40) -> list[dict[str, Any]]:
    """Texts no verdict was on."""
    return [
        {"text": text + end, "labels": ["A1-h"] if text in FRAUD else []}
        for text in (*FRAUD, *FINE)
        for end in ENDS[50 : 50 + count // 8]
    ]


def test_verdicts_become_labelled_rows(tmp_path: Path) -> None:
    make(tmp_path / "out")
    reviewed = read_reviews([str(tmp_path / "out")])
    assert [(row.text, row.labels) for row in reviewed.rows] == [
        (text, frozenset({"A1-h", "A3-e"} if risky else {NONE})) for text, risky in TEXTS
    ]
    assert {(row.source, row.split) for row in reviewed.rows} == {("review-R0001", "")}
    assert [(used.round, used.run_id) for used in reviewed.rounds] == [("R0001", "run-R0001")]
    assert sum(reviewed.left_out.values()) == 4


def test_rounds_can_be_named_and_repeated(tmp_path: Path) -> None:
    make(tmp_path / "a:b")
    make(tmp_path / "a:b")
    out = str(tmp_path / "a:b")
    assert [used.round for used in read_reviews([out]).rounds] == ["R0002"]
    both = read_reviews([f"{out}:R0001", out, f"{out}:R0001"])
    assert [used.round for used in both.rounds] == ["R0001", "R0002"]
    assert len(both.rows) == 2 * len(TEXTS)
    assert len(both.trained_on().content_hashes) == len(TEXTS)


def test_a_round_named_twice_is_read_once(tmp_path: Path) -> None:
    make(tmp_path / "out")
    out = str(tmp_path / "out")
    assert len(read_reviews([out, f"{out}:R0001"]).rows) == len(TEXTS)


def test_open_rounds_and_changed_files_do_not_train(tmp_path: Path) -> None:
    make(tmp_path / "open", closed=False)
    with pytest.raises(DocumentError, match="not closed"):
        read_reviews([str(tmp_path / "open")])
    for name in ("items.parquet", "finals.parquet"):
        out = tmp_path / name
        make(out)
        path = out / "rounds" / "R0001" / name
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(DocumentError, match="not the file the register names"):
            read_reviews([str(out)])
        path.unlink()
        with pytest.raises(DocumentError, match="missing"):
            read_reviews([str(out)])
    register = tmp_path / "finals.parquet" / "rounds" / "register.ndjson"
    register.write_bytes(register.read_bytes().replace("主管".encode(), b"x"))
    with pytest.raises(RunFailed):
        read_reviews([str(tmp_path / "finals.parquet")])
    with pytest.raises(UsageError):
        read_reviews([str(tmp_path / "nowhere")])


def test_a_model_tells_what_it_was_trained_on(model: Path) -> None:
    hashes = sorted(hashlib.sha256(text.encode()).hexdigest() for text, _ in TEXTS)
    content = json.loads((model / FILE).read_bytes())
    assert content["rounds"] == [{"round": "R0001", "run_id": "run-R0001"}]
    assert content["content_hashes"] == hashes
    assert trained_on(model) == frozenset(hashes)
    labels = read_labels(model)
    assert labels.trained_on == hashlib.sha256((model / FILE).read_bytes()).hexdigest()
    assert set(labels.labels) == {"A1-h", "A3-e"}
    card = (model / "card.md").read_text(encoding="utf-8")
    assert "Verdicts on 200 texts of closed rounds had a part in this model: R0001 (run run-R0001)" in card


def test_equal_verdicts_give_equal_models(model: Path, tmp_path: Path) -> None:
    done = command("train", "--from-review", model.parent / "out", "--out", tmp_path / "again")
    assert done.exit_code == 0, done.output
    for path in sorted(model.iterdir()):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("split", ["dev", "all"])
def test_verdicts_never_measure_the_model_they_trained(model: Path, tmp_path: Path, split: str) -> None:
    rows = [{"text": text, "labels": ["A1-h"] if risky else []} for text, risky in TEXTS[:7]]
    data = write(tmp_path / "data.jsonl", fresh() + rows)
    refused = command("eval", model, data, "--split", split)
    assert isinstance(refused.exception, UsageError)
    assert "7 条文本的结论训练过该模型" in str(refused.exception)
    done = command("eval", model, data, "--split", "all", "--without-trained", "--format", "json")
    assert done.exit_code == 0, done.output
    assert "left out, their verdicts trained this model: 7" in done.stderr
    figures = json.loads(done.stdout)["sets"]["data"]
    assert figures["risky"] + figures["harmless"] == len(fresh())


@pytest.mark.parametrize("disguise", ["  {}\n", "{}\u200b", "{}。"])
def test_a_text_the_classifier_reads_alike_is_no_other_text(model: Path, tmp_path: Path, disguise: str) -> None:
    text = disguise.format(TEXTS[0][0])
    assert content_hash(text) not in trained_on(model)
    data = write(tmp_path / "data.jsonl", [*fresh(), {"text": text, "labels": ["A1-h"]}])
    refused = command("eval", model, data, "--split", "all")
    assert isinstance(refused.exception, UsageError), disguise
    assert "1 条文本" in str(refused.exception)


def test_other_texts_are_measured_without_being_asked(model: Path, tmp_path: Path) -> None:
    done = command("eval", model, write(tmp_path / "data.jsonl", fresh()), "--split", "all")
    assert done.exit_code == 0, done.output
    assert "left out" not in done.stderr


def copy(model: Path, to: Path) -> Path:
    to.mkdir()
    for path in model.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_a_list_that_was_dropped_or_shortened_is_noticed(model: Path, tmp_path: Path) -> None:
    dropped, shortened = copy(model, tmp_path / "dropped"), copy(model, tmp_path / "shortened")
    (dropped / FILE).unlink()
    content = json.loads((shortened / FILE).read_bytes())
    content["content_hashes"].pop()
    (shortened / FILE).write_text(json.dumps(content), encoding="utf-8")
    data = write(tmp_path / "data.jsonl", fresh())
    for folder in (dropped, shortened):
        with pytest.raises(ModelError, match=FILE):
            trained_on(folder)
        refused = command("eval", folder, data, "--split", "all")
        assert isinstance(refused.exception, UsageError)
        assert FILE in str(refused.exception)


def test_a_run_folder_has_the_list_alone(model: Path, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes((model / FILE).read_bytes())
    assert trained_on(tmp_path) == trained_on(model)
    (tmp_path / FILE).write_bytes(b"{}")
    with pytest.raises(ModelError, match="not what it should be"):
        trained_on(tmp_path)


def test_a_run_publishes_what_trained_its_model_and_refuses_one_that_does_not_tell(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl([{"id": str(n), "text": text} for n, text in enumerate(ENDS)]))
    sources = [{"id": "a", "name": "甲", "kind": "open", "region": "domestic", "paths": ["a.jsonl"]}]
    corpus = Corpus(tmp_path, tmp_path / "config.json")
    corpus.write(sources=sources, classifier={"model": str(model)})
    out = tmp_path / "published"
    audit("run", corpus.config, "--out", out)
    assert trained_on(out / "current") == trained_on(model)
    manifest = json.loads((out / "current" / "manifest.json").read_bytes())
    assert manifest["files"][FILE]["sha256"] == hashlib.sha256((model / FILE).read_bytes()).hexdigest()
    audit("verify", out)
    dropped = copy(model, tmp_path / "dropped")
    (dropped / FILE).unlink()
    corpus.write(sources=sources, classifier={"model": str(dropped)})
    assert FILE in audit("run", corpus.config, "--out", tmp_path / "other", "--dry-run", check=2).stderr


def test_a_model_of_other_data_was_trained_on_no_verdict(model: Path, tmp_path: Path) -> None:
    folder = copy(model, tmp_path / "model")
    data = write(tmp_path / "data.jsonl", [{"text": t, "labels": ["A1-h"] if risky else []} for t, risky in TEXTS])
    done = command("train", data, "--out", folder)
    assert done.exit_code == 0, done.output
    assert not (folder / FILE).exists(), "that of the model it replaces is gone"
    assert "trained_on" not in json.loads((folder / LABELS_FILE).read_bytes())
    assert trained_on(folder) == frozenset()
    assert read_trained_on(folder) is None


def test_what_a_model_was_trained_on_is_part_of_its_fingerprint(model: Path, tmp_path: Path) -> None:
    silent = copy(model, tmp_path / "silent")
    (silent / FILE).unlink()
    labels = json.loads((silent / LABELS_FILE).read_bytes())
    del labels["trained_on"]
    (silent / LABELS_FILE).write_text(json.dumps(labels), encoding="utf-8")
    assert Classifier(silent).fingerprint() != Classifier(model).fingerprint()


def test_verdicts_and_labelled_files_train_together(model: Path, tmp_path: Path) -> None:
    extra = write(tmp_path / "data.jsonl", fresh())
    done = command("train", extra, "--from-review", model.parent / "out", "--out", tmp_path / "both")
    assert done.exit_code == 0, done.output
    assert len(trained_on(tmp_path / "both")) == len(TEXTS), "only verdicts are listed"


def test_training_on_nothing_is_one_clear_error(tmp_path: Path) -> None:
    refused = command("train", "--out", tmp_path / "model")
    assert isinstance(refused.exception, UsageError)
    assert "--from-review" in str(refused.exception)
    assert not (tmp_path / "model").exists()
