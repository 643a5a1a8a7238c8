"""Flink's job server for as long as a graph runs: a Java process that takes the graph and sees it through."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.engine.engine_log import diverted, open_log
from pipeline.engine.engines import FLINK, Engine, pipeline_options
from pipeline.errors import RunFailed
from pipeline.store.scans import workspace_prefix

_SECONDS = 120  # to come up
_SECONDS_TO_LEAVE = 15
_WORKING = ("run_worker_", "read_grpc_client_inputs")  # threads of Beam that work for a job server in this process
# Ends the program when this process does, however it does: its standard input closes then.
_GUARD = (
    'exec 3<&0; "$@" </dev/null 3<&- & job=$!; '
    '{ cat <&3; kill "$job"; sleep 10; kill -9 "$job"; } >/dev/null 2>&1 & guard=$!; '
    'wait "$job"; code=$?; kill "$guard"; exit "$code"'
)


@contextlib.contextmanager
def served(engine: Engine, log: Path) -> Iterator[Engine]:
    """The engine with a job server to go to; where none is named, one of our own, which is stopped at the end.

    Beam's own way cannot be taken: it sets signal handlers, for which it needs the main thread, and stops the server
    at a regular exit only. What the server prints goes to `log`. Raises RunFailed where it does not come up.
    """
    if engine.runner != FLINK or engine.option("job_endpoint"):
        yield engine
        return
    _python_first()
    flags = engine.flags()
    with (
        tempfile.TemporaryDirectory(prefix=workspace_prefix(), ignore_cleanup_errors=True) as folder,
        open_log(log) as output,
    ):
        command, endpoint = _command(flags, folder)
        server = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "job-server", *command], stdin=subprocess.PIPE, stdout=output, stderr=output
        )
        try:
            _wait(endpoint, server, log)
            yield replace(engine, options=(*flags[1:], f"--job_endpoint={endpoint}"))
        finally:
            with diverted(log):
                _stop(server)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Ends the server, and waits for the threads that worked for it: they complain of its going."""
    assert server.stdin is not None
    server.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(_SECONDS_TO_LEAVE)
    for thread in threading.enumerate():
        if thread.name.startswith(_WORKING):
            thread.join(_SECONDS_TO_LEAVE)


def _python_first() -> None:
    """Beam starts worker processes of this machine as `python`: that has to be the Python of this program."""
    own, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != own:
        os.environ["PATH"] = os.pathsep.join([own, path])


def _command(flags: list[str], folder: str) -> tuple[list[str], str]:
    from apache_beam.runners.portability.flink_runner import FlinkJarJobServer

    given = [] if any(flag.startswith("--artifacts_dir") for flag in flags) else [f"--artifacts_dir={folder}"]
    ports = [] if any(flag.startswith("--artifact_port") for flag in flags) else ["--artifact_port=0"]
    ports += [] if any(flag.startswith("--expansion_port") for flag in flags) else ["--expansion_port=0"]
    server = FlinkJarJobServer(pipeline_options([*flags, *given, *ports]))
    command, endpoint = server.subprocess_cmd_and_endpoint()
    return [str(part) for part in command], str(endpoint)


def _wait(endpoint: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    import grpc

    deadline = time.monotonic() + _SECONDS
    with grpc.insecure_channel(endpoint) as channel:
        ready = grpc.channel_ready_future(channel)
        while True:
            with contextlib.suppress(grpc.FutureTimeoutError):
                ready.result(timeout=0.2)
                return
            if server.poll() is not None:
                raise RunFailed(f"Flink 作业服务未能启动 / Flink's job server does not start: see {log}")
            if time.monotonic() > deadline:
                raise RunFailed(f"Flink 作业服务 {_SECONDS} 秒未就绪 / Flink's job server is not up after {_SECONDS} s")
