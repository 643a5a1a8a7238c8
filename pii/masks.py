"""What may be shown of a value, and its keyed digest: enough to recognise it again, not to use it."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable

from pii.people import date_of_birth

DIGEST_BYTES = 16


_LETTERS_FOR_DIGITS = str.maketrans("OolI", "0011")  # an evasion the rule for mobiles knows


def _mask_mobile(found: str) -> str:
    number = re.sub(r"[^0-9]", "", found.translate(_LETTERS_FOR_DIGITS))
    return f"{number[-11:-8]}****{number[-4:]}"


def _mask_id(found: str) -> str:
    number = re.sub(r"[^0-9A-Za-z]", "", found).upper()
    return f"{number[:3]}{'*' * (len(number) - 5)}{number[-2:]}"


def _mask_card(found: str) -> str:
    return "************" + re.sub(r"[ \r\n-]", "", found)[-4:]


def _mask_alipay(found: str) -> str:
    return _mask_email(found) if "@" in found else _mask_mobile(found)


def _mask_plate(found: str) -> str:
    plate = re.sub(r"[^0-9A-Za-z\u4e00-\u9fff]", "", found)
    return f"{plate[:2]}{'*' * (len(plate) - 4)}{plate[-2:]}"


def _mask_email(found: str) -> str:
    local, _, domain = found.rpartition("@")
    return f"{local[:1]}***@" + re.sub(r"(?<=[0-9]{2})[0-9]{3,}", _stars, domain)  # a number as a domain


def _stars(found: re.Match[str]) -> str:
    return "*" * len(found.group())


def _mask_ip(found: str) -> str:
    address = ipaddress.ip_address(found)
    if isinstance(address, ipaddress.IPv4Address):
        return ".".join(found.split(".")[:2]) + ".*.*"
    first, second, *_ = address.exploded.split(":")
    return f"{int(first, 16):x}:{int(second, 16):x}:*:*"


def _mask_ends(found: str) -> str:
    """The first character and the last two, of short values the first alone."""
    shown = 2 if len(found) >= 8 else 0
    return found[:1] + "*" * (len(found) - 1 - shown) + found[len(found) - shown :]


def _mask_name(found: str) -> str:
    return found[:1] + "*" * (len(found) - 1)


def _mask_address(found: str) -> str:
    return f"{found[:3]}***"


def _mask_birth(found: str) -> str:
    return found[:2] + re.sub(r"[0-9〇○零一二三四五六七八九十元]", "*", found[2:])


def _mask_location(found: str) -> str:
    return re.sub(r"\.[0-9]+", ".***", re.sub(r"(?<=[°º˚度]).*?(?=[,;、 NEne东北]|\Z)", "**", found))


def _mask_track(_: str) -> str:
    return "***"


def _mask_mac(found: str) -> str:
    """The maker's half."""
    return found[: len(found) // 2] + re.sub(r"[0-9A-Fa-f]", "*", found[len(found) // 2 :])


def _mask_credential(found: str) -> str:
    """The issuer's mark at most; not even the length."""
    mark = re.match(
        r"AKIA|ASIA|LTAI|AKID|AIza|gh[pousr]_|github_pat_|glpat-|hf_|npm_|sk-|[sr]k_live_|xox[a-z]-|eyJ|-----BEGIN",
        found,
    )
    return (mark[0] if mark else "") + "********"


_MASKS: dict[str, Callable[[str], str]] = {
    "CN_MOBILE": _mask_mobile,
    "CN_ID_CARD": _mask_id,
    "CN_RESIDENCE_PERMIT": _mask_id,
    "CN_PERMANENT_RESIDENCE": _mask_id,
    "BANK_CARD": _mask_card,
    "ALIPAY": _mask_alipay,
    "CN_PLATE": _mask_plate,
    "EMAIL": _mask_email,
    "IP_ADDRESS": _mask_ip,
    "PERSON": _mask_name,
    "CN_ADDRESS": _mask_address,
    "BIRTH_DATE": _mask_birth,
    "PRECISE_LOCATION": _mask_location,
    "TRACK": _mask_track,
    "MAC_ADDRESS": _mask_mac,
    "CREDENTIAL": _mask_credential,
}


# Their rules read the letter O as 0.
_CHECKED_NUMBERS = frozenset({"CN_ID_CARD", "CN_RESIDENCE_PERMIT", "CN_PERMANENT_RESIDENCE", "BANK_CARD", "CN_USCC"})


def mask(kind: str, value: str) -> str:
    """What may be shown of a value, given in folded text."""
    return _MASKS.get(kind, _mask_ends)(value)


def canonical(kind: str, value: str) -> str:
    """One spelling for all ways to write a value: without separators and in one case; mobiles without country code."""
    dotted = kind in {"EMAIL", "IP_ADDRESS", "PRECISE_LOCATION"} or "@" in value
    plain = re.sub(r"\s" if dotted else r"[\s.·•・‧∙-]", "", value)
    if kind == "CN_MOBILE" or (kind == "ALIPAY" and not dotted and not plain.startswith("2088")):
        return plain.translate(_LETTERS_FOR_DIGITS)[-11:]
    if kind == "CN_LANDLINE":
        return (
            re.sub(r"\A(?:\+|00)?86\)?(?:\(0\))?\(?0?", "0", re.sub(r"—|\A\((?=\+|00|86)", "", plain))
            .replace("(", "")
            .replace(")", "")
        )
    if kind == "IP_ADDRESS":
        return ipaddress.ip_address(plain).exploded
    if kind in {"MAC_ADDRESS", "INTL_PHONE"}:
        return (
            re.sub(r"\A00", "+", re.sub(r"[:()]", "", plain)).upper()
            if kind == "INTL_PHONE"
            else plain.replace(":", "").upper()
        )
    if kind == "CN_MILITARY_ID":
        return re.sub(r"号\Z", "", plain).upper()
    if kind == "BIRTH_DATE":
        return date_of_birth(value).upper()
    if kind in _CHECKED_NUMBERS:
        plain = plain.upper().replace("O", "0")
    return plain if kind in {"CREDENTIAL", "CRYPTO_WALLET"} else plain.upper()


def digest(kind: str, value: str, salt: bytes) -> bytes:
    """HMAC-SHA256 of type and canonical value under the salt, the first 16 bytes.

    Numbers can be tried out one by one, so without the salt a digest would be as good as the number.
    """
    content = f"{kind}\0{canonical(kind, value)}".encode("utf-8", "surrogatepass")
    return hmac.new(salt, content, hashlib.sha256).digest()[:DIGEST_BYTES]
