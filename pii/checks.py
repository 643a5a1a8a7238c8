"""Check digits and other laws numbers obey."""

import ipaddress
from datetime import date
from functools import lru_cache
from importlib import resources

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def id_check_digit(body: str) -> str:
    """The 18th character of a resident identity number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True)) % 11]


def luhn(number: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812-1."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (doubled + sum(int(digit) for digit in number[-1::-2])) % 10 == 0


@lru_cache(maxsize=1)
def top_level_domains() -> frozenset[str]:
    """All listed top-level domains, from the list inside tldextract: neither network nor cache directory."""
    from tldextract import TLDExtract

    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None).tlds
    return frozenset(suffix.rsplit(".", 1)[-1] for suffix in suffixes)


# Written out rather than asked of `ipaddress`, whose answer changes between Python's patch releases.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
        *("::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "3fff::/20"),
    )
)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether the address is one of the public internet, by the special-purpose registries."""
    return not any(address.version == network.version and address in network for network in _NOT_PUBLIC)


# Numbers that standards and tutorials print: the example of GB 11643 and those that were copied from one page to the next.
_SAMPLES = frozenset(
    (
        *("11010519491231002X", "34052419800101001X", "53010219200508011X", "130503196704010016"),
        *("110105491231002", "340524800101001", "130503670401001"),
    )
)
_COUNTED = ("1234567", "7654321")


def is_sample(number: str) -> bool:
    """Whether a number is a published example, or was counted up on the keyboard."""
    return number in _SAMPLES or any(run in number for run in _COUNTED)


# The present provinces of GB/T 2260, Taiwan's 71 included; 81 to 83 and 9 stand for permits (GB 11643, GA 1411).
PROVINCES = frozenset(
    f"{code}"
    for code in (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71)
)
FIRST_YEAR, LAST_YEAR = 1900, 2027  # of birth; a constant, so that one text gives one outcome on any day


def is_birth_date(digits: str) -> bool:
    """Whether `YYYYMMDD` is a day on which a living person may have been born."""
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return FIRST_YEAR <= day.year <= LAST_YEAR


_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def credit_check_character(body: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015, MOD 31); `body` is of its alphabet."""
    total = sum(_USCC_ALPHABET.index(char) * weight for char, weight in zip(body, _USCC_WEIGHTS, strict=True))
    return _USCC_ALPHABET[-total % 31]


def organisation_check_character(body: str) -> str:
    """The 9th character of an organisation code (GB 11714-1997, MOD 11), which stands inside every credit code."""
    total = sum(int(char, 36) * weight for char, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


@lru_cache(maxsize=1)
def card_issuers() -> tuple[tuple[str, str, frozenset[int], bool], ...]:
    """First prefix, last prefix, lengths and whether domestic, from data/issuers.tsv."""
    lines = (resources.files("pii") / "data" / "issuers.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return tuple(
        (
            prefix.partition("-")[0],
            prefix.rpartition("-")[2],
            frozenset(map(int, lengths.split(","))),
            kind == "domestic",
        )
        for prefix, lengths, kind, _ in rows
    )


def issued(number: str) -> str | None:
    """`domestic` or `scheme` where the prefix and the length are those of an issuer; None for no card."""
    found = None
    for first, last, lengths, domestic in card_issuers():
        if len(number) in lengths and first <= number[: len(first)] <= last:
            if domestic:
                return "domestic"
            found = "scheme"
    return found
