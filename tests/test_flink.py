"""The same graph on Apache Flink, run through the command line: the same bytes, whatever is killed (docs/flink.md)."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.engine_log import ENGINE_LOG
from pipeline.engine.engines import Engine, check_engine, check_places
from pipeline.engine.execution import _explained, execute
from pipeline.engine.job_server import served
from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output
from pipeline.terminal.progress import Progress, look
from tests.audits import (
    BAD_WORDING,
    SCRIPT,
    SOURCES,
    Corpus,
    audit,
    contents,
    events,
    give_salt,
    jsonl,
    make_corpus,
    result,
    sql,
)
from tests.flink_cluster import JAR, Cluster, flink, needs_flink
from tests.object_store import Bucket, Server, s3_server

__all__ = ["s3_server"]

EMBEDDED = ("--runner", "FlinkRunner", "--", f"--flink_job_server_jar={JAR}")
SPLIT: dict[str, Any] = {"limits": {"unit_bytes": 65536}, "sampling": {"manual": 120}}
WEB = {"id": "web", "name": "网页", "kind": "self_collected", "region": "domestic", "paths": ["web/*.jsonl"]}


def with_bad_domain(corpus: Corpus) -> None:
    """Adds a source that holds a domain above 5 %, many copies of one text, and texts that others have as well."""
    rows = [
        {"id": f"w{i}", "text": f"第{i}页的正文", "url": f"https://good{i % 7}.example.com/{i}"} for i in range(900)
    ]
    rows += [
        {"id": f"c{i}", "text": "处处相同的一段话，一字不差。", "url": "https://copies.example.org/"} for i in range(40)
    ]
    rows += [
        {"id": f"x{i}", "text": f"第{i}页" + BAD_WORDING * (i % 4 == 0), "url": f"https://bad.example.net/{i}"}
        for i in range(120)
    ]
    (corpus.folder / "web").mkdir()
    for part in range(3):
        (corpus.folder / "web" / f"{part}.jsonl").write_bytes(jsonl(rows[part::3]))
    corpus.sources = [*SOURCES, WEB]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Five sources with split shards."""
    made = make_corpus(tmp_path_factory.mktemp("flink") / "corpus", scale=3)
    with_bad_domain(made)
    made.write(sources=made.sources, **SPLIT)
    return made


@pytest.fixture(scope="module")
def usual(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audit by the usual engine."""
    needs_flink()
    out = tmp_path_factory.mktemp("usual") / "out"
    audit("run", corpus.config, "--out", out)
    return out


def job_servers(folder: Path) -> list[int]:
    """Process ids of job servers whose temporary files are in this folder."""
    found = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 1) for line in found.splitlines()[1:]]
    return [int(pid) for pid, command in rows if str(folder) in command and command.startswith("java ")]


def until(condition: Callable[[], Any], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_embedded_flink_gives_the_same_bytes(corpus: Corpus, usual: Path, tmp_path: Path) -> None:
    done = audit("run", corpus.config, "--out", tmp_path / "o", *EMBEDDED, "--parallelism=2")
    assert contents(tmp_path / "o") == contents(usual)
    assert "Traceback" not in done.stderr
    assert {"bad", "plain"} <= {
        unit.split("-")[0] for (unit,) in sql(tmp_path / "o", "SELECT DISTINCT source_id FROM documents")
    }
    active = sql(tmp_path / "o", "SELECT scope, source_key FROM blacklist WHERE active ORDER BY ALL")
    assert {scope for scope, _ in active} == {"domain", "suspended"}
    assert result(tmp_path / "o")["samples"]["manual"]["size"] == 120
    audit("verify", tmp_path / "o")


def test_a_killed_run_takes_flink_along_and_another_engine_goes_on(corpus: Corpus, usual: Path, tmp_path: Path) -> None:
    out, temporary = tmp_path / "o", tmp_path / "tmp"
    temporary.mkdir()
    give_salt(out)
    process = subprocess.Popen(
        [*SCRIPT, "run", str(corpus.config), "--out", str(out), *EMBEDDED],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    until(lambda: job_servers(temporary))
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not job_servers(temporary))
    audit("run", corpus.config, "--out", out)
    assert contents(out) == contents(usual)


SECRET = "登录IP：114.114.113.7"


def work(what: str) -> str:
    if what == "own":
        raise RunFailed("shard 甲: 两行 /\nb")
    if what == "foreign":
        raise ValueError(SECRET)
    os._exit(9)


def wire(pipeline: Any, job: Any) -> None:
    import apache_beam as beam

    pipeline | beam.Create([job]) | beam.Reshuffle() | beam.Map(work)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # threads of Beam whose server went
def test_failures_of_workers_come_back_as_one_sentence(tmp_path: Path) -> None:
    needs_flink()
    log = tmp_path / ENGINE_LOG
    with served(Engine("FlinkRunner", 1, (f"--flink_job_server_jar={JAR}",)), log) as engine:
        with pytest.raises(RunFailed, match="shard 甲: 两行 /\nb"):
            execute("own", engine, tmp_path, 1, wire, "test")
        with pytest.raises(RunFailed, match="ValueError") as failed:
            execute("foreign", engine, tmp_path, 1, wire, "test")
    assert "114.114" not in str(failed.value)
    assert log.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_killed_worker_is_said(tmp_path: Path) -> None:
    needs_flink()
    with (
        served(Engine("FlinkRunner", 2, (f"--flink_job_server_jar={JAR}",)), tmp_path / ENGINE_LOG) as engine,
        pytest.raises(RunFailed, match="a worker process was killed"),
    ):
        execute("die", engine, tmp_path, 1, wire, "test")


def test_a_job_server_that_does_not_start_is_said(tmp_path: Path) -> None:
    needs_flink()
    (tmp_path / "a.jar").write_bytes(b"no jar")
    with (
        pytest.raises(RunFailed, match="does not start"),
        served(Engine("FlinkRunner", 1, (f"--flink_job_server_jar={tmp_path}/a.jar",)), tmp_path / ENGINE_LOG),
    ):
        pass


@pytest.fixture
def bucket(corpus: Corpus, s3_server: Server, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The corpus in a bucket; the environment says where it is."""
    needs_flink()
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    made = Bucket(s3_server, s3_server.client())
    made.client.mkdir(made.name)
    made.upload(corpus)
    return made


@pytest.fixture
def cluster(bucket: Bucket, tmp_path: Path) -> Iterator[Cluster]:
    """A standalone cluster whose workers do not see the folder of the caller."""
    (tmp_path / "caller").mkdir()
    with flink(tmp_path / "cluster", tmp_path / "caller", bucket.server.environment) as running:
        yield running


def remote_config(folder: Path, bucket: Bucket, corpus: Corpus) -> Path:
    sources = [{**source, "paths": [bucket.url(path) for path in source["paths"]]} for source in corpus.sources]
    made = Corpus(folder, folder / "config.json")
    made.write(sources=sources, scans=bucket.url("scans"), **SPLIT)
    return made.config


def tables(out: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All tables but those that name the run and its time."""
    found = sql(out, "SELECT table_name FROM information_schema.tables")
    return {name: sql(out, f"FROM {name} ORDER BY ALL") for (name,) in found if name not in ("run_info", "blacklist")}


def on_cluster(config: Path, out: Path, cluster: Cluster) -> subprocess.CompletedProcess[str]:
    """An audit on the cluster, however it ends."""
    give_salt(out)
    flags = ["--runner", "FlinkRunner", "--", *cluster.options]
    return audit("run", config, "--out", out, *flags, check=None, timeout=900)


def must_equal(out: Path, usual: Path, bucket: Bucket) -> None:
    assert contents(out) == contents(usual)
    assert tables(out) == tables(usual)
    assert [key for key in bucket.objects("scans") if "handover" in key] == []
    audit("verify", out)


@pytest.mark.slow
def test_a_standalone_cluster_on_object_storage_gives_the_same_bytes_and_tells_its_progress(
    corpus: Corpus, usual: Path, bucket: Bucket, cluster: Cluster, tmp_path: Path
) -> None:
    config, out = remote_config(tmp_path / "caller", bucket, corpus), tmp_path / "caller" / "o"
    seen: list[Progress] = []
    done: list[subprocess.CompletedProcess[str]] = []
    run = threading.Thread(target=lambda: done.append(on_cluster(config, out, cluster)))
    run.start()
    while run.is_alive():
        run.join(0.2)
        seen.append(look(Output(out)))
    assert done[0].returncode == 0, done[0].stderr
    must_equal(out, usual, bucket)
    told = events(out)
    planned = next(event["units"] for event in told if event["event"] == "run_started")
    for name in ("unit_scanned", "unit_decided"):
        assert len({event["unit"] for event in told if event["event"] == name}) == planned
    assert any(now.phase == "scan" and now.units_scanned for now in seen)
    assert max(now.units_decided for now in seen) == planned
    assert max(now.documents for now in seen) == sum(event.get("documents", 0) for event in told[:-1])


@pytest.mark.slow
@pytest.mark.parametrize(("killed", "restarts"), [("worker", 0), ("manager", 0), ("manager", 5)])
def test_a_cluster_that_loses_a_process_goes_on_or_says_so_and_the_next_run_does(
    corpus: Corpus, usual: Path, bucket: Bucket, tmp_path: Path, killed: str, restarts: int
) -> None:
    caller, out = tmp_path / "caller", tmp_path / "caller" / "o"
    caller.mkdir()
    config = remote_config(caller, bucket, corpus)
    with flink(tmp_path / "cluster", caller, bucket.server.environment, restarts=restarts) as cluster:

        def kill() -> None:
            until(lambda: any("/base/" in key for key in bucket.objects("scans")), 240)
            if killed == "worker":
                os.kill(cluster.workers()[0], signal.SIGKILL)
            else:
                os.killpg(cluster.managers[0].pid, signal.SIGKILL)
                cluster.add_manager()

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        done = on_cluster(config, out, cluster)
        killer.join(10)
        assert not killer.is_alive()
        assert done.returncode == (0 if restarts else 3), done.stderr
        if not restarts:
            assert "a worker process was killed" in done.stderr and "Traceback" not in done.stderr
            assert not (out / "current").exists()
            assert on_cluster(config, out, cluster).returncode == 0
        must_equal(out, usual, bucket)


@pytest.mark.slow
def test_workers_that_lack_a_folder_say_so_and_nothing_is_set_aside(
    corpus: Corpus, bucket: Bucket, cluster: Cluster, tmp_path: Path
) -> None:
    if not cluster.blind:
        pytest.skip("the kernel does not let this user hide a folder from the workers")
    folder = tmp_path / "caller"
    (folder / "plain").mkdir()
    (folder / "plain" / "a.jsonl").write_bytes(jsonl([{"id": 1, "text": "本机文件"}]))
    made = Corpus(folder, folder / "config.json")
    made.write(sources=[SOURCES[0]], scans=bucket.url("scans"))
    flags = ["--runner", "FlinkRunner", "--", *cluster.options]
    done = audit("run", made.config, "--out", folder / "o", *flags, check=3, timeout=600)
    assert "does not see it" in done.stderr and "a.jsonl" in done.stderr
    assert not (folder / "o" / "current").exists()


REMOTE = ("--flink_master=http://cluster:8081", "--environment_type=EXTERNAL", "--environment_config=localhost:50000")


@pytest.mark.parametrize(
    ("runner", "options", "says"),
    [
        ("DaskRunner", (), "silently wrong"),
        ("DirectRunner", (), "download"),
        ("PrismRunner", (), "download"),
        ("NoSuchRunner", (), "no such runner"),
        ("FlinkRunner", (), "--flink_job_server_jar"),
        ("FlinkRunner", ("--flink_job_server_jar=/no/such.jar",), "no such file"),
        ("FlinkRunner", ("--flink_job_server_jar", __file__, "--flink_master=cluster:8081"), "--environment_type"),
        ("FlinkRunner", ("--flink_job_server_jar", __file__, "--no_such=1"), "--no_such=1"),
        ("FlinkRunner", ("--job_endpoint=localhost:8099",), "--environment_type"),
        ("PortableRunner", ("--job_endpoint=localhost:8099",), "--environment_type"),
        (
            "FlinkRunner",
            ("--flink_job_server_jar", __file__, "--number_of_execution_retries=3"),
            "--number_of_execution_retries",
        ),
    ],
)
def test_engines_that_cannot_work_are_refused_before_the_start(
    runner: str, options: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        check_engine(Engine(runner, 1, options))


@pytest.mark.parametrize(
    ("runner", "options", "shares"),
    [
        ("FnApiRunner", (), True),
        ("FlinkRunner", (), True),
        ("FlinkRunner", ("--flink_master", "[local]"), True),
        ("FlinkRunner", ("--environment_type=PROCESS",), True),
        ("FlinkRunner", ("--environment_type=DOCKER",), False),
        ("FlinkRunner", REMOTE, False),
        ("FlinkRunner", ("--flink_master=localhost:8081", "--environment_type", "LOOPBACK"), True),
        ("PortableRunner", ("--job_endpoint=embed", "--environment_type=LOOPBACK"), True),
        ("PortableRunner", ("--job_endpoint=cluster:8099", *REMOTE[1:]), False),
    ],
)
def test_what_workers_see_is_told_by_the_options(runner: str, options: tuple[str, ...], shares: bool) -> None:
    assert Engine(runner, 1, options).shares_files is shares


def test_scans_in_the_output_folder_are_refused_where_workers_are_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="s3://bucket/scans"):
        check_places(Engine("FlinkRunner", 1, REMOTE), str(tmp_path / "out" / "scans"), tmp_path / "out")
    check_places(Engine("FlinkRunner", 1, REMOTE), "s3://bucket/scans", tmp_path / "out")
    check_places(Engine("FlinkRunner", 1, REMOTE), str(tmp_path / "mounted"), tmp_path / "out")
    check_places(Engine(), str(tmp_path / "out" / "scans"), tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("failed in state FAILED: io.grpc.StatusRuntimeException: CANCELLED: client cancelled", "was killed"),
        ("failed: TaskManager with id localhost:1-a is no longer reachable.", "was killed"),
        ("failed: NoResourceAvailableException: Could not acquire the minimum required resources.", "free slots"),
        ("failed: java.net.ConnectException: Connection refused: cluster/10.0.0.1:8081", "does not answer"),
    ],
)
def test_words_of_the_engine_become_what_to_do(text: str, says: str) -> None:
    assert says in str(_explained(RuntimeError(text)))


def test_detectors_travel_with_their_files(corpus: Corpus, tmp_path: Path) -> None:
    import shutil

    from models import STARTER_MODEL
    from pipeline.config import load_config
    from pipeline.detectors import load_detectors
    from pipeline.engine.shipping import ship
    from pipeline.store.scans import ScanStore

    shutil.copytree(str(STARTER_MODEL), tmp_path / "model")
    made = Corpus(corpus.folder, corpus.folder / "own.json")
    made.write(sources=corpus.sources, classifier={"model": str(tmp_path / "model")})
    detectors = load_detectors(load_config(made.config, tmp_path / "out"))
    shard = corpus.folder / "web" / "0.jsonl"
    shards = [(str(shard), shard.stat().st_size), ("s3://bucket/elsewhere.jsonl", 5)]
    shipped = ship(detectors, ScanStore(str(tmp_path / "scans")), "handover/1", shards)
    labels = detectors.labels
    shutil.rmtree(tmp_path / "model")
    (tmp_path / "worker").mkdir()
    unpacked = shipped.unpack(tmp_path / "worker")
    assert unpacked.fingerprint == detectors.fingerprint
    assert unpacked.labels == labels
    assert len(json.dumps(shipped.seen)) < 500
    Path(shipped.path).write_bytes(Path(shipped.path).read_bytes()[:-1] + b"x")
    with pytest.raises(RunFailed, match="not what this run sent"):
        shipped.unpack(tmp_path / "worker")
    shard.rename(shard.with_suffix(".gone"))
    try:
        with pytest.raises(RunFailed, match="does not see it"):
            shipped.unpack(tmp_path / "worker")
    finally:
        shard.with_suffix(".gone").rename(shard)
