"""A real Flink on the loopback: a JobManager, TaskManagers and their Python workers, each a process of its own.

The programs come from `make flink` (docs/flink.md). The workers see none of the caller's files where the kernel lets us
hide them, so that whatever they need has to come by the store.
"""

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
JAR = ROOT / "build" / "flink" / "job-server.jar"
_OPENS = ("java.lang", "java.net", "java.io", "java.nio", "java.util", "java.util.concurrent", "java.text", "java.time")
_SIZES = {
    "framework.heap.size": "128m",
    "framework.off-heap.size": "64m",
    "task.heap.size": "256m",
    "task.off-heap.size": "64m",
    "managed.size": "64m",
    "network.min": "64m",
    "network.max": "64m",
    "jvm-metaspace.size": "256m",
    "jvm-overhead.min": "128m",
    "jvm-overhead.max": "128m",
}


def needs_flink() -> None:
    """Skips the test, saying why, where the engine cannot be had."""
    if shutil.which("java") is None:
        pytest.skip("no Flink: Java 11 or 17 is not installed")
    if not JAR.is_file():
        pytest.skip("no Flink: `make flink` fetches the job server with Maven, and says what is missing")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hiding(folder: Path) -> list[str]:
    """A command that runs another without sight of a folder; empty where the kernel does not allow it."""
    for unshare in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        command = [*unshare, "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(folder)]
        with contextlib.suppress(OSError):
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
    return []


@dataclass
class Cluster:
    """A running cluster: where it takes jobs, where its worker pool listens, and its processes."""

    folder: Path
    master: str = ""
    blind: bool = False  # whether the workers do not see the hidden folder
    environment: dict[str, str] = field(default_factory=dict)
    managers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    others: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def options(self) -> list[str]:
        """What follows `--` on the command line."""
        return [
            f"--flink_job_server_jar={JAR}",
            f"--flink_master={self.master}",
            "--environment_type=PROCESS",
            f"--environment_config={json.dumps({'command': str(self.folder / 'worker')})}",
            "--parallelism=2",
        ]

    def add_manager(self) -> None:
        """Starts one more TaskManager, with one slot."""
        main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        self.managers.append(self.java(main, f"taskmanager-{len(self.managers)}", **self.environment))

    def java(self, main: str, name: str, **environment: str) -> "subprocess.Popen[bytes]":
        """Starts a program of Flink, in a session of its own so that it ends with its children."""
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS]
        command = ["java", "-Xmx512m", *opens, "-cp", str(JAR.parent / "lib" / "*"), main]
        command += ["--configDir", str(self.folder / "conf")]
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **environment}, cwd="/"
            )

    def workers(self) -> list[int]:
        """Process ids of the Python workers."""
        found = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 1) for line in found.splitlines()[1:]]
        return [int(pid) for pid, command in rows if f"-m pipeline.engine.worker {self.folder}" in command]

    def slots(self) -> int:
        """How many slots the TaskManagers that have reported offer."""
        try:
            with urllib.request.urlopen(f"{self.master}/overview", timeout=5) as answer:
                return int(json.load(answer)["slots-total"])
        except (urllib.error.URLError, OSError, ValueError):
            return 0

    def stop(self) -> None:
        """Ends every process."""
        for process in (*self.managers, *self.others):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


@contextlib.contextmanager
def flink(
    folder: Path, hidden: Path, environment: dict[str, str], managers: int = 2, restarts: int = 0
) -> Iterator[Cluster]:
    """Runs a cluster with its files in `folder`; workers get `environment` and do not see what is in `hidden`.

    `restarts` is how often it starts a job again that failed.
    """
    rest, rpc = free_port(), free_port()
    conf = {
        "jobmanager.rpc.address": "localhost",
        "jobmanager.rpc.port": rpc,
        "jobmanager.bind-host": "localhost",
        "rest.address": "localhost",
        "rest.port": rest,
        "rest.bind-address": "localhost",
        "taskmanager.bind-host": "localhost",
        "taskmanager.host": "localhost",
        "taskmanager.numberOfTaskSlots": 1,
        "taskmanager.cpu.cores": 1.0,
        "classloader.resolve-order": "parent-first",
        "heartbeat.interval": 1000,
        "heartbeat.timeout": 8000,
        "io.tmp.dirs": folder / "tmp",
        "restart-strategy.type": "fixed-delay" if restarts else "none",
        "restart-strategy.fixed-delay.attempts": restarts,
        "restart-strategy.fixed-delay.delay": "2 s",
    } | {f"taskmanager.memory.{name}": size for name, size in _SIZES.items()}
    (folder / "conf").mkdir(parents=True)
    (folder / "tmp").mkdir()
    (folder / "conf" / "flink-conf.yaml").write_text("".join(f"{key}: {value}\n" for key, value in conf.items()))
    blinder = hiding(hidden)
    worker = [*blinder, sys.executable, "-m", "pipeline.engine.worker", str(folder)]
    (folder / "worker").write_text(f'#!/bin/sh\nexec {shlex.join(worker)} "$@"\n')
    (folder / "worker").chmod(0o755)
    own = {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp"), "HOME": str(folder), **environment}
    cluster = Cluster(folder, f"http://localhost:{rest}", bool(blinder), own)
    try:
        main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        cluster.others.append(cluster.java(main, "jobmanager"))
        for _ in range(managers):
            cluster.add_manager()
        _wait(cluster, managers)
        yield cluster
    finally:
        cluster.stop()


def _wait(cluster: Cluster, slots: int) -> None:
    deadline = time.monotonic() + 90
    while cluster.slots() < slots:
        ended = [process for process in (*cluster.managers, *cluster.others) if process.poll() is not None]
        if ended or time.monotonic() > deadline:
            logs = {path.name: path.read_text(errors="replace")[-2000:] for path in cluster.folder.glob("*.log")}
            raise RuntimeError(f"the Flink cluster did not start: {logs}")
        time.sleep(0.2)
