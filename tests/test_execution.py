"""What is said when a worker fails: its own words where they are ours, and never a word of the corpus."""

import stat
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.emission.masking import Masked, Masker
from pipeline.engine.execution import ENGINE_LOG, Engine, _explained, execute
from pipeline.errors import RunFailed, StoreError

SECRET = "登录IP：114.114.113.7"
FRAMES = 'Traceback (most recent call last):\n  File "a.py", line 1, in work\n    ipaddress.ip_address(text)\n'


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"{FRAMES}ValueError: {SECRET!r} does not appear to be an address [while running 'Scan']\n"),
        RuntimeError(f"{FRAMES}ValueError: a\npipeline.errors.RunFailed: {SECRET}\n"),
        RuntimeError(f"{FRAMES}pipeline.errors.RunFailed: fine\n\nDuring handling:\n\n{FRAMES}KeyError: '{SECRET}'\n"),
        RuntimeError(f"{FRAMES}{SECRET}\n"),
        ValueError(SECRET),
        RuntimeError(f"pipeline.errors.RunFailed: {SECRET}"),
    ],
)
def test_words_that_are_not_ours_are_withheld(error: Exception) -> None:
    told = _explained(error)
    assert isinstance(told, RunFailed)
    assert "114.114" not in str(told) and "登录" not in str(told)
    assert ENGINE_LOG in str(told) and "Error" in str(told)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError(f"{FRAMES}pipeline.errors.RunFailed: a: 两行 /\nb [while running 'Scan']\n"), "a: 两行 /\nb"),
        (RuntimeError(f"{FRAMES}transforms.pii.GateError: hid (CN_MOBILE): row 3\n"), "hid (CN_MOBILE): row 3"),
        (RuntimeError(f"{FRAMES}PermissionError: [Errno 13] denied: 'x'\n"), "[Errno 13] denied: 'x'"),
        (StoreError("s3://b: refused"), "s3://b: refused"),
        (RunFailed("the books"), "the books"),
    ],
)
def test_words_of_ours_are_passed_on(error: Exception, says: str) -> None:
    assert says in str(_explained(error))


def test_what_the_engine_prints_is_for_the_owner_alone(tmp_path: Path) -> None:
    def fail(text: str) -> str:
        raise ValueError(text)

    def build(pipeline: Any, job: Any) -> None:
        import apache_beam as beam

        pipeline | beam.Create([SECRET]) | beam.Map(fail)

    log = tmp_path / ENGINE_LOG
    log.write_text("of an earlier run")
    log.chmod(0o644)
    with pytest.raises(RunFailed, match="ValueError") as failed:
        execute(None, Engine(), tmp_path, 1, build, "test")
    assert "114.114" not in str(failed.value)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    sys.stderr.flush()


def test_a_document_that_cannot_be_masked_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: str, *arguments: Any) -> None:
        raise ValueError(text)

    monkeypatch.setattr("pipeline.emission.masking.redact", fail)
    rows = pa.record_batch({"doc_id": ["a:1"], "text": [SECRET], "text_sha256": [""]})
    with pytest.raises(RunFailed, match="a:1.*ValueError") as failed:
        Masker()(rows, [{"IP_ADDRESS"}], Masked())
    assert "114.114" not in str(failed.value)
