"""Addresses of cryptocurrency wallets and the checksums in them."""

import hashlib

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VERSIONS = frozenset((0x00, 0x05, 0x41))  # Bitcoin P2PKH and P2SH, Tron


def is_base58check(address: str) -> bool:
    """Whether a Bitcoin or Tron address of Base58 carries its double SHA-256."""
    number = 0
    for char in address:
        number = number * 58 + _BASE58.index(char)
    if number >> 200:
        return False
    payload = number.to_bytes(25, "big")
    zeros = len(address) - len(address.lstrip("1"))  # a leading 1 stands for a byte of zeros
    if payload[0] not in _VERSIONS or zeros != len(payload) - len(payload.lstrip(b"\0")):
        return False
    return hashlib.sha256(hashlib.sha256(payload[:21]).digest()).digest()[:4] == payload[21:]


def is_segwit(address: str) -> bool:
    """Whether a SegWit address carries its checksum: bech32 for version 0 (BIP 173), bech32m for later ones (BIP 350)."""
    human, _, data = address.lower().rpartition("1")
    if address not in (address.lower(), address.upper()) or any(char not in _BECH32 for char in data) or len(data) < 8:
        return False
    values = [_BECH32.index(char) for char in data]
    expanded = [ord(char) >> 5 for char in human] + [0] + [ord(char) & 31 for char in human]
    return _polymod(expanded + values) == (1 if values[0] == 0 else 0x2BC830A3) and _witness_fits(values)


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check


def _witness_fits(values: list[int]) -> bool:
    size, rest = divmod(5 * (len(values) - 7), 8)  # all but the version and six of checksum
    return values[0] <= 16 and rest < 5 and (size in (20, 32) if values[0] == 0 else 2 <= size <= 40)


def is_checksummed(address: str) -> bool:
    """Whether the capitals of an Ethereum address, 0x and 40 hexadecimal digits, are those of EIP-55."""
    digits = address[2:]
    key = keccak_256(digits.lower().encode("ascii")).hex()
    return all((nibble >= "8") == char.isupper() for char, nibble in zip(digits, key, strict=False) if char.isalpha())


_ROTATIONS = ((0, 36, 3, 41, 18), (1, 44, 10, 45, 2), (62, 6, 43, 15, 61), (28, 55, 25, 21, 56), (27, 20, 39, 8, 14))
_MASK = (1 << 64) - 1


def _round_constants() -> list[int]:
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            constant |= (register & 1) << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register >> 7 else 0)
        constants.append(constant)
    return constants


_ROUNDS = tuple(_round_constants())


def _rotate(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _MASK if by else word


def keccak_256(message: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it: SHA3-256 before NIST changed the padding, which hashlib does not offer."""
    rate = 136
    padded = bytearray(message + b"\x01" + b"\0" * (-(len(message) + 1) % rate))
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]
    for block in range(0, len(padded), rate):
        for lane in range(rate // 8):
            word = int.from_bytes(padded[block + 8 * lane : block + 8 * lane + 8], "little")
            state[lane % 5][lane // 5] ^= word
        for constant in _ROUNDS:
            state = _permute(state, constant)
    return b"".join(state[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))


def _permute(state: list[list[int]], constant: int) -> list[list[int]]:
    parity = [column[0] ^ column[1] ^ column[2] ^ column[3] ^ column[4] for column in state]
    mixed = [parity[x - 1] ^ _rotate(parity[(x + 1) % 5], 1) for x in range(5)]
    moved = [[0] * 5 for _ in range(5)]
    for x in range(5):
        for y in range(5):
            moved[y][(2 * x + 3 * y) % 5] = _rotate(state[x][y] ^ mixed[x], _ROTATIONS[x][y])
    result = [[moved[x][y] ^ (~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
    result[0][0] ^= constant
    return result
