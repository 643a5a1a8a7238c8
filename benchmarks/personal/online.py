"""What people have on-line: addresses, accounts, devices, secrets and wallets, with valid check parts."""

import base64
import hashlib
import json
import string
from ipaddress import IPv6Address
from random import Random

from benchmarks.personal.keccak import keccak256
from benchmarks.personal.numbers import digits, mobile
from benchmarks.personal.vocabulary import Vocabulary

LETTERS = string.ascii_lowercase
ALNUM = string.ascii_letters + string.digits
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
FIRST_OCTETS = (
    36,
    39,
    42,
    58,
    59,
    60,
    61,
    101,
    106,
    *range(110, 126),
    139,
    171,
    175,
    180,
    182,
    183,
    202,
    210,
    211,
    *range(218, 224),
)
SIGNS = "!@#$%&*_-+?"


def email(rng: Random, own: Vocabulary) -> str:
    kind = rng.random()
    if kind < 0.25:
        return f"{digits(rng, rng.choice((8, 9, 10)), '123456789')}@qq.com"
    first, last, word = rng.choice(own.pinyin), rng.choice(own.pinyin), rng.choice(own.nicknames)
    local = rng.choice(
        (f"{first}{last}{digits(rng, 3)}", f"{first}.{last}", f"{first}_{last}{digits(rng, 2)}", f"{word}{first}{digits(rng, 4)}", f"{first}{last}",
         f"{word}-{first}", f"{first.title()}.{last.title()}", f"{first}{last}+{word}", mobile(rng))
    )  # fmt: skip
    return f"{local}@{rng.choice(own.mail_hosts if kind < 0.75 else own.work_hosts)}"


def ipv4(rng: Random) -> str:
    return ".".join(
        map(str, (rng.choice(FIRST_OCTETS), rng.randrange(1, 255), rng.randrange(1, 255), rng.randrange(1, 255)))
    )


def ipv6(rng: Random) -> str:
    """Of Chinese carriers; half of them with most of the host part zero, and so shortened."""
    top = rng.choice((0x24088200, 0x240E0400, 0x24098900)) + rng.randrange(0xFF)
    host = rng.randrange(1, 0xFFFF) if rng.random() < 0.5 else rng.getrandbits(64)
    address = IPv6Address(top << 96 | rng.randrange(1, 0xFFFF) << 80 | rng.randrange(1, 0xFFFF) << 64 | host)
    return address.compressed if rng.random() < 0.7 else address.exploded


def ip(rng: Random) -> str:
    return ipv4(rng) if rng.random() < 0.75 else ipv6(rng)


def mac(rng: Random) -> str:
    octets = [rng.randrange(0, 64) * 4, *(rng.randrange(256) for _ in range(5))]
    text = rng.choice((":", ":", "-")).join(f"{octet:02x}" for octet in octets)
    return text if rng.random() < 0.4 else text.upper()


def qq(rng: Random) -> str:
    return digits(rng, rng.choice((6, 7, 8, 9, 9, 10, 10, 10)), "123456789" if rng.random() < 0.5 else "123")


def wechat(rng: Random, own: Vocabulary) -> str:
    first, last, word = rng.choice(own.pinyin), rng.choice(own.pinyin), rng.choice(own.nicknames)
    forms = (
        f"{first}{last}{digits(rng, 4)}", f"{word}_{first}{digits(rng, 2)}", f"{word}-{first}-{digits(rng, 3)}", f"wxid_{''.join(rng.choices(LETTERS + string.digits, k=14))}",
        f"{first.title()}{word}{digits(rng, 4)}", f"{first[0]}{last}{rng.randrange(1970, 2006)}{digits(rng, 2)}",
    )  # fmt: skip
    return rng.choice(forms)


def password(rng: Random, own: Vocabulary) -> str:
    first, word = rng.choice(own.pinyin), rng.choice(own.nicknames)
    forms = (
        f"{first.title()}{rng.choice(SIGNS)}{digits(rng, 4)}", "".join(rng.choices(ALNUM, k=10)) + digits(rng, 2), f"{word}{rng.randrange(1970, 2024)}{rng.choice(SIGNS)}",
        f"{word.title()}{digits(rng, 3)}{rng.choice(SIGNS)}{rng.choice(ALNUM)}{digits(rng, 2)}", f"{first}{word}{digits(rng, 3)}",
    )  # fmt: skip
    return rng.choice(forms)


def plain_password(rng: Random, own: Vocabulary) -> str:
    """Without signs that would have to be escaped in a URL."""
    return rng.choice(own.nicknames).title() + _of(rng, ALNUM, 5) + digits(rng, 3)


def _of(rng: Random, alphabet: str, count: int) -> str:
    return "".join(rng.choices(alphabet, k=count))


def api_key(rng: Random) -> str:
    upper = string.ascii_uppercase + string.digits
    forms = (
        "sk-" + _of(rng, ALNUM, 48), "AKIA" + _of(rng, upper, 16), "ghp_" + _of(rng, ALNUM, 36), "AIza" + _of(rng, ALNUM + "_-", 34) + rng.choice(ALNUM),
        "LTAI5t" + _of(rng, ALNUM, 18), "AKID" + _of(rng, ALNUM, 32), "glpat-" + _of(rng, ALNUM, 20), f"xoxb-{digits(rng, 12)}-{digits(rng, 12)}-{_of(rng, ALNUM, 24)}",
    )  # fmt: skip
    return rng.choice(forms)


def jwt(rng: Random) -> str:
    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    claims = {"sub": digits(rng, 6), "iat": 1_700_000_000 + rng.randrange(9_000_000)}
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    return f"{head}.{part(json.dumps(claims).encode())}.{part(rng.randbytes(32))}"


def private_key(rng: Random) -> str:
    kind = rng.choice(("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY"))
    body = base64.b64encode(rng.randbytes(300)).decode()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


def base58check(payload: bytes) -> str:
    """The payload and four bytes of its double SHA-256, in base 58."""
    data = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    value, text = int.from_bytes(data, "big"), ""
    while value:
        value, rest = divmod(value, 58)
        text = BASE58[rest] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check


def bech32(version: int, program: bytes) -> str:
    """A Bitcoin address of a witness program (BIP 173; BIP 350 from version 1 on)."""
    bits = int.from_bytes(program, "big") << (-len(program) * 8 % 5)
    count = -(-len(program) * 8 // 5)
    data = [version, *((bits >> 5 * (count - 1 - place)) & 31 for place in range(count))]
    prefix = [3, 3, 0, 2, 3]  # "bc", high bits, separator, low bits
    check = _polymod(prefix + data + [0] * 6) ^ (1 if version == 0 else 0x2BC830A3)
    return "bc1" + "".join(BECH32[value] for value in [*data, *((check >> 5 * (5 - place)) & 31 for place in range(6))])


def eip55(account: bytes) -> str:
    """An Ethereum address whose capitals are its check (EIP-55)."""
    text = account.hex()
    digest = keccak256(text.encode()).hex()
    return "0x" + "".join(
        char.upper() if int(nibble, 16) > 7 else char for char, nibble in zip(text, digest, strict=False)
    )


def wallet(rng: Random) -> str:
    forms = (
        lambda: base58check(b"\x00" + rng.randbytes(20)),
        lambda: base58check(b"\x05" + rng.randbytes(20)),
        lambda: base58check(b"\x41" + rng.randbytes(20)),  # Tron
        lambda: bech32(0, rng.randbytes(20)),
        lambda: bech32(1, rng.randbytes(32)),
        lambda: eip55(rng.randbytes(20)),
    )
    return rng.choice(forms)()
