"""Source records: what a corpus source declares about itself (clause 5.1 of the standard)."""

import codecs
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from schemas.evidence import EVIDENCE, Evidence, OpenEvidence, SubRegion
from schemas.personal_information import catalogue, unknown_names

KINDS = {"open": "开源", "self_collected": "自采", "commercial": "商业", "user_input": "使用者输入"}
Kind = Literal["open", "self_collected", "commercial", "user_input"]
Region = Literal["domestic", "overseas"]
Phase = Literal["pretrain", "sft", "preference", "safety"]
Format = Literal["jsonl", "parquet", "warc", "wet", "csv", "text"]
BASIS_RECORD = "lawful_basis_record"  # key of the file that shows the lawful basis, among those of the evidence

_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fields(_Model):
    """Where in a record the text, the id, the URL and the user's id stand. Dotted paths reach into nested records."""

    text: str | list[str] = "text"
    id: str | None = "id"
    url: str | None = "url"
    user: str | None = None

    @property
    def text_paths(self) -> tuple[str, ...]:
        """The paths whose values make up the text, joined by a line break."""
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)

    @field_validator("text")
    @classmethod
    def _not_empty(cls, value: str | list[str]) -> str | list[str]:
        if not value or any(not path for path in ([value] if isinstance(value, str) else value)):
            raise ValueError("text 字段名不能为空 / the name of the text field cannot be empty")
        return value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class PersonalInformationBasis(_Model):
    """The lawful bases a source declares for the personal information in it (clause 5.2 c), and the file that shows them."""

    lawful_basis: Annotated[tuple[str, ...] | None, BeforeValidator(_listed)] = None
    record: str | None = Field(default=None, min_length=1)

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases by name, in order; none where none is declared."""
        return tuple(sorted(set(self.lawful_basis or ())))

    @field_validator("lawful_basis")
    @classmethod
    def _known_bases(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        known = catalogue().bases
        if unknown := unknown_names(value or (), known):
            listed = ", ".join(f"{name}（{basis.zh}）" for name, basis in known.items())
            raise ValueError(
                f"未知的处理依据，应为下列之一或其列表 / unknown lawful basis: {', '.join(unknown)}; should be one of these, or a list: {listed}"
            )
        return value

    @model_validator(mode="after")
    def _basis_of_a_record(self) -> "PersonalInformationBasis":
        if self.record is not None and not self.bases:
            raise ValueError("有 record 而无 lawful_basis / a record without lawful_basis: say what it shows")
        return self


class SourceRecord(_Model):
    """One declared source. `evidence` holds what its kind requires; `regions` where single domains differ."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    name: str = Field(min_length=1, max_length=500)
    kind: Kind
    region: Region
    stage: Phase = "pretrain"
    paths: list[str] = Field(min_length=1)
    format: Format | None = None
    records: Literal["file", "line"] = "file"  # what a record of a text file is
    encoding: str = "utf-8"
    fields: Fields = Fields()
    region_basis: str | None = Field(default=None, min_length=1)
    regions: dict[str, SubRegion] = {}
    evidence: Evidence = OpenEvidence()
    pre_assessment: str | None = None
    personal_info: PersonalInformationBasis = PersonalInformationBasis()

    @model_validator(mode="before")
    @classmethod
    def _evidence_of_the_kind(cls, value: Any) -> Any:
        """Evidence is read by the model of the source's kind; what is wrong with the kind is told once."""
        if not isinstance(value, dict):
            return value
        kind, given = value.get("kind"), value.get("evidence", {})
        if not isinstance(kind, str) or kind not in EVIDENCE:
            return {**value, "evidence": OpenEvidence()}
        if isinstance(given, dict) and given.get("kind", kind) == kind:
            return {**value, "evidence": {**given, "kind": kind}}
        return {**value, "evidence": EVIDENCE[kind]() if given is None else given}

    @field_validator("id")
    @classmethod
    def _no_dots_only(cls, value: str) -> str:
        if not value.strip("."):
            raise ValueError("id 不能只由点组成 / an id cannot be dots only")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codec = codecs.lookup(value)
        except LookupError:
            raise ValueError(f"未知的编码 / unknown encoding: {value}; e.g. utf-8, gb18030") from None
        if not codec._is_text_encoding or codec.name in _NO_CHARSETS:
            raise ValueError(f"不是文本编码 / not a text encoding: {value}; e.g. utf-8, gb18030")
        return "utf-8" if codec.name == "utf-8-sig" else codec.name

    def files(self) -> dict[str, str]:
        """The files the record names as evidence, by key."""
        record = self.personal_info.record
        return self.evidence.files() | ({} if record is None else {BASIS_RECORD: record})

    @property
    def licence(self) -> str | None:
        """The licence the evidence names, if any."""
        return self.evidence.licence
