"""Which datagram endpoint a packet is for."""

from dataclasses import dataclass, field

from netarium.transport.demux import DatagramTable
from netarium.transport.options import SocketOptions

ANY, US, PEER = bytes(4), b"\x0a\0\0\1", b"\x0a\0\0\2"
PORTS = b"\x00\x05\x00\x07"  # theirs 5, ours 7


@dataclass(eq=False)
class Row:
    local: tuple[bytes, int]
    remote: tuple[bytes, int] = (ANY, 0)
    connected: bool = False
    version: int = 4
    options: SocketOptions = field(default_factory=SocketOptions)


def test_the_most_special_wins() -> None:
    table: DatagramTable[Row] = DatagramTable(1)
    wild, bound, exact = Row((ANY, 7)), Row((US, 7)), Row((US, 7), (PEER, 5), True)
    for row in (wild, bound, exact):
        table.add(row)
    assert table.find(US, PEER, PORTS) is exact
    table.remove(exact)
    assert table.find(US, PEER, PORTS) is bound
    table.remove(bound)
    assert table.find(US, PEER, PORTS) is wild
    table.remove(wild)
    assert table.find(US, PEER, PORTS) is None
    assert list(table) == []


def test_connected_is_not_found_by_others() -> None:
    table: DatagramTable[Row] = DatagramTable(1)
    table.add(Row((US, 7), (PEER, 5), True))
    assert table.find(US, PEER, b"\0\6\0\7") is None
    assert table.matching(b"\xff" * 4, PEER, b"\0\6\0\7") == []


def test_group_packets_match_by_port_address_and_peer() -> None:
    table: DatagramTable[Row] = DatagramTable(1)
    group = b"\xe0\0\0\5"
    wild, member, exact = Row((ANY, 7)), Row((group, 7)), Row((ANY, 7), (PEER, 5), True)
    for row in (wild, member, exact, Row((US, 7)), Row((ANY, 8)), Row((bytes(16), 7), version=6)):
        table.add(row)
    assert table.matching(group, PEER, PORTS) == [wild, member, exact]
    assert table.matching(group, b"\x0a\0\0\3", PORTS) == [wild, member]


def test_reuseport_is_stable_for_a_peer_and_fair_among_many() -> None:
    table: DatagramTable[Row] = DatagramTable(99)
    rows = [Row((ANY, 7), options=SocketOptions(reuseport=True)) for _ in range(4)]
    for row in rows:
        table.add(row)
    counts = dict.fromkeys(range(4), 0)
    for port in range(400):
        ports = port.to_bytes(2, "big") + b"\0\7"
        found = table.find(US, PEER, ports)
        assert found is table.find(US, PEER, ports)
        counts[rows.index(found)] += 1  # type: ignore[arg-type]
    assert min(counts.values()) > 50
