"""`lsof -i -n -P`: which process holds which socket, by which descriptor."""

from collections.abc import Iterable
from typing import Final

from netarium.host.tables import DetailedRow
from netarium.inspect.width import cells, left, right

# What lsof and ss write as an asterisk.
WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound

_HEAD: Final = ("COMMAND", "PID", "USER", "FD", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME")
_RIGHT: Final = frozenset({1, 3, 5, 6, 7})  # columns that lsof aligns to the right
_STATES: Final = {
    "CLOSE": "CLOSED",
    "FIN_WAIT1": "FIN_WAIT_1",
    "FIN_WAIT2": "FIN_WAIT_2",
    "SYN_RECV": "SYN_RCVD",
}


def _end(end: tuple[str, int]) -> str:
    host, port = end
    if host in WILDCARDS:
        host = "*"
    elif ":" in host:
        host = f"[{host}]"
    return f"{host}:{port or '*'}"


def name(row: DetailedRow) -> str:
    """The NAME column: `10.0.1.1:49152->10.0.1.3:80 (ESTABLISHED)`, `*:80 (LISTEN)`."""
    text = _end(row.local)
    if row.connected:
        text += "->" + _end(row.remote)
    if row.state:
        text += f" ({_STATES.get(row.state, row.state)})"
    return text


def sockets(rows: Iterable[DetailedRow], *, user: str = "-") -> list[str]:
    """The lines of `lsof -inP`; a socket that no process holds any more (TIME_WAIT) is not an open file.

    Args:
        rows: the sockets.
        user: what stands in the USER column; simulated processes have no users.
    """
    table: list[tuple[str, ...]] = [_HEAD]
    for row in rows:
        if row.pid and row.fd >= 0:
            kind = "IPv6" if row.version == 6 else "IPv4"
            table.append(
                (
                    row.process[:9],
                    str(row.pid),
                    user,
                    f"{row.fd}u",
                    kind,
                    str(row.id),
                    "0t0",
                    row.kind.upper(),
                    name(row),
                )
            )
    widths = [max(cells(line[column]) for line in table) for column in range(len(_HEAD))]
    widths[3] += 1  # lsof leaves room for the lock character behind the descriptor
    lines = []
    for line in table:
        parts = [
            right(word, widths[column]) if column in _RIGHT else left(word, widths[column])
            for column, word in enumerate(line)
        ]
        if line is not _HEAD:
            parts[3] = right(line[3], widths[3] - 1) + " "
        lines.append(" ".join(parts).rstrip())
    return lines
