"""`doctor`: what is installed, which models and libraries load, what is missing."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.detectors import LIBRARIES
from pipeline.errors import AuditError
from transforms.text import Stage

MINIMUM_PYTHON = (3, 11)


def examine() -> Iterator[tuple[bool, str, str]]:
    """(fine, what, detail) of everything a run needs."""
    yield sys.version_info >= MINIMUM_PYTHON, "Python", platform.python_version()
    for name in LIBRARIES:
        try:
            yield True, name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield False, name, "未安装 / not installed: make setup"
    for what, probe in (
        ("词库 / starter library", _library),
        ("分类模型 / risk classifier", _classifier),
        ("语种模型 / language model", _language),
        ("个人信息检测 / personal information", _pii),
        ("繁简转换 / folding table", _folding),
        ("DuckDB", _duckdb),
        ("临时目录 / temporary folder", _disk),
    ):
        yield _tried(what, probe)


def _tried(what: str, probe: Callable[[], str]) -> tuple[bool, str, str]:
    try:
        return True, what, probe()
    except (AuditError, OSError, ValueError, ImportError, RuntimeError) as error:
        return False, what, f"{type(error).__name__}: {error}"


def _library() -> str:
    from lexicon.library import load_library

    return f"{len(load_library([]).entries)} 个词 / terms"


def _classifier() -> str:
    from models import STARTER_MODEL
    from transforms.classifier import Classifier, read_labels

    labels = read_labels(STARTER_MODEL).labels
    _scan_one(Classifier(STARTER_MODEL))
    return f"{len(labels)} 个标签 / labels: {', '.join(sorted(labels))}"


def _language() -> str:
    from transforms.bucket import Bucket

    return f"bucket = {_scan_one(Bucket())[0]['bucket']}"


def _pii() -> str:
    from transforms.pii import PersonalInformation

    return f"{len(_scan_one(PersonalInformation())[0]['entities'] or [])} 个测试号码检出 / test number found"


def _scan_one(stage: Stage) -> list[dict[str, Any]]:
    import pyarrow as pa

    from transforms.text import TextBatch

    batch = TextBatch(pa.record_batch([pa.array(["联系电话 13800138000，谢谢。"], pa.large_string())], names=["text"]))
    rows: list[dict[str, Any]] = stage(batch).to_pylist()
    return rows


def _folding() -> str:
    from transforms.normalise import normalise_term

    if normalise_term("臺 灣ＡＢＣ") != "台湾abc":
        raise ValueError("the folding table is not what it should be")
    return "臺 灣ＡＢＣ → 台湾abc"


def _duckdb() -> str:
    from pipeline.database import connect

    with connect() as connection:
        return str(connection.execute("SELECT version() || ', sha256 ' || substr(sha256('a'), 1, 8)").fetchall()[0][0])


def _disk() -> str:
    folder = Path(tempfile.gettempdir())
    return f"{folder}: {shutil.disk_usage(folder).free / 1e9:.0f} GB 可用 / free"
