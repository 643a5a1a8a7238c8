"""The salt of digests of personal information: what may stand in its place, and that another one does not go unnoticed."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.run import Options, preview, run
from pipeline.store.output import Output
from pipeline.store.salt import SALT, make_or_read_salt, read_salt
from pipeline.verification.verify import unproved, verify
from tests.audits import audit, events, result
from tests.test_pii_run import configured, digests
from transforms.pii import PersonalInformation

LEFT = "personal-information.new"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration, its corpus and a run of it below `out`. Not to be changed."""
    folder = tmp_path_factory.mktemp("salt")
    run(load_config(configured(folder), folder / "out"), Options())
    return folder


@pytest.fixture
def own(published: Path, tmp_path: Path) -> Path:
    """The output folder, to spoil."""
    shutil.copytree(published / "out", tmp_path / "out", symlinks=True)
    return tmp_path / "out"


def problems(out: Path, quick: bool = True) -> str:
    return "\n".join(problem for check in verify(Output(out), quick) for problem in check.problems)


def link(path: Path) -> None:
    (path.parent / "elsewhere").write_text("5a" * 32)
    path.symlink_to("elsewhere")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    "put", [Path.mkdir, os.mkfifo, link, dangling], ids=["folder", "pipe", "link", "dangling link"]
)
def test_what_is_no_file_is_refused_and_left_alone(tmp_path: Path, put: Callable[[Path], None]) -> None:
    put(tmp_path / SALT)
    before = os.lstat(tmp_path / SALT)
    for use in (make_or_read_salt, read_salt):
        with pytest.raises(UsageError, match="must be a regular file"):
            use(tmp_path)
    assert os.lstat(tmp_path / SALT) == before
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", [SALT, LEFT])
def test_a_run_says_which_folder_stands_in_the_way(tmp_path: Path, name: str) -> None:
    config, out = configured(tmp_path), tmp_path / "out"
    Output(out).prepare()
    (out / name).mkdir()
    done = audit("run", config, "--out", out, check=2)
    assert str(out / name) in done.stderr and "remove" in done.stderr


def test_a_crash_before_the_salt_has_its_name_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_text("5a" * 16)
    salt = make_or_read_salt(tmp_path)
    assert salt == make_or_read_salt(tmp_path) and len(salt) == 32
    assert [path.name for path in tmp_path.iterdir()] == [SALT]
    assert stat.S_IMODE((tmp_path / SALT).stat().st_mode) == 0o600


def test_a_link_left_under_the_first_name_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("kept")
    (tmp_path / LEFT).symlink_to("other")
    make_or_read_salt(tmp_path)
    assert (tmp_path / "other").read_text() == "kept"
    assert not (tmp_path / SALT).is_symlink()


def test_the_manifest_names_the_salt_without_telling_it(published: Path) -> None:
    out = published / "out"
    salt = make_or_read_salt(out)
    text = (out / "current" / "manifest.json").read_text()
    assert json.loads(text)["versions"]["salt"] == PersonalInformation(salt).variant
    assert salt.hex() not in text
    assert PersonalInformation(salt).variant not in (out / "current" / "result.json").read_text()


def test_another_salt_makes_another_run_and_says_so(published: Path, tmp_path: Path) -> None:
    config, out = configured(tmp_path), tmp_path / "out"
    first = run(load_config(config, out), Options())
    assert run(load_config(config, out), Options()).unchanged
    assert preview(load_config(config, out), Options()).to_scan == {}
    before, numbers, ruleset = digests(out), result(out), first.folder / "manifest.json"
    (out / SALT).unlink()
    done = audit("run", config, "--out", out)
    assert "personal-information.salt" in done.stderr and "hmac" in done.stderr
    second = (out / "current").resolve()
    assert second != first.folder
    assert {doc for doc, _ in digests(out)} == {doc for doc, _ in before}
    assert not {hmac for _, hmac in digests(out)} & {hmac for _, hmac in before}
    assert result(out) == numbers
    key = "ruleset_sha256"
    assert json.loads((second / "manifest.json").read_text())[key] == json.loads(ruleset.read_text())[key]
    found = events(out)
    assert [event["salt"] for event in found if event["event"] == "salt_changed"]
    assert {tuple(e["layers_built"]) for e in found if e["event"] == "unit_scanned"} == {("pii",)}
    assert problems(out, quick=False) == ""
    assert run(load_config(config, out), Options()).unchanged


def test_verify_finds_another_salt_and_wide_permissions(own: Path) -> None:
    assert problems(own) == ""
    (own / SALT).chmod(0o640)
    assert "0640" in problems(own) and "chmod 600" in problems(own)
    (own / SALT).chmod(0o600)
    (own / SALT).write_text("5a" * 32 + "\n")
    assert "is not the salt of this run" in problems(own)
    (own / SALT).write_text("rubbish\n")
    assert "damaged" in problems(own)


def test_verify_of_a_folder_handed_over_lists_what_the_salt_would_have_shown(own: Path) -> None:
    assert SALT not in "\n".join(unproved(Output(own)))
    (own / SALT).unlink()
    assert problems(own) == ""
    assert SALT in "\n".join(unproved(Output(own)))
    assert not (own / SALT).exists()
