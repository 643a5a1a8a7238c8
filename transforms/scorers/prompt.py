"""Prompts of guard models, as data: what is sent about a text, and how the answer is read.

The text of a corpus is hostile. It goes in as a quoted string between marks that it cannot contain (they are made from
its own hash), with the characters of control tokens escaped; what comes back counts only if it is exactly what was
asked for, in the words of the vocabulary.
"""

import hashlib
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from schemas.loading import DocumentError, parse_yaml, validation_problems
from schemas.risks import risks
from transforms.scorers.base import DECIMALS, ScorerError, strict_json

VERSION = 2
BUNDLED = "risks31"

_MAX_ANSWER = 4096  # characters; what is longer is no answer to such a question
# of <|im_end|>, </s>, [INST] and the like, and what JSON leaves of line ends
_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>[]|\x85\u2028\u2029"})
# the same tokens in a text that is the message itself: a character without width keeps them from being read as such
_BROKEN = str.maketrans({char: f"{char}\u200b" for char in "<[|"})
_TEXT, _MARK, _RISKS = "{{text}}", "{{mark}}", "{{risks}}"
_OURS = frozenset({"model", "messages", "stream", "n", "best_of"})
_LENGTHS = ("max_tokens", "max_completion_tokens")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerFormat(_Model):
    """How an answer is read.

    `json`: one object with `field`, a list of words or an object of words with scores from 0 to 1. `regex`: `pattern`
    matches the whole answer; its group `words` holds words parted by commas. `vocabulary` maps each word to the risks it
    means, none for a word that says all is well; without it words are risk ids. `regex` needs the group, and a word for
    a text that is well: that nothing was found must have been said.
    """

    format: Literal["json", "regex"] = "json"
    field: str = "risks"
    pattern: str | None = None
    vocabulary: dict[str, tuple[str, ...]] = {}

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"不是合法的正则 / not a valid regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _known(self) -> "AnswerFormat":
        if (self.format == "regex") != (self.pattern is not None):
            raise ValueError("pattern 与 format: regex 须同时给出 / pattern and format: regex go together")
        if self.pattern is not None and "words" not in re.compile(self.pattern).groupindex:
            raise ValueError("pattern 须有名为 words 的组 / pattern needs the group (?P<words>…)")
        if self.pattern is not None and all(self.vocabulary.values()):
            raise ValueError(
                "format: regex 的 vocabulary 须有表示无风险的词（如 None: []） / with format: regex the vocabulary needs a word for a "
                "text without risks, such as None: []"
            )
        unknown = sorted({risk for means in self.vocabulary.values() for risk in means} - risks().keys())
        if unknown:
            raise ValueError(f"未知的风险编号 / unknown risk ids: {', '.join(unknown)} (schemas/risks.yaml)")
        return self


class Prompt(_Model):
    """A prompt file. `request` is sent along as it is: temperature, max_tokens and what a server wants besides."""

    id: str
    system: str | None = None
    user: str
    quote: Literal["json", "plain"] = "json"
    request: dict[str, Any] = {}
    answer: AnswerFormat = AnswerFormat()

    @model_validator(mode="after")
    def _complete(self) -> "Prompt":
        if self.user.count(_TEXT) != 1 or _TEXT in (self.system or ""):
            raise ValueError(
                "user 中应恰有一处 {{text}}，system 中没有 / {{text}} belongs once into user, never into system"
            )
        taken = sorted(_OURS & self.request.keys())
        if taken:
            raise ValueError(f"request 不得含 / request must not hold: {', '.join(taken)}")
        try:
            json.dumps(self.request, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"request 不能写成 JSON / request cannot be written as JSON: {error}") from None
        for key in _LENGTHS:
            length = self.request.get(key, 1)
            if not isinstance(length, int) or isinstance(length, bool) or length < 1:
                raise ValueError(f"request.{key} 应为正整数 / request.{key} should be a positive whole number")
        return self

    @property
    def max_tokens(self) -> int | None:
        """The longest answer the request allows; None where it sets no bound."""
        return max((int(self.request[key]) for key in _LENGTHS if key in self.request), default=None)

    @property
    def sha256(self) -> str:
        """Digest of all that is sent besides the text, and of how answers are read."""
        shown = [VERSION, self.model_dump(mode="json"), _risk_table()]
        return hashlib.sha256(json.dumps(shown, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def messages(self, text: str) -> list[dict[str, str]]:
        """The messages that ask about a text."""
        mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        data = json.dumps(text, ensure_ascii=False).translate(_ESCAPED)
        if self.quote == "plain":
            data = text.translate(_BROKEN)
        filled = {"system": self.system, "user": self.user}
        return [
            # the text goes in last: what it holds is never taken for a place of the template
            {"role": role, "content": said.replace(_RISKS, _risk_table()).replace(_MARK, mark).replace(_TEXT, data)}
            for role, said in filled.items()
            if said is not None
        ]

    def read(self, content: str) -> dict[str, float] | None:
        """Scores by risk id, or None for anything but a well-formed answer in known words."""
        if len(content) > _MAX_ANSWER:
            return None
        words = self._json(content) if self.answer.format == "json" else self._regex(content)
        if words is None:
            return None
        scores: dict[str, float] = {}
        for word, score in words.items():
            means = self._means(word)
            if means is None:
                return None
            for risk in means:
                scores[risk] = max(round(score, DECIMALS), scores.get(risk, 0.0))
        return scores

    def _means(self, word: str) -> tuple[str, ...] | None:
        if self.answer.vocabulary:
            return self.answer.vocabulary.get(word)
        return (word,) if word in risks() else None

    def _json(self, content: str) -> dict[str, float] | None:
        try:
            answer = strict_json(content)
        except (ValueError, RecursionError):
            return None
        if not isinstance(answer, dict) or answer.keys() != {self.answer.field}:
            return None
        found = answer[self.answer.field]
        if isinstance(found, list):
            return dict.fromkeys(found, 1.0) if all(isinstance(word, str) for word in found) else None
        if not isinstance(found, dict):
            return None
        numbers = all(
            isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
            for score in found.values()
        )
        return {word: float(score) for word, score in found.items()} if numbers else None

    def _regex(self, content: str) -> dict[str, float] | None:
        match = re.fullmatch(str(self.answer.pattern), content.strip())
        if match is None:
            return None
        named = match["words"]
        return None if named is None else {word.strip(): 1.0 for word in re.split("[,，]", named)}


def load_prompt(file: str | None) -> Prompt:
    """The prompt of a file, or the bundled one. Raises ScorerError with every problem."""
    try:
        if file is None:
            place = f"{BUNDLED}.yaml"
            text = resources.files("transforms.scorers").joinpath("prompts", place).read_text(encoding="utf-8")
        else:
            place, text = file, Path(file).read_text(encoding="utf-8-sig")
        content, root = parse_yaml(text, place)
        return Prompt.model_validate(content)
    except (OSError, UnicodeDecodeError) as error:
        raise ScorerError(f"{file}: 提示模板读不了 / cannot read the prompt: {error}") from None
    except DocumentError as error:
        raise ScorerError(str(error)) from None
    except ValidationError as error:
        problems = validation_problems(error, root)
        raise ScorerError("\n".join(f"{place}: {problem}" for problem in problems)) from None


def _risk_table() -> str:
    return "\n".join(f"{risk.id} {risk.zh}" for risk in risks().values())
