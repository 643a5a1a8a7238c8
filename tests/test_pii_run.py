"""Personal information through a whole run: the salt, what is stored of findings, and the check of the gate."""

import json
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import load_config
from pipeline.errors import RunFailed
from pipeline.run import Options, run
from tests.audits import BAD_WORDING, audit, jsonl, result, sql

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


# what is told beside a wording that is quoted: label, value, what else stands behind it
TOLD = [
    ("姓名：", "欧阳靖远", "，"),
    ("收货地址：", "浙江省杭州市西湖区文三路478号华星时代广场A座1203室", "，"),
    ("出生日期：", "1987年11月23日", "，"),
    ("微信号：", "lucky_panda87", "，"),
    ("病历号：", "ZY20230418", "，"),
    ("车牌号：", "浙A8K2M6", "，"),
    ("登录密码：", "Tr0ub4dor&3x", "，"),
    ("登录IP：", "114.114.113.7", "，"),
    ("电话：", "13612345678", "，"),
]


def stored(path: Path) -> str:
    """What a file says, as text. Compressed columns and databases are read as what they are."""
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            return str([connection.table(f'"{name}"').fetchall() for name in tables if name != "manual_sample"])
    if path.suffix in (".arrow", ".arrows", ".feather"):
        return str(pa.ipc.open_file(path).read_all().to_pylist())
    return path.read_bytes().decode("utf-8", "replace")


def test_no_number_leaves_in_any_file(tmp_path: Path) -> None:
    config, out = configured(tmp_path), tmp_path / "out"
    rows = [{"text": f"{BAD_WORDING}。{label}{value}{end}欢迎咨询"} for label, value, end in TOLD]
    rows += [{"text": f"通知如下。{label}{value}{end}{BAD_WORDING}"} for label, value, end in TOLD]
    with (tmp_path / "a.jsonl").open("ab") as file:
        file.write(jsonl(rows))
    run(load_config(config, out), Options())
    told = {MOBILE, OTHER, "138 1234 5678", *(value for _, value, _ in TOLD)}
    quoted = sql(out, "SELECT DISTINCT doc_id FROM findings WHERE excerpt IS NOT NULL AND pii_type IS NULL")
    assert len(quoted) >= len(rows)
    for path in out.rglob("*"):
        if path.is_file() and "manual" not in path.name:
            assert not [value for value in told if value in stored(path)], path


def test_a_gate_that_hides_something_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An anchor is spoilt on purpose, and every document is checked."""
    import pii.windows
    import transforms.excerpt
    import transforms.pii

    own = lru_cache(transforms.excerpt._detector.__wrapped__)  # what is spoilt goes with the test
    monkeypatch.setattr(transforms.excerpt, "_detector", own)
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
