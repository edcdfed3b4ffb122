"""The port table and the table of datagram endpoints against models that look at every row."""

from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from netarium.base.errors import StackError
from netarium.transport.demux import DatagramTable
from netarium.transport.options import SocketOptions
from netarium.transport.ports import PortTable

ADDRESSES = [bytes(4), b"\x0a\0\0\1", b"\x0a\0\0\2"]


@dataclass(eq=False)
class Row:
    options: SocketOptions = field(default_factory=SocketOptions)
    local: tuple[bytes, int] = (bytes(4), 0)
    remote: tuple[bytes, int] = (bytes(4), 0)
    connected: bool = False
    version: int = 4
    state_name: str = ""


binds = st.tuples(
    st.sampled_from(ADDRESSES),
    st.integers(1, 3),
    st.builds(SocketOptions, reuseaddr=st.booleans(), reuseport=st.booleans()),
    st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(binds, st.integers(0, 10)), max_size=30))
def test_bind_never_lets_two_overlap_without_both_agreeing(steps: list) -> None:
    ports = PortTable((1, 3), Random(0))
    rows: list[Row] = []
    for step in steps:
        if isinstance(step, int):
            if rows:
                ports.release(rows.pop(step % len(rows)))
            continue
        address, port, options, listening = step
        row = Row(options, state_name="LISTEN" if listening else "")
        agree = all(
            one.local[1] != port
            or (any(one.local[0]) and any(address) and one.local[0] != address)
            or (one.options.reuseport and options.reuseport)
            or (one.options.reuseaddr and options.reuseaddr and one.state_name != "LISTEN")
            for one in rows
        )
        try:
            row.local = (address, ports.bind(row, address, port))
        except StackError:
            assert not agree
        else:
            assert agree
            rows.append(row)
    assert len(ports) == len({row.local[1] for row in rows})


lives = st.tuples(st.sampled_from(ADDRESSES), st.integers(1, 2), st.sampled_from([None, *ADDRESSES[1:]]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(lives, st.integers(0, 10)), max_size=20), lives)
def test_find_agrees_with_a_search_of_all_rows(steps: list, probe: tuple) -> None:
    table: DatagramTable[Row] = DatagramTable(7)
    rows: list[Row] = []
    for step in steps:
        if isinstance(step, int):
            if rows:
                table.remove(rows.pop(step % len(rows)))
            continue
        address, port, peer = step
        connected = peer is not None and any(address)
        row = Row(
            local=(address, port), remote=(peer or bytes(4), 9 if connected else 0), connected=connected
        )
        rows.append(row)
        table.add(row)
    local, port, remote = probe[0], probe[1], probe[2] or ADDRESSES[1]
    best: tuple[int, Row | None] = (0, None)
    for row in rows:
        if row.local[1] != port or (any(row.local[0]) and row.local[0] != local):
            continue
        if row.connected and row.remote != (remote, 9):
            continue
        score = 3 if row.connected else 2 if row.local[0] == local else 1
        if score >= best[0]:
            best = (score, row)
    found = table.find(local, remote, (9).to_bytes(2, "big") + port.to_bytes(2, "big"))
    assert found is best[1]
    assert sorted(map(id, table)) == sorted(map(id, rows))
