"""Counts tokens with a configured `tokenizer.json`: the number a filing states, without special tokens, one epoch.

Exact for every document, or for a share of them. A share is drawn by the content, not by a generator: a document is
counted when the first 16 hex digits of sha256(content_hash) lie below share * 2^64. So a rerun, another packing or
another machine counts the same documents, and an auditor draws them again in SQL. Copies of a text are all counted or
all not.
"""

import hashlib
import os
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from schemas.layers import TOKENS
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

VERSION = 1

_CALL_BYTES = 1 << 20  # text given to the library at a time: an encoding takes many times the space of its text


class TokenizerError(ValueError):
    """The file cannot be used as a tokenizer: which, what is wrong with it, what to do."""


class Tokens:
    """Column `tokens`: tokens of each document, NULL for those outside the share.

    Truncation and padding that the file asks for are switched off, templates that add special tokens are not applied;
    a special token written out in a text counts as the library reads it. `share` None counts every document.
    """

    name: ClassVar[str] = "tokens"
    schema: ClassVar[pa.Schema] = TOKENS

    def __init__(self, file: Path, share: Decimal | None = None) -> None:
        self.file = file
        self.share = share

    def __getstate__(self) -> dict[str, Any]:
        """Without the tokenizer, which every process loads for itself."""
        return {key: value for key, value in self.__dict__.items() if key != "_tokenizer"}

    @cached_property
    def sha256(self) -> str:
        """Digest of the file."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def fingerprint(self) -> str:
        """Version, digest of the file, share."""
        return f"{VERSION}/{self.sha256}/{self.share}"

    def check(self) -> None:
        """Loads the tokenizer and tries it. Raises TokenizerError."""
        self._count(["词元 tokens"])

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """The counts of the batch."""
        if self.share is None:
            counts: list[int | None] = list(self._counted(batch.strings))
        else:
            drawn = [in_share(digest.hex(), self.share) for digest in content_hashes(batch).to_pylist()]
            chosen = self._counted([text for text, wanted in zip(batch.strings, drawn, strict=True) if wanted])
            counts = [next(chosen) if wanted else None for wanted in drawn]
        return pa.record_batch([pa.array(counts, type=pa.int64())], schema=TOKENS)

    @cached_property
    def _tokenizer(self) -> Any:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the run has its own workers, a core each
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_str(self.file.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises plain Exception
            raise TokenizerError(
                f"{self.file}: 不是可用的 tokenizer.json / not a usable tokenizer.json: {_brief(error)}: name the file the "
                f"`tokenizers` library writes (of a model on the Hugging Face hub: tokenizer.json, not tokenizer.model)"
            ) from None
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _counted(self, texts: list[str]) -> Iterator[int]:
        """Counts in order, a megabyte of text at a time."""
        first = size = 0
        for index, text in enumerate(texts):
            size += len(text)
            if size >= _CALL_BYTES:
                yield from self._count(texts[first : index + 1])
                first, size = index + 1, 0
        if first < len(texts):
            yield from self._count(texts[first:])

    def _count(self, texts: list[str]) -> list[int]:
        try:
            return [len(found) for found in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        except TokenizerError:
            raise
        except Exception as error:
            raise TokenizerError(
                f"{self.file}: 分词失败 / the tokenizer fails on a text: {_brief(error)}: does its vocabulary lack an unknown token?"
            ) from None


def in_share(content_hash: str, share: Decimal) -> bool:
    """Whether a document is counted, by its content hash in hex."""
    return hashlib.sha256(content_hash.encode()).hexdigest()[:16] < share_limit(share)


def share_limit(share: Decimal) -> str:
    """The key below which documents are counted: share * 2^64 in 16 hex digits; `g`, above all, for the whole."""
    limit = int(share * (1 << 64))
    return "g" if limit >> 64 else f"{limit:016x}"


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
