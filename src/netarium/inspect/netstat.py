"""`netstat -ano`, `-ap`, `-r`, `-s` with the look of Linux net-tools.

One thing is the book's (and Windows'): an unconnected UDP socket's foreign address is `*:*`, for UDP has no peer
until it sends, where Linux writes `0.0.0.0:*` as for TCP.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from netarium.host.tables import DetailedRow, InterfaceRow, RouteRow, TimerRow
from netarium.inspect.width import left

_TITLES: Final = {
    (False, False): "(w/o servers)",
    (True, False): "(servers and established)",
    (False, True): "(only servers)",
    (True, True): "(only servers)",
}
# Where net-tools and Windows write a state otherwise than we do.
_STATES: Final = {"CLOSED": "CLOSE"}
_BOOK_STATES: Final = {
    "LISTEN": "LISTENING", "SYN_RECV": "SYN_RECEIVED", "FIN_WAIT1": "FIN_WAIT_1", "FIN_WAIT2": "FIN_WAIT_2",
}  # fmt: skip


def address(row: DetailedRow, end: tuple[str, int], *, foreign: bool) -> str:
    """One end: "192.0.2.1:80", "0.0.0.0:*" where nothing is decided yet, "*:*" for a UDP peer."""
    host, port = end
    if foreign and not port and row.kind == "udp":
        return "*:*"
    return f"{host}:{port or '*'}"


def timer(row: TimerRow) -> str:
    """The `-o` column: `on (0.20/1/0)`: seconds left, retransmissions, keepalive or window probes without answer."""
    return f"{row.name} ({row.left_ns / 1e9:.2f}/{row.retransmits}/{row.probes})"


def listens(row: DetailedRow) -> bool:
    """True for a server: a TCP listener, or a UDP or ping socket without a peer."""
    return row.state == "LISTEN" if row.kind == "tcp" else not row.connected


def sockets(
    rows: Iterable[DetailedRow],
    *,
    every: bool = True,
    listening: bool = False,
    timers: bool = True,
    programs: bool = True,
) -> list[str]:
    """The lines of `netstat -tun`, with -a (`every`), -l (`listening`), -o (`timers`), -p (`programs`).

    Returns:
        Title, column names, one line for each socket.
    """
    head = "Proto Recv-Q Send-Q Local Address           Foreign Address         State       "
    head += "PID/Program name     " if programs else ""
    head += "Timer" if timers else ""
    lines = [f"Active Internet connections {_TITLES[every, listening]}", head.rstrip()]
    for row in rows:
        if not (listens(row) if listening else every or not listens(row)):
            continue
        name = row.kind + ("6" if row.version == 6 else "")
        send_q = 0 if row.state == "LISTEN" else row.send_q  # the backlog is shown by ss, not by net-tools
        line = (
            f"{name:<5} {row.recv_q:>6} {send_q:>6} {address(row, row.local, foreign=False):<23} "
            f"{address(row, row.remote, foreign=True):<23} {_STATES.get(row.state, row.state):<11} "
        )
        if programs:
            line += left(f"{row.pid}/{row.process}" if row.pid else "-", 20) + " "
        if timers:
            line += timer(row.timer)
        lines.append(line.rstrip())
    return lines


def book(rows: Iterable[DetailedRow]) -> list[str]:
    """`netstat -ano` in the narrower form that the book shows (Windows'): five columns with the PID, no timers."""
    lines = ["  Proto  Local Address          Foreign Address        State           PID"]
    for row in rows:
        local, foreign = (f"{host}:{port}" for host, port in (row.local, row.remote))
        if row.kind == "udp" and not row.connected:
            foreign = "*:*"
        state = _BOOK_STATES.get(row.state, row.state)
        lines.append(f"  {row.kind.upper():<6} {local:<22} {foreign:<22} {state:<15} {row.pid}")
    return lines


def _mask(length: int, *, family6: bool) -> str:
    if family6:
        return f"/{length}"
    bits = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
    return ".".join(str(octet) for octet in bits.to_bytes(4, "big"))


def routes(rows: Iterable[RouteRow]) -> list[str]:
    """The lines of `netstat -rn`: U up, G through a gateway, H a single host."""
    lines = [
        "Kernel IP routing table",
        "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface",
    ]
    for row in rows:
        family6 = ":" in row.destination
        flags = "U" + ("G" if row.gateway else "") + ("H" if row.length == (128 if family6 else 32) else "")
        gateway = row.gateway or ("::" if family6 else "0.0.0.0")  # noqa: S104 - printed, not bound
        lines.append(
            f"{row.destination:<15} {gateway:<15} {_mask(row.length, family6=family6):<15} {flags:<5} "
            f"{0:>5} {0:<5} {0:>6} {row.device}"
        )
    return lines


def interfaces(rows: Iterable[InterfaceRow]) -> list[str]:
    """The lines of `ip -brief address`: name, state, addresses."""
    return [
        f"{row.name:<16} {'UP' if row.up else 'DOWN':<14} {' '.join(row.addresses)}".rstrip() for row in rows
    ]


# Section, and what its counters are called in a sentence. What has no sentence is shown by its name.
_SENTENCES: Final[dict[str, dict[str, str]]] = {
    "Ip": {
        "ip_in_receives": "{} total packets received",
        "ip_forw_datagrams": "{} forwarded",
        "ip_in_delivers": "{} incoming packets delivered",
        "ip_out_requests": "{} requests sent out",
        "ip_in_hdr_errors": "{} with invalid headers",
        "ip_in_addr_errors": "{} with invalid addresses",
        "ip_in_unknown_protos": "{} with unknown protocol",
        "ip_in_csum_errors": "{} with wrong checksum",
        "ip_out_no_routes": "{} dropped because of missing route",
        "ip_reasm_reqds": "{} reassemblies required",
        "ip_reasm_oks": "{} packets reassembled ok",
        "ip_reasm_fails": "{} packet reassemblies failed",
        "ip_frag_oks": "{} fragments ok",
        "ip_frag_creates": "{} fragments created",
    },
    "Icmp": {
        "icmp_in_msgs": "{} ICMP messages received",
        "icmp_in_errors": "{} input ICMP message failed",
        "icmp_out_msgs": "{} ICMP messages sent",
        "icmp_out_errors": "{} ICMP messages failed",
    },
    "Tcp": {
        "tcp_active_opens": "{} active connection openings",
        "tcp_passive_opens": "{} passive connection openings",
        "tcp_attempt_fails": "{} failed connection attempts",
        "tcp_estab_resets": "{} connection resets received",
        "tcp_curr_estab": "{} connections established",
        "tcp_in_segs": "{} segments received",
        "tcp_out_segs": "{} segments sent out",
        "tcp_retrans_segs": "{} segments retransmitted",
        "tcp_in_errs": "{} bad segments received",
        "tcp_out_rsts": "{} resets sent",
        "tcp_in_csum_errors": "{} segments with wrong checksum",
    },
    "Udp": {
        "udp_in_datagrams": "{} packets received",
        "udp_noports": "{} packets to unknown port received",
        "udp_in_errors": "{} packet receive errors",
        "udp_out_datagrams": "{} packets sent",
        "udp_rcvbuf_errors": "{} receive buffer errors",
        "udp_sndbuf_errors": "{} send buffer errors",
        "udp_in_csum_errors": "{} packets with wrong checksum",
    },
}
_SECTIONS: Final = {"ip": "Ip", "icmp": "Icmp", "tcp": "Tcp", "udp": "Udp", "arp": "Arp", "eth": "Ethernet"}


def statistics(counters: dict[str, int], sections: Sequence[str] = ()) -> list[str]:
    """The lines of `netstat -s`: every counter of the machine, in sentences where net-tools has one.

    Args:
        counters: names and values.
        sections: show only these ("Tcp", "Udp", ...); all if empty.
    """
    parts: dict[str, list[str]] = {name: [] for name in ("Ip", "Icmp", "Tcp", "Udp")}
    named: set[str] = set()
    for section, sentences in _SENTENCES.items():
        for counter, sentence in sentences.items():
            if counter in counters:
                parts[section].append("    " + sentence.format(counters[counter]))
                named.add(counter)
    for counter, value in sorted(counters.items()):
        if counter not in named:
            section = _SECTIONS.get(counter.split("_")[0], "Machine")
            parts.setdefault(section, []).append(f"    {counter}: {value}")
    lines: list[str] = []
    for section, sentences_of in parts.items():
        if sentences_of and (not sections or section in sections):
            lines += [f"{section}:", *sentences_of]
    return lines
