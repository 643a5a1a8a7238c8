"""`corpus-audit classifier`: trains, measures and shows risk classifiers."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from models.evaluation import Outcome
    from models.from_review import Reviewed
    from models.rows import Labelled, Row
    from transforms.classifier import Labels

classifier_app = typer.Typer(help="风险分类器 / The risk classifier", no_args_is_help=True)

Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA…", help="标注数据 JSONL，可压缩，文件或文件夹 / labelled JSON Lines, files or folders"
    ),
]
Ordinary = Annotated[
    list[Path] | None, typer.Option("--ordinary", help="普通文本，可多次 / ordinary text: files or folders, repeatable")
]


@classifier_app.command("train")
def train(
    out: Annotated[Path, typer.Option(help="模型文件夹 / folder for the model")],
    data: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DATA…]", help="标注数据 JSONL，文件或文件夹 / labelled JSON Lines, files or folders"),
    ] = None,
    ordinary: Ordinary = None,
    from_review: Annotated[
        list[str] | None,
        typer.Option(metavar="OUT[:ROUND]", help="已关闭轮次的结论，可多次 / verdicts of a closed round, repeatable"),
    ] = None,
    false_alarms: Annotated[
        float,
        typer.Option(min=0.0001, max=0.1, help="普通文本的误报率上限 / share of ordinary texts that may be flagged"),
    ] = 0.002,
    name: Annotated[str, typer.Option(help="模型名称 / name of the model")] = "own",
    licence: Annotated[str, typer.Option(help="许可 / licence, for the card")] = "",
) -> int:
    """用标注数据训练一个多标签模型 / Trains one multi-label model on labelled documents."""
    with _errors():
        from models.card import set_table
        from models.from_review import write_trained_on
        from models.ordinary import ordinary_rows
        from models.rows import PROMPTS, read_labelled
        from models.train import About
        from models.train import train as train_model
        from transforms.classifier import read_labels

        if not data and not from_review:
            raise UsageError(
                "没有训练数据：给出 DATA 或 --from-review / nothing to train on: give DATA or --from-review"
            )
        labelled = read_labelled(data or [])
        _say_skipped(labelled)
        rows = [row for row in labelled.rows if row.form not in PROMPTS]
        if len(rows) < len(labelled.rows):
            _note(f"略过 {len(labelled.rows) - len(rows):,} 条提示（非文档） / prompts skipped: they are no documents")
        for path in ordinary or []:
            rows += ordinary_rows(path.name, path)
        reviewed = _reviewed(from_review or [])
        rows += reviewed.rows
        read = ", ".join([*map(str, data or []), *(from_review or [])])
        used = reviewed.trained_on() if reviewed.rounds else None
        about = About(name, licence, data=read)
        if used is not None:
            about = replace(about, notes=(used.note(),), trained_on=used.sha256)
        outcome = train_model(rows, out, about, false_alarms, _note)
        write_trained_on(out, used)
        _print_labels(out, read_labels(out))
        print(set_table(outcome))
    print(f"模型卡 / model card: {out / 'card.md'}")
    return 0


@classifier_app.command("eval")
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="模型文件夹 / folder of the model")],
    data: Data,
    ordinary: Ordinary = None,
    split: Annotated[
        str, typer.Option(help="dev：只用留出部分；all：全部 / dev: what training leaves out; all: every row")
    ] = "dev",
    plot: Annotated[Path | None, typer.Option(help="校准图，SVG / calibration plot, an .svg file")] = None,
    leave_out: Annotated[
        bool,
        typer.Option("--without-trained", help="略过训练过该模型的结论 / leave out what its verdicts were on"),
    ] = False,
    output: Annotated[str, typer.Option("--format", help="table 或 json")] = "table",
) -> int:
    """逐风险逐数据集评测 / Precision, recall, F1, false alarms and calibration."""
    if split not in ("dev", "all") or output not in ("table", "json"):
        raise UsageError("--split: dev | all; --format: table | json")
    if plot is not None and plot.suffix != ".svg":
        raise UsageError(f"--plot {plot}: 应为 .svg 文件 / should be an .svg file")
    with _errors():
        from models.evaluation import measure
        from models.ordinary import ordinary_rows
        from models.plot import calibration_plot
        from models.rows import PROMPTS, read_labelled
        from models.train import settled
        from transforms.classifier import read_labels

        labels = read_labels(model)
        labelled = read_labelled(data)
        _say_skipped(labelled)
        given = [row for row in labelled.rows if row.form not in PROMPTS]
        for path in ordinary or []:
            pieces = ordinary_rows(path.name, path)
            if not any(split in (row.split, "all") for row in pieces):
                _note(
                    f"{path}: 没有留出的普通文本 / no document of it is held back for figures; --split all takes every one"
                )
            given += pieces
        given = _not_trained_on(model, given, leave_out)
        rows = [row for row in settled(given) if split in (row.split, "all")]
        if not rows:
            raise UsageError("没有可评测的文本 / nothing to measure on; --split all takes every row")
        outcome = measure(model, rows)
        if plot is not None:
            plot.write_text(calibration_plot(outcome.calibration(), f"{labels.name} · {len(rows):,}"), encoding="utf-8")
    if output == "json":
        print(json.dumps(_as_json(labels, outcome), ensure_ascii=False, indent=2))
    else:
        _print_outcome(labels, outcome)
    return 0


@classifier_app.command("show")
def show(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="[MODEL]", help="模型文件夹；不给则为内置 / folder; the shipped model without it"),
    ] = None,
) -> int:
    """模型卡摘要 / The model card in short."""
    from models import STARTER_MODEL
    from transforms.classifier import Classifier

    folder = model or STARTER_MODEL
    with _errors():
        from models.card import evidence_table
        from transforms.classifier import read_labels

        labels = read_labels(folder)
        Classifier(folder).check()
        _print_labels(folder, labels)
    print(evidence_table(labels))
    print(f"模型卡 / model card: {folder / 'card.md'}")
    return 0


def _print_labels(folder: Path, labels: "Labels") -> None:
    from models.rows import REAL
    from transforms.classifier import Classifier

    print(f"模型 / model: {labels.name or folder.name}, recipe {labels.version}, {(labels.bytes or 0) / 1e6:.1f} MB")
    print(f"许可 / licence: {labels.licence or '未说明 / not stated'}")
    print(f"指纹 / fingerprint: {Classifier(folder).fingerprint()}")
    strong = [risk for risk, found in labels.evidence.items() if found.strength == "real"]
    weak = [risk for risk, found in labels.evidence.items() if found.strength == "weak"]
    print(
        f"证据 / evidence: {len(strong)} 真实文档 / real documents, {len(weak)} 弱（文档不足 {REAL}） / weak"
        f" (fewer than {REAL} documents), {len(labels.untrained)} 无 / none"
    )
    if labels.false_alarms is not None and labels.false_alarms.texts:
        found = labels.false_alarms
        print(
            f"误报 / false alarms: {found.flagged:,} / {found.texts:,} = {found.flagged / found.texts:.3%}"
            f" (95 %: {found.low:.3%}–{found.high:.3%}; 目标 / stated {found.stated:.2%})"
        )


def _print_outcome(labels: "Labels", outcome: "Outcome") -> None:
    from models.card import evidence_table, label_table, percent, set_table, table

    alarms = [
        [name, f"{texts:,}", percent(found, texts)] for name, (texts, found) in outcome.alarms_by_bucket().items()
    ]
    calibration = [
        [f"{found.low:.1f}–{found.high:.1f}", f"{found.scores:,}", f"{found.mean:.3f}", f"{found.right:.3f}"]
        for found in outcome.calibration()
    ]
    for title, body in (
        ("各数据集 / by set", set_table(outcome)),
        ("各数据集各风险 / by set and risk", label_table(outcome)),
        ("无害文本误报 / false alarms by bucket", table(["bucket", "harmless", "flagged %"], alarms)),
        ("校准 / calibration", table(["score", "scores", "mean", "right"], calibration)),
        ("证据强度 / strength of the evidence", evidence_table(labels)),
    ):
        print(f"{title}\n\n{body}\n")


def _as_json(labels: "Labels", outcome: "Outcome") -> dict[str, Any]:
    from dataclasses import asdict

    from models.evaluation import strengths

    return {
        "model": labels.sha256,
        "sets": {
            source: asdict(figures) | {"recall": figures.recall, "false_alarms": figures.false_alarms}
            for source, figures in outcome.by_set().items()
        },
        "risks": {
            source: {
                label: asdict(found) | {"precision": found.precision, "recall": found.recall, "f1": found.f1}
                for label, found in outcome.by_label(source).items()
                if found.positives or found.flagged
            }
            for source in outcome.sources
        },
        "buckets": {
            name: {"harmless": texts, "flagged": found} for name, (texts, found) in outcome.alarms_by_bucket().items()
        },
        "calibration": [asdict(found) for found in outcome.calibration()],
        "evidence": {risk: found.model_dump() for risk, found in strengths(labels).items()},
    }


def _reviewed(places: list[str]) -> "Reviewed":
    """The verdicts of closed rounds as rows, and on stderr how many there are."""
    from models.from_review import read_reviews

    reviewed = read_reviews(places)
    if places:
        _note(f"审核结论 / verdicts: {len(reviewed.rows):,}")
    for reason, count in sorted(reviewed.left_out.items()):
        _note(f"略过 {count:,} 条 / left out: {reason}")
    return reviewed


def _not_trained_on(model: Path, given: "list[Row]", leave_out: bool) -> "list[Row]":
    """The rows a model may be measured on. Raises UsageError where its own verdicts are among them."""
    from models.from_review import without_trained

    kept = without_trained(model, given)
    trained = len(given) - len(kept)
    if trained and not leave_out:
        raise UsageError(
            f"{trained:,} 条文本的结论训练过该模型，不能再用来评测；--without-trained 将其略过 / the verdicts on {trained:,} of these texts "
            f"trained this model and cannot measure it: --without-trained leaves them out"
        )
    if trained:
        _note(f"略过训练过该模型的 {trained:,} 条 / left out, their verdicts trained this model: {trained:,}")
    return kept


@contextmanager
def _errors() -> Iterator[None]:
    """Errors of data and models as usage errors: one message, exit code 2."""
    from models.fit import TrainingError
    from schemas.loading import DocumentError
    from transforms.classifier import ModelError

    try:
        yield
    except (DocumentError, ModelError, TrainingError) as error:
        raise UsageError(str(error)) from None


def _say_skipped(labelled: "Labelled") -> None:
    for (file, reason), count in sorted(labelled.skipped.items()):
        _note(f"{file}: 略过 {count:,} 行 / lines skipped: {reason}")


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
