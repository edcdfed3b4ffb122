"""What follows when an interface of the kernel is deleted under us: nobody waits for what cannot come."""

import errno

from netarium.drive.device import KernelDevice
from netarium.host.machine import Machine
from netarium.transport.tcp.connection import Connection


def link_lost(machine: Machine, device: KernelDevice, now: int) -> None:
    """End the connections that went over a device with ENETDOWN, and forget the routes through it.

    Args:
        machine: whose device it was.
        device: is gone for good.
        now: monotonic ns.
    """
    interface = machine.ip.interface_of(device)
    for endpoint in machine.sockets.endpoints():
        if not isinstance(endpoint, Connection) or endpoint.listener is not None:
            continue  # a listener may still be reached through another device
        if interface.find(endpoint.local[0]) is not None:
            endpoint.abort(now)
            endpoint.error = errno.ENETDOWN
    machine.ip.routes.remove_where(lambda route: route.interface is interface)
