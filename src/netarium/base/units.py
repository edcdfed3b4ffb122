"""Quantities as a person writes them: "10mbit", "20ms", "64kb", "5%".

Plain numbers are SI: bits per second, seconds, bytes, a probability between 0 and 1.
"""

import re
from fractions import Fraction
from math import isfinite
from typing import Final

from netarium.base.errors import UsageError

US: Final = 1_000
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000

_QUANTITY: Final = re.compile(
    r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,2})?)\s*([a-zµμ%/]*)\s*", re.IGNORECASE
)
_PREFIX: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY: Final = {"ki": 2**10, "mi": 2**20, "gi": 2**30}
_TIME: Final = {
    "ns": 1, "us": US, "µs": US, "μs": US, "ms": MS, "s": SECOND, "sec": SECOND, "": SECOND,
    "m": 60 * SECOND, "min": 60 * SECOND, "h": 3600 * SECOND, "d": 86_400 * SECOND,
}  # fmt: skip


def _finite(value: float, what: str) -> float:
    if not isfinite(value):
        raise UsageError(f"{value!r} is not a {what}")
    return value


def _split(text: str, what: str, example: str) -> tuple[Fraction, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a {what}: write it like {example}")
    return Fraction(match[1]), match[2].lower()


def duration(value: str | float) -> int:
    """Nanoseconds of "20ms", "+0.5s", "3 min", or of a number of seconds.

    Raises:
        UsageError: not a duration, or negative.
    """
    if isinstance(value, str):
        number, unit = _split(value, "duration", '"20ms" or "1.5s"')
        if unit not in _TIME:
            raise UsageError(f"{value!r}: unknown unit {unit!r}; use ns, us, ms, s, min, h or d")
        result = round(number * _TIME[unit])
    else:
        result = round(Fraction(_finite(value, "duration")) * SECOND)
    if result < 0:
        raise UsageError(f"{value!r}: a duration cannot be negative")
    return result


def rate(value: str | float) -> int:
    """Bits per second of "10mbit", "1gbit/s", "56k", "12.5MB/s", or of a number.

    Raises:
        UsageError: not a rate, or not positive.
    """
    if isinstance(value, str):
        number, unit = _split(value, "rate", '"10mbit"')
        unit = unit.removesuffix("/s").removesuffix("ps")
        bits = 1
        for suffix, factor in (
            ("bit", 1),
            ("byte", 8),
            ("bps", 1),
            ("b", 8 if value.rstrip("/s ").endswith("B") else 1),
        ):
            if unit.endswith(suffix):
                unit, bits = unit.removesuffix(suffix), factor
                break
        scale = _PREFIX.get(unit) or _BINARY.get(unit)
        if scale is None:
            raise UsageError(f'{value!r} is not a rate: write it like "10mbit" or "1gbit"')
        result = round(number * bits * scale)
    else:
        result = round(_finite(value, "rate"))
    if result <= 0:
        raise UsageError(f"{value!r}: a rate must be positive")
    return result


def size(value: str | int) -> int:
    """Bytes of "64kb" (1,000), "64KiB" (1,024), "1.5m", or of a number.

    Raises:
        UsageError: not a size, or negative.
    """
    if isinstance(value, str):
        number, unit = _split(value, "size", '"64kb" or "1MiB"')
        unit = unit.removesuffix("ytes").removesuffix("yte").removesuffix("b")
        scale = _PREFIX.get(unit) or _BINARY.get(unit)
        if scale is None:
            raise UsageError(f'{value!r} is not a size: write it like "64kb" or "1MiB"')
        result = round(number * scale)
    else:
        result = value
    if result < 0:
        raise UsageError(f"{value!r}: a size cannot be negative")
    return result


def probability(value: str | float) -> float:
    """A number between 0 and 1, of "5%" or 0.05.

    Raises:
        UsageError: not a probability.
    """
    if isinstance(value, str):
        number, unit = _split(value, "probability", '"5%" or 0.05')
        if unit not in {"", "%"}:
            raise UsageError(f'{value!r} is not a probability: write it like "5%" or 0.05')
        result = float(number / 100 if unit == "%" else number)
    else:
        result = float(value)
    if not 0.0 <= result <= 1.0:
        raise UsageError(f"{value!r}: a probability lies between 0 and 1 (or 0% and 100%)")
    return result


def format_duration(ns: int) -> str:
    """A short, readable form: 1.5 s, 20 ms, 812 ns."""
    for unit, scale in (("s", SECOND), ("ms", MS), ("µs", US)):
        if abs(ns) >= scale:
            return f"{ns / scale:.6g} {unit}"
    return f"{ns} ns"


def format_rate(bits_per_second: float) -> str:
    """A short, readable form: 10 Mbit/s, 1.5 Gbit/s."""
    for unit, scale in (("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 10**3)):
        if bits_per_second >= scale:
            return f"{bits_per_second / scale:.4g} {unit}"
    return f"{bits_per_second:.4g} bit/s"
