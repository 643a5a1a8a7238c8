"""Keccak-256 as Ethereum uses it (the padding before FIPS 202): no library the project has offers it."""

_MASK = (1 << 64) - 1
_RATE = 136  # bytes taken in a round of a 256-bit digest
_LANES = 25


def _round_constants() -> list[int]:
    """The 24 constants of step iota, from the shift register that defines them."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register <<= 1
            if register & 0x100:
                register ^= 0x171
        constants.append(constant)
    return constants


_CONSTANTS = _round_constants()


def _turn(value: int, by: int) -> int:
    by %= 64
    return ((value << by) | (value >> (64 - by))) & _MASK if by else value


def _permute(state: list[int]) -> list[int]:
    """Keccak-f[1600]; lane (x, y) is state[x + 5 y]."""
    for constant in _CONSTANTS:
        columns = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        state = [
            state[i] ^ columns[(i % 5 - 1) % 5] ^ _turn(columns[(i % 5 + 1) % 5], 1) for i in range(_LANES)
        ]  # theta
        x, y, lane = 1, 0, state[1]
        for step in range(24):  # rho and pi
            x, y = y, (2 * x + 3 * y) % 5
            state[x + 5 * y], lane = _turn(lane, (step + 1) * (step + 2) // 2), state[x + 5 * y]
        rows = [state[5 * y : 5 * y + 5] for y in range(5)]
        state = [row[x] ^ (~row[(x + 1) % 5] & _MASK & row[(x + 2) % 5]) for row in rows for x in range(5)]  # chi
        state[0] ^= constant
    return state


def keccak256(message: bytes, padding: bytes = b"\x01") -> bytes:
    """The 32 bytes of the digest; with the padding b"\\x06" it is SHA3-256."""
    padded = bytearray(message + padding + bytes(-(len(message) + 1) % _RATE))
    padded[-1] |= 0x80
    state = [0] * _LANES
    for start in range(0, len(padded), _RATE):
        block = padded[start : start + _RATE]
        for lane in range(_RATE // 8):
            state[lane] ^= int.from_bytes(block[8 * lane : 8 * lane + 8], "little")
        state = _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])
