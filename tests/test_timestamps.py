"""Trusted timestamps over a report: what one proves, with whose certificate, and that another one's is refused."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.store.scans import sha256_file
from report.bundle.checking import verify_bundle
from report.bundle.timestamps import parse, problems, read_stamp
from report.store import MANIFEST
from tests.audits import audit
from tests.made_bundles import report_of, reported

__all__ = ["reported"]  # a fixture
pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which plays the authority, is not installed"
)

_SETTINGS = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Root
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256,sha512
ess_cert_id_alg = sha256
"""


class Authority:
    """A timestamp authority of its own, with its root certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "settings").write_text(_SETTINGS)
        (folder / "serial").write_text("01\n")
        made = "-newkey rsa:2048 -nodes -config settings"
        self._openssl(f"req -x509 {made} -keyout root.key -out root.pem -days 9 -extensions ca")
        self._openssl(f"req {made} -keyout tsa.key -out tsa.csr -subj /CN=TSA")
        signed = "-CA root.pem -CAkey root.key -CAcreateserial"
        self._openssl(f"x509 -req -in tsa.csr {signed} -out tsa.pem -days 9 -extfile settings -extensions leaf")

    @property
    def root(self) -> Path:
        """The root certificate."""
        return self.folder / "root.pem"

    def stamp(self, file: Path, digest: str = "sha256") -> Path:
        """A timestamp response over a file."""
        self._openssl(f"ts -query -data {file} -{digest} -cert -out query")
        self._openssl("ts -reply -config settings -section tsa -queryfile query -out answer.tsr")
        return self.folder / "answer.tsr"

    def _openssl(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "a")


def test_a_stamp_vouches_for_its_file_by_its_authority_alone(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("content")
    stamp, digest = read_stamp(authority.stamp(tmp_path / "f")), sha256_file(tmp_path / "f")

    assert problems(stamp, digest, authority.root) == []
    assert problems(stamp, digest, None) == []
    assert "something else" in problems(stamp, "0" * 64, authority.root)[0]
    assert "签名未能验证" in problems(stamp, digest, Authority(tmp_path / "other").root)[0]
    assert "签名未能验证" in problems(stamp, digest, authority.folder / "tsa.pem")[0]  # no root
    assert stamp.told.endswith("+00:00")


def test_a_stamp_whose_signed_time_was_changed_is_found(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("content")
    data = authority.stamp(tmp_path / "f").read_bytes()
    year = read_stamp(authority.folder / "answer.tsr").told[:4].encode()
    place = data.index(b"\x18\x0f" + year)  # the GeneralizedTime of the answer
    earlier = data[: place + 5] + bytes([data[place + 5] - 1]) + data[place + 6 :]

    stamp = parse(earlier, "x")

    assert stamp.told[:4] < year.decode()
    assert problems(stamp, sha256_file(tmp_path / "f"), authority.root)


@pytest.mark.parametrize("data", [b"", b"\x30\x03\x02\x01\x00", b"no timestamp", bytes(5000), b"\x30\x80" * 4000])
def test_what_is_no_stamp_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="时间戳"):
        parse(data, "x.tsr")


def test_another_digest_than_sha256_is_refused(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("content")

    with pytest.raises(UsageError, match="sha256"):
        read_stamp(authority.stamp(tmp_path / "f", "sha512"))


def test_certificates_that_are_none_are_told(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("content")
    stamp, digest = read_stamp(authority.stamp(tmp_path / "f")), sha256_file(tmp_path / "f")

    for path in (tmp_path / "none.pem", tmp_path / "f"):
        with pytest.raises(UsageError):
            problems(stamp, digest, path)


def test_a_bundle_carries_its_stamp_and_no_other(reported: Path, authority: Authority, tmp_path: Path) -> None:
    declared = reported / "d" / "declarations.yaml"
    command = ("report", reported / "o", "--declarations", declared, "--bundle", tmp_path / "b.zip", "--timestamp")
    wrong = authority.stamp(declared)
    assert "不是这份报告的" in audit(*command, wrong, check=2).stderr
    assert not (tmp_path / "b.zip").exists()

    audit(*command, authority.stamp(report_of(reported / "o") / MANIFEST))

    found = verify_bundle(tmp_path / "b.zip", quick=True)
    assert not any(wrong for _, wrong in found.checks)
    assert any("未给出根证书" in line for line in found.unproved)
    found = verify_bundle(tmp_path / "b.zip", authority.root, quick=True)
    assert not any(wrong for _, wrong in found.checks)
    assert any("签名已核" in note for note in found.notes)
    other = verify_bundle(tmp_path / "b.zip", Authority(tmp_path / "other").root, quick=True)
    assert any(wrong for title, wrong in other.checks if "时间戳" in title)
    none = verify_bundle(reported / "b.zip", authority.root, quick=True)
    assert any("没有时间戳" in "".join(wrong) for _, wrong in none.checks)
