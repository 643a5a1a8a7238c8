"""Numbers of people and things, in the formats of real life and with valid check digits.

Sources: GB 11643 and GB 32100 (check characters), GB/T 2260 (divisions), ISO/IEC 7812 (Luhn), the numbering plan of the
MIIT, GA 36 (plates). Every function draws from the generator it is given and nothing else.
"""

import re
import string
from datetime import date, timedelta
from random import Random

from benchmarks.personal.vocabulary import words

DIGITS = string.digits
PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O
USCC_CHARS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
MOBILE_SEGMENTS = (
    *range(130, 140),
    *range(145, 150),
    *(150, 151, 152, 153, 155, 156, 157, 158, 159),
    *(162, 165, 166, 167, 170, 171, 172, 173, 175, 176, 177, 178),
    *range(180, 190),
    *(190, 191, 192, 193, 195, 196, 197, 198, 199),
)
# Counties and districts, some of them dissolved since: numbers of older people keep the code of their birth.
COUNTIES = words(
    """110101 110105 110108 110112 110229 120102 120104 130102 130402 130681 140105 140223 150102 150404 210102
210202 210881 220102 220204 230102 230606 310101 310104 310110 310115 310225 320102 320106 320583 320981 321088 330106
330108 330225 330782 340104 340826 341221 350102 350203 350583 360102 360731 370102 370202 370724 371302 410105 410782
411481 420106 420111 420821 430104 430521 432503 440103 440106 440305 440306 440582 441900 450103 450521 460105 460200
500103 500112 510104 510107 511025 513022 520102 522121 530102 532128 540102 610112 610113 612701 620102 622301 630102
640104 650102 653101"""
)
AREA_8 = words(
    "010 020 021 022 023 024 025 027 028 029 0311 0371 0411 0431 0451 0512 0531 0532 0551 0571 0574 0591 0731 0755 0757 0769"
)
AREA_7 = words(
    "0310 0351 0391 0415 0453 0517 0553 0570 0578 0593 0633 0662 0717 0735 0758 0776 0816 0851 0873 0898 0938 0971 0991"
)
# Issuer prefix and length of the whole number.
CARDS = (
    ("622202", 19), ("622208", 19), ("621226", 19), ("621225", 19), ("620058", 19), ("622848", 19), ("622845", 19), ("622846", 19),
    ("621700", 19), ("622700", 16), ("436742", 19), ("622280", 19), ("621660", 19), ("621661", 19), ("601382", 19), ("625908", 16),
    ("622260", 19), ("622262", 19), ("405512", 17), ("601428", 17), ("622588", 16), ("622580", 16), ("621483", 16), ("621485", 16),
    ("621799", 19), ("622188", 19), ("621098", 19), ("622690", 16), ("622660", 16), ("622622", 16), ("622521", 16), ("622909", 18),
    ("622155", 16), ("621626", 19), ("622630", 16), ("622568", 19),
)  # fmt: skip
FOREIGN_CARDS = (("4392", 16), ("4563", 16), ("5187", 16), ("5240", 16), ("3568", 16), ("3702", 15), ("5522", 16))
_BORN_FROM, _BORN_TO = date(1946, 1, 1), date(2016, 12, 31)


def digits(rng: Random, count: int, first: str = DIGITS) -> str:
    """So many digits, the first one of `first`."""
    return rng.choice(first) + "".join(rng.choices(DIGITS, k=count - 1))


def birth(rng: Random) -> date:
    return _BORN_FROM + timedelta(days=rng.randrange((_BORN_TO - _BORN_FROM).days))


def luhn_digit(body: str) -> str:
    """The digit that makes `body` + digit pass (ISO/IEC 7812-1)."""
    total = 0
    for place, char in enumerate(reversed(body)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def id_check(body: str) -> str:
    """The check character of the first 17 digits (GB 11643, MOD 11-2)."""
    rest = 0
    for char in body:
        rest = (rest + int(char)) * 2 % 11
    return "0123456789X"[(12 - rest) % 11]


def uscc_check(body: str) -> str:
    """The check character of the first 17 characters (GB 32100, MOD 31)."""
    total = sum(USCC_CHARS.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return USCC_CHARS[-total % 31]


def organisation_check(body: str) -> str:
    """The check character of the 8 characters of an organisation code (GB 11714, MOD 11)."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    alphabet = DIGITS + string.ascii_uppercase
    return "0123456789X"[-sum(w * alphabet.index(c) for w, c in zip(weights, body, strict=True)) % 11]


def _id(rng: Random, division: str) -> str:
    body = f"{division}{birth(rng):%Y%m%d}{rng.randrange(1, 1000):03d}"
    return body + id_check(body)


def id_card(rng: Random) -> str:
    return _id(rng, rng.choice(COUNTIES))


def id_card_15(rng: Random) -> str:
    """The form issued until 1999: two digits of the year, no check digit."""
    born = date(1935, 1, 1) + timedelta(days=rng.randrange(50 * 365))
    return f"{rng.choice(COUNTIES)}{born:%y%m%d}{rng.randrange(1, 1000):03d}"


def residence_permit(rng: Random) -> str:
    return _id(rng, rng.choice(("810000", "820000", "830000")))


def permanent_residence_new(rng: Random) -> str:
    """2023: 9, province, country by ISO 3166 number, date, sequence, check digit."""
    return _id(rng, "9" + rng.choice(("11", "31", "44", "33", "51")) + rng.choice(("840", "826", "124", "036", "392")))


def permanent_residence_old(rng: Random) -> str:
    return rng.choice(("USA", "GBR", "CAN", "AUS", "JPN", "KOR", "FRA", "DEU")) + digits(rng, 12)


def mobile(rng: Random) -> str:
    return str(rng.choice(MOBILE_SEGMENTS)) + digits(rng, 8)


def mobile_any(rng: Random) -> str:
    """As people write it: bare most often, grouped, or with the country code."""
    own = mobile(rng)
    grouped = f"{own[:3]} {own[3:7]} {own[7:]}"
    forms = (
        *(own,) * 12, grouped, grouped.replace(" ", "-"), f"+86{own}", f"+86 {own}", f"+86-{own}", f"+86 {grouped}", f"0086{own}",
        f"86-{own}", f"0086-{own}", f"(+86){own}",
    )  # fmt: skip
    return rng.choice(forms)


def landline(rng: Random) -> str:
    area, size = (rng.choice(AREA_8), 8) if rng.random() < 0.6 else (rng.choice(AREA_7), 7)
    local = digits(rng, size, "2345678")
    forms = (
        *(f"{area}-{local}",) * 6, f"({area}){local}", f"（{area}）{local}", f"{area} {local}", f"{area}{local}",
        f"{area}-{local[:4]} {local[4:]}", f"+86-{area[1:]}-{local}", f"{area}-{local}转{digits(rng, 3, '123456789')}",
        f"{area}-{local}-{digits(rng, 4, '12345678')}", f"{area}-{local}转分机{digits(rng, 4, '12345678')}",
    )  # fmt: skip
    return rng.choice(forms)


def hotline(rng: Random) -> str:
    rest = digits(rng, 6)
    forms = (
        f"400-{digits(rng, 1, '016789')}{rest[:2]}-{rest[2:]}", f"400{digits(rng, 1, '016789')}{rest}", f"400-{digits(rng, 1, '016789')}{rest}",
        f"800-{digits(rng, 1, '2345678')}{rest[:2]}-{rest[2:]}",
        rng.choice(("95588", "95533", "95599", "95566", "95555", "95559", "95511", "95518")),
    )  # fmt: skip
    return rng.choice(forms)


def international(rng: Random) -> str:
    """A number libphonenumber calls valid, with its country code."""
    import phonenumbers

    while True:
        region, form = rng.choice(
            (("HK", "+852 {4} {4}"), ("HK", "+852-{8}"), ("MO", "+853 6{3} {4}"), ("TW", "+886 9{2} {3} {3}"), ("US", "+1 {3} {3} {4}"),
             ("US", "+1 ({3}) {3}-{4}"), ("GB", "+44 7{3} {6}"), ("JP", "+81 90-{4}-{4}"), ("SG", "+65 9{3} {4}"), ("AU", "+61 4{2} {3} {3}"))
        )  # fmt: skip
        number = re.sub(r"\{(\d)\}", lambda m: digits(rng, int(m[1]), "23456789"), form)
        if phonenumbers.is_valid_number_for_region(phonenumbers.parse(number), region):
            return number


def _card(rng: Random, prefix: str, length: int) -> str:
    body = prefix + digits(rng, length - len(prefix) - 1)
    return body + luhn_digit(body)


def union_card(rng: Random) -> str:
    return _card(rng, *rng.choice(CARDS))


def grouped(number: str, by: int = 4, sign: str = " ") -> str:
    return sign.join(number[start : start + by] for start in range(0, len(number), by))


def bank_card(rng: Random) -> str:
    """UnionPay mostly; a third of them in groups of four, as banks print them."""
    number = union_card(rng) if rng.random() < 0.85 else _card(rng, *rng.choice(FOREIGN_CARDS))
    kind = rng.random()
    if len(number) == 15 or kind < 0.65:
        return number
    return grouped(number) if kind < 0.9 else grouped(number, sign="-")


def passport(rng: Random) -> str:
    forms = (
        "E" + digits(rng, 8), "E" + rng.choice("ABCDEFGHJKLMN") + digits(rng, 7), "E" + rng.choice("ABCDEFGHJKLMN") + digits(rng, 7),
        "G" + digits(rng, 8), "P" + digits(rng, 8), "PE" + digits(rng, 7), "D" + digits(rng, 8), "DE" + digits(rng, 7),
        "S" + digits(rng, 8), "SE" + digits(rng, 7),
    )  # fmt: skip
    return rng.choice(forms)


def exit_permit(rng: Random) -> str:
    """To Hong Kong and Macau, of mainland residents."""
    return rng.choice(("C" + digits(rng, 8), "C" + rng.choice("ABCDEFG") + digits(rng, 7), "W" + digits(rng, 8)))


def home_permit(rng: Random) -> str:
    """Of Hong Kong and Macau residents."""
    return rng.choice("HM") + digits(rng, rng.choice((8, 8, 10)))


def taiwan_permit(rng: Random) -> str:
    """To Taiwan, of mainland residents."""
    return rng.choice("TL") + digits(rng, 8)


def compatriot_permit(rng: Random) -> str:
    """Of Taiwan residents."""
    return digits(rng, 8, "0123")


def military(rng: Random) -> str:
    return f"{rng.choice('军南北沈兰济成广海空武士文政参装')}字第{digits(rng, rng.choice((6, 7, 8)))}号"


def driving_file(rng: Random) -> str:
    """The number of the file of a driving licence: city and eight digits."""
    return rng.choice(COUNTIES)[:4] + digits(rng, 8)


def social_security(rng: Random) -> str:
    return rng.choice(
        (rng.choice(string.ascii_uppercase) + digits(rng, 8), digits(rng, 9, "123456789"), digits(rng, 10, "123456"))
    )


def plate(rng: Random) -> str:
    province = rng.choice("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼")
    city = rng.choice("ABCDEFGHJKL")
    sign = rng.choice(("", "", "", "·", " "))
    serial = list(digits(rng, 5))
    for place in rng.sample(range(5), rng.choice((0, 1, 1, 2))):
        serial[place] = rng.choice(PLATE_LETTERS)
    own = "".join(serial)
    kind = rng.random()
    if kind < 0.6:
        return province + city + sign + own
    if kind < 0.85:
        second = rng.choice(PLATE_LETTERS + DIGITS)
        return province + city + sign + rng.choice("DF") + second + digits(rng, 4)
    if kind < 0.95:
        return province + city + sign + digits(rng, 4) + rng.choice("警学挂")
    return "粤Z" + sign + rng.choice(PLATE_LETTERS) + digits(rng, 3) + rng.choice("港澳")


def uscc(rng: Random) -> str:
    organisation = rng.choice(("MA" + "".join(rng.choices(USCC_CHARS, k=6)), digits(rng, 8, "1234567")))
    kind = rng.choice(("91", "91", "91", "92", "93", "11", "12", "51", "52"))
    body = kind + rng.choice(COUNTIES) + organisation + organisation_check(organisation)
    return body + uscc_check(body)


def imei(rng: Random) -> str:
    body = rng.choice(("86", "86", "86", "35", "01")) + digits(rng, 12)
    return body + luhn_digit(body)


def medical_record(rng: Random) -> str:
    year = rng.randrange(2015, 2025)
    forms = (
        digits(rng, 8), digits(rng, 10), f"{year}{digits(rng, 6)}", f"ZY{year}{digits(rng, 5)}", f"M{digits(rng, 7)}", f"P{digits(rng, 9)}",
        f"ZYH{digits(rng, 7)}", digits(rng, 7),
    )  # fmt: skip
    return rng.choice(forms)
