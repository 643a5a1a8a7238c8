"""What the review refuses, and why, in two languages."""

from collections.abc import Sequence

from pipeline.errors import AuditError

NOT_KNOWN, NOT_ALLOWED, NOT_FOUND, TAKEN, WRONG, TOO_MANY = 401, 403, 404, 409, 422, 429  # as HTTP names them


class Refused(AuditError):  # noqa: N818 - reads as what happened
    """Decisions or requests that are not taken. `reasons` has the place in what was given and the text of each.

    `retry` is in how many seconds a further try makes sense, where that is the reason.
    """

    exit_code = 2

    def __init__(
        self, zh: str, en: str, status: int = TAKEN, reasons: Sequence[tuple[int, str]] = (), retry: float | None = None
    ) -> None:
        self.zh = zh
        self.en = en
        self.status = status
        self.retry = retry
        self.reasons = list(reasons) or [(0, f"{zh} / {en}")]
        super().__init__("\n".join(text for _, text in self.reasons))


def refused_rows(reasons: Sequence[tuple[int, str]]) -> Refused:
    """For many at once, of which nothing was taken."""
    return Refused(
        f"{len(reasons)} 条不符，全部未收", f"{len(reasons)} rows are wrong; nothing was taken", WRONG, reasons
    )
