"""ICMP in the words of scripts: `icmp unreachable frag_needed mtu 1200 [1:1461(1460)]`."""

from typing import Final

from netarium.testing.packetdrill.cursor import Cursor
from netarium.testing.packetdrill.script import IcmpPacket, IpInfo

TCP: Final = 6
UDP: Final = 17

_UNREACHABLE: Final = {
    "net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2, "port_unreachable": 3, "frag_needed": 4,
    "source_route_failed": 5, "net_unknown": 6, "host_unknown": 7, "source_host_isolated": 8, "net_prohibited": 9,
    "host_prohibited": 10, "net_unreachable_for_tos": 11, "host_unreachable_for_tos": 12,
    "packet_filtered": 13, "communication_prohibited": 13, "precedence_violation": 14,
    "host_precedence_violation": 14, "precedence_cutoff": 15,
}  # fmt: skip
_REDIRECT: Final = {
    "net_redirect": 0, "host_redirect": 1, "net_redirect_for_tos": 2, "host_redirect_for_tos": 3,
}  # fmt: skip
_EXCEEDED: Final = {
    "ttl_exceeded": 0,
    "exceeded_ttl": 0,
    "exceeded_in_transit": 0,
    "reassembly_timeout": 1,
    "exceeded_fragtime": 1,
    "reassembly_time_exceeded": 1,
}
_TYPES: Final[dict[str, tuple[int, dict[str, int]]]] = {
    "echo_reply": (0, {}),
    "unreachable": (3, _UNREACHABLE),
    "source_quench": (4, {}),
    "redirect": (5, _REDIRECT),
    "echo_request": (8, {}),
    "time_exceeded": (11, _EXCEEDED),
    "parameter_problem": (12, {}),
    "timestamp_request": (13, {}),
    "timestamp_reply": (14, {}),
    "information_request": (15, {}),
    "information_reply": (16, {}),
    "address_mask_request": (17, {}),
    "address_mask_reply": (18, {}),
}
_ERRORS: Final = frozenset({3, 4, 5, 11, 12})  # they quote
_OF_IPV6: Final = frozenset({
    "packet_too_big", "no_route", "admin_prohibited", "not_neighbour", "not_neighbor", "address_unreachable",
    "policy_fail", "reject_route", "beyond_scope", "neighbor_solicitation", "neighbor_advertisement",
    "router_solicitation", "router_advertisement",
})  # fmt: skip


def parse_icmp(
    cursor: Cursor, *, inbound: bool, ip: IpInfo, quote: tuple[int, int, int] | None = None
) -> IcmpPacket:
    """What follows the word `icmp`.

    Args:
        cursor: behind it.
        inbound: it arrives.
        ip: what is said of its IP header.
        quote: what stood before it, as `parse_quote` read it.

    Raises:
        ScriptError: it is not understood.
    """
    kind, codes, words = _type(cursor)
    code = 0
    if cursor.peek().kind == "word" and cursor.peek().text not in {"mtu", "id"}:
        name = cursor.peek().text
        if name not in codes:
            _refuse(cursor, f"{name} is no code of icmp {words}")
        code = codes[name]
        words = f"{words} {cursor.word()}"
    elif cursor.peek().kind == "word" and cursor.peek().text == "mtu" and kind != 3:
        cursor.fail(f"icmp {words} tells no mtu")
    rest = None
    if cursor.accept("mtu"):
        rest = cursor.integer()
    elif cursor.accept("id"):
        rest = cursor.integer() << 16
    quoted, seq, length = quote or parse_quote(cursor)
    if quoted and kind not in _ERRORS:
        cursor.fail(f"icmp {words} quotes nothing")
    return IcmpPacket(
        inbound=inbound, words=words, type=kind, code=code, rest=rest, quoted=quoted, quoted_seq=seq,
        quoted_length=length, ip=ip,
    )  # fmt: skip


def describe_icmp(kind: int, code: int) -> str:
    """The words of a type and a code."""
    for word, (number, codes) in _TYPES.items():
        if number == kind:
            name = next((name for name, each in codes.items() if each == code), str(code) if code else "")
            return f"{word} {name}".rstrip()
    return f"type {kind} code {code}"


def is_error(kind: int) -> bool:
    """Messages of this type quote what they are about."""
    return kind in _ERRORS


def _type(cursor: Cursor) -> tuple[int, dict[str, int], str]:
    word = cursor.peek().text
    if word not in _TYPES:
        _refuse(cursor, f"icmp {word} is not understood")
    cursor.take()
    return *_TYPES[word], word


def _refuse(cursor: Cursor, text: str) -> None:
    if cursor.peek().text in _OF_IPV6:
        cursor.fail(f"{cursor.peek().text} belongs to ICMPv6, and there is no IPv6 here yet")
    cursor.fail(text)


def parse_quote(cursor: Cursor) -> tuple[int, int, int]:
    """`[1:1001(1000)]` or `[udp (100)]`: protocol, first number, octets."""
    if not cursor.accept("["):
        return 0, 0, 0
    if cursor.accept("udp"):
        result = UDP, 0, cursor.count()
    else:
        start, end = cursor.range()
        result = TCP, start, (end - start) % 2**32
    cursor.expect("]")
    return result
