"""Label Studio: tasks with the labelling configuration, and its JSON export back.

Answers are choices for the whole text, never spans: offsets behind astral characters are wrong in several versions.
Texts are stored shown (review/exchange/shown.py): its database refuses NUL.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import orjson

from pipeline.errors import UsageError
from review.exchange.answers import Answer, Batch, Header, Place, Returned
from review.exchange.guide import guide_lines, rule_lines
from review.exchange.shown import original, shown
from review.exchange.vocabulary import (
    PERSONAL_NAMES,
    SHARES,
    VERDICT_NAMES,
    group_label,
    personal_label,
    risk_label,
    verdict_label,
)
from schemas.risks import groups, risks

_HEADER = ("round", "criteria", "reading", "person", "export")
_DATA = ("item_no", "text", "content_hash", *_HEADER)
_KINDS = {"verdict": "choices", "risks": "taxonomy", "personal": "choices", "read_share": "choices", "note": "text"}

Broken = list[tuple[str, str, str, str]]


def tasks_bytes(batch: Batch) -> bytes:
    """The tasks to import, without predictions: people judge blind."""
    header = vars(batch.header)
    tasks = [
        {
            "data": {
                "item_no": task.item_no,
                "bucket": task.bucket,
                "stage": task.stage,
                "chars": len(task.text),
                "text": shown(task.text),
                "earlier": shown("\n".join(earlier.line for earlier in task.earlier)),
                "content_hash": task.content_hash,
                "about": " · ".join(
                    filter(None, (f"#{task.item_no}", task.bucket, task.stage, f"{len(task.text):,} 字符 / characters"))
                ),
                **header,
            }
        }
        for task in batch.tasks
    ]
    return orjson.dumps(tasks, option=orjson.OPT_INDENT_2) + b"\n"


def labelling_config(reading: str, criteria: str) -> str:
    """The labelling configuration of the project the tasks are imported into, with all that people are told."""
    guide = "\n".join(f'  <Header size="6" value={quoteattr(line)}/>' for line in guide_lines(reading, cells=False))
    rules = "\n".join(f'      <Header size="6" value={quoteattr(line)}/>' for line in rule_lines(criteria))
    earlier = '  <Text name="earlier" value="$earlier"/>\n' if reading == "adjudication" else ""
    classes = "\n".join(
        f"    <Choice value={quoteattr(group_label(group))}>\n"
        + "".join(
            f"      <Choice value={quoteattr(risk_label(risk))}/>\n" for risk in risks() if risk.startswith(group)
        )
        + "    </Choice>"
        for group in groups()
    )
    return f"""<View>
{guide}
  <Collapse>
    <Panel value="判定标准 / criteria">
{rules}
    </Panel>
  </Collapse>
  <Header size="5" value="$about"/>
  <Text name="text" value="$text" valueType="text"/>
{earlier}  <Choices name="verdict" toName="text" choice="single" required="true" showInline="true">
{_choices([verdict_label(verdict) for verdict in VERDICT_NAMES], hotkeys=True)}
  </Choices>
  <Taxonomy name="risks" toName="text" leafsOnly="true">
{classes}
  </Taxonomy>
  <Choices name="personal" toName="text" choice="multiple" showInline="true">
{_choices([personal_label(kind) for kind in PERSONAL_NAMES])}
  </Choices>
  <Choices name="read_share" toName="text" choice="single" required="true" showInline="true">
{_choices(SHARES)}
  </Choices>
  <TextArea name="note" toName="text" rows="2" maxSubmissions="1" editable="true"/>
</View>
"""


def _choices(labels: Sequence[str], hotkeys: bool = False) -> str:
    keys = [f' hotkey="{number}"' if hotkeys else "" for number in range(1, len(labels) + 1)]
    return "\n".join(f"    <Choice value={quoteattr(label)}{key}/>" for label, key in zip(labels, keys, strict=True))


def read_tasks(path: Path, content: bytes) -> Returned:
    """The tasks of an export as “JSON”, numbered from 1. Raises UsageError where it is no such export."""
    try:
        tasks = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{path}: 不是合法的 JSON / not valid JSON: {error}") from None
    if not isinstance(tasks, list) or not all(_is_task(task) for task in tasks):
        raise UsageError(
            f"{path}: 应为 Label Studio 的“JSON”导出（不是 JSON-MIN、CSV） / should be an export of Label Studio as “JSON”, "
            f"not JSON-MIN or another form: a list of tasks with `data` and `annotations`"
        )
    kept = [_kept(task) for task in tasks]
    people = {_person(annotation) for annotations in kept for annotation in annotations}
    answers = []
    for number, (task, annotations) in enumerate(zip(tasks, kept, strict=True), start=1):
        broken: Broken = []
        if len(annotations) > 1:
            broken.append(
                ("annotations", str(len(annotations)), "一条任务只能有一个标注", "a task takes one annotation")
            )
        if annotations and len(people) > 1:
            zh, en = (
                "文件含多人的标注；每人单独导出",
                "the file holds annotations of several people: export each person's",
            )
            broken.append(("completed_by", str(_person(annotations[0])), zh, en))
        answers.append(_answer(Place("", number), task["data"], annotations[0] if annotations else {}, broken))
    return Returned(answers)


def _is_task(task: Any) -> bool:
    return (
        isinstance(task, dict)
        and isinstance(task.get("data"), dict)
        and isinstance(task.get("annotations"), list)
        and all(isinstance(annotation, dict) for annotation in task["annotations"])
    )


def _kept(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The annotations that were not skipped."""
    return [annotation for annotation in task["annotations"] if not annotation.get("was_cancelled")]


def _person(annotation: dict[str, Any]) -> str:
    """Who made it: a number, or an object in other versions."""
    by = annotation.get("completed_by")
    return str(by.get("id", by.get("email"))) if isinstance(by, dict) else str(by)


def _answer(place: Place, data: dict[str, Any], annotation: dict[str, Any], broken: Broken) -> Answer:
    given = {name: _scalar(data, name, broken) for name in _DATA}
    found = _results(annotation.get("result"), broken)
    for name in ("verdict", "read_share"):
        if len(found[name]) > 1:
            broken.append((name, "; ".join(found[name]), "只能选一项", "takes one choice"))
    lead = annotation.get("lead_time")
    return Answer(
        place,
        Header(**{name: given[name] for name in _HEADER}),
        given["item_no"],
        given["content_hash"],
        original(given["text"]),
        "".join(found["verdict"][:1]),
        tuple(found["risks"]),
        tuple(found["personal"]),
        "".join(found["read_share"][:1]),
        "\n".join(found["note"]).replace("\r\n", "\n").strip(),
        str(lead) if isinstance(lead, int | float) and not isinstance(lead, bool) and 0 <= lead <= 86_400 else "",
        tuple(broken),
    )


def _scalar(data: dict[str, Any], name: str, broken: Broken) -> str:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        broken.append((f"data.{name}", "", "缺少或类型不对", "missing, or of another type"))
        return ""
    return str(value)


def _results(results: Any, broken: Broken) -> dict[str, list[str]]:
    """What was chosen, by control; the last element of a path of a taxonomy."""
    found: dict[str, list[str]] = {name: [] for name in _KINDS}
    for result in results if isinstance(results, list) else []:
        name = result.get("from_name") if isinstance(result, dict) else None
        value = result.get("value") if isinstance(result, dict) else None
        chosen = value.get(_KINDS[name]) if name in _KINDS and isinstance(value, dict) else None
        if isinstance(chosen, str):
            chosen = [chosen]  # a text area with one entry, in some versions
        if name == "risks" and isinstance(chosen, list):
            chosen = [path[-1] if isinstance(path, list) and path else path for path in chosen]
        if not isinstance(chosen, list) or not all(isinstance(entry, str) for entry in chosen):
            broken.append(("result", str(name), "不是本配置的标注", "not a result of this labelling configuration"))
        else:
            found[str(name)] += [entry for entry in chosen if entry.strip()]
    return found
