"""Which datagram endpoint a received packet is for.

Three dictionaries keyed by packed bytes (a stranger chooses what is looked up, never what is stored, but one seeded
kind of key for everything is cheap): the exact four of a connected endpoint, our address and port, the port alone.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar
from zlib import crc32

from netarium.base.addr import is_unspecified
from netarium.transport.options import SocketOptions


class Row(Protocol):
    """What the table needs of an endpoint; told apart by identity."""

    local: tuple[bytes, int]
    remote: tuple[bytes, int]
    connected: bool
    version: int
    options: SocketOptions


R = TypeVar("R", bound=Row)


class DatagramTable(Generic[R]):
    """Endpoints by their addresses. `local` and `remote` must not change between add() and remove()."""

    __slots__ = ("_exact", "_local", "_port", "_salt")

    def __init__(self, salt: int) -> None:
        self._exact: dict[bytes, list[R]] = {}
        self._local: dict[bytes, list[R]] = {}
        self._port: dict[bytes, list[R]] = {}
        self._salt = salt  # so that a stranger cannot choose which of a SO_REUSEPORT group hears him

    def __iter__(self) -> Iterator[R]:
        for rows in self._port.values():
            yield from rows

    def add(self, row: R) -> None:
        """Let the row be found: it has a local port."""
        for index, key in self._places(row):
            index.setdefault(key, []).append(row)

    def remove(self, row: R) -> None:
        """Undo add()."""
        for index, key in self._places(row):
            rows = index[key]
            rows.remove(row)
            if not rows:
                del index[key]

    def find(self, local: bytes, remote: bytes, ports: bytes) -> R | None:
        """The one endpoint for a unicast packet.

        Args:
            local: our address.
            remote: the peer's.
            ports: theirs and ours, 2 octets each, as they stand in the header.
        """
        rows = self._exact.get(local + remote + ports)
        if rows is None:
            port = ports[2:]
            rows = self._local.get(local + port) or self._local.get(bytes(len(local)) + port)
            if rows is None:
                return None
        if len(rows) == 1:
            return rows[0]
        if rows[-1].options.reuseport:
            return rows[crc32(remote + ports, self._salt) % len(rows)]
        return rows[-1]  # SO_REUSEADDR: the one that came last, as Linux does

    def matching(self, local: bytes, remote: bytes, ports: bytes) -> list[R]:
        """All endpoints for a packet to a broadcast or multicast address (RFC 1122 §4.1.3.5, §3.3.7)."""
        remote_port = int.from_bytes(ports[:2], "big")
        return [
            row
            for row in self._port.get(_port_key(4 if len(local) == 4 else 6, ports[2:]), ())
            if (is_unspecified(row.local[0]) or row.local[0] == local)
            and (not row.connected or row.remote == (remote, remote_port))
        ]

    def _places(self, row: R) -> Iterator[tuple[dict[bytes, list[R]], bytes]]:
        address, number = row.local
        port = number.to_bytes(2, "big")
        yield self._port, _port_key(row.version, port)
        if row.connected:
            yield self._exact, address + row.remote[0] + row.remote[1].to_bytes(2, "big") + port
        else:
            yield self._local, address + port


def _port_key(version: int, port: bytes) -> bytes:
    return bytes((version,)) + port
