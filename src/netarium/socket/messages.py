"""Ancillary data of sendmsg() and recvmsg(): IP_PKTINFO, IP_TTL, IP_TOS, SCM_TIMESTAMP, and the error queue (ip(7))."""

import errno
import socket as kernel
import struct
from collections.abc import Iterable
from typing import Any, Final

from netarium.base.checksum import Buffer
from netarium.ip.iface import Interface
from netarium.socket.buffers import octets
from netarium.socket.descriptors import Description
from netarium.socket.errors import os_error
from netarium.transport.datagram import Datagram, QueuedError
from netarium.transport.tcp.connection import Connection

Ancillary = list[tuple[int, int, bytes]]

MSG_ERRQUEUE: Final = 0x2000
MSG_CTRUNC: Final = int(kernel.MSG_CTRUNC)
_IP: Final = int(kernel.IPPROTO_IP)
_IP_TOS, _IP_TTL, _IP_PKTINFO, _IP_RECVERR = 1, 2, 8, 11
_TCP: Final = int(kernel.IPPROTO_TCP)
_TCP_CM_INQ: Final = 36
_SCM_TIMESTAMP: Final = 29
_INT: Final = struct.Struct("i")
_TIMEVAL: Final = struct.Struct("ll")
_PKTINFO: Final = struct.Struct("i4s4s")  # index, spec_dst (ours), addr (the header's destination)
_EXTENDED_ERROR: Final = struct.Struct("IBBBBII")  # struct sock_extended_err
_SOCKADDR_IN: Final = struct.Struct("=H2s4s8x")
_ORIGIN_ICMP: Final = 2


def describe(description: Description, datagram: Datagram) -> Ancillary:
    """What the options of the socket want to be told about a datagram."""
    options = description.endpoint.options
    items: Ancillary = []
    if options.timestamp:
        driver = description.host.driver
        micros = round(driver.wall() * 1e6) - (driver.now() - datagram.at) // 1_000
        items.append((int(kernel.SOL_SOCKET), _SCM_TIMESTAMP, _TIMEVAL.pack(*divmod(micros, 1_000_000))))
    if options.pktinfo and len(datagram.dst) == 4:
        index, ours = _reception(datagram)
        items.append((_IP, _IP_PKTINFO, _PKTINFO.pack(index, ours, datagram.dst)))
    if options.recvttl:
        items.append((_IP, _IP_TTL, _INT.pack(datagram.ttl)))
    if options.recvtos:
        items.append((_IP, _IP_TOS, bytes((datagram.tos,))))
    return items


def describe_stream(connection: Connection) -> Ancillary:
    """What the options of a connection want to be told: with TCP_INQ, how much is left to read."""
    if not connection.options.inq:
        return []
    tcb = connection.tcb
    ended = tcb.rcv_fin is not None and tcb.rcv_nxt > tcb.rcv_fin
    # The end of the stream counts as one more to read, so that programs go on until they read nothing.
    return [(_TCP, _TCP_CM_INQ, _INT.pack(connection.receive_queue + ended))]


def describe_error(entry: QueuedError) -> Ancillary:
    """One entry of the error queue: struct sock_extended_err and the address of who reported it."""
    error = _EXTENDED_ERROR.pack(entry.errno, _ORIGIN_ICMP, entry.type, entry.code, 0, entry.mtu, 0)
    offender = b""
    if len(entry.reporter) == 4:
        offender = _SOCKADDR_IN.pack(int(kernel.AF_INET), b"\0\0", entry.reporter)
    return [(_IP, _IP_RECVERR, error + offender)]


def fitting(items: Ancillary, room: int) -> tuple[Ancillary, int]:
    """As many items as fit into a control buffer of `room` octets, and MSG_CTRUNC if not all did."""
    kept: Ancillary = []
    for level, kind, value in items:
        if room < kernel.CMSG_LEN(len(value)):
            return kept, MSG_CTRUNC
        kept.append((level, kind, value))
        room -= kernel.CMSG_SPACE(len(value))
    return kept, 0


def parse(description: Description, items: Iterable[tuple[int, int, Any]]) -> dict[str, Any]:
    """What sendmsg() says about one datagram: keyword arguments of `UdpEndpoint.send`.

    Raises:
        OSError: EINVAL.
    """
    result: dict[str, Any] = {}
    for level, kind, raw in items:
        value = octets(raw)
        if level != _IP:
            if level == int(kernel.SOL_SOCKET):
                raise os_error(errno.EINVAL)
            continue
        if kind == _IP_TTL:
            result["ttl"] = _number(value, 1, 255)
        elif kind == _IP_TOS:
            result["tos"] = value[0] if len(value) == 1 else _number(value, 0, 255)
        elif kind == _IP_PKTINFO and len(value) >= _PKTINFO.size:
            index, source, _ = _PKTINFO.unpack_from(value)
            result["source"] = source if any(source) else None
            result["interface"] = _interface(description, index) if index else None
        else:
            raise os_error(errno.EINVAL)
    return result


def _number(value: Buffer, low: int, high: int) -> int:
    number = int(_INT.unpack_from(value)[0]) if len(value) >= _INT.size else -1
    if not low <= number <= high:
        raise os_error(errno.EINVAL)
    return number


def _interface(description: Description, index: int) -> Interface:
    for interface in description.host.machine.ip.interfaces:
        if interface.index == index:
            return interface
    raise os_error(errno.ENODEV)


def _reception(datagram: Datagram) -> tuple[int, bytes]:
    """Index of the interface of arrival, and our address there to answer from."""
    interface = datagram.interface
    if interface is None:
        return 0, datagram.dst
    if interface.find(datagram.dst) is not None or not interface.addresses:
        return interface.index, datagram.dst
    return interface.index, interface.source_for(datagram.src) or datagram.dst
