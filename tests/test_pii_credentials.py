"""Secrets and wallets: what is found and how it is graded, what is left alone, what anchors promise.

All values are made up here.
"""

import base64
import json
import random
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.detector import Detector
from pii.masks import mask
from pii.rules.credentials import RULES
from pii.wallets import is_base58check, is_checksummed, is_segwit, keccak_256
from tests import pii_texts
from tests.pii_texts import full_width

DETECTOR = Detector(RULES)


found = partial(pii_texts.found_by, detector=DETECTOR)


def assert_anchored(text: str) -> None:
    """Of these rules; and the gate loses none."""
    pii_texts.assert_anchored(text, RULES)
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def drawn(length: int, seed: int, alphabet: str = LETTERS) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


JWT = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded({'sub': 'u1', 'iat': 1700000000})}.{drawn(43, 1)}"
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "\n".join(drawn(64, seed) for seed in range(12))
    + "\n"
    + drawn(30, 5)
    + "==\n-----END RSA PRIVATE KEY-----"
)
LONG_PEM = (  # 4,096 bits, encrypted
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0123456789ABCDEF\n\n"
    + "\n".join(drawn(64, seed) for seed in range(51))
    + "\n-----END RSA PRIVATE KEY-----"
)
BITCOIN, SCRIPT, TRON = (
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
)
SEGWIT, TAPROOT = (
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
)
ETHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
MARKED = [
    "AKIA" + drawn(16, 2, "ABCDEFGHJKLMNPQRSTUVWXYZ234567"),
    "LTAI" + drawn(20, 3),
    "AKID" + drawn(32, 4),
    "ghp_" + drawn(36, 5),
    "github_pat_" + drawn(22, 6) + "_" + drawn(59, 7),
    "sk-" + drawn(48, 8),
    "xoxb-" + "1234567890-" + drawn(24, 9),
    "AIza" + drawn(35, 10),
    "glpat-" + drawn(20, 11),
    "hf_" + drawn(34, 12, LETTERS[:52]),
]

FOUND = [
    *((f"密钥是{key}，勿外传", "CREDENTIAL", key, "validated") for key in MARKED),
    ("密码：Abc@12345", "CREDENTIAL", "Abc@12345", "contextual"),
    ("登录密码是abc123456，别忘了", "CREDENTIAL", "abc123456", "contextual"),
    ("初始密码为888888。", "CREDENTIAL", "888888", "contextual"),
    ("口令:Qw3rty!9", "CREDENTIAL", "Qw3rty!9", "contextual"),
    ('password="hunter2!x9"', "CREDENTIAL", "hunter2!x9", "contextual"),
    ('"password": "Zx9!kq02"', "CREDENTIAL", "Zx9!kq02", "contextual"),
    ("pwd=Qw3rty!9", "CREDENTIAL", "Qw3rty!9", "contextual"),
    ("api_key = 'a8f5f167f44f4964e6c998dee827110c'", "CREDENTIAL", "a8f5f167f44f4964e6c998dee827110c", "contextual"),
    ("mysql://root:Qw3rty9@db.corp.cn:3306/x", "CREDENTIAL", "Qw3rty9", "contextual"),
    ("Authorization: Bearer a1B2c3D4e5F6g7H8i9J0k1L2", "CREDENTIAL", "a1B2c3D4e5F6g7H8i9J0k1L2", "contextual"),
    ("密码：cat1990!\n", "CREDENTIAL", "cat1990!", "contextual"),
    ("密码是blue1991-，区分", "CREDENTIAL", "blue1991-", "contextual"),
    ("初始密码 Ma@0055 ，请", "CREDENTIAL", "Ma@0055", "contextual"),
    ("密码【Abc12345】", "CREDENTIAL", "Abc12345", "contextual"),
    ("账号密码：admin/Abc12345", "CREDENTIAL", "Abc12345", "contextual"),
    ("账号,密码\nzhangsan,Abc12345\n", "CREDENTIAL", "Abc12345", "contextual"),
    ("<td>密码</td><td>Abc12345</td>", "CREDENTIAL", "Abc12345", "contextual"),
    ("<password>Abc12345</password>", "CREDENTIAL", "Abc12345", "contextual"),
    ("db.password=star1977?", "CREDENTIAL", "star1977?", "contextual"),
    ("# pwd: wurain389", "CREDENTIAL", "wurain389", "contextual"),
    ("?password=Abc12345&user=li", "CREDENTIAL", "Abc12345", "contextual"),
    ("wifi密码Abc12345，", "CREDENTIAL", "Abc12345", "contextual"),
    ("我密码忘了，只记得以前用的是Abc12345，", "CREDENTIAL", "Abc12345", "contextual"),
    ("帳號：guest 密碼：Abc12345", "CREDENTIAL", "Abc12345", "contextual"),
    ("password=Wu#9911\n", "CREDENTIAL", "Wu#9911", "contextual"),
    ("IDENTIFIED BY 'Abc12345';", "CREDENTIAL", "Abc12345", "contextual"),
    ('<property name="password" value="Abc12345"/>', "CREDENTIAL", "Abc12345", "contextual"),
    ("mysql -uroot -pAbc12345 shop", "CREDENTIAL", "Abc12345", "contextual"),
    ("curl -u admin:Abc12345 http", "CREDENTIAL", "Abc12345", "contextual"),
    (f"令牌{JWT}。", "CREDENTIAL", JWT, "validated"),
    (f"{LONG_PEM}\n", "CREDENTIAL", LONG_PEM, "validated"),
    (f"私钥如下\n{PEM}\n", "CREDENTIAL", PEM, "validated"),
    (f"打款到{BITCOIN}。", "CRYPTO_WALLET", BITCOIN, "validated"),
    (f"({SCRIPT})", "CRYPTO_WALLET", SCRIPT, "validated"),
    (f"波场{TRON}", "CRYPTO_WALLET", TRON, "validated"),
    (f"地址:{SEGWIT}", "CRYPTO_WALLET", SEGWIT, "validated"),
    (f"地址:{SEGWIT.upper()}", "CRYPTO_WALLET", SEGWIT.upper(), "validated"),
    (f"地址:{TAPROOT}", "CRYPTO_WALLET", TAPROOT, "validated"),
    (f"转到{ETHER}吧", "CRYPTO_WALLET", ETHER, "validated"),
    (f"我的钱包{ETHER.lower()}", "CRYPTO_WALLET", ETHER.lower(), "contextual"),
]

LOOK_ALIKES = [
    "password: str",
    "password: Optional[str] = None",
    "password = get_password()",
    "password = os.environ['PW']",
    "password = request.form.password1",
    "password=${DB_PASSWORD1}",
    "password: changeme123",
    'password = "your_password1"',
    "口令：********",
    "密码：xxxxxx",
    "密码是空的",
    "密码为6位数字",
    "密码：password",
    "解压密码：www.abc123.com",
    "密码 md5加密",
    "密码学中常用的是Curve25519",
    "密码采用SHA256算法",
    "docker run -u 1000:1000 x",
    "密码 sha256",
    "登录密码 password1",
    "密码,说明\n必填,长度6-20",
    "password: some-module-12",
    "token: Token2",
    "tokens = 1234567",
    "passwordField1 = 1",
    "AKIAIOSFODNN7EXAMPLE",
    "sk-fading-circle-container-x1",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "Bearer <token>",
    "Bearer YOUR_ACCESS_TOKEN_GOES_HERE",
    "eyJhbGciOiJIUzI1NiJ9",
    f"{JWT[:5]}x{JWT[6:]}",
    "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\n" + drawn(64, 1),
    "http://user:pass@host/",
    "http://127.0.0.1:8080/a@b",
    f"{BITCOIN[:-1]}1",
    BITCOIN.lower(),
    f"{TRON[:-1]}a",
    f"{SEGWIT[:-1]}5",
    ETHER.lower(),
    ETHER.replace("B", "b"),
    "钱包0x0000000000000000000000000000000000000000",
    f"x{BITCOIN}",
    "",
]


COLUMNS = ["账号,密码\nzhangsan,Abc12345\nlisi,qwer1234\nwangwu,Wang!9988\n"]


@pytest.mark.parametrize("text", COLUMNS)
def test_the_first_rows_of_a_column_are_found(text: str) -> None:
    assert [grade for _, _, grade in found(text)] == ["contextual"] * 3
    assert_anchored(text)


@pytest.mark.parametrize(("text", "kind", "value", "grade"), FOUND)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_finds_and_grades(text: str, kind: str, value: str, grade: str, shape: type[str]) -> None:
    assert found(shape(text)) == [(kind, shape(value), grade)]
    assert_anchored(shape(text))


@pytest.mark.parametrize("text", LOOK_ALIKES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_look_alikes_do_not_count(text: str, shape: type[str]) -> None:
    assert [grade for _, _, grade in found(shape(text)) if grade != "weak"] == []


def test_masks_of_secrets_show_the_issuer_at_most() -> None:
    assert [mask("CREDENTIAL", value) for value in ("Abc@12345", "ghp_" + drawn(36, 5), JWT)] == [
        "********",
        "ghp_********",
        "eyJ********",
    ]


def test_checksums_of_wallets() -> None:
    assert keccak_256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert is_base58check(BITCOIN) and is_base58check(SCRIPT) and is_base58check(TRON)
    assert is_segwit(SEGWIT) and is_segwit(TAPROOT) and is_checksummed(ETHER)


@given(st.integers(3, len(SEGWIT) - 1), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
def test_one_wrong_character_breaks_a_segwit_address(at: int, char: str) -> None:
    assert is_segwit(SEGWIT[:at] + char + SEGWIT[at + 1 :]) == (SEGWIT[at] == char)


secrets = st.from_regex(r"[0-9A-Za-z!@#$%^&*_.-]{6,40}", fullmatch=True)
values = st.one_of(
    st.builds(
        lambda label, sign, value, end: label + sign + value + end,
        st.sampled_from(
            [
                "密码",
                "登录口令",
                "password",
                "db_passwd",
                "PWD",
                "api_key",
                "accessKeyId",
                "client-secret",
                "token",
                "私钥",
                "my_secret_key",
            ]
        ),
        st.sampled_from(["：", " = ", '="', "': '", "是", "为：", " is ", " => ", "改为“"]),
        secrets,
        st.sampled_from(["", '"', "'", "，", " "]),
    ),
    st.sampled_from([*MARKED, JWT, PEM, BITCOIN, SCRIPT, TRON, SEGWIT, TAPROOT, ETHER, ETHER.lower()]),
    st.builds(lambda user, value: f"ftp://{user}:{value}@h.cn/", st.sampled_from(["root", "u.1"]), secrets),
    secrets.map(lambda value: f"Bearer {value * 3}"),
)
glue = st.lists(
    st.sampled_from([*"密码钱包是，。：; \n-.=\"'aX09０Ｘ", "钱包", "eyJ", "://", "-----BEGIN "]), max_size=12
).map("".join)

HOSTILE = [
    "a",
    "1",
    "eyJ",
    "eyJa.",
    "://a:",
    "a://b:c",
    "password=",
    "密码：",
    "bearer ",
    "-----BEGIN PRIVATE KEY-----\n",
    "sk-",
    "0x",
    "T1",
    "A+/\n",
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(values, values.map(full_width), glue), max_size=6).map("".join))
def test_every_finding_has_its_anchor_and_the_gate_loses_none(text: str) -> None:
    assert_anchored(text)


@pytest.mark.parametrize("unit", HOSTILE)
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # quadratic work on these would run into the time limit of a rule
    for rule in RULES:
        rule.findings(text)
