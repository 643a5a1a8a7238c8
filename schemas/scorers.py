"""The configuration of a confirming scorer (`classifier.confirm`)."""

import ipaddress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.loading import validation_problems


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Nominate(_Model):
    """Which documents are candidates: a first-line score this high, or a term of one of these tiers; None asks no score."""

    score: float | None = Field(default=0.2, ge=0.05, le=1)
    terms: tuple[Literal["block", "review", "context"], ...] = ("block", "review")

    @model_validator(mode="after")
    def _some(self) -> "Nominate":
        if self.score is None and not self.terms:
            raise ValueError("没有任何提名条件 / nothing nominates: give score, terms, or scope: all")
        return self


class _Confirm(_Model):
    """What all kinds of scorers share. Long documents are read in windows of `max_chars` code points."""

    scope: Literal["candidates", "technical_sample", "all"] = "candidates"
    nominate: Nominate = Nominate()
    max_windows: int = Field(default=16, ge=1, le=1000, strict=True)
    allow_partial: bool = False

    @property
    def chars(self) -> int:
        """Code points of a window."""
        raise NotImplementedError

    def public(self) -> dict[str, Any]:
        """What the manifest shows: of files the names, not the places."""
        shown: dict[str, Any] = self.model_dump(mode="json")
        return {key: Path(value).name if key in self.files() and value else value for key, value in shown.items()}

    @classmethod
    def files(cls) -> tuple[str, ...]:
        """The settings that are paths."""
        raise NotImplementedError


class OnnxSettings(_Confirm):
    """An ONNX text classifier: a folder with model.onnx, tokenizer.json and labels.json, or the three files by name."""

    kind: Literal["onnx"]
    folder: str | None = None
    model: str | None = None
    tokenizer: str | None = None
    labels: str | None = None
    max_tokens: int = Field(default=512, ge=8, le=1 << 16, strict=True)
    max_chars: int | None = Field(default=None, ge=16, strict=True)

    @model_validator(mode="after")
    def _all_files(self) -> "OnnxSettings":
        if self.folder is None and None in (self.model, self.tokenizer, self.labels):
            raise ValueError(
                "应给出 folder，或 model、tokenizer、labels 三者 / give folder, or all of model, tokenizer and labels"
            )
        return self

    @classmethod
    def files(cls) -> tuple[str, ...]:
        """The settings that are paths."""
        return ("folder", "model", "tokenizer", "labels")

    @property
    def chars(self) -> int:
        """Code points of a window: as many as tokens are read at a time, for in Chinese a token is about one."""
        return self.max_chars or self.max_tokens

    def file(self, name: Literal["model", "tokenizer", "labels"]) -> Path:
        """Where one of the three files is."""
        own = getattr(self, name)
        ending = ".onnx" if name == "model" else ".json"
        return Path(own) if own is not None else Path(str(self.folder)) / f"{name}{ending}"


class EndpointSettings(_Confirm):
    """A guard model behind an OpenAI-compatible endpoint. Limits are those of a run, divided among its workers."""

    kind: Literal["endpoint"]
    url: str
    model: str = Field(min_length=1)
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Z_][A-Z0-9_]*$", max_length=100)
    allow_remote: bool = False
    prompt: str | None = None
    max_chars: int = Field(default=6000, ge=16, strict=True)
    concurrency: int = Field(default=4, ge=1, le=256, strict=True)
    requests_per_minute: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    retries: int = Field(default=4, ge=0, le=20, strict=True)
    backoff: float = Field(default=1.0, ge=0, le=60)  # seconds before the first retry, doubled each time
    max_pause: float = Field(default=60.0, ge=0, le=3600)  # seconds; a longer Retry-After is not waited for in full
    timeout: float = Field(default=60.0, gt=0, le=3600)
    give_up_after: int = Field(default=16, ge=1, strict=True)
    refused_after: int = Field(default=3, ge=1, strict=True)
    max_requests: int | None = Field(default=None, ge=1, strict=True)
    max_cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    price_per_1k_tokens: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @classmethod
    def files(cls) -> tuple[str, ...]:
        """The settings that are paths."""
        return ("prompt",)

    @property
    def chars(self) -> int:
        """Code points of a window."""
        return self.max_chars

    @field_validator("url")
    @classmethod
    def _plain(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            raise ValueError("应为 http(s) 地址 / should be an http or https address such as http://127.0.0.1:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "地址中不得含口令或参数，会写入清单 / the address must hold no password and no query, which manifests would show: "
                "name the key's environment variable in api_key_env"
            )
        return value.rstrip("/")

    @model_validator(mode="after")
    def _deliberate(self) -> "EndpointSettings":
        if not self.allow_remote and not is_loopback(self.url):
            raise ValueError(
                "该地址不在本机，语料正文将离开本机；确认允许则写 allow_remote: true / the address is not on this machine, so texts of "
                "the corpus would leave it: write allow_remote: true if they may"
            )
        if self.max_cost is not None and not self.price_per_1k_tokens:
            raise ValueError("max_cost 需要 price_per_1k_tokens / max_cost needs price_per_1k_tokens")
        return self


ConfirmSettings = OnnxSettings | EndpointSettings
KINDS: dict[str, type[OnnxSettings] | type[EndpointSettings]] = {"onnx": OnnxSettings, "endpoint": EndpointSettings}


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_confirm(
    content: Any, root: yaml.Node | None, prefix: tuple[int | str, ...], base: Path
) -> tuple[ConfirmSettings | None, list[str]]:
    """The settings with paths made absolute from `base`, and every problem as one line."""
    kind = content.get("kind") if isinstance(content, dict) else None
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        return None, [f"{'.'.join(map(str, prefix))}: 应有 kind: onnx 或 endpoint / needs kind: onnx or endpoint"]
    try:
        settings = model.model_validate(content)
    except ValidationError as error:
        return None, validation_problems(error, root, prefix)
    places = {name: getattr(settings, name) for name in settings.files()}
    return settings.model_copy(update={k: str(base / v) for k, v in places.items() if v is not None}), []
