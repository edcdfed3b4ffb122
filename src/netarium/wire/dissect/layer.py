"""What a dissection consists of, and the pen that writes it: it cannot leave a bit without a name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from netarium.base.checksum import checksum
from netarium.base.errors import WireError

_SHOWN_OCTETS: Final = 24


@dataclass(slots=True)
class Field:
    """Some bits with a name.

    Attributes:
        name: as the RFC calls it.
        start_bit: counted from the first bit of the whole frame, most significant first.
        bits: how many.
        value: a number, octets, or text.
        text: what that means to people.
    """

    name: str
    start_bit: int
    bits: int
    value: int | bytes | str
    text: str

    def raw(self, octets: bytes) -> str:
        """The field as it stands in the dissected octets: in hex, or as bits if it does not fill its octets."""
        stop = self.start_bit + self.bits
        part = octets[self.start_bit // 8 : -(-stop // 8)]
        if not (self.start_bit % 8 or self.bits % 8):
            return part.hex()
        return f"{int.from_bytes(part, 'big') >> -stop % 8 & (1 << self.bits) - 1:0{self.bits}b}"


@dataclass(slots=True)
class Layer:
    """One header, or a payload, in octets `start` ... `stop` of the frame; its fields fill it without a gap."""

    name: str
    start: int
    stop: int
    fields: list[Field]


@dataclass(slots=True)
class Scope:
    """What lower layers tell higher ones.

    Attributes:
        src: source address of the last IP header, or empty.
        dst: destination address.
        whole: the packet is all there: not a fragment, not a quote. Its checksum can be looked at.
        ports: source and destination port of the last transport header.
        transport: "tcp" or "udp".
    """

    src: bytes = b""
    dst: bytes = b""
    whole: bool = True
    ports: tuple[int, int] = (0, 0)
    transport: str = ""


@dataclass(slots=True)
class Next:
    """Who names the octets behind a header, and where these end at the latest (None: where the header's do)."""

    step: "Step | None"
    stop: int | None = None


class Pen:
    """Writes the fields of one layer, one behind the other.

    Attributes:
        octets: the whole frame.
        start: where the layer begins.
        stop: where it ends at the latest.
        name: of the layer; set by the step.
        scope: shared by all layers of the frame.
    """

    __slots__ = ("_bit", "_fields", "name", "octets", "scope", "start", "stop")

    def __init__(self, octets: bytes, start: int, stop: int, scope: Scope) -> None:
        self.octets = octets
        self.start = start
        self.stop = stop
        self.name = ""
        self.scope = scope
        self._fields: list[Field] = []
        self._bit = start * 8

    @property
    def offset(self) -> int:
        """The next octet; fields in front of it are whole octets together."""
        return self._bit >> 3

    @property
    def left(self) -> int:
        """Octets up to the stop."""
        return self.stop - self.offset

    def number(self, name: str, bits: int, text: "str | Callable[[int], str]" = str) -> int:
        """The next bits, as an unsigned number in network order.

        Raises:
            WireError: the frame ends before.
        """
        end = self._bit + bits
        if end > self.stop * 8:
            raise WireError(f"the frame ends inside {name}")
        first, last = self._bit >> 3, end + 7 >> 3
        value = int.from_bytes(self.octets[first:last], "big") >> (last * 8 - end) & (1 << bits) - 1
        self._fields.append(
            Field(name, self._bit, bits, value, text if isinstance(text, str) else text(value))
        )
        self._bit = end
        return value

    def take(self, name: str, count: int, text: "str | Callable[[bytes], str] | None" = None) -> bytes:
        """The next octets.

        Raises:
            WireError: the frame ends before.
        """
        if count > self.left:
            raise WireError(f"the frame ends inside {name}")
        value = self.octets[self.offset : self.offset + count]
        shown = shorten(value) if text is None else text if isinstance(text, str) else text(value)
        if count:
            self._fields.append(Field(name, self._bit, count * 8, value, shown))
        self._bit += count * 8
        return value

    def rest(self, name: str, text: str | None = None) -> None:
        """All up to the stop, from the bit where the pen is."""
        odd = -self._bit % 8
        if odd:
            self.number(name, odd, text or "incomplete")
        self.take(name, self.left, text)

    def rename(self, text: str) -> None:
        """Another text for the field written last, now that more is known."""
        self._fields[-1].text = text

    def internet_checksum(self, covered: bytes, at: int, *, initial: int = 0) -> None:
        """The checksum field, judged.

        Args:
            covered: the octets that it is about, itself included.
            at: where in them it stands.
            initial: folded sum of what else it is about.
        """
        right = checksum(covered[:at] + b"\0\0" + covered[at + 2 :], initial)
        self.number(
            "checksum",
            16,
            lambda value: (
                f"{value:#06x}, " + ("correct" if value == right else f"wrong: should be {right:#06x}")
            ),
        )

    def layer(self) -> Layer:
        """What was written."""
        return Layer(self.name, self.start, self.offset, self._fields)


Step = Callable[[Pen], Next | None]


@dataclass(slots=True)
class Names:
    """A table of numbers with names, to be used as the text of a field."""

    names: dict[int, str]
    unknown: str = "unknown"
    form: str = "{}"

    def __call__(self, value: int) -> str:
        """The number with its name."""
        return f"{self.form.format(value)} ({self.names.get(value, self.unknown)})"


def shorten(value: bytes) -> str:
    """Octets in hexadecimal, the first of them if they are many."""
    if len(value) <= _SHOWN_OCTETS:
        return value.hex(" ")
    return f"{value[:_SHOWN_OCTETS].hex(' ')} ... ({len(value)} octets)"


def flag(meaning: str) -> Callable[[int], str]:
    """The text of a single bit."""
    return lambda value: f"{meaning}: {'yes' if value else 'no'}"


def hexadecimal(value: int) -> str:
    """The text of a number without a meaning of its own."""
    return f"{value:#06x}"


def octets_text(value: int) -> str:
    """The text of a length."""
    return f"{value} octets"
