"""The socket table: whose each row is, and what it shows."""

from random import Random

from netarium.base.trace import Event, ProcessEvent, SocketEvent, Trace
from netarium.host.machine import Machine


def test_descriptors_are_the_lowest_free() -> None:
    machine = Machine("m", random=Random(1))
    process = machine.processes.start("server", 0)
    endpoints = [machine.udp.open(4, 0) for _ in range(4)]
    assert [machine.sockets.attach(endpoint, process) for endpoint in endpoints[:3]] == [3, 4, 5]
    machine.sockets.detach(endpoints[1])
    machine.sockets.detach(endpoints[0])
    machine.sockets.detach(endpoints[0])  # twice is once
    assert machine.sockets.attach(endpoints[3], process) == 3
    assert machine.sockets.owner(endpoints[3]) == (process, 3)
    assert machine.sockets.owner(endpoints[0]) is None
    assert sorted(process.descriptors) == [3, 5]


def test_rows_from_birth_to_end() -> None:
    machine = Machine("m", random=Random(1))
    process = machine.processes.start("browser", 0)
    tcp, udp = machine.tcp.open(4, 0), machine.udp.open(4, 0)
    for endpoint in (tcp, udp):
        machine.sockets.attach(endpoint, process)
    first, second = machine.sockets.rows()
    assert (first.kind, first.local, first.remote, first.pid, first.process, first.fd) == (
        "tcp", ("0.0.0.0", 0), ("0.0.0.0", 0), process.pid, "browser", 3,
    )  # fmt: skip
    assert (second.kind, second.state, second.fd) == ("udp", "", 4)
    tcp.bind(bytes(4), 80)
    tcp.listen(5, 0)
    row = machine.sockets.rows()[0]
    assert (row.state, row.local, row.send_q) == ("LISTEN", ("0.0.0.0", 80), 5)
    for endpoint in (tcp, udp):
        machine.sockets.detach(endpoint)
        endpoint.close(0)
    assert machine.sockets.rows() == []


def test_pids_differ_and_the_trace_tells_of_processes_and_rows() -> None:
    events: list[Event] = []
    machine = Machine("m", random=Random(1), trace=Trace(events.append))
    one, two = machine.processes.start("one", 5), machine.processes.start("two", 6)
    assert one.pid != two.pid
    assert list(machine.processes) == [one, two]
    endpoint = machine.udp.open(4, 7)
    machine.sockets.attach(endpoint, two)
    machine.sockets.tell(endpoint, "created", 7)
    machine.processes.end(one, 8)
    machine.processes.end(one, 9)
    assert len(machine.processes) == 1
    changes = [(event.name, event.change) for event in events if isinstance(event, ProcessEvent)]
    assert changes == [("one", "started"), ("two", "started"), ("one", "ended")]
    (created,) = [event for event in events if isinstance(event, SocketEvent)]
    assert created.row["process"] == "two"
    assert created.row["local"] == ("0.0.0.0", 0)
