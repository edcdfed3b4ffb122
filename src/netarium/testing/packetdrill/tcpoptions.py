"""TCP options between the words of a script and octets, in the order in which they are written, padding included."""

from struct import Struct
from typing import Final

from netarium.testing.packetdrill.script import Option
from netarium.wire.tcp_options import (
    ACCURATE_ECN_0,
    END_OF_LIST,
    MSS,
    NO_OPERATION,
    SACK,
    SACK_PERMITTED,
    TIMESTAMPS,
    USER_TIMEOUT,
    WINDOW_SCALE,
    AccurateEcnOption,
    pack_accurate_ecn,
    parse_accurate_ecn,
)

_MD5, _FAST_OPEN, _EXPERIMENT, _FAST_OPEN_MAGIC = 19, 34, 254, b"\xf9\x89"
_WORD: Final = Struct("!I")
_LENGTHS: Final = {MSS: 4, WINDOW_SCALE: 3, SACK_PERMITTED: 2, TIMESTAMPS: 10}


def encode(options: tuple[Option, ...]) -> bytes:
    """The octets of scripted options; with end-of-list octets up to a whole word, if the script has no padding."""
    octets = b"".join(_encode(option) for option in options)
    return octets + bytes(-len(octets) % 4)


def _encode(option: Option) -> bytes:
    word, *values = option
    numbers = [value for value in values if isinstance(value, int)]
    match word:
        case "nop":
            return bytes((NO_OPERATION,))
        case "eol":
            return bytes((END_OF_LIST,))
        case "sackOK":
            return bytes((SACK_PERMITTED, 2))
        case "mss":
            return bytes((MSS, 4)) + (numbers[0] & 0xFFFF).to_bytes(2, "big")
        case "wscale":
            return bytes((WINDOW_SCALE, 3, numbers[0] & 0xFF))
        case "TS" | "sack":
            kind = TIMESTAMPS if word == "TS" else SACK
            return bytes((kind, 2 + 4 * len(numbers))) + b"".join(
                _WORD.pack(n & 0xFFFF_FFFF) for n in numbers
            )
        case "ECN":
            return pack_accurate_ecn(AccurateEcnOption(tuple(numbers), values[0] == "e1b"))
        case "uto":
            return bytes((USER_TIMEOUT, 4)) + (numbers[0] & 0xFFFF).to_bytes(2, "big")
    value = bytes.fromhex(str(values[0]))
    match word:
        case "FOEXP":
            kind, value = _EXPERIMENT, _FAST_OPEN_MAGIC + value
        case "FO":
            kind = _FAST_OPEN
        case "md5":
            kind, value = _MD5, value.ljust(16, b"\0")
        case _:
            kind = int(word.removeprefix("kind "))
    return bytes((kind, 2 + len(value))) + value


def decode(octets: bytes) -> tuple[Option, ...]:
    """The words of options as they came; what has no word is "kind n" with its octets."""
    found: list[Option] = []
    at = 0
    while at < len(octets):
        kind = octets[at]
        if kind in {END_OF_LIST, NO_OPERATION}:
            found.append(("eol",) if kind == END_OF_LIST else ("nop",))
            at += 1
            continue
        length = octets[at + 1] if at + 1 < len(octets) else 0
        if length < 2 or at + length > len(octets):
            found.append(("garbage", octets[at:].hex()))
            break
        found.append(_decode(kind, octets[at + 2 : at + length]))
        at += length
    return tuple(found)


def _decode(kind: int, value: bytes) -> Option:
    if _LENGTHS.get(kind, len(value) + 2) == len(value) + 2:
        match kind:
            case 2:
                return "mss", int.from_bytes(value, "big")
            case 3:
                return "wscale", value[0]
            case 4:
                return ("sackOK",)
            case 5:
                return "sack", *(number for (number,) in _WORD.iter_unpack(value[: len(value) & ~3]))
            case 8:
                return "TS", int.from_bytes(value[:4], "big"), int.from_bytes(value[4:], "big")
            case 19:
                return "md5", value.hex()
            case 28 if len(value) == 2:
                return "uto", int.from_bytes(value, "big")
            case 172 | 174:
                return _counters(kind, value)
            case 34:
                return "FO", value.hex()
            case 254 if value.startswith(_FAST_OPEN_MAGIC):
                return "FOEXP", value[2:].hex()
    return f"kind {kind}", value.hex()


def _counters(kind: int, value: bytes) -> Option:
    """Accurate ECN's, if they are whole; an empty option of kind 172 has no word."""
    found = parse_accurate_ecn(bytes((kind, 2 + len(value))) + value)
    if found is None or 3 * len(found.counters) != len(value) or (kind == ACCURATE_ECN_0 and not value):
        return f"kind {kind}", value.hex()
    values: list[int | str | None] = ["e1b" if found.ect1_first else "e0b", *found.counters]
    return "ECN", *values


def describe(options: tuple[Option, ...] | None) -> str:
    """As a script writes it: `<mss 1460,sackOK,TS val 1 ecr 0>`; "" if there are none."""
    if options is None:
        return " <...>"
    return f" <{','.join(_describe(option) for option in options)}>" if options else ""


def _describe(option: Option) -> str:
    word, *values = option
    texts = ["..." if value is None else str(value) for value in values]
    if word == "TS":
        return f"TS val {texts[0]} ecr {texts[1]}"
    if word == "uto" and isinstance(values[0], int):
        return f"uto {values[0] & 0x7FFF}{'m' if values[0] >> 15 else 's'}"
    if word == "ECN":
        words = (texts[0], "ceb", "e0b" if texts[0] == "e1b" else "e1b")
        pairs = zip(words, texts[1:], strict=False)
        return " ".join([word, *(f"{each} {number}" for each, number in pairs)])
    if word == "sack" and values != [None]:
        return "sack " + " ".join(
            f"{left}:{right}" for left, right in zip(texts[::2], texts[1::2], strict=False)
        )
    return " ".join([word, *texts]).rstrip()
