"""Values that look like personal information and are none: what stands in `<<…>>` of the templates."""

import base64
from collections.abc import Callable
from functools import cache, partial
from random import Random
from uuid import UUID

from benchmarks.personal.numbers import (
    DIGITS,
    USCC_CHARS,
    digits,
    hotline,
    id_card,
    imei,
    landline,
    luhn_digit,
    mobile,
    union_card,
    uscc,
)
from benchmarks.personal.vocabulary import Vocabulary

_HEX = "0123456789abcdef"


def _day(rng: Random) -> str:
    return f"{rng.randrange(2018, 2026)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"


def order(rng: Random) -> str:
    forms = (
        _day(rng) + digits(rng, 10), _day(rng) + digits(rng, 12), digits(rng, 19, "1234"), digits(rng, 18, "1234"), digits(rng, 12, "123"), digits(rng, 15, "1234"),
        "DD" + _day(rng) + digits(rng, 6), digits(rng, 16, "12345"), "4200" + digits(rng, 6) + _day(rng) + digits(rng, 10), digits(rng, 11, "2345"), mobile(rng),
    )  # fmt: skip
    return rng.choice(forms)


def waybill(rng: Random) -> str:
    forms = (
        "SF" + digits(rng, 13, "1"), "YT" + digits(rng, 13), "JT" + digits(rng, 13), "JDVA" + digits(rng, 11), "78" + digits(rng, 13), "46" + digits(rng, 13),
        digits(rng, 13, "19"), digits(rng, 12, "1236"), "EA" + digits(rng, 9) + "CN", digits(rng, 15, "3578"), digits(rng, 14, "7"),
    )  # fmt: skip
    return rng.choice(forms)


def _other(rng: Random, value: str, alphabet: str) -> str:
    """The value with another last character."""
    return value[:-1] + rng.choice([char for char in alphabet if char != value[-1]])


def bad_id(rng: Random) -> str:
    """Right in everything but the check digit, and no card number either."""
    while True:
        value = _other(rng, id_card(rng), DIGITS)
        if luhn_digit(value[:-1]) != value[-1]:
            return value


def isbn(rng: Random) -> str:
    body = "9787" + digits(rng, 8)
    code = body + _ean_digit(body)
    return rng.choice((code, f"978-7-{code[4:7]}-{code[7:12]}-{code[12]}"))


def ean(rng: Random) -> str:
    body = "69" + digits(rng, 10)
    return body + _ean_digit(body)


def _ean_digit(body: str) -> str:
    return str(-sum(int(char) * (3 if place % 2 else 1) for place, char in enumerate(body)) % 10)


def cas(rng: Random) -> str:
    """A CAS number with its check digit."""
    body = digits(rng, rng.randrange(4, 7), "123456789") + digits(rng, 2)
    check = sum(int(char) * place for place, char in enumerate(reversed(body), 1)) % 10
    return f"{body[:-2]}-{body[-2:]}-{check}"


def _hex(count: int) -> Callable[[Random], str]:
    return lambda rng: "".join(rng.choices(_HEX, k=count))


def _digits(count: int) -> Callable[[Random], str]:
    return lambda rng: digits(rng, count, "123456789")


def public_address(rng: Random, own: Vocabulary) -> str:
    province, city, district = rng.choice(own.districts)
    return f"{city or province}{district}{rng.choice(own.roads)}{rng.randrange(1, 900)}号"


def serial(rng: Random) -> str:
    return (
        "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=rng.choice((2, 3, 4))))
        + digits(rng, rng.choice((6, 7, 8)))
        + rng.choice(("", "A", "CN"))
    )


def part(rng: Random) -> str:
    forms = (
        f"{rng.choice('EGDSPHCM')}{digits(rng, 8)}", f"E{rng.choice('ABCDEF')}{digits(rng, 7)}", f"RC{digits(rng, 4)}FR-{digits(rng, 2)}K", f"{digits(rng, 3)}-{digits(rng, 5)}-{digits(rng, 2)}",
        f"A{digits(rng, 3)} {digits(rng, 3)} {digits(rng, 2)} {digits(rng, 2)}",
    )  # fmt: skip
    return rng.choice(forms)


def floats(rng: Random) -> str:
    return rng.choice((", ", "\t", " ")).join(f"{rng.uniform(-180, 180):.6f}" for _ in range(6))


def integers(rng: Random) -> str:
    return rng.choice((" | ", "\t", ",", " ")).join(digits(rng, rng.randrange(5, 12), "123456789") for _ in range(6))


_FILLERS: dict[str, Callable[[Random], str]] = {
    "order": order,
    "waybill": waybill,
    "ms": lambda rng: "1" + digits(rng, 12, "567"),
    "ns": lambda rng: "1" + digits(rng, 18, "67"),
    "seconds": lambda rng: "1" + digits(rng, 9, "567"),
    "isbn": isbn,
    "ean": ean,
    "issn": lambda rng: f"{digits(rng, 4)}-{digits(rng, 3)}X",
    "doi": lambda rng: f"10.{digits(rng, 4, '1')}/j.cnki.{digits(rng, 4)}-{digits(rng, 4)}.{rng.randrange(2000, 2025)}.{digits(rng, 2)}.{digits(rng, 3)}",
    "version": lambda rng: ".".join(str(rng.randrange(0, 40)) for _ in range(3)),
    "fourpart": lambda rng: f"{rng.randrange(1, 12)}.{rng.randrange(0, 30)}.{rng.randrange(0, 30)}.{rng.randrange(0, 255)}",
    "browser": lambda rng: f"{rng.randrange(70, 130)}.0.{rng.randrange(3000, 6500)}.{rng.randrange(20, 200)}",
    "hotline": hotline,
    "badid": bad_id,
    "badcard": lambda rng: _other(rng, union_card(rng), DIGITS),
    "baduscc": lambda rng: _other(rng, uscc(rng), USCC_CHARS),
    "badimei": lambda rng: _other(rng, imei(rng), DIGITS),
    "money": lambda rng: f"{rng.randrange(10, 99999)}.{rng.randrange(100):02d}",
    "bigcount": lambda rng: rng.choice((mobile(rng), digits(rng, 10, "123456789"), digits(rng, 12, "123456789"), digits(rng, 8, "123456789"))),
    "mobilelike": mobile,
    "digits5": _digits(5), "digits7": _digits(7), "digits8": _digits(8), "digits9": _digits(9), "digits10": _digits(10), "digits12": _digits(12), "digits14": _digits(14),
    "digits11": lambda rng: rng.choice((mobile(rng), digits(rng, 11, "123456789"))),
    "serial": lambda rng: digits(rng, 6, "123456789"),
    "hex16": _hex(16), "hex32": _hex(32), "hex40": _hex(40), "hex64": _hex(64),
    "base64": lambda rng: base64.b64encode(rng.randbytes(64)).decode(),
    "uuid": lambda rng: str(UUID(int=rng.getrandbits(128), version=4)),
    "floatrow": floats,
    "introw": integers,
    "latlng": lambda rng: f"{rng.uniform(20, 45):.6f},{rng.uniform(100, 125):.6f}",
    "serialno": serial,
    "partno": part,
    "icp": lambda rng: "1101" + digits(rng, 10),
    "qqgroup": _digits(9),
    "cas": cas,
    "publicline": landline,
    "companyaccount": lambda rng: digits(rng, rng.choice((15, 17, 19, 20)), "1234"),
}  # fmt: skip


@cache
def fillers(own: Vocabulary) -> dict[str, Callable[[Random], str]]:
    """What a filler draws; words come from `own`."""
    return _FILLERS | {
        "organisation": lambda rng: rng.choice(own.organisations),
        "publicaddress": partial(public_address, own=own),
    }
