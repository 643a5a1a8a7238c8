"""Token counts: equal to the library's, however the documents are batched, and estimated within the stated error."""

import hashlib
import json
import pickle
import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from pipeline.accounting.accounts import Item, Tally, tally_documents
from pipeline.accounting.tokens import EXACT, bucket_rows, estimate
from pipeline.config import Config
from pipeline.detectors import load_detectors
from pipeline.errors import UsageError
from pipeline.readers.base import RECORDS
from schemas.results import DOCUMENTS
from schemas.sources import SourceRecord
from tests.audits import audit, contents, make_corpus, sql, texts
from transforms.text import TextBatch
from transforms.tokens import Tokens, in_share, share_limit

ODD = ["", " ", "<|end|>", "a<|end|>b", "𠮷野家 🎉", "今天天气很好" * 400, "def f(x):\n    return x\n", "x" * 5000]
TEXTS = ODD + texts("词元", 40)
SUMS = ("counted", "tokens", "counted_x", "counted_tt", "counted_tx", "counted_xx")


def make_tokenizer(file: Path) -> Tokenizer:
    """A small byte-level BPE that pads, truncates and adds special tokens when it is let."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts("词元", 40), trainer)
    tokenizer.save(str(file.with_name("plain.json")))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <|end|>", special_tokens=[("<|end|>", 0)])
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=16)
    tokenizer.save(str(file))
    return Tokenizer.from_file(str(file.with_name("plain.json")))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    make_tokenizer(path)
    return path


def batch(given_texts: list[str]) -> TextBatch:
    rows = [{"member": 0, "row": i, "text": text} for i, text in enumerate(given_texts)]
    return TextBatch(pa.RecordBatch.from_pylist(rows, schema=RECORDS))


def counts(stage: Tokens, given_texts: list[str]) -> list[int | None]:
    found: list[int | None] = stage(batch(given_texts)).column("tokens").to_pylist()
    return found


def test_exact_counts_are_the_librarys_without_special_tokens_padding_and_truncation(file: Path) -> None:
    plain = Tokenizer.from_file(str(file.with_name("plain.json")))
    expected = [len(plain.encode(text, add_special_tokens=False).ids) for text in TEXTS]
    assert counts(Tokens(file), TEXTS) == expected
    assert expected[0] == 0 and max(expected) > 1000


@settings(max_examples=20, deadline=None)
@given(st.permutations(TEXTS), st.integers(0, len(TEXTS)), st.sampled_from([None, Decimal("0.3")]))
def test_batches_do_not_show(file: Path, order: list[str], cut: int, share: Decimal | None) -> None:
    stage = Tokens(file, share)
    whole = dict(zip(TEXTS, counts(stage, TEXTS), strict=True))
    assert counts(stage, order[:cut]) + counts(stage, order[cut:]) == [whole[text] for text in order]


def test_many_texts_pass_through_the_library_in_several_calls(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = counts(Tokens(file), TEXTS)
    monkeypatch.setattr("transforms.tokens._CALL_BYTES", 50)
    assert counts(Tokens(file), TEXTS) == expected


def test_a_share_counts_the_documents_its_hashes_draw(file: Path) -> None:
    share = Decimal("0.25")
    many = texts("份额", 400)
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in many]
    found = counts(Tokens(file, share), many)
    assert [count is not None for count in found] == [in_share(digest, share) for digest in hashes]
    assert 70 <= sum(count is not None for count in found) <= 130
    assert all(c in (None, e) for c, e in zip(found, counts(Tokens(file), many), strict=True))


def test_the_limit_of_a_share_is_exact() -> None:
    assert share_limit(Decimal("0.5")) == "8000000000000000"
    assert share_limit(Decimal("0.05")) == f"{(1 << 64) * 5 // 100:016x}"
    assert all(in_share(f"{i:064x}", Decimal(1)) for i in range(50))


def test_the_fingerprint_follows_file_and_share(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "tokenizer.json"
    other.write_text(file.read_text().replace("<|end|>", "<|fin|>"))
    stages = [Tokens(file), Tokens(file, Decimal("0.5")), Tokens(file, Decimal("0.05")), Tokens(other)]
    assert len({stage.fingerprint() for stage in stages}) == 4


def test_the_stage_travels_without_its_tokenizer(file: Path) -> None:
    stage = Tokens(file)
    expected = counts(stage, TEXTS)
    packed = pickle.dumps(stage)
    assert len(packed) < 2000
    assert counts(pickle.loads(packed), TEXTS) == expected


def test_a_file_that_is_no_tokenizer_is_named_with_a_remedy(configure: Callable[..., Config], tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"no": "tokenizer"}')
    with pytest.raises(UsageError, match=r"tokenizer\.json.*not tokenizer\.model"):
        load_detectors(configure(tokenizer="tokenizer.json"))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("gone.json", "no such file"),
        ({"file": "gone.json"}, "no such file"),
        ({"file": "audit.yaml", "share": 0.05}, "quoted decimal"),
        ({"file": "audit.yaml", "share": "0.0"}, "above 0"),
        ({"file": "audit.yaml", "share": "1.5"}, "quoted decimal"),
        ({"share": "0.05"}, "tokenizer.file"),
        (7, "tokenizer"),
    ],
)
def test_a_bad_tokenizer_setting_is_told(configure: Callable[..., Config], value: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        configure(tokenizer=value)


def test_a_share_of_one_counts_all(configure: Callable[..., Config], file: Path) -> None:
    assert configure(tokenizer={"file": str(file), "share": "1"}).tokenizer_share is None
    assert configure(tokenizer={"file": str(file), "share": "0.05"}).tokenizer_share == Decimal("0.05")


def sums_of(pairs: list[tuple[int, int]]) -> dict[str, int]:
    """The sums over counted documents, by hand: pairs of tokens and bytes."""
    return {
        "counted": len(pairs),
        "tokens": sum(t for t, _ in pairs),
        "counted_x": sum(x for _, x in pairs),
        "counted_tt": sum(t * t for t, _ in pairs),
        "counted_tx": sum(t * x for t, x in pairs),
        "counted_xx": sum(x * x for _, x in pairs),
    }


def test_the_estimate_is_the_ratio_estimator() -> None:
    assert estimate(100, 10_000, sums_of([(10, 100), (20, 100)])) == (1500, 6290)  # 12.7062 * 100 * √24.5
    assert estimate(100, 10_000, sums_of([(25, 100)] * 3)) == (2500, 0)
    assert estimate(3, 300, sums_of([(20, 100), (25, 100), (30, 100)])) == (75, 0)  # all counted: no error left
    assert estimate(100, 10_000, sums_of([(10, 100)])) == (None, None)


def test_the_interval_holds_the_true_number_about_as_often_as_it_says() -> None:
    generator = random.Random(5)
    held = 0
    for trial in range(200):
        documents = []
        for index in range(1500):
            size = int(generator.lognormvariate(6, 1)) + 1
            documents.append((max(1, int(size * generator.uniform(0.2, 0.45))), size, f"{trial}-{index}"))
        truth, size = sum(t for t, _, _ in documents), sum(x for _, x, _ in documents)
        sampled = [(t, x) for t, x, name in documents if in_share(name, Decimal("0.05"))]
        tokens, error = estimate(len(documents), size, sums_of(sampled))
        assert tokens is not None and error is not None
        held += abs(tokens - truth) <= error
    assert 180 <= held <= 199


def document(bucket: str, size: int, tokens: int | None, admitted: bool = True) -> dict[str, object]:
    return {
        "doc_id": "s:1", "source_id": "s", "shard": "a", "row": 0, "language": "zh", "content_type": "prose",
        "bucket": bucket, "bytes": size, "chars": size, "content_hash": "0", "risks": [], "candidate_risks": [],
        "keyword_risks": [], "classifier_risks": [], "illegal_unhealthy": False, "pii_level": "none", "pii_types": [],
        "admitted": admitted, "exclusion_reason": None if admitted else "filtered", "tokens": tokens, "stage": "sft",
    }  # fmt: skip


def _plain(kind: pa.DataType) -> int | bool:
    return False if pa.types.is_boolean(kind) else 0


def rows_of(rows: list[dict[str, object]]) -> pa.RecordBatch:
    """A batch of the published layout; columns this test does not speak of get a plain value."""
    plain = {f.name: [] if pa.types.is_list(f.type) else None if f.nullable else _plain(f.type) for f in DOCUMENTS}
    return pa.RecordBatch.from_pylist([plain | row for row in rows], schema=DOCUMENTS)


COUNTED = [
    document("zh", 3_000_000_000, 1_500_000_000),
    document("zh", 200, None),
    document("zh", 100, 40, admitted=False),
    document("en", 90, 30),
]


@settings(max_examples=20, deadline=None)
@given(st.permutations(COUNTED), st.integers(0, 4))
def test_token_sums_are_exact_beyond_64_bits_however_they_are_batched(rows: list[dict[str, object]], cut: int) -> None:
    tally: Tally = Counter()
    for part in (rows[:cut], rows[cut:]):
        tally.update(tally_documents(rows_of(part), "s"))
    for bucket, phase, pairs in (
        ("zh", "collected", [(1_500_000_000, 3_000_000_000), (40, 100)]),
        ("zh", "admitted", [(1_500_000_000, 3_000_000_000)]),
        ("en", "admitted", [(30, 90)]),
    ):
        assert {unit: tally[Item("bucket", "s", bucket, phase, unit)] for unit in SUMS} == sums_of(pairs)


def test_rows_say_how_tokens_were_counted() -> None:
    source = SourceRecord(id="s", name="s", kind="open", region="domestic", stage="sft", paths=["x"])
    tally = tally_documents(rows_of(COUNTED), "s")

    def told(how: str | None) -> list[tuple[object, ...]]:
        return [
            (r["bucket"], r["phase"], r["tokens"], r["tokens_sampled_documents"], r["tokens_error"], r["stage"])
            for r in bucket_rows([source], tally, how)
            if r["phase"] == "collected"
        ]

    assert told(None) == [("en", "collected", None, None, None, "sft"), ("zh", "collected", None, None, None, "sft")]
    assert told(EXACT)[1] == ("zh", "collected", 1_500_000_040, 2, None, "sft")
    (_, _, tokens, counted, error, _) = told("0.5")[1]
    assert (tokens, counted) == (1_500_000_140, 2) and isinstance(error, int)  # 200 bytes more, half a token each
    assert told("0.5")[0] == ("en", "collected", None, 1, None, "sft")


def test_a_run_counts_tokens_by_source_bucket_stage_and_phase(file: Path, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    out = tmp_path / "out"
    corpus.write(tokenizer=str(file))
    audit("run", corpus.config, "--out", out)
    plain = Tokenizer.from_file(str(file.with_name("plain.json")))
    expected = sum(len(plain.encode(text, add_special_tokens=False).ids) for text in texts("table", 240))
    query = "SELECT sum(tokens), sum(tokens_sampled_documents), max(tokens_error), any_value(stage) FROM bucket_stats "
    assert sql(out, query + "WHERE source_id = 'table' AND phase = 'collected'") == [(expected, 240, None, "pretrain")]
    assert sql(out, "SELECT sum(tokens) FROM documents WHERE source_id = 'table'") == [(expected,)]
    audit("verify", out)
    exact = dict(sql(out, "SELECT source_id || bucket, tokens FROM bucket_stats WHERE phase = 'collected'"))

    corpus.write(tokenizer={"file": str(file), "share": "0.2"})  # only the tokens are scanned again
    audit("run", corpus.config, "--out", out, "--workers", "2")
    built = [
        json.loads(line) for line in (out / "current" / "events.ndjson").read_text().splitlines() if "scanned" in line
    ]
    assert {tuple(event["layers_built"]) for event in built} == {("tokens",)}
    for name, tokens, error in sql(
        out, "SELECT source_id || bucket, tokens, tokens_error FROM bucket_stats WHERE phase = 'collected'"
    ):
        assert tokens is None or abs(tokens - exact[name]) <= 2 * error + 1  # twice: one of twenty may lie outside
    audit("verify", out)
    before = contents(out)
    audit("run", corpus.config, "--out", tmp_path / "again")
    assert contents(tmp_path / "again") == before
