"""A report and a bundle of a real run with a really closed round, and what somebody does who covers up a change of them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.store.output import write_json
from pipeline.store.scans import sha256_file
from report.build import build
from report.bundle.archive import pack, unpack
from report.bundle.writing import REPORTS, SUMS, sums
from report.evidence.extract import EVIDENCE, write_table
from report.evidence.workspace import open_workspace
from report.store import CHAIN, FOLDER, MANIFEST, manifest_of
from schemas.chain import append_to_chain, read_chain
from tests.audits import audit, make_corpus
from tests.test_round_closing import close, draw, judge, lenient

DECLARED: dict[str, Any] = {
    "organisation": {"name": "某公司", "credit_code": "91350100M000100Y43", "service": "某助手", "day": "2027-01-01"},
    "model": {"name": "某模型", "version": "1", "base": {"own": True}},
    "policies": {
        "blacklist": {
            "title": "黑名单管理办法",
            "file": {"file": "policy.pdf", "attach": True},
            "owner": "数据部",
            "effective": "2026-01-01",
            "version": 2,
        }
    },
}


def declare(folder: Path, **changes: Any) -> Path:
    """Writes a declarations file with what it names; JSON is YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.pdf").write_bytes(b"%PDF policy")
    path = folder / "declarations.yaml"
    path.write_text(json.dumps(DECLARED | changes, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus `c`, an output `o` with round and report, and its bundle `b.zip`; to be looked at only."""
    folder = tmp_path_factory.getbasetemp() / "reported"
    if folder.exists():  # made for another module
        return folder
    audit("run", make_corpus(folder / "c").config, "--out", folder / "o")
    draw(folder / "o")
    close(folder / "o", judge(folder / "o", lenient))
    declared = declare(folder / "d")
    audit("report", folder / "o", "--declarations", declared, "--bundle", folder / "b.zip")
    return folder


def copied(reported: Path, tmp_path: Path) -> Path:
    """A copy of the output folder, to be changed."""
    shutil.copytree(reported / "o", tmp_path / "o", symlinks=True)
    return tmp_path / "o"


def report_of(out: Path) -> Path:
    """The folder of the report of the current run."""
    return (out / "current").resolve() / FOLDER


def reseal(out: Path) -> None:
    """Gives a changed report a fresh manifest and a fresh record."""
    _freshly(report_of(out), out / CHAIN)


def _freshly(report: Path, chain: Path) -> None:
    (report / MANIFEST).unlink(missing_ok=True)
    write_json(report / MANIFEST, manifest_of(report))
    records, _ = read_chain(chain)
    told = {key: value for key, value in records[-1].items() if key not in ("sha256", "previous")}
    content = json.loads((report / MANIFEST).read_bytes())
    told |= {key: content[key] for key in told if key in content} | {"report_sha256": sha256_file(report / MANIFEST)}
    chain.unlink()
    append_to_chain(chain, [told])


def change(evidence: Path, *statements: str) -> None:
    """Changes tables of an evidence folder in SQL and writes them again."""
    with open_workspace(evidence) as workspace:
        for statement in statements:
            workspace.connection.execute(statement)
            (name,) = re.findall(r"^(?:UPDATE|INSERT INTO|DELETE FROM) ([a-z_.]+)", statement)
            path = evidence / f"{name.replace('.', '/')}.parquet"
            table = workspace.connection.sql(f"SELECT * FROM {name} ORDER BY ALL").to_arrow_table()
            path.unlink()
            write_table(path, table)


def forged(bundle: Path, folder: Path, forge: Callable[[Path], None], rebuild: bool = True) -> Path:
    """A bundle with its members changed, all hashes made anew and, with `rebuild`, the report built from the changed evidence."""
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    unpack(bundle, unpacked)
    for path in unpacked.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    forge(unpacked)
    report = unpacked / FOLDER
    if rebuild:
        for name, content in build(report / EVIDENCE).items():
            (report / name).write_bytes(content)
    _freshly(report, unpacked / REPORTS)
    (unpacked / SUMS).unlink(missing_ok=True)
    files: dict[str, Path | bytes] = {
        path.relative_to(unpacked).as_posix(): path for path in sorted(unpacked.rglob("*")) if path.is_file()
    }
    files[SUMS] = sums(files)
    pack(folder / "forged.zip", files)
    return folder / "forged.zip"
