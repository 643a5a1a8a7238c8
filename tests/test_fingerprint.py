import hashlib
import subprocess
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.layers import FINGERPRINT, MINHASH_PERMUTATIONS
from transforms import fingerprint, text
from transforms.fingerprint import Fingerprint, content_hashes, rehydrate
from transforms.normalise import normalise_term, normalised_blocks
from transforms.text import TextBatch

EMPTY = b"\xff" * 4 * MINHASH_PERMUTATIONS
SHORT_OR_LONG = st.one_of(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
    st.text(alphabet="中国人民abc 𠮷😀", max_size=12),
)


def records(documents: list[str]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(documents, pa.large_string())})


def minhashes(documents: list[str]) -> list[bytes]:
    values: list[bytes] = Fingerprint()(TextBatch(records(documents))).column("minhash").to_pylist()
    return values


def shingle_hash(shingle: str) -> int:
    """The shingle hash once more, by the book: what the arrays are compared with."""
    combined = 0
    for char in shingle.ljust(fingerprint.SHINGLE, "\0"):
        mixed = ord(char) * 0x9E3779B1 % 2**32
        mixed = (mixed ^ mixed >> 15) * 0x85EBCA77 % 2**32
        combined = (combined * 0xC2B2AE3D + mixed) % 2**32
    return combined


def shingles(normalised: str) -> set[str]:
    count = max(1, len(normalised) - fingerprint.SHINGLE + 1)
    return {normalised[i : i + fingerprint.SHINGLE] for i in range(count)} - {""}


def by_datasketch(document: str) -> bytes:
    [block] = normalised_blocks(TextBatch(records([document])))
    sketch = MinHash(num_perm=MINHASH_PERMUTATIONS, seed=1, scheme="affine32", hashfunc=shingle_hash)
    sketch.update_batch(shingles(block.codes.tobytes().decode("utf-32-le")))
    return sketch.hashvalues.astype("<u4").tobytes()


@settings(max_examples=100, deadline=None)
@given(st.lists(SHORT_OR_LONG, max_size=8))
def test_equals_datasketch_on_the_same_shingle_hashes(documents: list[str]) -> None:
    assert minhashes(documents) == [by_datasketch(document) for document in documents]


@settings(max_examples=50, deadline=None)
@given(st.lists(SHORT_OR_LONG, max_size=20), st.integers(1, 7), st.integers(1, 40), st.integers(1, 50))
def test_does_not_depend_on_batches_blocks_or_runs(
    documents: list[str], batch: int, block_code_points: int, run: int
) -> None:
    whole = minhashes(documents)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "BLOCK_DOCUMENTS", 3)
        patch.setattr(text, "BLOCK_CODE_POINTS", block_code_points)
        patch.setattr(fingerprint, "RUN", run)
        split = [value for i in range(0, len(documents), batch) for value in minhashes(documents[i : i + batch])]
    assert split == whole


def test_result_has_the_layers_schema() -> None:
    for documents in ([], ["备案"]):
        found = Fingerprint()(TextBatch(records(documents)))
        found.validate(full=True)
        assert found.schema == FINGERPRINT
        assert found.num_rows == len(documents)


def test_stored_values_never_change_unnoticed() -> None:
    [value] = minhashes(["生成式人工智能服务安全基本要求"])
    assert hashlib.sha256(value).hexdigest() == "8b91de17a2f9b114389c2a854f8c0566b4f5c66388e7b91d91ef645cb9ad37ba", (
        "stored layers hold the old values: raise fingerprint.VERSION with this digest"
    )


@pytest.mark.parametrize("document", ["", "\u200b\u200d", "\0"])
def test_document_that_normalises_to_nothing_is_the_empty_sketch(document: str) -> None:
    assert minhashes(["前一篇文档", document, "后一篇文档"])[1] == EMPTY
    assert rehydrate(EMPTY).is_empty()


def test_short_documents_are_one_shingle() -> None:
    one, four, spelled, other = minhashes(["法", "法律条文", "法*律*条*文", "法律条例"])
    assert EMPTY not in (one, four)
    assert spelled == four
    assert len({one, four, other}) == 3


def test_five_code_points_are_one_shingle_and_astral_characters_count_once() -> None:
    five, repeated = minhashes(["𠮷野家牛丼", "𠮷野家牛丼𠮷野家牛丼"])
    assert five == by_datasketch("𠮷野家牛丼")
    assert rehydrate(five).jaccard(rehydrate(repeated)) < 1


def test_spellings_of_a_text_share_their_fingerprint() -> None:
    assert len(set(minhashes(["训练语料安全要求 ABC", "訓練語料安全要求 ＡＢＣ", "训\u200b练语料安全要求 abc"]))) == 1


def test_sliced_batches_are_read_at_their_offset() -> None:
    documents = ["第一篇文档的正文", "第二篇", "", "第四篇文档的正文 😀"]
    sliced = records(documents).slice(1, 2)
    assert Fingerprint()(TextBatch(sliced)).column("minhash").to_pylist() == minhashes(documents[1:3])
    assert content_hashes(TextBatch(sliced)).to_pylist() == [
        hashlib.sha256(d.encode()).digest() for d in documents[1:3]
    ]


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=30), max_size=6))
def test_content_hash_is_sha256_of_the_utf8_bytes(documents: list[str]) -> None:
    hashes = content_hashes(TextBatch(records(documents)))
    hashes.validate(full=True)
    assert hashes.type == pa.binary(32)
    assert hashes.to_pylist() == [hashlib.sha256(document.encode()).digest() for document in documents]


def test_content_hash_tells_spellings_apart() -> None:
    first, second = content_hashes(TextBatch(records(["备案", "備案"]))).to_pylist()
    assert first != second


def test_rehydrated_sketches_estimate_the_similarity_of_near_duplicates() -> None:
    rng = np.random.default_rng(7)
    errors = []
    for edits in (0, 5, 20, 60, 150, 400):
        original = rng.integers(0x4E00, 0x5E00, 2000)
        changed = original.copy()
        changed[rng.choice(2000, edits, replace=False)] = rng.integers(0x6000, 0x7000, edits)
        one, other = ("".join(map(chr, codes)) for codes in (original, changed))
        left, right = map(rehydrate, minhashes([one, other]))
        ours, theirs = shingles(normalise_term(one)), shingles(normalise_term(other))
        errors.append(abs(left.jaccard(right) - len(ours & theirs) / len(ours | theirs)))
    assert errors[0] == 0
    assert max(errors) < 0.19  # three standard deviations at 64 permutations
    assert np.mean(errors) < 0.07


def test_rehydrated_sketches_go_into_an_lsh_index() -> None:
    common = "".join(map(chr, range(0x4E00, 0x4E00 + 500)))
    first, near, far = map(rehydrate, minhashes([common, common + "附注一句", "完全不同的一篇文章，没有共同之处。"]))
    index = MinHashLSH(threshold=0.7, num_perm=MINHASH_PERMUTATIONS)
    index.insert("first", first)
    assert index.query(near) == ["first"]
    assert index.query(far) == []


def test_memory_does_not_grow_with_the_document() -> None:
    batch = TextBatch(records(["".join(map(chr, range(0x4E00, 0x4E00 + 5000))) * 200]))  # 1 M characters, 3 MB
    normalised_blocks(batch)
    stage = Fingerprint()
    stage(TextBatch(records(["warm"])))
    tracemalloc.start()
    try:
        stage(batch)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * fingerprint.RUN


def test_fingerprint_names_version_and_permutations() -> None:
    version, _, count = Fingerprint().fingerprint().split("/")
    assert (version, count) == (str(fingerprint.VERSION), str(MINHASH_PERMUTATIONS))


def test_importing_the_stage_does_not_import_datasketch() -> None:
    code = "import sys, transforms.fingerprint; sys.exit('datasketch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
