"""Masks and digests: every spelling of one value has one digest, and other values have others."""

import pytest

from pii.masks import canonical, digest, mask
from pii.rule import fold

# All values are made up.
SPELLINGS = [
    (
        "CN_MOBILE",
        [
            "13812345678",
            "138 1234 5678",
            "138-1234-5678",
            "+86 138 1234 5678",
            "008613812345678",
            "１３８１２３４５６７８",
        ],
    ),
    ("CN_MOBILE", ["13800345678", "138OO345678", "138oo345678"]),
    (
        "CN_LANDLINE",
        [
            "010-82345678",
            "(010)82345678",
            "（010）82345678",
            "+86-10-82345678",
            "+86 (0)10 82345678",
            "0086 10 82345678",
            "(+86)10-82345678",
        ],
    ),
    ("INTL_PHONE", ["+852 9123 4567", "+852-91234567", "00852 91234567", "＋852 91234567"]),
    ("INTL_PHONE", ["+1 (212) 555-0198", "+12125550198"]),
    ("IP_ADDRESS", ["8.8.4.4", "８.８.４.４"]),
    ("IP_ADDRESS", ["2400:3200::1", "2400:3200:0:0:0:0:0:1", "2400:3200:0000::0001"]),
    ("IP_ADDRESS", ["2400:DA00::A", "2400:da00::a"]),
    ("MAC_ADDRESS", ["3C:5A:B4:12:EF:07", "3c-5a-b4-12-ef-07", "3C5A.B412.EF07", "3c5ab412ef07"]),
    ("CN_ID_CARD", ["110105198504127310", "110105 19850412 7310", "11010519850\n4127310", "11O105198504127310"]),
    ("CN_RESIDENCE_PERMIT", ["810000198504127310", "810000-19850412-7310", "81OOOO198504127310"]),
    ("CN_PERMANENT_RESIDENCE", ["GBR110085041273", "gbr 110085041273"]),
    ("BANK_CARD", ["6225881234758165", "6225 8812 3475 8165", "62258812\n34758165"]),
    ("CN_USCC", ["91110108MA0C4T7K3X", "91 110108 MA0C4T7K3 X", "91110108ma0c4t7k3x", "9111O108MA0C4T7K3X"]),
    ("IMEI", ["864753048291731", "86-475304-829173-1", "8647530\n48291731"]),
    ("CN_PASSPORT", ["E38271946", "e38271946", "E 3827 1946"]),
    ("CN_TRAVEL_PERMIT", ["H38271946", "h 3827-1946"]),
    ("CN_MILITARY_ID", ["南字第3827194号", "南字第 3827194 号", "南字第3827194"]),
    ("CN_DRIVING_LICENCE", ["110538271946", "１１０５３８２７１９４６"]),
    ("CN_SOCIAL_SECURITY", ["A38271946", "a38271946"]),
    ("CN_PLATE", ["京N8K276", "京N·8K276", "京n 8k276", "京N-8K276"]),
    ("MEDICAL_RECORD", ["ZY2023-001146", "zy2023001146"]),
    ("ALIPAY", ["13812345678", "+86 138-1234-5678"]),
    ("ALIPAY", ["zhang.san@163.com", "Zhang.San@163.COM"]),
    ("EMAIL", ["a.b@example.cn", "A.B@EXAMPLE.cn"]),
]
IDS = [f"{kind}-{number}" for number, (kind, _) in enumerate(SPELLINGS)]


@pytest.mark.parametrize(("kind", "spellings"), SPELLINGS, ids=IDS)
def test_all_spellings_of_a_value_have_one_digest(kind: str, spellings: list[str]) -> None:
    assert len({canonical(kind, fold(value)) for value in spellings}) == 1
    assert len({digest(kind, fold(value), b"salt") for value in spellings}) == 1


DIFFERENT = [
    ("EMAIL", "a.b@example.cn", "ab@example.cn"),
    ("IP_ADDRESS", "8.8.4.4", "8.84.4.1"),
    ("CN_MOBILE", "13812345678", "13912345678"),
    ("CN_LANDLINE", "010-82345678", "021-82345678"),
    ("INTL_PHONE", "+852 91234567", "+853 91234567"),
    ("CREDENTIAL", "Secret1", "secret1"),
    ("CRYPTO_WALLET", "1Ab", "1aB"),
    ("CN_PASSPORT", "E38271946", "G38271946"),
    ("CN_MILITARY_ID", "南字第3827194号", "北字第3827194号"),
]


@pytest.mark.parametrize(("kind", "one", "other"), DIFFERENT, ids=[row[0] for row in DIFFERENT])
def test_different_values_have_different_digests(kind: str, one: str, other: str) -> None:
    assert digest(kind, one, b"salt") != digest(kind, other, b"salt")


def test_digests_depend_on_the_type_and_on_the_salt() -> None:
    digests = {digest(kind, "38271946", salt) for kind in ("QQ", "MEDICAL_RECORD") for salt in (b"one", b"two")}
    assert len(digests) == 4


@pytest.mark.parametrize(("kind", "spellings"), SPELLINGS, ids=IDS)
def test_no_mask_shows_the_value(kind: str, spellings: list[str]) -> None:
    for value in map(fold, spellings):
        assert "*" in mask(kind, value) and mask(kind, value) != value
