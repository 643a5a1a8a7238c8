"""Fixtures that several test modules share."""

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.config import Config, load_config

SOURCE = {"id": "news", "name": "新闻", "kind": "open", "region": "domestic", "paths": ["data/*.jsonl"]}


@pytest.fixture(scope="module", autouse=True)
def _freed() -> Iterator[None]:
    """A run tells the collector to let alone what it loaded; the tests of the next module need none of it."""
    yield
    if gc.get_freeze_count():
        gc.unfreeze()
        gc.collect()


@pytest.fixture(autouse=True)
def _no_server_of_another_test() -> Iterator[None]:
    """File systems are kept by their arguments, and which server they mean is in the environment of the test."""
    yield
    s3fs = sys.modules.get("s3fs")
    if s3fs is not None:
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Config]:
    """Writes a configuration with these keys changed, and loads it."""

    def write(**keys: object) -> Config:
        file = tmp_path / "audit.yaml"
        file.write_text(yaml.safe_dump({"seed": "2026-11", "sources": [SOURCE], **keys}, allow_unicode=True))
        return load_config(file)

    return write
