"""How a public value is written: one length and one alphabet, so that it has one spelling only.

Whoever may pad a value, drop its zeros or choose among cases chooses among seeds. A form is a row of plain characters and
of classes such as `[0-9]` or `[0-9A-F]`, each once or `{N}` times; every class is the same one. Nothing is normalised.
"""

import re
import string

from pipeline.errors import UsageError

LEAST_VALUES = 100_000  # a value with fewer possibilities is one whose every sample can be made ready for
_LONGEST = 150  # characters of a value: a seed has at most 200
_PART = re.compile(
    r"(?:\[(?P<set>[^\[\]\\^]+)\]|(?P<digit>\\d)|\\[^\w\s]|[^\\\[\](){}.*+?|^$\s])(?:\{(?P<times>\d{1,3})\})?"
)
_SET = re.compile(r"(?:[0-9A-Za-z]-[0-9A-Za-z]|[0-9A-Za-z])+")
_ALPHABETS = (string.digits + string.ascii_uppercase, string.digits + string.ascii_lowercase)


def digits_form(count: int) -> str:
    """The form of a value of exactly so many digits."""
    return f"[0-9]{{{count}}}"


def must_be_precise(form: str) -> None:
    """Raises UsageError for a form that gives a value more than one spelling, or leaves too few values."""
    length, places, alphabets, end = 0, 0, set(), 0
    while end < len(form):
        part = _PART.match(form, end) if form.isascii() else None
        if part is None:
            raise _refused(
                form, f"“{form[end:]}” 处长度或字符不定 / length or characters are left open at “{form[end:]}”"
            )
        end, times = part.end(), int(part["times"] or 1)
        length += times
        if part["set"] or part["digit"]:
            alphabets.add(_alphabet(form, part["set"] or "0-9"))
            places += times
    if len(alphabets) != 1:
        raise _refused(
            form, f"应恰有一种字符集，现有 {len(alphabets)} 种 / one alphabet is asked for, there are {len(alphabets)}"
        )
    if length > _LONGEST:
        raise _refused(form, f"至多 {_LONGEST} 字符 / at most {_LONGEST} characters")
    if len(alphabets.pop()) ** places < LEAST_VALUES:
        raise _refused(
            form,
            f"可能的值少于 {LEAST_VALUES:,} 个，可事先逐一备妥 / fewer than {LEAST_VALUES:,} values are possible: every sample could be made "
            f"ready for",
        )


def has_form(value: str, form: str) -> bool:
    """Whether a value is written so, to the character."""
    return re.fullmatch(form, value, re.ASCII) is not None


def must_have_form(value: str, form: str) -> None:
    """Raises UsageError, with both shown, for a value that is not written as was recorded when the round was opened."""
    if not has_form(value, form):
        raise UsageError(
            f"--value: {value!r} 与开启时登记的写法 {form} 不符；照公布的原样给出，不补零、不删零、不加分隔或空格 / is not written as was recorded "
            f"when the round was opened: {form}; give it as published, no zeros added or dropped, no separators or blanks"
        )


def _alphabet(form: str, listed: str) -> str:
    """The characters of a class, sorted. Raises UsageError for any but digits and letters of one case."""
    found: set[str] = set()
    if _SET.fullmatch(listed):
        for first, last in re.findall(r"(.)(?:-(.))?", listed):
            found |= {chr(code) for code in range(ord(first), ord(last or first) + 1)}
    if not found or not any(found <= set(one) for one in _ALPHABETS):
        raise _refused(
            form,
            f"[{listed}]: 只能是数字与同一种大小写的字母 / a class holds digits and letters of one case only",
        )
    return "".join(sorted(found))


def _refused(form: str, why: str) -> UsageError:
    return UsageError(
        f"--value-form: {form}: 同一个值应只有一种写法：{why}。如 [0-9]{{6}}、[0-9]{{4}}\\.[0-9]{{2}}，或用 --value-digits 6 / a value must have one "
        f"spelling: fixed length, one alphabet, such as [0-9]{{6}} or [0-9]{{4}}\\.[0-9]{{2}}, or --value-digits 6"
    )
