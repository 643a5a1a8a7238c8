"""The configuration file: read strictly, every problem reported at once with file, line, key and remedy."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, InstanceOf, ValidationError, field_validator

from models import STARTER_MODEL
from pipeline.errors import UsageError
from pipeline.origins.evidence import Gathered, dates_to_come, gather, place_of
from schemas.loading import DocumentError, line_of, parse_yaml, validation_problems
from schemas.policy import Policy, load_policy
from schemas.profile import Profile, load_profile
from schemas.scorers import ConfirmSettings, read_confirm
from schemas.sources import SourceRecord
from transforms.classifier import ModelError, read_labels
from transforms.provenance import registrable_domain


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


AHEAD = 14  # hours by which the first time zone is ahead of UTC: a day that has begun anywhere is not one to come


def _today() -> date:
    return (datetime.now(UTC) + timedelta(hours=AHEAD)).date()


class Sampling(_Model):
    """Sizes of the two samples. `technical` is an exact decimal, so that rounding cannot take it below the standard."""

    manual: int = Field(default=4000, ge=1, le=10_000_000, strict=True)
    technical: Decimal = Decimal("0.10")
    population: Literal["admitted"] = "admitted"

    @field_validator("technical", mode="before")
    @classmethod
    def _exact(cls, value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(r"0?\.\d{1,6}|1(\.0{1,6})?", value):
            raise ValueError('应为加引号的小数 / should be a quoted decimal between 0 and 1, such as "0.10"')
        return value

    @field_validator("technical")
    @classmethod
    def _enough(cls, value: Decimal) -> Decimal:
        if value < Decimal("0.10"):
            raise ValueError(
                '不得少于总量的 10 % / at least "0.10": the standard asks for no less than 10 % of all items'
            )
        return value


class Limits(_Model):
    """Bounds that keep memory and time finite on hostile input. What exceeds them is a reject, never a crash."""

    document_bytes: int = Field(default=16 << 20, ge=1024, strict=True)
    line_bytes: int = Field(default=64 << 20, ge=1024, strict=True)
    expansion: int = Field(default=1000, ge=10, strict=True)
    unit_bytes: int = Field(default=64 << 20, ge=1 << 16, strict=True)


class StoreSettings(_Model):
    """How results are kept for auditors: above `native_rows` documents and findings are views over the Parquet files."""

    native_rows: int = Field(default=20_000_000, ge=0, strict=True)


class ClassifierSettings(_Model):
    """Which risk classifier scores the documents, and what confirms it (schemas/scorers.py)."""

    model: str | None = None
    confirm: Any = None


class Matching(_Model):
    """Spellings the keywords are looked for in besides, at a cost: see docs/adr/0014."""

    variants: frozenset[Literal["pinyin", "split"]] = frozenset()


class TokenizerSettings(_Model):
    """A `tokenizer.json`, and the share of documents whose tokens are counted; None counts all. An exact decimal."""

    file: str = Field(min_length=1)
    share: Decimal | None = None

    @field_validator("share", mode="before")
    @classmethod
    def _exact(cls, value: Any) -> Any:
        if value is not None and (not isinstance(value, str) or not re.fullmatch(r"0?\.\d{1,6}|1(\.0{1,6})?", value)):
            raise ValueError('应为加引号的小数 / should be a quoted decimal above 0, at most 1, such as "0.05"')
        return value

    @field_validator("share")
    @classmethod
    def _some(cls, value: Decimal | None) -> Decimal | None:
        if value is not None and value == 0:
            raise ValueError("份额须大于 0 / the share must be above 0")
        return None if value == 1 else value


class EmitSettings(_Model):
    """Where the admitted corpus is written, and what becomes of personal information and credentials in it."""

    folder: str = Field(min_length=1)
    personal_information: Literal["keep", "mask"] = "keep"


class Emission(_Model):
    """The same with its folder resolved; `mask`: every counted finding is masked in the copy."""

    folder: Path
    mask: bool = False


class _File(_Model):
    """The configuration as written."""

    profile: str = "tc260-003"
    output: str = "./out"
    scans: str | None = None
    seed: str = Field(min_length=1, max_length=200, strict=True)
    sources: Any
    candidates: Any = None
    lexicons: list[str] = []
    matching: Matching = Matching()
    classifier: ClassifierSettings = ClassifierSettings()
    policy: str | None = None
    blocked: list[str] = []
    tokenizer: TokenizerSettings | None = None
    sampling: Sampling = Sampling()
    limits: Limits = Limits()
    store: StoreSettings = StoreSettings()
    emit: EmitSettings | None = None
    audit_date: date | None = None

    @field_validator("seed")
    @classmethod
    def _printable(cls, value: str) -> str:
        if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in value):
            raise ValueError("种子不得含控制字符 / the seed must not contain control characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("种子不是合法的 Unicode / the seed is not valid Unicode") from None
        return value

    @field_validator("audit_date")
    @classmethod
    def _not_to_come(cls, value: date | None) -> date | None:
        if value is not None and value > _today():
            raise ValueError(
                f"{value} 在今天之后，请写已到之日，或删去此键（即运行当日） / is after today: name a day that has come, or remove the key "
                f"for the day of the run"
            )
        return value

    @field_validator("tokenizer", mode="before")
    @classmethod
    def _file_alone(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @field_validator("emit", mode="before")
    @classmethod
    def _folder_alone(cls, value: Any) -> Any:
        return {"folder": value} if isinstance(value, str) else value


class Config(_Model):
    """A checked configuration: paths resolved, sources complete, profile and policy loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    file: Path
    profile: Profile
    policy: Policy
    output: Path
    scans: str
    seed: str
    sources: tuple[SourceRecord, ...]
    candidates: tuple[SourceRecord, ...]
    lexicons: tuple[Path, ...]
    matching: Matching = Matching()
    classifier_model: Path | None
    confirm: ConfirmSettings | None = None
    blocked: tuple[Path, ...]
    sampling: Sampling
    limits: Limits
    store: StoreSettings
    tokenizer: Path | None = None
    tokenizer_share: Decimal | None = None
    emit: Emission | None = None
    audit_date: date | None = None
    evidence: dict[str, InstanceOf[Gathered]] = {}

    @property
    def base(self) -> Path:
        """The folder paths in the file are relative to."""
        return self.file.parent

    def snapshot(self) -> dict[str, Any]:
        """What the configuration says, without where: equal for two checkouts of one corpus."""
        return {
            "profile": self.profile.id,
            "profile_sha256": self.profile.sha256,
            "policy": self.policy.id,
            "policy_sha256": self.policy.sha256,
            "seed": self.seed,
            "sources": [source.model_dump(mode="json") for source in self.sources],
            "lexicons": [path.name for path in self.lexicons],
            "matching": {"variants": sorted(self.matching.variants)},
            "classifier_model": self.classifier_model.name if self.classifier_model else None,
            "confirm": self.confirm.public() if self.confirm else None,
            "blocked": [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.blocked],
            "sampling": self.sampling.model_dump(mode="json"),
            "limits": self.limits.model_dump(mode="json"),
            "store": self.store.model_dump(mode="json"),
            "tokenizer": self._tokenizer_snapshot(),
            "audit_date": self.audit_date.isoformat() if self.audit_date else None,
            "evidence": {
                source: {fact.key: fact.sha256 for fact in gathered.facts.files}
                for source, gathered in self.evidence.items()
            },
        }

    def _tokenizer_snapshot(self) -> dict[str, Any] | None:
        if self.tokenizer is None:
            return None
        share = None if self.tokenizer_share is None else str(self.tokenizer_share)
        digest = hashlib.sha256(self.tokenizer.read_bytes()).hexdigest()
        return {"name": self.tokenizer.name, "sha256": digest, "share": share}

    @property
    def sha256(self) -> str:
        """Digest of the snapshot."""
        return hashlib.sha256(json.dumps(self.snapshot(), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def load_config(file: Path, out: Path | None = None) -> Config:
    """Reads and checks a configuration. Raises UsageError with every problem found, one a line."""
    try:
        content, root = parse_yaml(file.read_text(encoding="utf-8-sig"), str(file))
    except FileNotFoundError:
        raise UsageError(f"{file}: 没有这个配置文件 / no such configuration file") from None
    except IsADirectoryError:
        raise UsageError(f"{file}: 是文件夹，应为配置文件 / is a folder; name the configuration file in it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: 配置文件读不了 / cannot read the configuration: {error}") from None
    except DocumentError as error:
        raise UsageError(f"{file}: {problem}" for problem in error.problems) from None
    try:
        json.dumps(content, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{file}: 含有不成对的代理码点（\\ud800 之类） / holds half a surrogate pair: write the character itself"
        ) from None
    if not isinstance(content, dict):
        raise UsageError(f"{file}: 应为映射（键: 值） / should be a mapping of keys to values")
    return _Checker(file, content, root).check(out)


class _Checker:
    """Checks one file, collecting problems instead of stopping at the first."""

    def __init__(self, file: Path, content: dict[str, Any], root: yaml.Node | None) -> None:
        self.file = file
        self.base = file.resolve().parent
        self.content = content
        self.root = root
        self.problems: list[str] = []
        self.evidence: dict[str, Gathered] = {}
        self.audit_date = _today()

    def check(self, out: Path | None) -> Config:
        raw: _File | None = None
        try:
            raw = _File.model_validate(self.content)
        except ValidationError as error:
            self.problems += [f"{self.file}: {line}" for line in validation_problems(error, self.root)]
        self.audit_date = (raw and raw.audit_date) or self.audit_date
        sources = self._sources(self.content.get("sources"))
        candidates = self._sources(self.content.get("candidates"), ("candidates",), frozenset(s.id for s in sources))
        profile = self._load(lambda: load_profile(self._profile_name()), "profile")
        before = len(self.problems)
        confirm = self._confirm()
        unreadable = len(self.problems) > before
        deciding = confirm is not None and confirm.scope != "technical_sample"
        policy_name = self.content.get("policy")
        policy = self._load(
            lambda: load_policy(
                self.base / policy_name if isinstance(policy_name, str) else None, "cascade" if deciding else "starter"
            ),
            "policy",
        )
        if policy is not None and policy.confirms and not deciding and not unreadable:
            self._problem(
                ("policy",),
                f"规则 {', '.join(policy.confirms)} 用到 confirmed，但没有配置复核模型 / these rules use `confirmed`, but "
                f"classifier.confirm with scope candidates or all is not configured",
            )
        if policy is not None and confirm is not None and deciding:
            self._cascades(policy, confirm)
        for key in ("lexicons", "blocked"):
            names = self.content.get(key)
            for index, name in enumerate(names if isinstance(names, list) else ()):
                self._must_be((key, index), name, Path.is_file)
        classifier = self.content.get("classifier")
        if isinstance(classifier, dict):
            self._must_be(("classifier", "model"), classifier.get("model"), Path.exists)
        tokenizer = self.content.get("tokenizer")
        nested = isinstance(tokenizer, dict)
        self._must_be(
            ("tokenizer", "file") if nested else ("tokenizer",),
            tokenizer.get("file") if isinstance(tokenizer, dict) else tokenizer,
            Path.is_file,
        )
        if self.problems or raw is None or profile is None or policy is None:
            raise UsageError(self.problems)
        output = (out if out is not None else self.base / raw.output).absolute()
        scans = self._scans(raw.scans, output)
        if Path(scans).is_file():
            raise UsageError(f"{self.file}: scans: {scans}: 是文件，应为文件夹 / is a file: name a folder")
        return Config(
            file=self.file.resolve(),
            profile=profile,
            policy=policy,
            output=output,
            scans=scans,
            seed=raw.seed,
            sources=tuple(sources),
            candidates=tuple(candidates),
            lexicons=tuple(self.base / name for name in raw.lexicons),
            matching=raw.matching,
            classifier_model=self.base / raw.classifier.model if raw.classifier.model else None,
            confirm=confirm,
            blocked=tuple(self.base / name for name in raw.blocked),
            sampling=raw.sampling,
            limits=raw.limits,
            store=raw.store,
            tokenizer=self.base / raw.tokenizer.file if raw.tokenizer else None,
            tokenizer_share=raw.tokenizer.share if raw.tokenizer else None,
            emit=self._emission(raw.emit),
            audit_date=raw.audit_date,
            evidence=self.evidence,
        )

    def _emission(self, raw: EmitSettings | None) -> Emission | None:
        if raw is None:
            return None
        folder = (self.base / raw.folder).absolute()
        return Emission(folder=folder, mask=raw.personal_information == "mask")

    def _confirm(self) -> ConfirmSettings | None:
        classifier = self.content.get("classifier")
        content = classifier.get("confirm") if isinstance(classifier, dict) else None
        if content is None:
            return None
        settings, problems = read_confirm(content, self.root, ("classifier", "confirm"), self.base)
        self.problems += [f"{self.file}: {problem}" for problem in problems]
        return settings

    def _cascades(self, policy: Policy, confirm: ConfirmSettings) -> None:
        """A scorer must have a say, and whatever a rule wants confirmed must be asked about."""
        if not policy.confirms:
            self._problem(
                ("policy",),
                "配置了复核模型，但没有一条规则用到 confirmed，复核不起作用；请加上这样的规则，或删去 policy 以用随附的 cascade，或写 scope: technical_sample / "
                "a confirming scorer is configured, but no rule uses `confirmed`, so its answers would decide nothing: add such "
                "a rule, drop policy to use the bundled cascade, or write scope: technical_sample",
            )
        if confirm.scope != "candidates":
            return
        nominate = ("classifier", "confirm", "nominate")
        wanted = [rule for rule in policy.rules if rule.when.nominated]
        for rule in wanted:
            missing = [tier for tier in rule.when.tiers if tier not in confirm.nominate.terms]
            if missing:
                self._problem(
                    (*nominate, "terms"),
                    f"规则 {rule.name} 需确认的语料不会被提名，未经复核即通过；请加上 {', '.join(missing)} / what rule {rule.name} wants confirmed "
                    f"would not be nominated and pass unasked: add {', '.join(missing)}, or write scope: all",
                )
        least = min((self._least(rule.when.score) for rule in wanted if rule.when.score is not None), default=1.0)
        scored = [rule.name for rule in wanted if rule.when.score is not None]
        if scored and (confirm.nominate.score is None or confirm.nominate.score > least):
            self._problem(
                (*nominate, "score"),
                f"规则 {', '.join(scored)} 需确认的语料不会全被提名，未经复核即通过；应不高于 {least:g} / not all that rules {', '.join(scored)} "
                f"want confirmed would be nominated, and it would pass unasked: write at most {least:g}, or scope: all",
            )

    def _least(self, score: float | str) -> float:
        """The score a rule asks for; of `threshold` the lowest the classifier's labels have."""
        if not isinstance(score, str):
            return score
        classifier = self.content.get("classifier")
        name = classifier.get("model") if isinstance(classifier, dict) else None
        try:
            folder = self.base / name if isinstance(name, str) else Path(str(STARTER_MODEL))
            return min(read_labels(folder).labels.values(), default=1.0)
        except ModelError:  # reported where the classifier is loaded
            return 1.0

    def _profile_name(self) -> str:
        name = str(self.content.get("profile", "tc260-003"))
        local = self.base / name
        return str(local) if local.is_file() else name

    def _scans(self, name: str | None, output: Path) -> str:
        if name is None:
            return str(output / "scans")
        name = name.removeprefix("file://")  # a local folder, where commits are renames
        return name if "://" in name else str((self.base / name).absolute())

    def _load(self, load: Any, key: str) -> Any:
        try:
            return load()
        except DocumentError as error:
            named = self.content.get(key)
            for problem in error.problems:
                if error.file == named:
                    self._problem((key,), f"{named}: {problem}")
                else:
                    self.problems.append(f"{error.file}: {problem}")
            return None

    def _must_be(self, path: tuple[int | str, ...], name: Any, there: Callable[[Path], bool]) -> None:
        if isinstance(name, str) and not there(self.base / name):
            self._problem(path, f"没有这个文件 / no such file: {self.base / name}")

    def _problem(self, path: tuple[int | str, ...], message: str) -> None:
        self._problem_in(self.file, self.root, path, message)

    def _problem_in(self, file: Path, root: yaml.Node | None, path: tuple[int | str, ...], message: str) -> None:
        line = line_of(root, path)
        place = f"第 {line} 行 / line {line}: " if line else ""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        self.problems.append(f"{file}: {place}{key}: {message}")

    def _sources(
        self, value: Any, prefix: tuple[int | str, ...] = ("sources",), taken: frozenset[str] = frozenset()
    ) -> list[SourceRecord]:
        """The records of a list in the file, or in a file of its own; ids in `taken` are used already."""
        file, records, root = self.file, value, self.root
        if isinstance(value, str):
            file = self.base / value
            records, root, prefix = self._source_file(file)
        if not isinstance(records, list):
            if (value is not None or prefix == ("sources",)) and not isinstance(value, str):
                self._problem(
                    prefix,
                    "应为来源列表，或来源清单文件的路径 / should be a list of sources, or the path of a file of them",
                )
            return []
        if not records:
            self._problem(prefix, "一个来源都没有 / no source at all: name at least one")
        sources: list[SourceRecord] = []
        first_use: dict[str, int] = dict.fromkeys(taken, -1)
        for index, record in enumerate(records):
            try:
                source = SourceRecord.model_validate(record)
            except ValidationError as error:
                self.problems += [f"{file}: {line}" for line in validation_problems(error, root, (*prefix, index))]
                continue
            if source.id in first_use:
                self._problem_in(
                    file,
                    root,
                    (*prefix, index, "id"),
                    f"来源编号重复 / source id {source.id!r} is already used by "
                    f"{'a source' if first_use[source.id] < 0 else f'source number {first_use[source.id] + 1}'}: "
                    f"every source needs its own",
                )
            first_use.setdefault(source.id, index)
            sources.append(source)
            for place, message in self._provenance(source):
                self._problem_in(file, root, (*prefix, index, *place), message)
        return sources

    def _provenance(self, source: SourceRecord) -> Iterator[tuple[tuple[str, str], str]]:
        """Gathers the evidence of a source; yields what is wrong with it, and with its regions by domain."""
        self.evidence[source.id], problems = gather(source, self.base)
        for key, message in problems:
            yield place_of(key), message
        for key, message in dates_to_come(source, self.evidence[source.id].facts, self.audit_date):
            yield place_of(key), message
        for domain in source.regions:
            registrable = registrable_domain(domain)
            if registrable != domain:
                yield (
                    ("regions", domain),
                    f"应为可注册域名 / should be a registrable domain, as in documents.domain: {registrable or 'example.com'}",
                )

    def _source_file(self, path: Path) -> tuple[Any, yaml.Node | None, tuple[int | str, ...]]:
        """Source records from a YAML or CSV file of their own, and where in its nodes they stand."""
        nothing: tuple[Any, yaml.Node | None, tuple[int | str, ...]] = (None, None, ())
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            self._problem(("sources",), f"来源清单读不了 / cannot read the list of sources {path}: {error}")
            return nothing
        if path.suffix.lower() == ".csv":
            try:
                return _csv_records(text), None, ()
            except (ValueError, csv.Error) as error:
                self.problems.append(f"{path}: {error}")
                return nothing
        parsed = self._load(lambda: parse_yaml(text, str(path)), "sources")
        if parsed is None:
            return nothing
        content, root = parsed
        wrapped = isinstance(content, dict) and content.keys() == {"sources"}
        records = content["sources"] if wrapped else content
        if not isinstance(records, list):
            self.problems.append(f"{path}: 应为来源记录的列表 / should be a list of source records")
        return records, root, ("sources",) if wrapped else ()


def _csv_records(text: str) -> list[dict[str, Any]]:
    """The rows of a CSV file as records. Raises ValueError where cells and columns do not match."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = list(reader.fieldnames or ())
    clashes = sorted(
        {a for a in columns for b in columns if b.startswith(f"{a}.")} | {a for a in columns if columns.count(a) > 1}
    )
    if clashes:
        raise ValueError(f"列名重复或冲突 / columns given twice or clashing with a nested one: {', '.join(clashes)}")
    records = []
    for row in reader:
        if None in row:
            raise ValueError(f"第 {reader.line_num} 行单元格多于列数 / line {reader.line_num}: more cells than columns")
        records.append(_from_csv(row))
    return records


def _from_csv(row: dict[str, Any]) -> dict[str, Any]:
    """A flat row as a record: `fields.text` nests, `paths` are separated by semicolons, empty cells are left out."""
    record: dict[str, Any] = {}
    for key, cell in row.items():
        if cell in (None, ""):
            continue
        value: Any = [part.strip() for part in cell.split(";") if part.strip()] if key == "paths" else cell
        target = record
        *parents, leaf = key.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[leaf] = value
    return record
