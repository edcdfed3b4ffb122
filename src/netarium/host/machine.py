"""One machine: floors 2 to 4 wired together, its sockets and processes. Nothing global, no clock, no I/O.

Five verbs run it: `receive`, `poll_transmit`, `next_deadline` with `on_deadline`, `poll_event`. It is the containment
boundary too: whatever a frame or a timer provokes inside, these verbs do not raise. Malformed bytes end in a counter;
an exception that nobody foresaw is our own bug, counted as `internal_error` and kept for whoever looks.
"""

import traceback
from collections import deque
from random import Random
from typing import Final

from netarium.base.config import MachineConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, DropReason, Fate, WireError
from netarium.base.timerq import NEVER
from netarium.base.trace import FrameDropped, FrameReceived, FrameSent, Trace
from netarium.host.process import ProcessTable
from netarium.host.sockets import SocketTable
from netarium.ip.iface import Interface
from netarium.ip.layer import IpLayer
from netarium.link.device import Device
from netarium.link.frame import Frame
from netarium.link.gso import finished
from netarium.link.loopback import Loopback
from netarium.transport.endpoint import Endpoint, Notifier
from netarium.transport.ping import PingLayer
from netarium.transport.tcp.layer import TcpLayer
from netarium.transport.udp import UdpLayer
from netarium.wire.numbers import PROTOCOL_ICMP, PROTOCOL_UDP

_KEPT_TRACEBACKS: Final = 8

# A WireError's text begins with the layer that could not read the bytes.
_MALFORMED: Final = {
    "ethernet": DropReason.ETH_MALFORMED,
    "arp": DropReason.ARP_MALFORMED,
    "ipv4": DropReason.IP_MALFORMED,
    "ipv6": DropReason.IP_MALFORMED,
    "icmp": DropReason.ICMP_MALFORMED,
    "igmp": DropReason.IGMP_MALFORMED,
    "udp": DropReason.UDP_MALFORMED,
    "tcp": DropReason.TCP_MALFORMED,
}


class Machine:
    """One machine.

    Args:
        name: what traces and prompts call it.
        config: all settings.
        random: its source of randomness: seeded in a simulation, unpredictable in the real world.
        trace: who listens, or None.

    Attributes:
        counters: by name; for each frame that came in, exactly one fate counts one.
        internal_errors: texts of the last tracebacks of exceptions that were contained.
        loopback: the device of 127.0.0.1.
    """

    def __init__(
        self, name: str, *, config: MachineConfig | None = None, random: Random, trace: Trace | None = None
    ) -> None:
        config = MachineConfig() if config is None else config
        self.name = name
        self.config = config
        self.random = random
        self.trace = trace
        self.counters = Counters()
        self.notifier = Notifier()
        self.ip = IpLayer(name, config, random, self.counters, trace)
        self.udp = UdpLayer(self.ip, config, random, self.counters, trace, self.notifier)
        self.tcp = TcpLayer(self.ip, config.tcp, random, self.counters, trace, self.notifier, name)
        self._ip_timers, self._tcp_timers = self.ip.timers, self.tcp.timers
        self.ping = PingLayer(self.ip, config, random, self.counters, self.notifier)
        self.ip.transports.update({PROTOCOL_ICMP: self.ping, PROTOCOL_UDP: self.udp})  # TCP enters itself
        self.processes = ProcessTable(name, trace)
        self.sockets = SocketTable(self.tcp, self.udp, self.ping, name, trace)
        self.internal_errors: deque[str] = deque(maxlen=_KEPT_TRACEBACKS)
        self.loopback = Loopback()
        self.add_device(self.loopback, 0)

    def add_device(self, device: Device, now: int) -> Interface:
        """Plug in a network adapter; it has no address yet."""
        return self.ip.add_interface(device, now)

    def configure(self, config: MachineConfig) -> None:
        """Other settings, as an administrator changes sysctls: for what begins from now on."""
        self.config = config
        self.ip.config = config
        self.tcp.config = config.tcp
        self.tcp.ports.range = config.tcp.port_range

    # --- the five verbs -----------------------------------------------------------------------------------------

    def receive(self, device: Device, frame: Frame, now: int) -> None:
        """A frame arrived. Never raises; the frame's fate is counted."""
        if self.trace is None:
            self.counters[self._fate(device, frame, now)] += 1
        else:
            self._receive_traced(self.trace, device, frame, now)

    def poll_transmit(self, device: Device, now: int) -> Frame | None:
        """The next frame for a device that has room: finished ones first, then the senders in turn. Never raises."""
        interface, trace = self.ip.interface_of(device), self.trace
        before = 0 if trace is None else trace.cause
        frame = None
        out = interface.out
        if out:
            frame = out.popleft()
        else:
            ready = interface.ready
            while ready and frame is None:
                sender = ready.popleft()
                try:
                    frame = sender.poll_transmit(now)
                except Exception:  # noqa: BLE001 - the containment boundary
                    self.counters[self._contain()] += 1
                if frame is None:
                    sender.queued = False
                elif sender.queued:  # it has more, as far as it knows
                    ready.append(sender)
            if frame is None and out:  # what a sender gave waits for its next hop: the question goes now
                frame = out.popleft()
        if trace is not None:
            if frame is not None:
                self._tell_sent(trace, device, frame, now)
            trace.cause = before  # senders set it to what made their data
        return frame

    def next_deadline(self) -> int | None:
        """When `on_deadline` must be called, ns; None if nothing waits for time to pass."""
        # Asked twice in every turn: `TimerQueue.first` is looked at from here, where it is known.
        ip, tcp = self._ip_timers, self._tcp_timers
        at = ip.first if ip.first >= 0 else ip.find()
        first = tcp.first if tcp.first >= 0 else tcp.find()
        if at < first:
            return at
        return first if first != NEVER else None

    def is_due(self, now: int) -> bool:
        """True if `on_deadline` has something to do."""
        ip, tcp = self._ip_timers, self._tcp_timers
        at = ip.first if ip.first >= 0 else ip.find()
        return at <= now or (tcp.first if tcp.first >= 0 else tcp.find()) <= now

    def on_deadline(self, now: int) -> None:
        """Do what is due. Never raises."""
        before = 0
        if self.trace is not None:
            before, self.trace.cause = self.trace.cause, 0  # time causes it, not the call in which it passes
        for layer in (self.ip, self.tcp):
            try:
                layer.on_deadline(now)
            except Exception:  # noqa: BLE001 - the containment boundary
                self.counters[self._contain()] += 1
        if self.trace is not None:
            self.trace.cause = before

    def poll_event(self) -> Endpoint | None:
        """The next endpoint whose readiness may have changed."""
        return self.notifier.pop()

    def close(self, endpoint: Endpoint, now: int) -> None:
        """The process that holds an endpoint has no use for it any more: the row goes, now or once the transport is done."""
        trace, sockets = self.trace, self.sockets
        cause = sockets.tell(endpoint, "closed", now)
        sockets.detach(endpoint)
        if trace is None:
            endpoint.close(now)
            return
        with trace.because(cause):
            endpoint.close(now)
            if endpoint.kind != "tcp" or endpoint.state_name == "CLOSED":
                sockets.tell(endpoint, "deleted", now)

    # --- inside -------------------------------------------------------------------------------------------------

    def _fate(self, device: Device, frame: Frame, now: int) -> Fate:
        """What becomes of a received frame."""
        try:
            return self.ip.receive(device, frame, now)
        except WireError as fault:
            return _MALFORMED.get(str(fault).partition(":")[0], DropReason.IP_MALFORMED)
        except Exception:  # noqa: BLE001 - the containment boundary
            return self._contain()

    def _receive_traced(self, trace: Trace, device: Device, frame: Frame, now: int) -> None:
        octets = finished(frame).octets()
        event = FrameReceived(at=now, where=self.name, cause=frame.cause, device=device.name, octets=octets)
        before = trace.cause
        frame.cause = trace.cause = trace.emit(event)
        fate = self._fate(device, frame, now)
        self.counters[fate] += 1
        if not isinstance(fate, Accepted):
            trace.emit(
                FrameDropped(at=now, where=self.name, cause=frame.cause, device=device.name, reason=fate)
            )
        trace.cause = before

    def _tell_sent(self, trace: Trace, device: Device, frame: Frame, now: int) -> None:
        octets = finished(frame).octets()
        event = FrameSent(at=now, where=self.name, cause=frame.cause, device=device.name, octets=octets)
        frame.cause = trace.emit(event)

    def _contain(self) -> DropReason:
        """Keep the traceback of our own bug and go on."""
        self.internal_errors.append(traceback.format_exc())
        return DropReason.INTERNAL_ERROR
