"""What `status` shows: how far a run is or was, and the current run."""

import json

from rich.console import Console

from pipeline.store.output import Output
from pipeline.terminal.overview import console, show_result
from pipeline.terminal.progress import IN_USE, INTERRUPTED, RUNNING, Progress, look


def show_status(output: Output, form: str = "table") -> int:
    """Progress of a run in the making, what an interrupted one left, and the current run. `form` is table or json."""
    output.must_exist()
    found, current, broken = look(output), output.current, ""
    try:
        result = None if current is None else current.result
        manifest = {} if current is None else current.manifest
    except (OSError, ValueError) as error:
        result, manifest, broken = None, {}, f"{type(error).__name__}: {error}"
    if form == "json":
        content = {"progress": found.as_json(), "current": None if current is None else current.folder.name}
        content |= {"gates": result["gates"] if result else None, "quarantined": manifest.get("quarantined", [])}
        print(json.dumps(content | {"problem": broken or None}, ensure_ascii=False, indent=2, sort_keys=True))
        return 0
    out = console()
    _show_progress(found, out)
    if current is None:
        out.print("还没有完成的运行 / no run has been completed yet")
    elif result is None:
        out.print(
            f"当前运行读不了 / the current run cannot be read: {current.folder} ({broken}): corpus-audit verify {output.folder}",
            markup=False,
        )
    else:
        show_result(current, out)
        for shard in manifest.get("quarantined", []):
            out.print(
                f"⚠ 已隔离 / set aside: {shard['source_id']}/{shard['shard']}: {shard['reason']}: {shard['detail']}; "
                f"下次运行再试 / the next run tries again",
                markup=False,
            )
    return 0


_DOING = {
    "scan": "扫描与判定 / scanning and deciding",
    "sample": "抽样 / sampling",
    "publish": "发布 / publishing",
    "finish": "已发布，收尾 / published, clearing up",
}


def _show_progress(found: Progress, out: Console) -> None:
    if found.state == IN_USE:
        out.print("使用中：另一命令或写出 / in use by another command, or writing the admitted corpus")
    if found.state not in (RUNNING, INTERRUPTED):
        return
    going = found.state == RUNNING
    state = "进行中 / running" if going else "已中断，重新运行会接着做 / interrupted: run again to go on"
    out.print(f"{state}: {found.run_id or '?'}，始于 / since {found.started_at or '?'}", markup=False)
    process = "" if found.pid is None else f"，进程 / process {found.pid}"
    process += "" if found.pid_alive is None else " 在 / alive" if found.pid_alive else " 已不在 / gone"
    out.print(f"  阶段 / phase: {_DOING.get(found.phase or '', '准备 / preparing')}{process}", markup=False)
    units = "?" if found.units is None else f"{found.units:,}"
    out.print(
        f"  单元 / units: 已扫描 / scanned {found.units_scanned:,} / {units}，已判定 / decided {found.units_decided:,} / {units}"
        f"{'' if going else '（已提交的不会重做 / what is committed is not done again）'}"
    )
    size = "" if found.bytes_to_scan is None else f" / 约 / about {found.bytes_to_scan / 1e6:,.1f}"
    speed = f"，{found.bytes_per_second / 1e6:,.1f} MB/s" if found.bytes_per_second else ""
    left = "" if found.seconds_left is None else f"，还需约 / about {_span(found.seconds_left)} 完成扫描 / left to scan"
    out.print(
        f"  本次已扫描 / scanned so far: {found.documents:,} 条 / documents, {found.bytes / 1e6:,.1f}{size} MB{speed}{left}"
    )
    if found.retried:
        out.print(f"  重试 / retried: {found.retried:,}")
    for shard in found.quarantined[:10]:
        out.print(f"  ⚠ 已隔离 / set aside: {shard['source']}/{shard['shard']}: {shard['reason']}", markup=False)
    if len(found.quarantined) > 10:
        out.print(f"  ⚠ 共 / in all {len(found.quarantined):,}")


def _span(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
