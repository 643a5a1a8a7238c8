"""Source records: what a corpus source declares about itself (clause 5.1 of the standard)."""

import codecs
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from schemas.evidence import EVIDENCE, Evidence, OpenEvidence, SubRegion
from schemas.personal_information import catalogue, unknown_names

KINDS = {"open": "开源", "self_collected": "自采", "commercial": "商业", "user_input": "使用者输入"}
Kind = Literal["open", "self_collected", "commercial", "user_input"]
Region = Literal["domestic", "overseas"]
Phase = Literal["pretrain", "sft", "preference", "safety"]
# Safety prompts and rejected answers violate by design: listed apart, in no ordinary sample or rate, never passed over.
APART = frozenset({"preference", "safety"})
APART_RULE = "stages-apart-1"  # the name the rule is declared by wherever it was applied
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


_SEVERAL = re.compile("[;,、，；]")


def _listed(value: Any) -> Any:
    listed = [value] if isinstance(value, str) else value
    if value is None or (isinstance(listed, list | tuple) and all(isinstance(name, str) for name in listed)):
        return listed
    raise ValueError(
        f"应为处理依据的名称或其列表 / should be the name of a lawful basis, or a list of names, such as [consent, guardian_consent]: "
        f"{_bases_by_name()}"
    )


def _bases_by_name() -> str:
    return ", ".join(f"{name}（{basis.zh}）" for name, basis in catalogue().bases.items())


def _not_empty(value: Any) -> Any:
    if value == "":
        raise ValueError(
            "文件名为空，请写证明材料的文件名，或删去此键 / is empty: name the file that shows the basis, or remove the key"
        )
    return value


class PersonalInformationBasis(_Model):
    """The lawful bases a source declares for the personal information in it (clause 5.2 c), and the file that shows them."""

    lawful_basis: Annotated[tuple[str, ...] | None, BeforeValidator(_listed)] = None
    record: Annotated[str | None, BeforeValidator(_not_empty)] = None

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases by name, in order; none where none is declared."""
        return tuple(sorted(set(self.lawful_basis or ())))

    @field_validator("lawful_basis")
    @classmethod
    def _known_bases(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        known = catalogue().bases
        if joined := [name for name in value or () if _SEVERAL.search(name)]:
            raise ValueError(
                f"多个处理依据应写成列表 [a, b]；CSV 来源清单中只能写一个，请改用 YAML 清单 / several bases are a list, [a, b]; a CSV list of sources "
                f"holds one, write it in YAML: {', '.join(joined)}"
            )
        if unknown := unknown_names(value or (), known, {basis.zh: name for name, basis in known.items()}):
            raise ValueError(
                f"未知的处理依据，应为下列之一或其列表 / unknown lawful basis: {', '.join(unknown)}; should be one of these, or a list: "
                f"{_bases_by_name()}"
            )
        return value

    @model_validator(mode="after")
    def _basis_of_a_record(self) -> "PersonalInformationBasis":
        if self.record is not None and not self.bases:
            raise ValueError(
                "有 record 而无 lawful_basis，请写明所依据者，或删去 record / a record without lawful_basis: name the basis it shows, or "
                "remove it"
            )
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
