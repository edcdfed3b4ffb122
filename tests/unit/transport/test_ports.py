"""Port conflicts as Linux judges them, and ephemeral ports that nobody can guess."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest

from netarium.base.addr import ANY4, ANY6
from netarium.base.errors import StackError
from netarium.transport.options import SocketOptions
from netarium.transport.ports import PortTable

A = b"\x0a\x00\x00\x01"
B = b"\x0a\x00\x00\x02"


@dataclass(eq=False)
class Row:
    options: SocketOptions = field(default_factory=SocketOptions)
    local: tuple[bytes, int] = (ANY4, 0)
    state_name: str = ""


def table(low: int = 32_768, high: int = 60_999) -> PortTable:
    return PortTable((low, high), Random(5))


def bound(ports: PortTable, address: bytes = ANY4, port: int = 80, state: str = "", **options: object) -> Row:
    row = Row(SocketOptions(**options), state_name=state)  # type: ignore[arg-type]
    row.local = (address, ports.bind(row, address, port))
    return row


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [
        ({}, {}, True),
        ({"address": A}, {"address": B}, False),
        ({"address": A}, {"address": ANY4}, True),
        ({"address": ANY4}, {"address": A}, True),
        ({"reuseaddr": True}, {"reuseaddr": True}, False),
        ({"reuseaddr": True, "state": "LISTEN"}, {"reuseaddr": True}, True),
        ({"reuseaddr": True, "state": "TIME_WAIT"}, {"reuseaddr": True}, False),
        ({"state": "TIME_WAIT"}, {"reuseaddr": True}, True),
        ({"reuseaddr": True}, {}, True),
        ({"reuseport": True, "state": "LISTEN"}, {"reuseport": True}, False),
        ({"reuseport": True}, {"reuseaddr": True}, True),
        ({"bindtodevice": "eth0"}, {"bindtodevice": "eth1"}, False),
        ({"bindtodevice": "eth0"}, {}, True),
        ({"address": ANY6}, {"address": A}, True),
        ({"address": ANY6, "v6only": True}, {"address": A}, False),
        ({"address": bytes(15) + b"\1"}, {"address": ANY4}, False),
    ],
)
def test_conflicts(first: dict, second: dict, conflict: bool) -> None:
    ports = table()
    bound(ports, **first)
    if conflict:
        with pytest.raises(StackError) as caught:
            bound(ports, **second)
        assert caught.value.errno == 98
    else:
        bound(ports, **second)


def test_release_frees_the_port_for_the_next_and_only_when_all_have_gone() -> None:
    ports = table()
    listener = bound(ports)
    child = Row(local=(A, 80))
    ports.hold(child, A, 80)
    ports.release(listener)
    with pytest.raises(StackError):
        bound(ports)
    ports.release(child)
    assert len(ports) == 0
    bound(ports)


def test_time_wait_record_holds_in_the_place_of_its_connection() -> None:
    ports = table()
    connection = bound(ports)
    record = Row(local=connection.local, state_name="TIME_WAIT")
    ports.replace(connection, record)
    ports.release(connection)  # no longer its own
    with pytest.raises(StackError):
        bound(ports)
    ports.release(record)
    bound(ports)


def test_two_may_bind_with_reuseaddr_but_only_one_listens() -> None:
    ports = table()
    one, two = bound(ports, reuseaddr=True), bound(ports, reuseaddr=True)
    ports.check_listen(one)
    one.state_name = "LISTEN"
    with pytest.raises(StackError):
        ports.check_listen(two)


def test_bind_zero_never_shares_even_with_reuseaddr() -> None:
    ports = table(100, 103)
    rows = [bound(ports, port=0, reuseaddr=True) for _ in range(4)]
    assert sorted(row.local[1] for row in rows) == [100, 101, 102, 103]
    with pytest.raises(StackError) as caught:
        bound(ports, port=0, reuseaddr=True)
    assert caught.value.errno == 98


def test_connect_shares_ports_between_peers_but_leaves_bound_ones_alone() -> None:
    ports = table(100, 102)
    bound(ports, port=100)
    for port in (101, 102):
        ports.hold(Row(local=(A, port)), A, port)
    assert ports.ephemeral(A, lambda port: port == 102) == 101
    with pytest.raises(StackError) as caught:
        ports.ephemeral(A, lambda _: True)
    assert caught.value.errno == 99


@pytest.mark.rfc("6056", "6056-01")
@pytest.mark.attack("TCP-26")
def test_ephemeral_ports_have_no_pattern() -> None:
    ports = table()
    chosen = [ports.ephemeral(A, lambda _: False) for _ in range(4_000)]
    assert all(32_768 <= port <= 60_999 for port in chosen)
    steps = Counter(after - before for before, after in pairwise(chosen))
    assert steps[1] <= 3
    assert len(set(chosen)) > 3_600  # 12 bits of entropy would give 2,500
