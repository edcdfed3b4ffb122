"""Snapshots of live machines: timers, insides, neighbours, all as plain data that survives JSON."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

import netarium
from netarium.base.units import SECOND
from netarium.host.snapshot import snapshot
from netarium.host.tables import DetailedRow, Tables
from netarium.link.rules import Cut
from netarium.sim.host import Host
from netarium.socket.socket import Socket


class Pair:
    """Two machines and a connection between them."""

    def __init__(self, world: netarium.World) -> None:
        self.world = world
        self.one, self.other = world.hosts("one", "other")
        self.cable = world.cable(self.one, self.other, delay="1ms")
        self.listener = self.other.socket()
        self.listener.bind(("", 80))
        self.listener.listen()
        self.client: Socket = self.one.socket()
        self.client.connect((self.other.address, 80))
        self.server, _ = self.listener.accept()

    def tables(self, host: Host) -> Tables:
        return snapshot(host.machine, self.world.now, lambda _: "neighbour")

    def row(self, host: Host, **values: object) -> DetailedRow:
        rows = self.tables(host).sockets
        return next(row for row in rows if all(getattr(row, name) == value for name, value in values.items()))


@pytest.fixture
def pair() -> Iterator[Pair]:
    with netarium.World(seed=1) as world:
        made = Pair(world)
        with made.listener, made.client, made.server:
            yield made


def test_idle_connection_has_no_timer_but_an_inside(pair: Pair) -> None:
    pair.world.run_for("1s")
    row = pair.row(pair.one, state="ESTABLISHED")
    assert row.timer.name == "off"
    assert row.connected
    assert (row.info["snd_mss"], row.info["pmtu"], row.info["options"]) == (1448, 1500, 7)
    assert row.info["congestion"] == "cubic"
    assert row.pid
    assert row.fd >= 3


def test_unanswered_data_show_the_retransmission_timer(pair: Pair) -> None:
    pair.cable.add_rule(Cut())
    pair.client.send(b"anybody there?")
    pair.world.run_for("2s")
    row = pair.row(pair.one, state="ESTABLISHED")
    assert row.timer.name == "on"
    assert row.timer.retransmits >= 2
    assert 0 < row.timer.left_ns <= int(row.info["rto"]) * 1000
    assert row.send_q == 14


def test_a_full_receiver_shows_the_probe_timer(pair: Pair) -> None:
    pair.client.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            pair.client.send(bytes(65_536))
    pair.world.run_for("5s")
    row = pair.row(pair.one, state="ESTABLISHED")
    assert (row.timer.name, row.timer.retransmits) == ("probe", 0)
    assert row.timer.probes >= 1
    assert pair.row(pair.other, state="ESTABLISHED").recv_q > 0


def test_keepalive_shows_its_timer(pair: Pair) -> None:
    pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    pair.world.run_for("10s")
    row = pair.row(pair.one, state="ESTABLISHED")
    assert row.timer.name == "keepalive"
    assert 7_100 * SECOND < row.timer.left_ns <= 7_200 * SECOND


def test_time_wait_has_no_process_and_counts_down(pair: Pair) -> None:
    pair.client.close()
    pair.server.close()
    pair.world.run_for("10s")
    row = pair.row(pair.one, state="TIME_WAIT")
    assert (row.pid, row.process, row.fd, row.info) == (0, "", -1, {})
    assert row.timer.name == "timewait"
    assert 49 * SECOND < row.timer.left_ns < 51 * SECOND
    pair.world.run_for("51s")
    assert [row.state for row in pair.tables(pair.one).sockets] == []


def test_everything_survives_json(pair: Pair) -> None:
    tables = pair.tables(pair.one)
    assert [(row.address, row.name, row.state) for row in tables.neighbors] == [
        (pair.other.address, "neighbour", "REACHABLE")
    ]
    assert [(row.destination, row.length, row.gateway, row.device) for row in tables.routes] == [
        ("10.0.1.0", 24, "", "eth0"),
        ("127.0.0.0", 8, "", "lo"),
    ]
    assert {row.name: row.addresses for row in tables.interfaces} == {
        "lo": ["127.0.0.1/8"],
        "eth0": [f"{pair.one.address}/24"],
    }
    assert tables.counters["accepted"] > 0
    assert Tables.from_dict(json.loads(json.dumps(tables.as_dict()))) == tables
