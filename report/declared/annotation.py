"""What is declared of annotation (clause 5.3): that there was none, or log, staff, rules and training."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from report.declared.parts import Count, Part, Proof, Section, Text
from schemas.risks import risks

ELEMENTS = ("goal", "format", "method", "quality")  # 标注目标、数据格式、标注方法、质量指标（5.3 b 1）
_Work = Literal["annotate", "review"]


class Rules(Part):
    """Where a set of rules speaks of its four elements, and which work it covers. The file itself is a policy."""

    covers: tuple[_Work, ...] = ("annotate", "review")
    goal: Section | None = None
    format: Section | None = None
    method: Section | None = None
    quality: Section | None = None


class SafetyRules(Rules):
    """The rules of safety annotation, and where they speak of each risk of Appendix A."""

    risks: Mapping[str, Section] = Field(default_factory=dict)

    @field_validator("risks")
    @classmethod
    def _known(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := [risk for risk in value if risk not in risks()]:
            raise ValueError(f"未知的风险编号（附录 A） / unknown risk ids: {', '.join(unknown)}")
        return value


class RuleSets(Part):
    """The two sets of rules."""

    functional: Rules | None = None
    safety: SafetyRules | None = None


class Annotation(Part):
    """Annotation as declared. With `none: true` a reason and nothing else."""

    none: bool
    reason: Text | None = None
    log: Proof | None = None
    staff: Proof | None = None
    assessment: Proof | None = None  # records of tests and training (5.3 a 1)
    suspension: Proof | None = None  # how qualifications are suspended or taken away (5.3 a 1)
    time_plan: Proof | None = None  # time set aside for each task (5.3 a 3)
    internal: Count | None = None
    external: Count | None = None
    training_hours: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    training_attendances: Count | None = None
    safety_isolated: bool | None = None
    rules: RuleSets = RuleSets()

    @model_validator(mode="after")
    def _whole(self) -> "Annotation":
        if self.none and self.reason is None:
            raise ValueError("没有标注须写 reason / say why nothing was annotated: reason")
        if self.none and self.model_fields_set - {"none", "reason"}:
            raise ValueError(
                "none: true 表示没有标注，请删去其余各项，或改为 none: false / none: true says nothing was annotated: remove the rest, or say "
                "none: false"
            )
        if not self.none and (self.log is None or self.staff is None):
            raise ValueError(
                "有标注的须写标注日志 log 与人员台账 staff / annotation needs its log and the staff list (staff)"
            )
        return self
