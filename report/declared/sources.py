"""What is declared of rights and of single sources: intellectual property, blocked lists, consent, commitments."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from report.declared.parts import ClauseKey, Count, Day, Part, Proof, Section, SourceId, Text, Url, once
from schemas.personal_information import catalogue, unknown_names

Level = Literal["general", "sensitive", "biometric"]


class IpOwner(Part):
    """Who answers for intellectual property, and the paper that says so."""

    name: Text
    appointed: Day
    file: Proof


class IpSource(Part):
    """What the identification found in one source."""

    source_id: SourceId
    found: Count
    open: Count
    disposition: Text

    @model_validator(mode="after")
    def _counts(self) -> "IpSource":
        _not_more_open(self.found, self.open)
        return self


class IpReport(Part):
    """The report on infringements identified before training (5.2 b 2)."""

    file: Proof
    by: Text
    date: Day
    found: Count
    open: Count
    sources: tuple[IpSource, ...] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> "IpReport":
        _not_more_open(self.found, self.open)
        once([source.source_id for source in self.sources], "source_id")
        for count in ("found", "open"):
            total = sum(getattr(source, count) for source in self.sources)
            if self.sources and total != getattr(self, count):
                raise ValueError(
                    f"各来源 {count} 之和 {total} 与总数 {getattr(self, count)} 不符 / the sources' {count} add up to {total}, not to the "
                    f"total: correct one of them"
                )
        return self


class Complaint(Part):
    """Where complaints go, and how they are dealt with."""

    channel: Text
    procedure: Proof | None = None


class Agreement(Part):
    """The service agreement and where it tells users of the risks."""

    file: Proof
    page: Section


class Update(Part):
    """An update of the policy on intellectual property."""

    date: Day
    change: Text
    by: Text
    file: Proof | None = None


class Public(Part):
    """Where the summary of the corpora that touch intellectual property is public."""

    url: Url
    date: Day


class IntellectualProperty(Part):
    """Clause 5.2 b, item by item."""

    owner: IpOwner | None = None
    identification: IpReport | None = None
    complaint: Complaint | None = None
    agreement: Agreement | None = None
    updates: tuple[Update, ...] = ()
    public: Public | None = None


class BlockedList(Part):
    """A list of information blocked by law, and what was done about what it names."""

    name: Text
    source: Text
    updated_at: Day
    entries: Count | None = None
    file: Proof | None = None
    disposal: Proof


class Mix(Part):
    """Why domestic and overseas sources are mixed as they are."""

    explanation: Text
    by: Text
    file: Proof | None = None


class Consent(Part):
    """A record of consent, or another basis, for the personal information of one source; beyond the one the run holds."""

    source_id: SourceId
    level: Level
    form: str
    persons: Count | None = None
    file: Proof

    @field_validator("form")
    @classmethod
    def _known(cls, value: str) -> str:
        bases = catalogue().bases
        if unknown := unknown_names([value], bases, {basis.zh: name for name, basis in bases.items()}):
            raise ValueError(
                f"未知的处理依据 / unknown lawful basis: {', '.join(unknown)}; one of {', '.join(f'{n}（{b.zh}）' for n, b in bases.items())}"
            )
        return value

    @model_validator(mode="after")
    def _covers(self) -> "Consent":
        if self.level not in catalogue().bases[self.form].levels:
            raise ValueError(
                f"{self.form} 不足以处理该级别（{self.level}）的个人信息 / {self.form} does not cover personal information of this level"
            )
        return self


class Commitment(Part):
    """A supplier's commitment for a commercial source, and its review. Contracts stand in the run's configuration."""

    source_id: SourceId
    supplier: Text
    commits: tuple[Literal["source", "quality", "safety"], ...] = Field(min_length=1)
    file: Proof
    review: Proof | None = None


class SourceNote(Part):
    """A note on a source that a clause asks for."""

    source_id: SourceId
    clause: ClauseKey
    note: Text
    by: Text
    file: Proof | None = None


def _not_more_open(found: int, still_open: int) -> None:
    if still_open > found:
        raise ValueError(f"open {still_open} 多于 found {found} / more open than found")
