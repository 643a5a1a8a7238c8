"""Draws a round: records the public value, takes the seed from it, and writes the items people will judge.

The value is on record before anything is drawn from it, and a round takes one value only. Everything after that is a
function of the frozen run and of the seed: killed anywhere, the same command goes on and comes to the same bytes.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output, Run, synced
from pipeline.store.scans import METADATA_KEY, sha256_file
from review.beginning import begin
from rounds.carrying import NOTHING, Carried, carried
from rounds.design import Design, plain, seed_of
from rounds.frame import damage, documents_of, frame
from rounds.items import Item, choose_known, number_items, tally
from rounds.machine import machine_rows, opinions
from rounds.opening import WORK, disk_errors, workspace
from rounds.register import DRAWN, FAILED, FOLDER, OPEN, VALUED, Clock, Register, Round, find_round, utc_now
from rounds.samples import Chosen, choose
from rounds.tables import ITEMS, KNOWN, MACHINE, REPEAT
from rounds.texts import Missing, Progress, Scratch, read_texts
from rounds.value_form import must_have_form
from schemas.known_answers import load_known_answers
from schemas.profile import Profile

ITEMS_FILE, MACHINE_FILE = "items.parquet", "machine.parquet"
PRIVATE_FILE, PRIVATE_FOLDER = 0o400, 0o700  # texts that may be unlawful and hold personal data are for the owner alone
_GROUP_ROWS, _GROUP_BYTES = 256, 64 << 20  # of a row group: bounds what is held at a time
_NAMED = 20  # documents a failure names


@dataclass(frozen=True)
class Request:
    """What a person says who draws a round: the value as it was published, and whether earlier verdicts may hold."""

    value: str
    by: str
    carry: bool = False


def draw_round(
    output: Output, request: Request, clock: Clock = utc_now, progress: Progress = lambda done, of: None
) -> Round:
    """Draws the open round. Raises UsageError, and RunFailed naming every text that cannot be had: none is replaced."""
    output.must_exist()
    register = Register(output, clock)
    by = plain("--by", request.by)
    with register.held(), disk_errors(output):
        found, seed = _value_of(register, request)
        if found.drawn is not None:
            shutil.rmtree(output.folder / FOLDER / WORK, ignore_errors=True)  # left by one killed behind its last step
            return found
        run = Run(output.runs / found.run_id)
        with workspace(output) as spill:
            _must_be_the_frozen(output, run, found, register)
            with documents_of(run, spill) as sql:
                _must_be_the_frame(sql, found, register)
                holding = carried(register.rounds(), found, sql) if request.carry else NOTHING
                if found.valued is None:
                    register.append(_event(VALUED, found, by=by, value=request.value, seed=seed))
                design = Design(**found.opened["design"])
                chosen = choose(sql, seed, design, found.opened["strata"])
                items = _items(seed, chosen, design, run, holding)
                said = opinions(sql, chosen)
        work = output.folder / FOLDER / WORK / found.id
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Scratch(work / "texts.sqlite") as scratch:
            missing = read_texts(run, chosen, scratch, progress)
            if missing:
                raise _failed(register, found, _missing(missing), [one.document.doc_id for one in missing])
            _publish(found, work / "made", items, scratch, machine_rows(items, said))
        event = _drawn(find_round(output, found.id), by, seed, items, holding)
        review = begin(output, found, event, register.now().timestamp())
        register.append({**event, "review_begun": review})
        shutil.rmtree(work.parent, ignore_errors=True)
        return find_round(output, found.id)


def _value_of(register: Register, request: Request) -> tuple[Round, str]:
    """The round to draw and its seed. Raises UsageError for a value that comes too early, or is a second one."""
    rounds = register.rounds()
    if not rounds or rounds[-1].state not in OPEN:
        raise UsageError("没有开启的轮次 / no round is open: corpus-audit round open")
    found = rounds[-1]
    seed = seed_of(found.id, request.value)
    named, now = found.opened["public_value"], register.now().astimezone(UTC).isoformat(timespec="seconds")
    must_have_form(request.value, named["form"])
    if now < named["expected_at"]:
        raise UsageError(
            f"--value: “{named['name']}” 预定 {named['expected_at']} 公布，现在 {now} / is to be published at {named['expected_at']}, it "
            f"is {now}: a value given before that was not unknown when the frame was frozen"
        )
    if found.valued is not None and found.valued["seed"] != seed:
        raise UsageError(
            f"--value: {found.id} 已登记的值是 {found.valued['value']}，一轮只用一个值 / the value on record is {found.valued['value']}: a round "
            f"takes one; a mistaken one is abandoned on record, and another round opened"
        )
    return found, seed


def _must_be_the_frozen(output: Output, run: Run, found: Round, register: Register) -> None:
    """The run is there and is what was frozen. Raises RunFailed, recorded where a value was drawn from."""
    manifest = run.folder / "manifest.json"
    if not manifest.is_file():
        problems = ["manifest.json: 运行不在了 / the run is gone: restore it"]
    elif sha256_file(manifest) != found.opened["manifest_sha256"]:
        problems = ["manifest.json: 与冻结时不同 / is not what was frozen"]
    else:
        problems = damage(output, run)
    if problems:
        raise _failed(register, found, [f"{run.folder.name}/{problem}" for problem in problems], [])


def _must_be_the_frame(sql: duckdb.DuckDBPyConnection, found: Round, register: Register) -> None:
    for name, admitted in (("frame", True), ("collected", False)):
        if vars(frame(sql, admitted)) != found.opened[name]:
            problem = f"{found.run_id}: 总体（{name}）与冻结时不同 / the {name} is not what was frozen"
            raise _failed(register, found, [problem], [])


def _items(seed: str, chosen: Chosen, design: Design, run: Run, holding: Carried) -> list[Item]:
    counted = Profile.model_validate(run.manifest["profile"]).counted_risks
    known = choose_known(seed, load_known_answers(), counted, design.known)
    return number_items(seed, chosen, design, known, holding.among(chosen), holding.source)


def _missing(missing: Sequence[Missing]) -> list[str]:
    return [f"{one.document.doc_id}（{one.document.shard}#{one.document.row}）: {one.reason}" for one in missing]


def _failed(register: Register, found: Round, problems: Sequence[str], documents: Sequence[str]) -> RunFailed:
    """The error for a draw that cannot be completed; on record once a value was given, for then it was a draw."""
    known = next(one for one in register.rounds() if one.id == found.id)
    if known.valued is not None:
        first = list(problems[:_NAMED])
        register.append(
            _event(FAILED, found, reason=first[0], problems=len(problems), documents=list(documents[:_NAMED]))
        )
    more = f"\n… {len(problems)} 处 / in all" if len(problems) > _NAMED else ""
    return RunFailed(
        f"{found.id}: 未能抽取，没有替换任何语料 / could not be drawn, and nothing is replaced: restore what is named here and draw again "
        f"with the same value, or abandon the round\n" + "\n".join(problems[:_NAMED]) + more
    )


def _publish(found: Round, made: Path, items: Sequence[Item], scratch: Scratch, said: Iterator[dict[str, Any]]) -> None:
    """Writes both tables into a folder of their own, which then becomes the round's in one step."""
    for left in (made, found.folder):  # nothing is on record that names them
        if left.exists():
            shutil.rmtree(left)
    made.mkdir(mode=PRIVATE_FOLDER)
    about = {"round": found.id, "items": len(items)}
    write_rows(made / ITEMS_FILE, ITEMS, (_row(item, scratch) for item in items), about)
    write_rows(made / MACHINE_FILE, MACHINE, said, about)
    synced(made)
    made.rename(found.folder)
    synced(found.folder.parent)


def _row(item: Item, scratch: Scratch) -> dict[str, Any]:
    document = item.document
    own = {} if document is None else vars(document)
    return {
        **{name: own.get(name) for name in ("doc_id", "source_id", "shard", "row")},
        **{name: getattr(item, name) for name in ("item_no", "kind", "bucket", "stage", "content_hash", "second")},
        **{name: getattr(item, name) for name in ("repeat_of", "carried_from")},
        "samples": list(item.samples),
        "text": item.known.text if item.known is not None else scratch.text(document) if document is not None else "",
    }


def write_rows(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> None:
    """A read-only Parquet file of these rows, its owner's alone, in groups that depend on nothing but the rows."""
    with pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, use_dictionary=False, write_page_checksum=True
    ) as writer:
        for group in _groups(rows):
            writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=_GROUP_ROWS)
        writer.add_key_value_metadata({METADATA_KEY.decode(): json.dumps(about, sort_keys=True, ensure_ascii=False)})
    path.chmod(PRIVATE_FILE)
    synced(path)


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    group: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        group.append(row)
        size += len(row.get("text", ""))
        if len(group) == _GROUP_ROWS or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _drawn(found: Round, by: str, seed: str, items: Sequence[Item], holding: Carried) -> dict[str, Any]:
    assert found.valued is not None
    sizes = found.opened["strata"]
    drawn = tally(items)
    held = sum(item.carried_from is not None for item in items)
    return _event(
        DRAWN,
        found,
        by=by,
        value=found.valued["value"],
        value_recorded_at=found.valued["time"],
        seed=seed,
        items_sha256=sha256_file(found.folder / ITEMS_FILE),
        machine_sha256=sha256_file(found.folder / MACHINE_FILE),
        items=len(items),
        sizes={name: drawn.get(name, 0) for name in sizes},
        strata=sizes,
        carried={"from": holding.source, "items": held},
        second=sum(item.second for item in items),
        known=sum(item.kind == KNOWN for item in items),
        repeat=sum(item.kind == REPEAT for item in items),
        known_answers_sha256=load_known_answers().sha256,
    )


def _event(kind: str, found: Round, **content: Any) -> dict[str, Any]:
    return {"event": kind, "round": found.id, **content}
