"""Which frames a fault rule is about, and when: printable values, so that a rule can say what it does."""

from dataclasses import dataclass, fields
from typing import Final

from netarium.base.addr import format_ip
from netarium.base.errors import UsageError
from netarium.base.units import format_duration
from netarium.link.frame import Frame
from netarium.link.layers import TCP, UDP, addresses, locate, prefix

_PROTOCOLS: Final = {"icmp": 1, "igmp": 2, "tcp": TCP, "udp": UDP, "icmp6": 58}
_ETHERTYPES: Final = {"ip": 0x0800, "arp": 0x0806, "ip6": 0x86DD}
_FLAGS: Final = {
    "FIN": 1,
    "SYN": 2,
    "RST": 4,
    "PSH": 8,
    "ACK": 16,
    "URG": 32,
    "ECE": 64,
    "CWR": 128,
    "AE": 256,
}


def _flag_bits(names: str) -> int:
    """The bits of "SYN,ACK"."""
    bits = 0
    for name in filter(None, names.upper().split(",")):
        if name not in _FLAGS:
            raise UsageError(f"{name!r} is not a TCP flag: use {', '.join(_FLAGS)}")
        bits |= _FLAGS[name]
    return bits


@dataclass(frozen=True, kw_only=True)
class Selector:
    """Picks frames by what stands in their headers; what is not given does not matter.

    Attributes:
        protocol: "tcp", "udp", "icmp", "icmp6", "igmp", "arp", "ip" or "ip6".
        src: packed source IP address.
        dst: packed destination IP address.
        src_port: transport source port.
        dst_port: transport destination port.
        port: either port.
        flags: TCP flags that must be set, as "SYN,ACK".
        without: TCP flags that must not be set.
        payload: True: carries TCP or UDP payload; False: carries none.
        containing: octets that occur in the frame.
    """

    protocol: str = ""
    src: bytes = b""
    dst: bytes = b""
    src_port: int | None = None
    dst_port: int | None = None
    port: int | None = None
    flags: str = ""
    without: str = ""
    payload: bool | None = None
    containing: bytes = b""

    def __post_init__(self) -> None:
        if self.protocol and self.protocol not in _PROTOCOLS and self.protocol not in _ETHERTYPES:
            known = ", ".join([*_PROTOCOLS, *_ETHERTYPES])
            raise UsageError(f"{self.protocol!r} is not a protocol to select by: use {known}")
        _flag_bits(self.flags)
        _flag_bits(self.without)

    def __call__(self, frame: Frame) -> bool:
        """True if the frame is one of those."""
        octets = prefix(frame)
        layers = locate(octets)
        if self.protocol in _ETHERTYPES:
            if layers.ethertype != _ETHERTYPES[self.protocol]:
                return False
        elif self.protocol and layers.protocol != _PROTOCOLS[self.protocol]:
            return False
        if self.src or self.dst:
            src, dst = addresses(octets, layers)
            if (self.src and src != self.src) or (self.dst and dst != self.dst):
                return False
        return self._transport_matches(octets, layers.protocol, layers.transport, frame) and (
            not self.containing or self.containing in frame.octets()
        )

    def _transport_matches(self, octets: bytes, protocol: int, at: int, frame: Frame) -> bool:
        ports = (self.src_port, self.dst_port, self.port)
        if ports == (None, None, None) and not self.flags and not self.without and self.payload is None:
            return True
        if protocol not in {TCP, UDP} or at < 0 or len(octets) < at + (20 if protocol == TCP else 8):
            return False
        src_port = int.from_bytes(octets[at : at + 2], "big")
        dst_port = int.from_bytes(octets[at + 2 : at + 4], "big")
        if (
            (self.src_port is not None and src_port != self.src_port)
            or (self.dst_port is not None and dst_port != self.dst_port)
            or (self.port is not None and self.port not in {src_port, dst_port})
        ):
            return False
        if self.flags or self.without:
            wanted, unwanted = _flag_bits(self.flags), _flag_bits(self.without)
            found = (octets[at + 12] & 1) << 8 | octets[at + 13]
            if protocol != TCP or found & (wanted | unwanted) != wanted:
                return False
        header = (octets[at + 12] >> 4) * 4 if protocol == TCP else 8
        return self.payload is None or self.payload == (_packet_end(octets, frame) > at + header)

    def __str__(self) -> str:
        words = [self.protocol] if self.protocol else []
        for f in fields(self)[1:]:
            value = getattr(self, f.name)
            if value is None or value in ("", b""):
                continue
            if f.name in {"src", "dst"}:
                words.append(f"{f.name} {format_ip(value)}")
            elif f.name == "payload":
                words.append("with payload" if value else "without payload")
            elif f.name == "flags":
                words.append(value.upper())
            elif f.name == "without":
                words.append(f"without {value.upper()}")
            else:
                words.append(f"{f.name.replace('_', ' ')} {value!r}")
        return " ".join(words) or "all"


def _packet_end(octets: bytes, frame: Frame) -> int:
    """Offset of the end of the IP packet: what stands behind it is padding."""
    layers = locate(octets)
    at = layers.network
    if layers.version == 4:
        return min(len(frame), at + int.from_bytes(octets[at + 2 : at + 4], "big"))
    return min(len(frame), at + 40 + int.from_bytes(octets[at + 4 : at + 6], "big"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a rule has its say, in terms of time and of the frames that its selector let through.

    Attributes:
        skip: let this many frames pass first.
        every: of those behind, take only each n-th.
        limit: do no more than this many times.
        start: ns; not before.
        stop: ns; no more from then on.
    """

    skip: int = 0
    every: int = 1
    limit: int | None = None
    start: int | None = None
    stop: int | None = None

    def __post_init__(self) -> None:
        if self.skip < 0 or self.every < 1 or (self.limit is not None and self.limit < 1):
            raise UsageError(f"{self!r}: a schedule needs skip >= 0, every >= 1, limit >= 1")

    def in_time(self, now: int) -> bool:
        """True within `start` ... `stop`."""
        return (self.start is None or now >= self.start) and (self.stop is None or now < self.stop)

    def takes(self, count: int) -> bool:
        """True for the `count`-th (from 1) candidate."""
        behind = count - self.skip
        return behind > 0 and behind % self.every == 0

    def __str__(self) -> str:
        words = []
        if self.skip and self.limit == 1:
            words.append(f"number {self.skip + 1} only")
        else:
            if self.skip:
                words.append(f"after {self.skip}")
            if self.every > 1:
                words.append(f"one in {self.every}")
            if self.limit is not None:
                words.append("once" if self.limit == 1 else f"first {self.limit}")
        if self.start is not None:
            words.append(f"from {format_duration(self.start)}")
        if self.stop is not None:
            words.append(f"until {format_duration(self.stop)}")
        return " ".join(words)


ALWAYS: Final = Schedule()
ONCE: Final = Schedule(limit=1)


def first(count: int) -> Schedule:
    """The first `count` times."""
    return Schedule(limit=count)


def every(count: int) -> Schedule:
    """Each `count`-th frame."""
    return Schedule(every=count)


def nth(count: int) -> Schedule:
    """Frame number `count`, from 1, and no other."""
    return Schedule(skip=count - 1, limit=1)


def between(start: int | None, stop: int | None) -> Schedule:
    """From `start` (ns) to just before `stop`."""
    return Schedule(start=start, stop=stop)
