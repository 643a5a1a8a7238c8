"""What a source shows for where it comes from (clause 5.1 c): one model a kind, and the facts read from the named files.

Names of files are relative to the configuration file. `no` and `none` are declarations: that something does not exist,
or is forbidden. What is left out is only missing.
"""

import hashlib
import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

Answer = Literal["yes", "no", "unclear"]
SubRegion = Literal["domestic", "overseas", "hk_mo_tw"]
_HASH = re.compile(r"[0-9a-fA-F]{64}")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


def user_hash(user: str) -> bytes:
    """The hash a user is known by: the id itself where it is 64 hex digits already, otherwise its sha256."""
    if _HASH.fullmatch(user):
        return bytes.fromhex(user)
    return hashlib.sha256(user.encode("utf-8", "surrogatepass")).digest()


def _answer(value: Any) -> Any:
    """YAML reads a plain yes and no as true and false."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _file_or_none(value: Any) -> Any:
    return "none" if value is False or value in ("no", "none", "无") else value


def _also(*names: str) -> Any:
    """An optional key that is known by other names too."""
    return Field(default=None, min_length=1, validation_alias=AliasChoices(*names))


def _day(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date()
    return value[:10] if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d[T ].*", value) else value


Day = Annotated[date, BeforeValidator(_day)]
YesNo = Annotated[Answer, BeforeValidator(_answer)]
FileOrNone = Annotated[str, BeforeValidator(_file_or_none)]


class Volume(_Model):
    """What a contract covers: documents, bytes of uncompressed UTF-8 text, or both."""

    documents: int | None = Field(default=None, ge=0)
    bytes: int | None = Field(default=None, ge=0)


class _Evidence(_Model):
    """What any kind may declare. A right that runs out is compared with `obtained_at`, or with the day of the audit."""

    licence: str | None = _also("licence", "license", "license_spdx", "licence_spdx", "spdx")
    obtained_at: Day | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None

    def files(self) -> dict[str, str]:
        """The files that are named, by key."""
        named = {key: getattr(self, key, None) for key in FILE_KEYS}
        if named["legality_proof"] == "none":  # a declaration, no file
            named["legality_proof"] = None
        return {key: value for key, value in named.items() if value is not None}


class _Collected(_Evidence):
    """What collecting from the net must show; also of open data sets that hold links only."""

    collection_record: str | None = _also("collection_record", "crawl_log")
    robots: str | None = _also("robots", "robots_snapshot")
    user_agent: Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)] = Field(
        default=(), validation_alias=AliasChoices("user_agent", "crawler_ua")
    )
    terms_review: str | None = _also("terms_review", "tos_review")
    terms_allow_training: YesNo | None = None


class OpenEvidence(_Collected):
    """An open data set: its licence and text, whether its terms allow training, version and download log."""

    kind: Literal["open"] = "open"
    licence_file: str | None = _also("licence_file", "license_file")
    readme: str | None = _also("readme")
    version: str | None = _also("version")
    url: str | None = _also("url")
    download_log: str | None = _also("download_log")
    link_only: bool | None = None


class SelfCollectedEvidence(_Collected):
    """Collected or produced by the provider itself."""

    kind: Literal["self_collected"] = "self_collected"
    production_record: str | None = _also("production_record")


class CommercialEvidence(_Evidence):
    """Bought, or obtained by agreement."""

    kind: Literal["commercial"] = "commercial"
    contract: str | None = _also("contract", "contract_file")
    contract_no: str | None = _also("contract_no")
    volume: Volume = Volume()
    legality_proof: FileOrNone | None = _also("legality_proof", "vendor_proof")
    review_record: str | None = _also("review_record")


class UserInputEvidence(_Evidence):
    """What users typed in. Users are joined by hash; see `user_hash`."""

    kind: Literal["user_input"] = "user_input"
    authorisation: str | None = _also("authorisation", "authorization", "consent_record")
    withdrawals: str | None = _also("withdrawals", "withdrawal_log")
    agreement_version: str | None = _also("agreement_version")
    hashing: str | None = Field(default=None, description="how user ids were hashed before, where they were")


FILE_KEYS = (
    "licence_file", "readme", "download_log", "collection_record", "robots", "terms_review", "production_record", "contract",
    "legality_proof", "review_record", "authorisation", "withdrawals",
)  # fmt: skip


def _tag(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"[{kind}]"  # in brackets: such parts of a place are left out of messages (schemas/loading.py)


Evidence = Annotated[
    Annotated[OpenEvidence, Tag("[open]")]
    | Annotated[SelfCollectedEvidence, Tag("[self_collected]")]
    | Annotated[CommercialEvidence, Tag("[commercial]")]
    | Annotated[UserInputEvidence, Tag("[user_input]")],
    Discriminator(_tag),
]
EVIDENCE: dict[str, type[_Evidence]] = {
    "open": OpenEvidence,
    "self_collected": SelfCollectedEvidence,
    "commercial": CommercialEvidence,
    "user_input": UserInputEvidence,
}


class FileFact(_Model):
    """A named file as it was when the run began: name as declared, digest, size."""

    key: str
    file: str
    sha256: str
    bytes: int


class Collection(_Model):
    """What a collection record says."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    crawler: str | None = None
    user_agent: str | None = None
    fetched_from: Day | None = None
    fetched_to: Day | None = None


class RobotsFacts(_Model):
    """The robots.txt snapshots: hosts they cover, and hosts with none from the time of collecting."""

    hosts: int
    stale: int = 0
    late: int = 0
    agents: tuple[str, ...] = ()


class UserFacts(_Model):
    """The authorisations: users in force, users who withdrew, entries that name no version of the agreement."""

    authorised: int = 0
    withdrawn: int = 0
    without_version: int = 0


class Facts(_Model):
    """All that the files of one source say. Together with the declaration it decides every status."""

    files: tuple[FileFact, ...] = ()
    collection: Collection | None = None
    robots: RobotsFacts | None = None
    users: UserFacts | None = None
    link_hint: str | None = None
