"""A script as the parser understood it: settings, and events in order."""

from dataclasses import dataclass, field
from typing import Final


class Anything:
    """`...`: whatever it is."""

    def __repr__(self) -> str:
        return "..."


ANY: Final = Anything()

# An argument: a number, a string, `...`, an array, or a struct (names and values).
Value = int | str | Anything | list["Value"] | dict[str, "Value"]
# A TCP option: its word and its numbers, None where the script says `...`.
Option = tuple[str, *tuple[int | str | None, ...]]


@dataclass(frozen=True, slots=True)
class When:
    """The time of an event, ns.

    Attributes:
        relative: counted from the event before.
        start: the earliest time; None: `*`, any.
        end: the latest time of a range `a~b`; None: exactly `start`.
        returns: when a blocking call returns, counted as `start`; None: at once.
    """

    relative: bool
    start: int | None
    end: int | None = None
    returns: int | None = None


@dataclass(frozen=True, slots=True)
class IpInfo:
    """What is said about the IP header; None: nothing. Of the codepoints of ECN, one or several may be right."""

    ecn: tuple[int, ...] | None = None
    tos: int | None = None
    ttl: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpPacket:
    """A segment, numbers as the script counts them.

    Attributes:
        ports: source and destination, or None: of the connection under test.
        end: the number behind the last octet, SYN and FIN not counted.
        window: None: not looked at (and for an inbound segment 0).
        options: None: `<...>`, not looked at.
    """

    inbound: bool
    flags: int
    seq: int
    end: int
    ack: int | None = None
    window: int | None = None
    urgent: int | None = None
    options: tuple[Option, ...] | None = ()
    ports: tuple[int, int] | None = None
    ip: IpInfo = IpInfo()


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpPacket:
    """A datagram of so many octets."""

    inbound: bool
    length: int
    ports: tuple[int, int] | None = None
    ip: IpInfo = IpInfo()


@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpPacket:
    """An ICMP message, often an error that quotes something that the other end sent.

    Attributes:
        words: its type and code, as the script writes them.
        rest: the second word of its header: the MTU, or the identifier of an echo; None: not looked at.
        quoted: the protocol of what is quoted; 0: nothing is.
        quoted_seq: of the quoted segment, as the script counts.
        quoted_length: octets of data of what is quoted.
    """

    inbound: bool
    words: str
    type: int
    code: int
    rest: int | None = None
    quoted: int = 0
    quoted_seq: int = 0
    quoted_length: int = 0
    ip: IpInfo = IpInfo()


@dataclass(frozen=True, slots=True)
class Call:
    """A system call and what it must return.

    Attributes:
        result: the number; ANY: not looked at.
        error: the name of the errno, or "".
    """

    name: str
    arguments: tuple[Value, ...]
    result: int | Anything
    error: str


@dataclass(frozen=True, slots=True)
class Code:
    """Python between `%{` and `}%`."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """What stands between backticks."""

    text: str


Packet = TcpPacket | UdpPacket | IcmpPacket
Action = Packet | Call | Code | Command


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the script does or expects, and when."""

    line: int
    when: When
    action: Action


@dataclass(slots=True)
class Script:
    """All of it.

    Attributes:
        settings: the `--name=value` lines on top, by name, with their line.
        setup: commands on top, which run before the time begins.
        cleanup: commands without a time behind the last event.
    """

    name: str
    text: str
    settings: dict[str, tuple[str, int]] = field(default_factory=dict)
    setup: list[tuple[int, Command]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    cleanup: list[tuple[int, Command]] = field(default_factory=list)
