"""Names for the octets of UDP, and of TCP with its options."""

from typing import Final

from netarium.base.checksum import pseudo_sum
from netarium.wire import tcp_options as opt
from netarium.wire.dissect.application import by_port
from netarium.wire.dissect.layer import Names, Next, Pen, flag, hexadecimal, octets_text
from netarium.wire.numbers import PROTOCOL_TCP, PROTOCOL_UDP

_FLAGS: Final = (
    ("AE", "accurate ECN"),
    ("CWR", "congestion window reduced"),
    ("ECE", "ECN echo"),
    ("URG", "urgent pointer is significant"),
    ("ACK", "acknowledgment is significant"),
    ("PSH", "push"),
    ("RST", "reset the connection"),
    ("SYN", "synchronize sequence numbers"),
    ("FIN", "no more data from sender"),
)
_option: Final = Names(
    {
        opt.END_OF_LIST: "end of list", opt.NO_OPERATION: "no operation", opt.MSS: "maximum segment size",
        opt.WINDOW_SCALE: "window scale", opt.SACK_PERMITTED: "SACK permitted", opt.SACK: "SACK",
        opt.TIMESTAMPS: "timestamps", opt.USER_TIMEOUT: "user timeout", 34: "fast open cookie",
        opt.ACCURATE_ECN_0: "accurate ECN", opt.ACCURATE_ECN_1: "accurate ECN",
    }
)  # fmt: skip
_PORTS: Final = Names(
    {
        20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "domain", 67: "bootps", 68: "bootpc",
        80: "http", 110: "pop3", 123: "ntp", 143: "imap", 443: "https", 587: "submission",
    }
)  # fmt: skip


def _port(value: int) -> str:
    return _PORTS(value) if value in _PORTS.names else str(value)


def udp(pen: Pen) -> Next | None:
    """RFC 768."""
    pen.name = "UDP"
    start, scope = pen.offset, pen.scope
    scope.transport = "udp"
    scope.ports = pen.number("source port", 16, _port), pen.number("destination port", 16, _port)
    length = pen.number("length", 16, octets_text)
    if pen.octets[pen.offset : pen.offset + 2] == b"\0\0":
        pen.number("checksum", 16, "none")
    elif scope.whole and 8 <= length <= pen.stop - start:
        initial = pseudo_sum(scope.src, scope.dst, PROTOCOL_UDP, length)
        pen.internet_checksum(pen.octets[start : start + length], 6, initial=initial)
    else:
        pen.number("checksum", 16, hexadecimal)
    return Next(by_port(scope), start + length if length >= 8 else None)


def tcp(pen: Pen) -> Next | None:
    """RFC 9293 §3.1."""
    pen.name = "TCP"
    start, scope = pen.offset, pen.scope
    segment = pen.octets[start : pen.stop]
    scope.transport = "tcp"
    scope.ports = pen.number("source port", 16, _port), pen.number("destination port", 16, _port)
    pen.number("sequence number", 32)
    pen.number("acknowledgment number", 32)
    header_length = 4 * pen.number("data offset", 4, lambda words: f"{words} words: {words * 4} octets")
    pen.number("reserved", 3)
    flags = {name: pen.number(name, 1, flag(meaning)) for name, meaning in _FLAGS}
    # RFC 7323 §2.2: the window in a SYN is never shifted.
    pen.number(
        "window", 16, ("{} octets" if flags["SYN"] else "{} (to be shifted by the window scale)").format
    )
    if scope.whole:
        initial = pseudo_sum(scope.src, scope.dst, PROTOCOL_TCP, len(segment))
        pen.internet_checksum(segment, 16, initial=initial)
    else:
        pen.number("checksum", 16, hexadecimal)
    pen.number("urgent pointer", 16)
    end = start + header_length
    while pen.offset < end:
        if not _tcp_option(pen, end):
            break
    return Next(by_port(scope))


def _tcp_option(pen: Pen, end: int) -> bool:
    """One option; False if nothing behind it can be read as one."""
    kind = pen.number("option", 8, _option)
    if kind == opt.END_OF_LIST:
        pen.take("padding", end - pen.offset)
        return False
    if kind == opt.NO_OPERATION:
        return True
    if pen.offset == end:
        pen.rename(f"{kind}: the header ends before its length")
        return False
    length = pen.number("option length", 8, octets_text)
    if length < 2 or pen.offset + length - 2 > end:
        pen.rename(f"{length}: impossible")
        pen.take("malformed options", end - pen.offset)
        return False
    _tcp_option_value(pen, kind, length - 2)
    return True


def _tcp_option_value(pen: Pen, kind: int, length: int) -> None:
    if kind == opt.MSS and length == 2:
        pen.number("MSS", 16, octets_text)
    elif kind == opt.WINDOW_SCALE and length == 1:
        pen.number("shift count", 8, lambda shift: f"windows are in units of 2**{shift} octets")
    elif kind == opt.TIMESTAMPS and length == 8:
        pen.number("TSval", 32)
        pen.number("TSecr", 32)
    elif kind == opt.USER_TIMEOUT and length == 2:
        unit = "minutes" if pen.number("granularity", 1, ("seconds", "minutes").__getitem__) else "seconds"
        pen.number("user timeout", 15, f"{{}} {unit}".format)
    elif kind == opt.SACK and length and not length & 7:
        for _ in range(length // 8):
            pen.number("left edge", 32)
            pen.number("right edge", 32)
    elif kind in {opt.ACCURATE_ECN_0, opt.ACCURATE_ECN_1} and length in {3, 6, 9}:
        ends = ("ECT(1)", "ECT(0)") if kind == opt.ACCURATE_ECN_1 else ("ECT(0)", "ECT(1)")
        for mark in (ends[0], "CE", ends[1])[: length // 3]:
            pen.number(f"{mark} octets", 24)
    else:
        pen.take("option value", length)
