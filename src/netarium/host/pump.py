"""One turn of a machine: receive all, timers, transmit all. Every driver, in virtual or real time, calls this."""

from collections.abc import Callable
from typing import Final

from netarium.host.machine import Machine
from netarium.ip.iface import Interface

BATCH: Final = 64  # frames from one device before the timers get their turn
_ROUNDS: Final = 16  # while there is more at once; then others in the same thread get their turn


def pump(
    machine: Machine, now: int, budget: int = BATCH, clock: Callable[[], int] | None = None
) -> int | None:
    """Do everything due at `now`.

    Args:
        machine: what runs.
        now: monotonic ns.
        budget: frames to receive from one device at the most.
        clock: tells how late it is, where time passes meanwhile: an answer to what leaves in this very turn must not
            seem to have taken no time.

    Returns:
        When to call again: `now` if there is more to do at once, a deadline, or None: only on input.
    """
    interfaces = machine.ip.interfaces
    for turn in range(_ROUNDS):
        again = False
        if turn and clock is not None:
            now = clock()
        for interface in interfaces:
            device = interface.device
            frame = device.recv(now)
            if frame is not None:
                left = budget
                while frame is not None and left:
                    machine.receive(device, frame, now)
                    left -= 1
                    frame = device.recv(now) if left else None
                again = again or not left
        if clock is not None:
            now = clock()
        if machine.is_due(now):
            machine.on_deadline(now)
        for interface in interfaces:
            if (interface.ready or interface.out) and _transmit(machine, interface, now):
                again = again or interface.device is machine.loopback  # what is sent there has come in
        if not again:
            return machine.next_deadline()
    return now


def _transmit(machine: Machine, interface: Interface, now: int) -> bool:
    """Send what waits for an interface, as far as its device has room; False: nothing went."""
    device, out, ready = interface.device, interface.out, interface.ready
    sent = False
    while device.can_send() and (frame := machine.poll_transmit(device, now)) is not None:
        device.send(frame, now)
        sent = True
        if not (ready or out):
            break
    return sent
