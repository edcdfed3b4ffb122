r"""Domain names on the wire (RFC 1035 §3.1, §4.1.4) and as text (§5.1), safe against what RFC 9267 collects.

As text a name has no final dot; the root is ".". A dot or backslash inside a label is escaped as `\.` and
`\\`, any other octet that is not a visible ASCII character as `\DDD`.
"""

import re
from typing import Final

from netarium.base.errors import UsageError, WireError

MAX_LABEL: Final = 63
MAX_NAME: Final = 255  # octets on the wire, length octets and the root's included
MAX_HOPS: Final = 127  # pointers followed for one name: no legal name has more labels
ROOT: Final = "."

_HEADER_LENGTH: Final = 12
_POINTER: Final = 0xC0
_MAX_POINTER_TARGET: Final = 0x3FFF
_PLAIN_LABEL: Final = re.compile(rb"[!-\-/-\[\]-~]+")  # visible ASCII but for the dot and the backslash
_PLAIN_TEXT: Final = re.compile(r"[!-\[\]-~]+")
_ESCAPED: Final = re.compile(r"\\([0-9]{3})|\\([^0-9])|([^\\])", re.DOTALL)

Labels = tuple[bytes, ...]


def fold(name: str) -> str:
    """The form in which equal names are equal: ASCII letters in lower case (RFC 4343), no final dot."""
    name = name.lower()
    if name.endswith(".") and not name.endswith("\\."):
        name = name[:-1]
    return name or ROOT


def to_text(labels: Labels) -> str:
    """The text of a name."""
    if not labels:
        return ROOT
    return ".".join([_label_text(label) for label in labels])


def _label_text(label: bytes) -> str:
    if _PLAIN_LABEL.fullmatch(label):
        return label.decode("ascii")
    return "".join([_octet_text(octet) for octet in label])


def _octet_text(octet: int) -> str:
    if octet in b".\\":
        return "\\" + chr(octet)
    return chr(octet) if 0x21 <= octet <= 0x7E else f"\\{octet:03d}"


def to_labels(name: str) -> Labels:
    """The labels of a name written as text, with or without its final dot.

    Raises:
        UsageError: an empty or too long label, a too long name, an octet above 255, or a character beyond ASCII.

    Spec: RFC 1035 §2.3.4, §5.1.
    """
    if name in {"", ROOT}:
        return ()
    if _PLAIN_TEXT.fullmatch(name):
        labels = [label.encode("ascii") for label in name.split(".")]
    else:
        labels = _unescaped(name)
    if not labels[-1]:
        labels.pop()
    if not all(labels):
        raise UsageError(f"{name!r} is not a domain name: a label is empty")
    if max(map(len, labels)) > MAX_LABEL:
        raise UsageError(f"{name!r} is not a domain name: a label has more than {MAX_LABEL} octets")
    if _wire_length(tuple(labels)) > MAX_NAME:
        raise UsageError(f"{name[:60]!r}... is not a domain name: it has more than {MAX_NAME} octets")
    return tuple(labels)


def _unescaped(name: str) -> list[bytes]:
    """Split at the dots that are not escaped."""
    labels = [bytearray()]
    offset = 0
    while offset < len(name):
        match = _ESCAPED.match(name, offset)
        if match is None:
            raise UsageError(f"{name!r} is not a domain name: a backslash without an octet behind it")
        decimal, escaped, plain = match.groups()
        octet = int(decimal) if decimal is not None else ord(escaped or plain)
        if octet > (255 if decimal is not None else 126):
            raise UsageError(f"{name!r} is not a domain name: {match[0]!r} is not an octet")
        if plain == ".":
            labels.append(bytearray())
        else:
            labels[-1].append(octet)
        offset = match.end()
    return [bytes(label) for label in labels]


class NameReader:
    """Reads the names of one message.

    A pointer must go strictly backwards, so following them ends; what was read once is remembered by its place,
    so that many names at the end of one long chain cost little more than the first.
    """

    __slots__ = ("_known", "message")

    def __init__(self, message: bytes) -> None:
        self.message = message
        self._known: dict[int, tuple[Labels, int]] = {}  # place -> labels, hops

    def read(self, start: int) -> tuple[str, int]:
        """The name at `start` as text, and where the octets behind it begin.

        Raises:
            WireError: it runs off the message, or a label type, pointer, or length that cannot be.

        Spec: RFC 1035 §3.1, §4.1.4; RFC 9267 §2-4.
        """
        labels, target, end = self._run(start)
        place, hops = start, 0
        visited = [(start, 0)]  # place, labels in front of it
        while target is not None:
            if not _HEADER_LENGTH <= target < place:
                raise WireError(f"dns: a pointer from {place} to {target} does not go back to a name")
            place = target
            hops += 1
            visited.append((place, len(labels)))
            known = self._known.get(place)
            if known is None:
                further, target, _ = self._run(place)
            else:
                further, target = known[0], None
                hops += known[1]
            labels += further
            if hops > MAX_HOPS or _wire_length(labels) > MAX_NAME:
                raise WireError("dns: a name is too long, or has too many pointers")
        if _wire_length(labels) > MAX_NAME:
            raise WireError(f"dns: a name of more than {MAX_NAME} octets")
        for followed, (place, before) in enumerate(visited):
            self._known[place] = labels[before:], hops - followed
        return to_text(labels), end

    def _run(self, offset: int) -> tuple[Labels, int | None, int]:
        """Labels up to a root or a pointer: they, the pointer's target or None, and what is behind."""
        message = self.message
        labels: list[bytes] = []
        while offset < len(message):
            length = message[offset]
            offset += 1
            if length == 0:
                return tuple(labels), None, offset
            if length > MAX_LABEL:
                if length < _POINTER:
                    raise WireError(f"dns: label type {length >> 6:#04b}")  # RFC 6891 §5: none is in use
                if offset == len(message):
                    break
                return tuple(labels), (length << 8 | message[offset]) & _MAX_POINTER_TARGET, offset + 1
            labels.append(message[offset : offset + length])
            offset += length
        raise WireError("dns: a name runs off the message")


class NameWriter:
    """Writes the names of one message, each tail that was written before as a pointer to it."""

    __slots__ = ("_places", "message")

    def __init__(self, message: bytearray) -> None:
        self.message = message
        self._places: dict[Labels, int] = {}

    def write(self, name: str, *, compress: bool = True) -> None:
        """Append a name to the message.

        Args:
            name: as text.
            compress: pointers may be used: only in the record types of RFC 1035 (RFC 3597 §4).

        Raises:
            UsageError: not a domain name.
        """
        labels = to_labels(name)
        message, places = self.message, self._places
        for index, label in enumerate(labels):
            tail = labels[index:]  # letter case counts: it comes back as it was written
            place = places.get(tail)
            if place is not None and compress:
                message += (_POINTER << 8 | place).to_bytes(2, "big")
                return
            if place is None and len(message) <= _MAX_POINTER_TARGET:
                places[tail] = len(message)
            message.append(len(label))
            message += label
        message.append(0)


def _wire_length(labels: Labels) -> int:
    """Octets of a name without pointers, the root's included."""
    return sum(map(len, labels)) + len(labels) + 1
