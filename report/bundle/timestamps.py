"""Trusted timestamps (RFC 3161) over the digest of a report's manifest: who else saw these bytes, and when.

Whose certificates to trust is for whoever verifies to say, with a file of their own: a bundle cannot vouch for itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import UsageError

_SHA256 = "2.16.840.1.101.3.4.2.1"
_GRANTED = (0, 1)  # granted, granted with modifications (RFC 3161, 2.4.2)
_BYTES = 1 << 20  # of a response; they are a few thousand


@dataclass(frozen=True)
class Stamp:
    """A timestamp response as it was given, the time it states, and the digest it is over."""

    data: bytes
    time: datetime
    imprint: str

    @property
    def told(self) -> str:
        """The time, in UTC."""
        return self.time.astimezone(UTC).isoformat(timespec="seconds")


def read_stamp(path: Path) -> Stamp:
    """A timestamp response from a file. Raises UsageError."""
    try:
        with path.open("rb") as handle:
            return parse(handle.read(_BYTES + 1), str(path))
    except OSError as error:
        raise UsageError(f"{path}: 读不了 / cannot be read: {error.strerror}") from None


def parse(data: bytes, name: str) -> Stamp:
    """A timestamp response. Raises UsageError for anything that is none, or was not granted."""
    from rfc3161_client import decode_timestamp_response

    try:
        response = decode_timestamp_response(data)
        if response.status not in _GRANTED:
            raise ValueError(f"status {response.status}")
        info = response.tst_info
        algorithm = info.message_imprint.hash_algorithm.dotted_string
        if algorithm != _SHA256:
            raise ValueError(f"{algorithm} 不是 sha256 / is not sha256")
        return Stamp(data, info.gen_time, info.message_imprint.message.hex())
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{name}: 不是可用的时间戳响应（.tsr，DER） / is no usable timestamp response (.tsr, DER): {str(error)[:200]}"
        ) from None


def problems(stamp: Stamp, digest: str, authorities: Path | None) -> list[str]:
    """Why a timestamp does not vouch for a manifest of that digest; empty where it does, as far as it was asked.

    `authorities` is a PEM file with the root certificate, and any between it and the signer's. Raises UsageError for a file that is none.
    """
    if stamp.imprint != digest:
        return [f"时间戳不是本报告的 / the timestamp is of something else: {stamp.imprint} ≠ {digest}"]
    if authorities is None:
        return []
    from cryptography import x509
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        certificates = x509.load_pem_x509_certificates(authorities.read_bytes())
    except OSError as error:
        raise UsageError(f"{authorities}: 读不了 / cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{authorities}: 不是 PEM 证书 / holds no PEM certificates") from None
    builder = VerifierBuilder()
    for one in certificates:
        if one.issuer == one.subject:
            builder = builder.add_root_certificate(one)
        else:
            builder = builder.add_intermediate_certificate(one)
    try:
        builder.build().verify(decode_timestamp_response(stamp.data), bytes.fromhex(digest))
    except (VerificationError, ValueError) as error:
        return [f"时间戳的签名未能验证 / its signature cannot be verified: {str(error)[:200]}"]
    return []
