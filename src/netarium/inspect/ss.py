"""`ss -tuanpoi` with the look of iproute2: columns as wide as what stands in them, a second line for `-i`."""

from collections.abc import Iterable, Sequence
from typing import Final

from netarium.host.tables import DetailedRow, TimerRow

# The kernel's state names as ss writes them.
STATES: Final = {
    "ESTABLISHED": "ESTAB", "SYN_SENT": "SYN-SENT", "SYN_RECV": "SYN-RECV", "FIN_WAIT1": "FIN-WAIT-1",
    "FIN_WAIT2": "FIN-WAIT-2", "TIME_WAIT": "TIME-WAIT", "CLOSED": "UNCONN", "CLOSE_WAIT": "CLOSE-WAIT",
    "LAST_ACK": "LAST-ACK", "LISTEN": "LISTEN", "CLOSING": "CLOSING",
}  # fmt: skip


def state(row: DetailedRow) -> str:
    """The state as ss names it; a socket without states is ESTAB if it has a peer, else UNCONN."""
    if row.kind == "tcp":
        return STATES.get(row.state, row.state)
    return "ESTAB" if row.connected else "UNCONN"


def short_time(ns: int) -> str:
    """A timer as ss writes it: `119min`, `7.2sec`, `204ms`."""
    ms = ns // 1_000_000
    if ms >= 60_000:
        seconds, minutes = ms // 1000 % 60, ms // 60_000
        return f"{minutes}min" + (f"{seconds}sec" if seconds and minutes < 10 else "")
    if ms >= 1000:
        return f"{ms / 1000:.0f}sec" if ms % 1000 == 0 else f"{ms // 1000}.{ms % 1000 // 100}sec"
    return f"{ms}ms"


def timer(row: TimerRow) -> str:
    """The `-o` column, empty when no timer runs: `timer:(on,204ms,1)`."""
    if row.name == "off":
        return ""
    name = {"probe": "persist"}.get(row.name, row.name)
    return f"timer:({name},{short_time(row.left_ns)},{row.retransmits or row.probes})"


def _milliseconds(us: float) -> str:
    return f"{us / 1000:.3f}".rstrip("0").rstrip(".")


def information(row: DetailedRow) -> str:
    """The `-i` line, from the fields of struct tcp_info, in ss's order and units (rtt and rto in ms)."""
    info = row.info

    def number(name: str) -> int:
        value = info.get(name, 0)
        return value if isinstance(value, int) else 0

    agreed = number("options")
    words = [name for name, bit in _AGREED if agreed & bit]
    words += [str(info["congestion"])] if info.get("congestion") else []
    if agreed & _WSCALE:
        words.append(f"wscale:{number('snd_wscale')},{number('rcv_wscale')}")
    if number("rto"):
        words.append(f"rto:{_milliseconds(number('rto'))}")
    if number("rtt"):
        words.append(f"rtt:{_milliseconds(number('rtt'))}/{_milliseconds(number('rttvar'))}")
    words += [f"ato:{_milliseconds(number('ato'))}"] if number("ato") else []
    words += [f"{label}:{number(name)}" for name, label in _ALWAYS if number(name)]
    if 0 < number("snd_ssthresh") < 0x7FFFFFFF:
        words.append(f"ssthresh:{number('snd_ssthresh')}")
    words += [f"{label}:{number(name)}" for name, label in _COUNTS if number(name)]
    if number("total_retrans"):
        words.append(f"retrans:{number('retrans')}/{number('total_retrans')}")
    words += [f"{label}:{number(name)}" for name, label in _REST if number(name)]
    return " ".join(words)


# Bits of tcpi_options (include/uapi/linux/tcp.h).
_AGREED: Final = (("ts", 1), ("sack", 2))
_WSCALE: Final = 4
_ALWAYS: Final = (
    ("snd_mss", "mss"), ("pmtu", "pmtu"), ("rcv_mss", "rcvmss"), ("advmss", "advmss"), ("snd_cwnd", "cwnd"),
)  # fmt: skip
_COUNTS: Final = (
    ("bytes_sent", "bytes_sent"), ("bytes_retrans", "bytes_retrans"), ("bytes_acked", "bytes_acked"),
    ("bytes_received", "bytes_received"), ("segs_out", "segs_out"), ("segs_in", "segs_in"),
    ("data_segs_out", "data_segs_out"), ("data_segs_in", "data_segs_in"), ("unacked", "unacked"),
)  # fmt: skip
_REST: Final = (
    ("lost", "lost"), ("sacked", "sacked"), ("rcv_space", "rcv_space"), ("rcv_ssthresh", "rcv_ssthresh"),
    ("notsent_bytes", "notsent"), ("snd_wnd", "snd_wnd"),
)  # fmt: skip


def _end(end: tuple[str, int]) -> tuple[str, str]:
    host, port = end
    if host == "::":
        host = "*"
    elif ":" in host:
        host = f"[{host}]"
    return host, str(port or "*")


def _process(row: DetailedRow, *, timers: bool, processes: bool) -> str:
    words = []
    if processes and row.pid:
        words.append(f'users:(("{row.process}",pid={row.pid},fd={row.fd}))')
    if timers and (text := timer(row.timer)):
        words.append(text)
    return " ".join(words)


def sockets(
    rows: Iterable[DetailedRow],
    *,
    every: bool = True,
    listening: bool = False,
    timers: bool = True,
    processes: bool = True,
    details: bool = True,
    netid: bool = True,
) -> list[str]:
    """The lines of `ss -n` with -a (`every`), -l (`listening`), -o (`timers`), -p (`processes`), -i (`details`).

    Sockets that listen or have no peer are left out unless `every` or `listening`. `netid` shows the first column,
    as ss does when more than one protocol is asked for.
    """
    chosen = [row for row in rows if _wanted(row, every=every, listening=listening)]
    table: list[Sequence[str]] = [
        ("Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process")
    ]
    for row in chosen:
        local, remote = _end(row.local), _end(row.remote)
        process = _process(row, timers=timers, processes=processes)
        table.append((row.kind, state(row), str(row.recv_q), str(row.send_q), *local, *remote, process))
    widths = [max(len(line[column]) for line in table) for column in range(9)]
    lines = []
    for index, line in enumerate(table):
        text = f"{line[0]:<{widths[0]}} " if netid else ""
        text += f"{line[1]:<{widths[1]}} {line[2]:<{widths[2]}} {line[3]:<{widths[3]}} "
        text += f"{line[4]:>{widths[4]}}:{line[5]:<{widths[5]}} {line[6]:>{widths[6]}}:{line[7]:<{widths[7]}} {line[8]}"
        lines.append(text.rstrip())
        if details and index and (more := information(chosen[index - 1])):
            lines.append("\t " + more)
    return lines


def _wanted(row: DetailedRow, *, every: bool, listening: bool) -> bool:
    server = row.state == "LISTEN" if row.kind == "tcp" else not row.connected
    if listening:
        return server
    return every or not (server or row.state == "CLOSED")
