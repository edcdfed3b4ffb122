"""One turn of a machine: receive all, timers, transmit all. Every driver, in virtual or real time, calls this."""

from typing import Final

from netarium.host.machine import Machine

BATCH: Final = 64  # frames from one device before the timers get their turn
_ROUNDS: Final = 16  # while there is more at once; then others in the same thread get their turn


def pump(machine: Machine, now: int, budget: int = BATCH) -> int | None:
    """Do everything due at `now`.

    Args:
        machine: what runs.
        now: monotonic ns.
        budget: frames to receive from one device at the most.

    Returns:
        When to call again: `now` if there is more to do at once, a deadline, or None: only on input.
    """
    receive, poll_transmit, loopback = machine.receive, machine.poll_transmit, machine.loopback
    for _ in range(_ROUNDS):
        again = False
        for interface in machine.ip.interfaces:
            device = interface.device
            recv = device.recv
            for _ in range(budget):
                frame = recv(now)
                if frame is None:
                    break
                receive(device, frame, now)
            else:
                again = True
        deadline = machine.next_deadline()
        if deadline is not None and deadline <= now:
            machine.on_deadline(now)
        for interface in machine.ip.interfaces:
            out, ready = interface.out, interface.ready
            if not (out or ready):
                continue
            device = interface.device
            can_send, send = device.can_send, device.send
            while (out or ready) and can_send() and (frame := poll_transmit(device, now)) is not None:
                send(frame, now)
                again = again or device is loopback  # what is sent there has come in
        if not again:
            return machine.next_deadline()
    return now
