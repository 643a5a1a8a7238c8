"""Personal information through a whole run: the salt, what is stored of findings, and the check of the gate."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import load_config
from pipeline.errors import RunFailed
from pipeline.run import Options, run
from tests.audits import audit, jsonl, result, sql

MOBILE, OTHER = "13812345678", "13912345678"
SOURCES = [
    {"id": name, "name": name, "kind": "open", "region": "domestic", "paths": [f"{name}.jsonl"]} for name in ("a", "b")
]


def configured(folder: Path, **changes: Any) -> Path:
    """Two sources in which people can be reached, one of them in both."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.jsonl").write_bytes(jsonl([{"text": f"请打{MOBILE}给我"}, {"text": "今天天气很好"}]))
    (folder / "b.jsonl").write_bytes(jsonl([{"text": f"电话 +86 138 1234 5678，或者{OTHER}"}]))
    config = folder / "config.json"
    config.write_text(json.dumps({"seed": "s", "sources": SOURCES, **changes}, ensure_ascii=False))
    return config


def digests(out: Path) -> list[tuple[str, str]]:
    return sql(out, "SELECT doc_id, hmac FROM findings WHERE pii_type IS NOT NULL ORDER BY ALL")


def test_one_number_has_one_digest_in_an_output_folder_and_another_in_another(tmp_path: Path) -> None:
    config = configured(tmp_path)
    for name in ("one", "two"):
        run(load_config(config, tmp_path / name), Options())
    one, two = digests(tmp_path / "one"), digests(tmp_path / "two")
    assert len({digest for _, digest in one}) == 2
    assert len(one) == len(two) == 3
    assert not {digest for _, digest in one} & {digest for _, digest in two}


def test_the_salt_is_for_its_owner_alone(tmp_path: Path) -> None:
    config, out = configured(tmp_path), tmp_path / "out"
    run(load_config(config, out), Options())
    salt = out / "personal-information.salt"
    before = salt.read_text()
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    salt.chmod(0o644)
    run(load_config(config, out), Options())
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    assert salt.read_text() == before


def test_a_damaged_salt_is_said(tmp_path: Path) -> None:
    config, out = configured(tmp_path), tmp_path / "out"
    run(load_config(config, out), Options())
    (out / "personal-information.salt").write_text("rubbish\n")
    assert "personal-information.salt" in audit("run", config, "--out", out, check=2).stderr


def test_scans_shared_by_two_output_folders_keep_their_digests_apart(tmp_path: Path) -> None:
    config = configured(tmp_path, scans=str(tmp_path / "scans"))
    for name in ("one", "two", "one"):
        run(load_config(config, tmp_path / name), Options())
    assert not set(digests(tmp_path / "one")) & set(digests(tmp_path / "two"))


def test_no_number_leaves_in_any_file(tmp_path: Path) -> None:
    config, out = configured(tmp_path), tmp_path / "out"
    run(load_config(config, out), Options())
    told = {b"13812345678", b"13912345678", b"138 1234 5678"}
    for path in out.rglob("*"):
        if path.is_file() and "manual" not in path.name and path.name != "audit.duckdb":
            assert not [value for value in told if value in path.read_bytes()], path


def test_a_gate_that_hides_something_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An anchor is spoilt on purpose, and every document is checked."""
    import pii.windows
    import transforms.pii

    monkeypatch.setattr(transforms.pii, "CHECKED_SHARE", 1)
    monkeypatch.setattr(pii.windows.Gate, "anchors", {"spoilt": []})
    with pytest.raises(RunFailed, match="CN_MOBILE") as failed:
        run(load_config(configured(tmp_path), tmp_path / "out"), Options())
    assert MOBILE not in str(failed.value)
    assert not (tmp_path / "out" / "current").exists()


def test_the_books_say_how_many_documents_checked_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transforms.pii

    monkeypatch.setattr(transforms.pii, "CHECKED_SHARE", 1)
    out = tmp_path / "out"
    run(load_config(configured(tmp_path), out), Options())
    assert result(out)["personal_information_gate"] == {"documents": 3, "checked": 3}
    assert sql(out, "SELECT count(*) FROM documents WHERE pii_checked") == [(3,)]
    audit("verify", out)
