"""The declarations as one model: what no machine can know about an organisation, its people, papers and rights.

Every part may be left out: what is not declared is missing evidence, which the verdicts say. What is declared must be
whole and free of contradiction.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from pii.checks import credit_check_character
from report.declared.annotation import Annotation
from report.declared.parts import ClauseKey, Count, Day, Part, Proof, Section, Text, once
from report.declared.sources import (
    BlockedList,
    Commitment,
    Consent,
    IntellectualProperty,
    Mix,
    SourceNote,
)

SIGNERS = {
    "legal_person": "法定代表人",
    "security_lead": "整体安全评估负责人",
    "legality_lead": "合法性评估负责人",
}
POLICIES = {  # the clause each serves first
    "blacklist": "K.SRC.BLACKLIST",
    "filtering": "K.FILTER",
    "intellectual_property": "K.IP.OWNER",
    "annotation_functional": "K.ANN.RULE.FUNC",
    "annotation_safety": "K.ANN.RULE.RISKS",
    "personal_information": "K.PI.GENERAL",
}


class Organisation(Part):
    """Who files, and the day of the report."""

    name: Text
    credit_code: Annotated[str, Field(pattern=r"^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$")]
    credit_code_early: bool = (
        False  # given out before GB 32100 was followed everywhere: its check character may not fit
    )
    service: Text
    contact: Text | None = None
    day: Day

    @model_validator(mode="after")
    def _check_character(self) -> "Organisation":
        if not self.credit_code_early and credit_check_character(self.credit_code[:-1]) != self.credit_code[-1]:
            raise ValueError(
                "统一社会信用代码校验位不符，请核对；确为早期试点赋码的写 credit_code_early: true / the check character does not fit: correct the "
                "code, or say credit_code_early: true for one of the early trial codes"
            )
        return self


class Foundation(Part):
    """The base model: the organisation's own, or another's with its filing number."""

    own: bool
    name: Text | None = None
    record: Text | None = None

    @model_validator(mode="after")
    def _whose(self) -> "Foundation":
        if self.own and self.record is not None:
            raise ValueError("自研基座没有他人的备案号，请删去 record / the base is your own: remove record")
        if not self.own and (self.name is None or self.record is None):
            raise ValueError(
                "使用他人基座模型须写 name 与备案号 record / the base is another's: give its name and its filing number (record)"
            )
        return self


class Model(Part):
    """The model that is filed."""

    name: Text
    version: Text
    base: Foundation


class Manifest(Part):
    """A training manifest that belongs to the model, by the name it was matched under."""

    name: Text
    stage: Literal["pretrain", "sft", "preference", "safety"] | None = None
    note: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Signer(Part):
    """One who signs: name and post, nothing else of the person."""

    name: Text
    post: Text


class Signers(Part):
    """The three who sign (8.1 d). Where one person holds two parts, `note` says why."""

    legal_person: Signer
    security_lead: Signer
    legality_lead: Signer
    note: Text | None = None

    @model_validator(mode="after")
    def _told_of_two_parts(self) -> "Signers":
        if self.note is None and any(self.also(part) for part in SIGNERS):
            raise ValueError("一人兼任两项签字，须在 note 说明 / one person signs in two parts: say why in note")
        return self

    def also(self, part: str) -> list[str]:
        """The other parts the same person holds."""
        name = getattr(self, part).name
        return [other for other in SIGNERS if other != part and getattr(self, other).name == name]


class ServiceType(Part):
    """Whether the service is of a kind with special demands of safety, which makes A5 apply."""

    special: bool
    kinds: tuple[Literal["automatic_control", "medical", "psychological", "critical_infrastructure"], ...] = ()
    reason: Text | None = None

    @model_validator(mode="after")
    def _told(self) -> "ServiceType":
        if self.special != bool(self.kinds):
            raise ValueError(
                "special 为 true 时须列 kinds，为 false 时不列 / kinds are named if, and only if, special is true"
            )
        if not self.special and self.reason is None:
            raise ValueError("不属特定服务的须写 reason / say why the service is not special: reason")
        return self


class Policy(Part):
    """A policy in force: its file, who answers for it, from when, in which version."""

    title: Text
    file: Proof
    owner: Text
    approved_by: Text | None = None
    effective: Day
    version: Section


class Policies(Part):
    """The policies the clauses ask for."""

    blacklist: Policy | None = None
    filtering: Policy | None = None
    intellectual_property: Policy | None = None
    annotation_functional: Policy | None = None
    annotation_safety: Policy | None = None
    personal_information: Policy | None = None


class KeywordUpdate(Part):
    """An update of the keyword library."""

    date: Day
    version: Section
    added: Count = 0
    removed: Count = 0
    by: Text
    file: Proof | None = None


class KeywordLibrary(Part):
    """The keyword library: its updates, and why some terms are long."""

    updates: tuple[KeywordUpdate, ...] = ()
    long_terms: Text | None = None
    by: Text | None = None


class Classifier(Part):
    """How the classifier came about (filing form, 分类模型的检测情况)."""

    development: Literal["own", "third_party", "mixed"]
    supplier: Text | None = None
    note: Text
    file: Proof | None = None

    @model_validator(mode="after")
    def _whose(self) -> "Classifier":
        if (self.supplier is None) != (self.development == "own"):
            raise ValueError(
                "第三方或混合研制须写 supplier，自研不写 / supplier is named if, and only if, it is not all your own"
            )
        return self


class Remedy(Part):
    """What was done about one item that failed the manual check of a round, and what looking again showed."""

    round: Annotated[str, Field(pattern=r"^R\d{4,}$")]
    item_no: Annotated[int, Field(ge=1, strict=True)]
    action: Literal["removed", "masked", "source_blacklisted", "rule_changed", "kept"]
    note: Text | None = None
    by: Text
    date: Day
    recheck: Literal["passed", "failed", "open"]
    recheck_by: Text | None = None
    recheck_date: Day | None = None

    @model_validator(mode="after")
    def _whole(self) -> "Remedy":
        looked = self.recheck != "open"
        if looked != (self.recheck_by is not None) or looked != (self.recheck_date is not None):
            raise ValueError(
                "已复检的须写 recheck_by 与 recheck_date，待复检的不写 / recheck_by and recheck_date are given if, and only if, it was "
                "looked at again"
            )
        if self.recheck_date is not None and self.recheck_date < self.date:
            raise ValueError("复检日期早于处置日期 / looked at again before anything was done")
        if self.recheck_by is not None and self.recheck_by == self.by:
            raise ValueError("处置人不能复检自己的处置 / who dealt with it cannot recheck it: name another person")
        if self.action == "kept" and self.note is None:
            raise ValueError("保留不合格条目须在 note 说明 / say in note why a failed item is kept")
        return self


class Judgement(Part):
    """What a person declares on a clause. 8.1 b: 符合 needs evidence, 不符合 a reason, 不适用 a reason."""

    clause: ClauseKey
    verdict: Literal["符合", "不符合", "不适用"]
    reason: Text
    by: Text
    role: Text
    at: Day
    evidence: tuple[Proof, ...] = ()
    equivalent: Text | None = None
    effectiveness: Proof | None = None
    plan: Text | None = None

    @model_validator(mode="after")
    def _founded(self) -> "Judgement":
        if self.verdict == "符合" and not self.evidence:
            raise ValueError("判为符合须至少一份 evidence / 符合 needs at least one piece of evidence")
        if (self.equivalent is None) != (self.effectiveness is None):
            raise ValueError(
                "等效措施 equivalent 须有证明其有效的文件 effectiveness，二者同有同无 / an equivalent measure and the file that proves it works "
                "go together"
            )
        if self.equivalent is not None and self.verdict != "不符合":
            raise ValueError("等效措施只用于不符合 / an equivalent measure belongs to 不符合 only")
        return self


class Piece(Proof):
    """A further piece of evidence for a clause."""

    clause: ClauseKey
    title: Text


class Declarations(Part):
    """The whole file."""

    organisation: Organisation | None = None
    model: Model | None = None
    training: tuple[Manifest, ...] = ()
    signers: Signers | None = None
    service_type: ServiceType | None = None
    policies: Policies = Policies()
    intellectual_property: IntellectualProperty = IntellectualProperty()
    blocked_lists: tuple[BlockedList, ...] = ()
    source_mix: Mix | None = None
    consents: tuple[Consent, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    source_notes: tuple[SourceNote, ...] = ()
    keyword_library: KeywordLibrary = KeywordLibrary()
    classifier: Classifier | None = None
    remediation: tuple[Remedy, ...] = ()
    annotation: Annotation | None = None
    judgements: tuple[Judgement, ...] = ()
    evidence: tuple[Piece, ...] = ()

    @field_validator("training")
    @classmethod
    def _manifestsonce(cls, value: tuple[Manifest, ...]) -> tuple[Manifest, ...]:
        once([manifest.name for manifest in value], "name")
        return value

    @field_validator("judgements")
    @classmethod
    def _clausesonce(cls, value: tuple[Judgement, ...]) -> tuple[Judgement, ...]:
        once([judgement.clause for judgement in value], "clause")
        return value

    @field_validator("remediation")
    @classmethod
    def _itemsonce(cls, value: tuple[Remedy, ...]) -> tuple[Remedy, ...]:
        once([f"{remedy.round} {remedy.item_no}" for remedy in value], "item_no")
        return value
