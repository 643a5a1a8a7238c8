"""The evaluation of personal information: are its values right, its gold where it says, its arithmetic sound?

Whether the detector is good enough is not asked here: that is what the tables are for.
"""

import hashlib
import json
import re
import string
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from ipaddress import ip_address
from pathlib import Path
from random import Random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from presidio_analyzer.predefined_recognizers import CryptoRecognizer

from benchmarks.personal import adjudication, detectors, false_alarms, labelled, numbers, online, people, tables
from benchmarks.personal.adjudication import Judgement
from benchmarks.personal.evaluation import show
from benchmarks.personal.keccak import keccak256
from benchmarks.personal.look_alikes import fillers
from benchmarks.personal.providers import TYPES, providers
from benchmarks.personal.scoring import (
    OLD_ID,
    VALIDATED,
    Found,
    Result,
    Score,
    bounds,
    evaluate,
    judge,
    passes,
    row_of,
    total,
)
from benchmarks.personal.templates import (
    DEVELOPMENT,
    HELD_OUT,
    SETS,
    Document,
    Span,
    Template,
    TemplateSet,
    documents,
    fill,
    look_alikes,
    negatives,
    positives,
)
from benchmarks.personal.variants import EVASIONS, VARIANTS
from benchmarks.personal.vocabulary import DEVELOPMENT_WORDS, HELD_OUT_WORDS
from schemas.loading import DocumentError

DRAWS = 300
PROVIDERS, FILLERS = providers(DEVELOPMENT_WORDS), fillers(DEVELOPMENT_WORDS)
EACH_SET = pytest.mark.parametrize("of", SETS, ids=lambda of: of.name)
SLOT = re.compile(r"\[\[.*?\]\]|<<[a-z]+\d*>>")


def drawn(provider, count: int = DRAWS) -> list[str]:
    rng = Random("test")
    return [provider(rng) for _ in range(count)]


def luhn(number: str) -> bool:
    """By the table of doubled digits, from the left."""
    plain = [int(char) for char in number if char.isdigit()]
    odd = len(plain) % 2
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    return sum(doubled[digit] if place % 2 == odd else digit for place, digit in enumerate(plain)) % 10 == 0


def id_number(number: str) -> bool:
    """GB 11643: all 18, weighted with powers of two, leave 1."""
    values = [10 if char == "X" else int(char) for char in number]
    return sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1


CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1)


def credit_code(code: str) -> bool:
    """GB 32100: all 18, by the weights printed there, leave 0; the organisation code inside leaves 0 by 11."""
    alphabet = [char for char in string.digits + string.ascii_uppercase if char not in "IOSVZ"]
    values = [alphabet.index(char) for char in code]
    whole = sum(weight * value for weight, value in zip(CREDIT_WEIGHTS, values, strict=True)) % 31 == 0
    inner = [int(char, 36) for char in code[8:16]] + [10 if code[16] == "X" else int(code[16])]
    weighted = sum(weight * value for weight, value in zip((3, 7, 9, 10, 5, 8, 4, 2, 1), inner, strict=True))
    return whole and weighted % 11 == 0


def test_check_characters_as_the_standards_print_them() -> None:
    assert numbers.id_check("11010519491231002") == "X"
    assert numbers.uscc_check("91350100M000100Y4") == "3"
    assert numbers.organisation_check("D2143569") == "X"
    assert numbers.luhn_digit("7992739871") == "3"


@pytest.mark.parametrize("name", ["CN_ID_CARD", "CN_RESIDENCE_PERMIT", "CN_PERMANENT_RESIDENCE:new"])
def test_identity_numbers_have_their_check_digit_and_a_date(name: str) -> None:
    for number in drawn(PROVIDERS[name]):
        assert id_number(number)
        assert 1900 < datetime.strptime(number[6:14], "%Y%m%d").year < 2020


def test_identity_numbers_end_in_x_sometimes() -> None:
    assert any(number.endswith("X") for number in drawn(numbers.id_card))


@pytest.mark.parametrize("name", ["BANK_CARD", "BANK_CARD:plain", "IMEI"])
def test_cards_and_devices_pass_luhn(name: str) -> None:
    assert all(luhn(number) for number in drawn(PROVIDERS[name]))


def test_union_cards_have_16_to_19_digits() -> None:
    assert {len(number) for number in drawn(numbers.union_card)} == {16, 17, 18, 19}


def test_credit_codes_have_both_check_characters() -> None:
    assert all(credit_code(code) for code in drawn(numbers.uscc))


def test_mobile_numbers_come_from_every_segment() -> None:
    assert {int(number[:3]) for number in drawn(numbers.mobile, 3000)} == set(numbers.MOBILE_SEGMENTS)


def test_international_numbers_are_valid_and_foreign() -> None:
    for number in drawn(numbers.international, 60):
        parsed = phonenumbers.parse(number)
        assert phonenumbers.is_valid_number(parsed) and parsed.country_code != 86


def test_addresses_of_the_net_are_public() -> None:
    assert all(ip_address(address).is_global for address in drawn(online.ip))
    assert {ip_address(address).version for address in drawn(online.ip)} == {4, 6}


def test_plates_have_seven_or_eight_signs() -> None:
    plates = [re.sub(r"[· ]", "", plate) for plate in drawn(numbers.plate)]
    assert {len(plate) for plate in plates} == {7, 8}
    assert not any(set(plate[1:]) & set("IO") for plate in plates)


def test_birth_dates_are_dates() -> None:
    for text in drawn(people.birth_date):
        parts = re.fullmatch(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})\D?", text)
        assert parts and date(*map(int, parts.groups())) < date(2020, 1, 1)


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_gives_published_digests(message: bytes, digest: str) -> None:
    assert keccak256(message).hex() == digest


@given(st.binary(max_size=400))
def test_keccak_differs_from_sha3_in_padding_only(message: bytes) -> None:
    assert keccak256(message, b"\x06") == hashlib.sha3_256(message).digest()


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_ethereum_addresses_as_published_with_eip_55(address: str) -> None:
    assert online.eip55(bytes.fromhex(address[2:])) == address


def test_bitcoin_addresses_as_published_with_bip_173_and_350() -> None:
    assert online.bech32(0, bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")) == (
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    )
    key = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    assert online.bech32(1, key) == "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"


def test_wallets_pass_another_implementation() -> None:
    recognizer = CryptoRecognizer()
    bitcoin = [wallet for wallet in drawn(online.wallet) if wallet[0] in "13b"]
    assert bitcoin and all(recognizer.validate_result(wallet) for wallet in bitcoin)
    for wallet in drawn(online.wallet):
        if wallet.startswith("T"):
            value = 0
            for char in wallet:
                value = value * 58 + online.BASE58.index(char)
            data = value.to_bytes(25, "big")
            assert hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]


def test_look_alikes_fail_their_check() -> None:
    assert not any(id_number(value) for value in drawn(FILLERS["badid"]))
    assert not any(luhn(value) for value in drawn(FILLERS["badcard"]) + drawn(FILLERS["badimei"]))
    assert not any(credit_code(value) for value in drawn(FILLERS["baduscc"]))


@EACH_SET
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_at_least_twelve_carriers(kind: str, of: TemplateSet) -> None:
    own = [template for template in positives(of) if template.about == kind]
    assert len(own) >= 12
    assert len({template.register for template in own}) >= 8
    assert all(f"[[{kind}" in template.text for template in own)
    cues = Counter(template.cue for template in own)
    assert cues["bare"] if kind in VALIDATED else cues["cue"]


def test_the_held_out_set_has_mixed_documents_and_many_kinds_of_look_alikes() -> None:
    mixed = [template for template in positives(HELD_OUT) if template.about == "MIXED"]
    assert len(mixed) >= 30
    assert all(len(set(re.findall(r"\[\[([A-Z_]+)", template.text))) >= 2 for template in mixed)
    assert len(negatives(HELD_OUT)) >= 160
    assert len({template.about for template in negatives(HELD_OUT)}) >= 25


@EACH_SET
def test_slots_have_providers(of: TemplateSet) -> None:
    for template in positives(of) + negatives(of):
        assert template.cue in ("label", "cue", "bare", "")
        fill(template, 0)


@EACH_SET
def test_types_named_in_templates_exist(of: TemplateSet) -> None:
    for template in negatives(of):
        assert template.accepted <= set(TYPES) and "[[" not in template.text
    for template in positives(of):
        for slot in re.findall(r"\[\[[A-Z_]+(?::\w+)?((?:\|[A-Z_]+)*)\]\]", template.text):
            assert set(slot.split("|")) - {""} <= set(TYPES)
        assert "[[" not in fill(template, 0).text


def test_templates_differ_within_and_between_the_sets() -> None:
    texts = [template.text for of in SETS for template in positives(of) + negatives(of)]
    assert len(set(texts)) == len(texts)


@EACH_SET
@pytest.mark.parametrize("change", [None, *VARIANTS.values(), *EVASIONS.values()])
def test_gold_is_what_was_filled_in(change, of: TemplateSet) -> None:
    for document in documents(positives(of), 2, change):
        template, text = document.template, document.text
        kinds = [slot[0] for slot in re.findall(r"\[\[([A-Z_]+)(.*?)\]\]", template.text)]
        assert [span.type for span in document.spans] == kinds
        last = 0
        for span in document.spans:
            assert last <= span.start < span.end <= len(text)
            last = span.end
        assert not SLOT.search(text)
        if change is None:
            pattern, at = "", 0
            for slot in SLOT.finditer(template.text):
                value = "(.+?)" if slot[0].startswith("[[") else "(?:.+?)"
                pattern += re.escape(template.text[at : slot.start()]) + value
                at = slot.end()
            assert re.fullmatch(pattern + re.escape(template.text[at:]), text, re.DOTALL)
            outside = template.text
            for slot, span in zip(re.finditer(r"\[\[.*?\]\]", template.text), document.spans, strict=True):
                outside = outside.replace(slot[0], text[span.start : span.end], 1)
            if "<<" not in outside:
                assert outside == text


def test_filling_again_gives_the_same_and_each_set_has_values_of_its_own() -> None:
    assert documents(positives(HELD_OUT), 2) == documents(positives(HELD_OUT), 2)
    template = positives(HELD_OUT)[0]
    assert fill(template, 0).text != fill(template, 1).text
    assert fill(replace(template, seed=DEVELOPMENT[0].seed), 0).text != fill(template, 0).text


def test_the_held_out_set_has_words_of_its_own() -> None:
    names = [set(drawn(providers(own)["PERSON"])) for own in (HELD_OUT_WORDS, DEVELOPMENT_WORDS)]
    assert len(names[0]) > 200 and len(names[0] & names[1]) <= 3
    for field in ("compound", "minority", "districts", "countryside", "roads", "estates", "towers", "stops"):
        assert not set(getattr(HELD_OUT_WORDS, field)) & set(getattr(DEVELOPMENT_WORDS, field)), field
    for field in ("organisations", "pinyin", "nicknames", "work_hosts"):
        assert not set(getattr(HELD_OUT_WORDS, field)) & set(getattr(DEVELOPMENT_WORDS, field)), field
    assert all(template.words is HELD_OUT_WORDS for template in positives(HELD_OUT) + negatives(HELD_OUT))
    assert all(template.words is DEVELOPMENT_WORDS for of in DEVELOPMENT for template in positives(of) + negatives(of))


@EACH_SET
def test_there_are_as_many_look_alikes_as_wanted(of: TemplateSet) -> None:
    alike = look_alikes(of, 1000)
    assert sum(not one.template.apart for one in alike) >= 1000
    assert {template.about for template in negatives(of)} == {one.template.about for one in alike}
    assert not any(one.spans for one in alike)


UNDO = {
    "full-width digits": lambda text: text.translate(str.maketrans("０１２３４５６７８９", "0123456789")),
    "groups with spaces": lambda text: text.replace(" ", ""),
    "groups with dashes": lambda text: text.replace("-", ""),
    "line break inside": lambda text: text.replace("\n", ""),
    "zero-width character inside": lambda text: re.sub("[\u200b\u200c\u200d\ufeff]", "", text),
    "Chinese brackets around": lambda text: text,
    "letters O, l for 0, 1": lambda text: text.translate(str.maketrans("OolI", "0011")),
}


@pytest.mark.parametrize("name", [*VARIANTS, *EVASIONS])
def test_a_variant_writes_the_same_values_otherwise(name: str) -> None:
    change = (VARIANTS | EVASIONS)[name]
    changed = 0
    for template in positives(HELD_OUT):
        plain, other = fill(template, 0), fill(template, 0, change)
        for before, after in zip(plain.spans, other.spans, strict=True):
            was, now = plain.text[before.start : before.end], other.text[after.start : after.end]
            assert UNDO[name](now) == was if after.changed else now == was
            changed += after.changed
    assert changed >= 40


CARRIER = Template("T.01", "T", "", accepted=frozenset())
TEXT = "电话：(13912340078)，邮箱a@b.cn，收款账号13912340078"
MOBILE = Span("CN_MOBILE", 4, 15)
EMAIL = Span("EMAIL", 19, 25)
ALIPAY = Span("ALIPAY", 30, 41, ("CN_MOBILE",))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], (0, 0, 3, 0)),
        ([Found("CN_MOBILE", 4, 15), Found("EMAIL", 19, 25), Found("ALIPAY", 30, 41)], (3, 3, 0, 0)),
        ([Found("CN_MOBILE", 3, 16)], (1, 1, 2, 0)),  # brackets around do not count
        ([Found("CN_MOBILE", 4, 14)], (0, 1, 3, 1)),  # a digit too few is a miss and a false alarm
        ([Found("CN_MOBILE", 4, 15), Found("CN_MOBILE", 4, 15)], (1, 1, 2, 0)),
        ([Found("BANK_CARD", 4, 15)], (0, 0, 3, 1)),
        ([Found("CN_MOBILE", 30, 41)], (1, 1, 2, 0)),  # a type that is no mistake there
        ([Found("QQ", 19, 20)], (0, 0, 3, 1)),
    ],
)
def test_spans_are_judged_to_the_code_point(found: list[Found], expected: tuple[int, ...]) -> None:
    result = Result()
    judge(Document(CARRIER, TEXT, (MOBILE, EMAIL, ALIPAY)), found, result)
    whole = sum(result.scores.values(), Score())
    assert (whole.right, whole.touched, whole.missed, whole.wrong) == expected


def test_tracks_are_judged_by_overlap_and_excuse_the_points_in_them() -> None:
    document = Document(CARRIER, "轨迹：8:00到国贸，9:00到家", (Span("TRACK", 3, 18),))
    result = Result()
    judge(document, [Found("TRACK", 5, 11), Found("PRECISE_LOCATION", 8, 10), Found("PERSON", 8, 10)], result)
    assert result.scores["TRACK"] == Score(1, 1, 0, 0)
    assert result.scores["PERSON"].wrong == 1 and "PRECISE_LOCATION" not in result.scores


@pytest.mark.parametrize(
    ("accepted", "apart", "wrong", "beside"),
    [((), False, 1, 0), (("CN_HOTLINE",), False, 0, 0), ((), True, 0, 1)],
)
def test_what_is_found_in_look_alikes(accepted: tuple[str, ...], apart: bool, wrong: int, beside: int) -> None:
    template = Template("hotlines.01", "hotlines", "", accepted=frozenset(accepted), apart=apart)
    result = evaluate([Document(template, "95588", ())], lambda _: [Found("CN_HOTLINE", 0, 5)])
    assert sum(score.wrong for score in result.scores.values()) == wrong
    assert result.apart.total() == beside


def test_rates() -> None:
    score = Score(right=8, touched=9, missed=2, wrong=4)
    assert (score.gold, score.precision, score.recall) == (10, pytest.approx(8 / 12), 0.8)
    assert score.f1 == pytest.approx(2 * (8 / 12) * 0.8 / (8 / 12 + 0.8))
    assert (Score().precision, Score().recall, Score().f1) == (None, None, None)
    assert Score(1, 2, 3, 4) + Score(10, 20, 30, 40) == Score(11, 22, 33, 44)


@pytest.mark.parametrize(
    ("score", "name", "expected"),
    [
        (Score(98, 98, 2, 0), "validated", True),
        (Score(97, 97, 3, 0), "validated", False),
        (Score(99, 99, 0, 2), "validated", False),
        (Score(90, 90, 10, 10), "contextual", True),
        (Score(84, 84, 16, 0), "contextual", False),
        (Score(wrong=3), "contextual", None),
    ],
)
def test_targets(score: Score, name: str, expected: bool | None) -> None:
    assert passes(score, name) is expected


def test_the_old_identity_number_is_a_contextual_row_of_its_own() -> None:
    assert row_of("CN_ID_CARD", "320102800101123") == OLD_ID
    assert row_of("CN_ID_CARD", "32010219800101123X") == "CN_ID_CARD"
    result = Result(scores={"CN_ID_CARD": Score(1, 1), OLD_ID: Score(2, 2), "QQ": Score(3, 3)})
    assert total(result, "validated").right == 1 and total(result, "contextual").right == 5


def test_bounds() -> None:
    assert bounds("（ab） ", 0, 5) == (1, 3)
    assert bounds("（）", 0, 2) == (2, 2)


def trivial(text: str) -> list[Found]:
    patterns = {"CN_MOBILE": r"(?<!\d)1[3-9]\d{9}(?!\d)", "EMAIL": r"[\w.+-]+@[\w-]+\.[\w.]+\w"}
    return [
        Found(kind, *match.span(), "***", "validated")
        for kind, pattern in patterns.items()
        for match in re.finditer(pattern, text, re.A)
    ]


def test_built_in_recognizers_work_without_the_net() -> None:
    found = {one.type for one in detectors.built_ins()("mail wang.fang@163.com 电话 13912340078 ip 36.112.4.9")}
    assert {"EMAIL", "CN_MOBILE", "IP_ADDRESS"} <= found <= detectors.BUILT_IN_TYPES


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+86 139 1234 0078", "CN_MOBILE"),
        ("13912340078", "CN_MOBILE"),
        ("010-62345678", "CN_LANDLINE"),
        ("400-812-3456", "CN_HOTLINE"),
        ("+852 9123 4567", "INTL_PHONE"),
    ],
)
def test_phone_numbers_of_presidio_get_our_types(number: str, expected: str) -> None:
    assert detectors.phone_type(number) == expected


NEWS = f"第7篇新闻，记者王某某报道。{'今天天气很好。' * 5}请致电13912340078或写信至a1@news.cn联系我们"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    import zstandard

    for folder in ("corpus/zh_news", "corpus/zh_forum", "pii"):
        (tmp_path / folder).mkdir(parents=True)
    rows = [{"id": str(n), "text": f"第{n}篇新闻，记者王某某报道。" + "今天天气很好。" * 5} for n in range(50)]
    rows[7]["text"] = NEWS
    for folder in ("zh_news", "zh_forum"):
        lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        (tmp_path / "corpus" / folder / "part-0.jsonl.zst").write_bytes(zstandard.compress(lines))
    span = {"start": 5, "end": 14, "type": "EMAIL_ADDRESS", "text": "x@mail.cn"}
    row = {"id": "1", "text": "mail x@mail.cn 13912340078", "lang": "en", "spans": [span], "split": "dev"}
    (tmp_path / "pii" / "pii_presidio_synth_en.jsonl.zst").write_bytes(zstandard.compress(json.dumps(row).encode()))
    return tmp_path


def listed(data: Path, file: Path, judgements: adjudication.Judgements) -> tuple[false_alarms.Alarms, list[str]]:
    with file.open("w", encoding="utf-8") as handle:
        alarms = false_alarms.read(data, trivial, 1.0, judgements, handle)
    return alarms, file.read_text(encoding="utf-8").splitlines()


def test_ordinary_text_is_counted_by_source_and_listed_to_be_judged(data: Path, tmp_path: Path) -> None:
    alarms, (note, *lines) = listed(data, tmp_path / "list.jsonl", {})
    assert alarms.found == alarms.false()
    assert alarms.found == {
        (source, "zh", kind): 1 for source in ("zh_news", "zh_forum") for kind in ("CN_MOBILE", "EMAIL")
    }
    assert alarms.documents == {("zh_news", "zh"): 50, ("zh_forum", "zh"): 50}
    assert "never commit" in note
    rows = {row["type"]: row for row in map(json.loads, lines)}
    assert {row["source"] for row in rows.values()} == {"zh_news"}
    mobile, text = rows["CN_MOBILE"], NEWS
    assert mobile["document"] == adjudication.digest(text) and mobile["verdict"] == ""
    assert (mobile["mask"], mobile["grade"]) == ("***", "validated")
    assert text[mobile["start"] : mobile["end"]] == "13912340078"
    assert mobile["before"] == text[max(0, mobile["start"] - 40) : mobile["start"]]
    assert mobile["after"] == text[mobile["end"] : mobile["end"] + 40]


def test_findings_judged_right_are_no_false_alarms(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, start = adjudication.digest(NEWS), NEWS.index("139")
    judgements = {
        (document, start, start + 11, "CN_MOBILE"): Judgement("organisation", "hotline"),
        (document, NEWS.index("a1@"), NEWS.index("联系我们"), "EMAIL"): Judgement("false", "sample"),
        (document, 0, 3, "EMAIL"): Judgement("true", "not found"),
    }
    alarms, lines = listed(data, tmp_path / "list.jsonl", judgements)
    assert [json.loads(line)["verdict"] for line in lines[1:]] == ["organisation", "false"]
    assert alarms.found.total() == 4 and alarms.judged.total() == 4
    assert alarms.false() == {("zh_news", "zh", "EMAIL"): 1, ("zh_forum", "zh", "EMAIL"): 1}
    tables.show_alarms(alarms)
    printed = capsys.readouterr().out
    assert "judged findings: 4 of 4" in printed
    assert re.search(r"zh_news +organisation +1 +CN_MOBILE \(hotline\) 1", printed)
    assert re.search(r"zh_news +50 .* 2 .* 1 .* 2 FAIL EMAIL 1\n", printed)


def test_the_list_of_judgements_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "adjudicated.tsv"
    row = "0123456789abcdef\t3\t14\tCN_MOBILE\ttrue\tadvertisement"
    file.write_text(f"# header\n{row}\n\n{row}\n", encoding="utf-8")
    assert adjudication.load(file) == {("0123456789abcdef", 3, 14, "CN_MOBILE"): Judgement("true", "advertisement")}
    adjudication.load()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0123456789abcdef\t3\t14\tCN_MOBILE\ttrue", "6 columns"),
        ("0123\t3\t14\tCN_MOBILE\ttrue\tx", "16 hexadecimal digits"),
        ("0123456789abcdef\t14\t3\tCN_MOBILE\ttrue\tx", "start < end"),
        ("0123456789abcdef\t-1\t3\tCN_MOBILE\ttrue\tx", "start < end"),
        ("0123456789abcdef\t3\t14\tMOBILE\ttrue\tx", "unknown type"),
        ("0123456789abcdef\t3\t14\tCN_MOBILE\tyes\tx", "one of true, organisation, false"),
        ("0123456789abcdef\t0\t1\tQQ\tfalse\tx", "judged otherwise"),
    ],
)
def test_wrong_lines_of_judgements_are_named(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "adjudicated.tsv"
    file.write_text(f"0123456789abcdef\t0\t1\tQQ\ttrue\tx\n{line}\n", encoding="utf-8")
    with pytest.raises(DocumentError, match=f"adjudicated.tsv: .*line 2: .*{message}"):
        adjudication.load(file)


def test_the_sample_is_of_the_wanted_size_and_the_same_each_time() -> None:
    texts = [f"text {n}" for n in range(4000)]
    chosen = [text for text in texts if false_alarms.sampled(text, 0.1)]
    assert 300 < len(chosen) < 500
    assert chosen == [text for text in chosen if false_alarms.sampled(text, 0.2)]
    assert all(false_alarms.sampled(text, 1.0) for text in texts)


def test_labelled_sets_are_compared_by_overlap(data: Path) -> None:
    found = {one.label: one for one in labelled.agreements(data, trivial)}
    email, phone = found["EMAIL_ADDRESS"], found["PHONE_NUMBER"]
    assert (email.spans, email.spans_touched, email.spans_equal, email.found, email.found_touching) == (1, 1, 1, 1, 1)
    assert (phone.spans, phone.found, phone.found_touching) == (0, 1, 0)


def test_all_tables_are_printed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(trivial, data, share=1.0, repeats=1)
    printed = capsys.readouterr().out
    for expected in (*TYPES, "look-alikes", "full-width digits", "letters O", "zh_news", "EMAIL_ADDRESS", "built-in"):
        assert expected in printed
    assert "1391234" not in printed
    assert printed.index("held out: templates") < printed.index("development")


@pytest.mark.parametrize("named", [False, True])
def test_held_out_templates_are_named_only_when_asked(
    named: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(trivial, tmp_path, share=1.0, repeats=1, held_out_errors=named)
    held_out, _, development = capsys.readouterr().out.partition("\ndevelopment 1 (")
    assert bool(re.search(r"\w\.\d\d ×", held_out)) is named
    assert ("missed and wrong by type" in held_out) is not named
    first, second_title, second = development.partition("\ndevelopment 2 (")
    assert second_title
    assert all(re.search(r"\w\.\d\d ×", part) for part in (first, second))


def test_the_file_of_findings_is_its_owners_alone(data: Path, tmp_path: Path) -> None:
    show(trivial, data, share=1.0, repeats=1, listed=tmp_path / "findings")
    assert (tmp_path / "findings").stat().st_mode & 0o777 == 0o600


def test_without_data_one_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(trivial, tmp_path, share=1.0, repeats=1)
    assert f"skipped: no labelled sets and no corpus in {tmp_path}" in capsys.readouterr().out
