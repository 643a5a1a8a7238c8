"""Which engines run the graph, with which options, and what is refused before anything is written (docs/adr/0022)."""

import argparse
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import UsageError

LOCAL = "FnApiRunner"
FLINK = "FlinkRunner"
PORTABLE = "PortableRunner"
SUPPORTED = (LOCAL, FLINK, PORTABLE)
LOOPBACK = "LOOPBACK"
SMALL = 24_000_000  # bytes scanned in the seconds it takes local workers to start

_REFUSED = {
    "DaskRunner": (
        "结果会无声出错：丢弃输出，不运行 Read / it is silently wrong with side outputs and drops results"
        " (docs/adr/0003-beam-engine.md)"
    ),
    "DirectRunner": "它会先下载另一个引擎 / it tries to download another engine first",
    "SwitchingDirectRunner": "它会先下载另一个引擎 / it tries to download another engine first",
    "PrismRunner": "它要下载自己的程序 / it downloads its own program",
    "BundleBasedDirectRunner": "内存不设限 / it holds whole stages in memory",
}
_KEPT_MILLIS = 60_000  # workers wait for the next step: at once without it, a start of seconds for each
_ON_THIS_MACHINE = ("[local]", "[auto]", "")
_REMEDY = "docs/flink.md"


@dataclass(frozen=True)
class Engine:
    """Which Beam runner executes the graph, with how many workers, and options passed on to it."""

    runner: str = LOCAL
    workers: int = 1
    options: tuple[str, ...] = ()

    def option(self, name: str) -> str:
        """What is given for an option of Beam, empty where it is not."""
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument(f"--{name}", default="")
        return str(vars(parser.parse_known_args(self.options)[0])[name])

    @property
    def embedded(self) -> bool:
        """Whether Flink runs inside the job server, on this machine."""
        master = self.option("flink_master")
        return self.runner == FLINK and not self.option("job_endpoint") and master in _ON_THIS_MACHINE

    @property
    def environment(self) -> str:
        """How workers are started, in Beam's words; empty where the runner decides."""
        return self.option("environment_type").upper() or (LOOPBACK if self.embedded else "")

    @property
    def shares_files(self) -> bool:
        """Whether workers are known to see this machine's files."""
        if self.runner == LOCAL or self.environment == LOOPBACK:
            return True
        return self.embedded and self.environment == "PROCESS"

    @property
    def in_process(self) -> bool:
        """Whether all work is done by this very process."""
        return self.runner == LOCAL and self.workers == 1 and not self.options

    def for_work(self, size: int) -> "Engine":
        """Itself, or this very process where so many bytes are done before other processes would have started."""
        small = self.runner == LOCAL and not self.options and size <= SMALL
        return replace(self, workers=1) if small else self

    def hands(self, units: int) -> int:
        """In how many lists work is dealt: one a local worker, one a unit elsewhere."""
        return self.workers if self.runner == LOCAL else units

    @property
    def starts_workers(self) -> bool:
        """Whether this process starts its workers itself, and says how."""
        return self.runner == LOCAL and self.workers > 1 and not self.option("direct_running_mode")

    def flags(self) -> list[str]:
        """Pipeline options. `DirectRunner` is never used: it tries to download another engine first."""
        flags = [f"--runner={self.runner}", *self.options]
        if self.runner == LOCAL and self.workers > 1:
            flags.append(f"--direct_num_workers={self.workers}")
        if self.runner == FLINK and not self.option("environment_cache_millis"):
            flags.append(f"--environment_cache_millis={_KEPT_MILLIS}")
        if self.embedded and not self.option("environment_type"):
            flags.append(f"--environment_type={LOOPBACK}")
        if self.embedded and not self.option("parallelism"):
            flags.append(f"--parallelism={self.workers}")
        if self.embedded and self.workers > 1 and not self.option("sdk_worker_parallelism"):
            flags.append(f"--sdk_worker_parallelism={self.workers}")
            if self.environment == LOOPBACK:  # else threads of one process, which share one core
                flags.append("--experiments=use_loopback_process_worker")
        return flags


def check_engine(engine: Engine) -> None:
    """Raises UsageError for a runner or an option that Beam does not know or that is known not to work."""
    if engine.runner == LOCAL and not engine.options:
        return  # nothing to check, and no need to import Beam for it
    from apache_beam.options.pipeline_options import StandardOptions

    known = {*StandardOptions.KNOWN_RUNNER_NAMES, *SUPPORTED} - _REFUSED.keys()
    if engine.runner in _REFUSED:
        raise UsageError(
            f"--runner: {engine.runner}: {_REFUSED[engine.runner]}; 请用 / use {', '.join(SUPPORTED)} ({_REMEDY})"
        )
    if engine.runner not in known and "." not in engine.runner:
        raise UsageError(f"--runner: {engine.runner}: 没有这个引擎 / no such runner; known: {', '.join(sorted(known))}")
    pipeline_options(engine.flags())
    problems = _flink_problems(engine) if engine.runner == FLINK else []
    if engine.runner in (FLINK, PORTABLE) and not engine.environment:
        problems.append(
            "--environment_type: 未说明工作进程如何启动 / it is not said how workers are started: give EXTERNAL with "
            f"--environment_config=HOST:PORT of a worker pool, or LOOPBACK on this machine ({_REMEDY})"
        )
    if problems:
        raise UsageError(problems)


def _flink_problems(engine: Engine) -> list[str]:
    if engine.option("job_endpoint"):
        return []
    problems = []
    if any(option.startswith("--flink_submit_uber_jar") for option in engine.options):
        problems.append("--flink_submit_uber_jar: 不支持 / is not supported: give the job server's jar instead")
    jar, launcher = engine.option("flink_job_server_jar"), engine.option("job_server_java_launcher") or java()
    if not jar:
        problems.append(
            "--flink_job_server_jar: 未给出，运行时不联网下载 / is not given, and nothing is downloaded in a run: "
            f"make flink, then --flink_job_server_jar=build/flink/job-server.jar; or give --job_endpoint ({_REMEDY})"
        )
    elif not Path(jar).is_file():
        problems.append(f"--flink_job_server_jar: {jar}: 没有这个文件 / no such file: make flink")
    if shutil.which(launcher) is None:
        problems.append(f"{launcher}: 没有 Java / no Java: install 11 or 17, or set JAVA_HOME")
    return problems


def java() -> str:
    """The Java program Beam would start."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def check_places(engine: Engine, scans: str, output: Path) -> None:
    """Raises UsageError where workers cannot be meant to share the scans: they lie in the output folder, by default."""
    if engine.shares_files or urlsplit(scans).scheme in ("s3", "gs", "oss") or "://" in scans:
        return
    if Path(scans).is_relative_to(output):
        raise UsageError(
            f"scans: {scans}: 在输出文件夹中，别的机器上的工作进程看不到 / lies in the output folder, which workers on other "
            f"machines do not see: name an object store, as s3://bucket/scans, or a folder all machines mount ({_REMEDY})"
        )


def pipeline_options(flags: list[str]) -> Any:
    """Pipeline options with every flag understood: Beam itself drops an unknown one with no more than a warning."""
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for options in {option.__name__: option for option in _subclasses(PipelineOptions)}.values():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(flags)
    if unknown:
        raise UsageError(
            f"未知的 Beam 选项 / unknown Beam options: {' '.join(unknown)}: check them against the runner's documentation"
        )
    return PipelineOptions(flags)


def _subclasses(kind: Any) -> list[Any]:
    return [c for sub in kind.__subclasses__() for c in (sub, *_subclasses(sub)) if "_add_argparse_args" in vars(c)]
