"""Multicast membership as the Socket library tells it: struct ip_mreq, ip_mreqn and ipv6_mreq (RFC 1112 §7, RFC 3493 §5.2)."""

import errno
import struct
from typing import Final

from netarium.ip.iface import Interface
from netarium.socket.descriptors import Description
from netarium.socket.errors import os_error
from netarium.transport.datagram import DatagramEndpoint

_INDEX: Final = struct.Struct("i")


def join(description: Description, value: bytes) -> None:
    """IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP."""
    group, address, index = _parse(value)
    interface = multicast_interface(description, group, address, index)
    _endpoint(description).join_group(group, interface, description.host.driver.now())


def leave(description: Description, value: bytes) -> None:
    """IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP."""
    _endpoint(description).leave_group(_parse(value)[0], description.host.driver.now())


def multicast_interface(description: Description, group: bytes, address: bytes, index: int) -> Interface:
    """The interface that is meant: by index, by one of its addresses, or by the route to the group.

    Raises:
        OSError: ENODEV; EADDRNOTAVAIL no interface has the address.
    """
    host = description.host
    ip = host.machine.ip
    if index:
        for interface in ip.interfaces:
            if interface.index == index:
                return interface
        raise os_error(errno.ENODEV)
    if any(address):
        for interface in ip.interfaces:
            if interface.find(address) is not None:
                return interface
        raise os_error(errno.EADDRNOTAVAIL)
    return ip.find_path(group, host.driver.now()).interface


def _parse(value: bytes) -> tuple[bytes, bytes, int]:
    """Group, interface address, interface index."""
    if len(value) >= 20:
        return value[:16], b"", _INDEX.unpack_from(value, 16)[0]
    if len(value) >= 12:
        return value[:4], value[4:8], _INDEX.unpack_from(value, 8)[0]
    if len(value) >= 8:
        return value[:4], value[4:8], 0
    raise os_error(errno.EINVAL)


def _endpoint(description: Description) -> DatagramEndpoint:
    if not isinstance(description.endpoint, DatagramEndpoint):
        raise os_error(errno.EPROTO)
    return description.endpoint
