"""Source records: what a corpus source declares about itself (clause 5.1 of the standard)."""

import codecs
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

KINDS = {"open": "开源", "self_collected": "自采", "commercial": "商业", "user_input": "使用者输入"}
Kind = Literal["open", "self_collected", "commercial", "user_input"]
Region = Literal["domestic", "overseas"]
Phase = Literal["pretrain", "sft", "preference", "safety"]
Format = Literal["jsonl", "parquet", "warc", "wet", "csv", "text"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fields(_Model):
    """Where in a record the text, the id and the URL stand. Dotted paths reach into nested records."""

    text: str | list[str] = "text"
    id: str | None = "id"
    url: str | None = "url"

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


class PersonalInformationBasis(_Model):
    """The lawful basis a source declares for the personal information in it (clause 5.2 c)."""

    lawful_basis: str | None = None


class SourceRecord(_Model):
    """One declared source. `evidence` holds what its kind requires, as declared."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    name: str = Field(min_length=1, max_length=500)
    kind: Kind
    region: Region
    stage: Phase = "pretrain"
    paths: list[str] = Field(min_length=1)
    format: Format | None = None
    encoding: str = "utf-8"
    fields: Fields = Fields()
    evidence: dict[str, Any] = {}
    personal_info: PersonalInformationBasis = PersonalInformationBasis()

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
        if not codec._is_text_encoding:
            raise ValueError(f"不是文本编码 / not a text encoding: {value}; e.g. utf-8, gb18030")
        if "\n{".encode(codec.name) != b"\n{" or codec.name.startswith(("iso2022", "hz", "utf-7")):
            raise ValueError(
                f"逐行读取不支持该编码，请先转为 UTF-8 / lines cannot be told apart in {value}: convert to UTF-8"
            )
        return "utf-8" if codec.name == "utf-8-sig" else codec.name

    @property
    def licence(self) -> str | None:
        """The licence the evidence names, if any."""
        for key in ("licence", "license", "license_spdx", "spdx"):
            value = self.evidence.get(key)
            if isinstance(value, str):
                return value
        return None


# What each kind must show (clause 5.1 c), in the words of the standard.
REQUIRED_EVIDENCE: dict[str, dict[str, tuple[str, ...]]] = {
    "open": {"开源授权协议或相关授权文件": ("licence", "license", "licence_file", "license_file", "license_spdx")},
    "self_collected": {"采集记录": ("collection_record", "crawl_log", "production_record")},
    "commercial": {
        "交易合同或合作协议": ("contract", "contract_file"),
        "语料合法性证明材料": ("legality_proof", "vendor_proof"),
    },
    "user_input": {"使用者授权记录": ("authorisation", "consent_record")},
}


def missing_evidence(source: SourceRecord) -> list[str]:
    """What the source's kind requires and its record does not name, in the words of the standard."""
    return [
        title
        for title, keys in REQUIRED_EVIDENCE[source.kind].items()
        if not any(source.evidence.get(key) for key in keys)
    ]
