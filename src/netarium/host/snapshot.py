"""Take a snapshot of all tables of a machine (see `tables`); nothing is changed by looking."""

from collections.abc import Callable
from dataclasses import asdict

from netarium.base.addr import format_ip, format_mac
from netarium.host.machine import Machine
from netarium.host.sockets import Entry
from netarium.host.tables import DetailedRow, InterfaceRow, NeighborRow, RouteRow, Tables, TimerRow
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.timewait import TimeWait


def snapshot(machine: Machine, now: int, name_of: Callable[[bytes], str] | None = None) -> Tables:
    """A snapshot of the machine.

    Args:
        machine: is read only.
        now: monotonic ns; timers are shown as what is left of them.
        name_of: what a neighbour's address is called, or "".
    """
    return Tables(
        machine=machine.name,
        now=now,
        sockets=[detailed(machine, endpoint, now) for endpoint in machine.sockets.endpoints()],
        routes=[
            RouteRow(
                destination=format_ip(route.destination.network),
                length=route.destination.length,
                gateway="" if route.gateway is None else format_ip(route.gateway),
                device=route.interface.name,
                metric=route.metric,
            )
            for route in machine.ip.routes
        ],
        neighbors=[
            NeighborRow(
                address=format_ip(neighbor.address),
                mac=format_mac(neighbor.mac),
                device=neighbor.interface.name,
                state=neighbor.state.value,
                name="" if name_of is None else name_of(neighbor.address),
            )
            for neighbor in machine.ip.neighbors.rows()
        ],
        interfaces=[
            InterfaceRow(
                name=interface.name,
                mac=format_mac(interface.mac),
                mtu=interface.mtu,
                up=interface.up,
                addresses=[f"{format_ip(a.address)}/{a.prefix_length}" for a in interface.addresses],
            )
            for interface in machine.ip.interfaces
        ],
        counters=dict(machine.counters),
    )


def detailed(machine: Machine, endpoint: Entry, now: int) -> DetailedRow:
    """One endpoint with its timer and its inside."""
    row = DetailedRow(**asdict(machine.sockets.row(endpoint)))
    if isinstance(endpoint, TimeWait):
        row.timer = TimerRow(name="timewait", left_ns=max(0, endpoint.expires_at - now))
    elif isinstance(endpoint, Connection):
        row.timer = _timer(endpoint, now)
        if endpoint.state_name not in {"CLOSED", "LISTEN"}:
            row.info = _info(endpoint, now)
    return row


def _timer(connection: Connection, now: int) -> TimerRow:
    """The timer that Linux would show: retransmission before window probe before keepalive."""
    tcb = connection.tcb
    for name, at in (("on", tcb.rexmit_at), ("probe", tcb.persist_at), ("keepalive", tcb.keepalive_at)):
        if at:
            return TimerRow(
                name=name,
                left_ns=max(0, at - now),
                retransmits=tcb.rexmit_count,
                probes=tcb.persist_count + tcb.keepalive_count,
            )
    return TimerRow()


def _info(connection: Connection, now: int) -> dict[str, int | str]:
    fields: dict[str, int | str] = {
        name.removeprefix("tcpi_"): value for name, value in asdict(connection.info(now)).items()
    }
    tcb = connection.tcb
    fields["congestion"] = tcb.options.congestion or tcb.config.congestion_control
    return fields
