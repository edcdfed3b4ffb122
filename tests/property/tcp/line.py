"""Two machines at the ends of a bad cable, in virtual time, and programs that read and write as it pleases them."""

from dataclasses import replace
from random import Random

from netarium.base.addr import parse_ip
from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.errors import StackError
from netarium.base.timerq import TimerQueue
from netarium.base.trace import Trace
from netarium.base.units import MS
from netarium.host.machine import Machine
from netarium.host.pump import pump
from netarium.link.adapter import Adapter
from netarium.link.cable import Cable
from netarium.link.device import Timed
from netarium.link.driver import SimulatedDevice
from netarium.transport.tcp.connection import Connection

ADDRESSES = (parse_ip("10.0.0.1"), parse_ip("10.0.0.2"))
MACS = (b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2")
PORT = 80
Agenda = TimerQueue[Timed]


class Node:
    """A machine with one adapter, pumped when the adapter, a timer or a program says so."""

    def __init__(
        self, index: int, agenda: Agenda, random: Random, config: MachineConfig, mtu: int, offload: bool, trace: Trace | None
    ) -> None:  # fmt: skip
        self.agenda = agenda
        self.machine = Machine(f"m{index}", config=config, random=Random(random.getrandbits(64)), trace=trace)
        self.adapter = Adapter(MACS[index], mtu=mtu, merges=offload, interrupt=self)
        device = SimulatedDevice(self.adapter, tso=offload)
        ip = self.machine.ip
        interface = self.machine.add_device(device, 0)
        ip.add_address(interface, ADDRESSES[index], 24, 0)
        # ARP has properties of its own; that three questions in a row are lost is none of TCP's.
        ip.neighbors.set_permanent(interface, ADDRESSES[1 - index], MACS[1 - index], 0)

    def raise_line(self, now: int) -> None:
        self.agenda.schedule(self, now)

    def on_deadline(self, now: int) -> None:
        at = pump(self.machine, now)
        while self.machine.poll_event() is not None:
            pass
        self.agenda.schedule(self, at)


class Line:
    """Both machines, the cable, the clock."""

    def __init__(
        self,
        seed: int,
        *,
        tcp: tuple[TcpConfig, TcpConfig] | None = None,
        mtu: int = 1_500,
        offload: bool = True,
        rate: int | None = 10_000_000,
        delay: int = 5 * MS,
        trace: Trace | None = None,
    ) -> None:
        self.now = 0
        self.agenda: Agenda = TimerQueue()
        self.random = random = Random(seed)
        configs = [replace(MachineConfig(), tcp=one) for one in tcp or (TcpConfig(), TcpConfig())]
        self.nodes = [
            Node(index, self.agenda, random, configs[index], mtu, offload, trace) for index in (0, 1)
        ]
        self.cable = Cable(self.agenda, random=random, rate=rate, delay=delay, trace=trace)
        self.cable.plug(self.nodes[0].adapter, self.nodes[1].adapter)
        for node in self.nodes:
            node.raise_line(0)

    def run(self, most: int = 200_000) -> None:
        """Until nothing is due any more."""
        for _ in range(most):
            at = self.agenda.next_deadline()
            if at is None:
                return
            assert at >= self.now, "time went back"
            self.now = at
            item = self.agenda.pop_due(at)
            assert item is not None
            item.on_deadline(at)
        raise AssertionError(f"it does not come to rest: {self.now} ns")

    def converse(
        self, one: bytes, other: bytes, pause: int = 5 * MS, *, keepalive: bool = False
    ) -> tuple["Program", "Program"]:
        """Node 0 connects to node 1; each sends its octets and closes when it has read the other's to the end.

        With `keepalive` they also notice that the other has died without a word that got through.
        """
        listener = self.nodes[1].machine.tcp.open(4, 0)
        listener.bind(ADDRESSES[1], PORT)
        listener.options.keepalive = keepalive  # an accepted connection inherits it
        listener.listen(5, 0)
        client = self.nodes[0].machine.tcp.open(4, 0)
        client.options.keepalive = keepalive
        client.connect(ADDRESSES[1], PORT, 0)
        server = Program(self, self.nodes[1], None, other, pause, listener)
        programs = Program(self, self.nodes[0], client, one, pause), server
        self.run()
        listener.close(self.now)
        self.nodes[1].raise_line(self.now)
        self.run()
        return programs

    def at_rest(self) -> None:
        """No errors, nothing left in any table, one fate for each frame."""
        for node in self.nodes:
            machine = node.machine
            assert not machine.internal_errors, machine.internal_errors[-1]
            assert machine.tcp.flows == {}
            assert len(machine.tcp.ports) == 0
            assert machine.sockets.endpoints() == []
            assert len(machine.tcp.timers) == len(machine.ip.timers) == 0
            assert all(not interface.ready and not interface.out for interface in machine.ip.interfaces)


class Program:
    """Writes and reads pieces of random size with random pauses."""

    def __init__(
        self, line: Line, node: Node, socket: Connection | None, to_send: bytes, pause: int, listener: Connection | None = None
    ) -> None:  # fmt: skip
        self.line, self.node, self.socket, self.listener = line, node, socket, listener
        self.random = Random(line.random.getrandbits(64))
        self.unsent = memoryview(to_send)
        self.pause = pause
        self.received = bytearray()
        self.error = 0
        self.shut = self.done = False
        self.turns = 0
        line.agenda.schedule(self, line.random.randrange(1 + pause))

    def on_deadline(self, now: int) -> None:
        self.turns += 1
        try:
            self._turn(now)
        except StackError as fault:
            self.error, self.done = fault.errno, True
            assert self.socket is not None
            self.socket.close(now)
        self.node.raise_line(now)
        peer_gave_up = self.socket is None and now > 10**13  # nobody came to the listener
        if not self.done and not peer_gave_up:
            # The longer nothing happens, the more rarely it looks: backed-off timers last minutes.
            self.line.agenda.schedule(
                self, now + self.random.randrange(1, 2 + self.pause) * (1 + self.turns // 200)
            )

    def _turn(self, now: int) -> None:
        if self.socket is None:
            assert self.listener is not None
            self.socket = self.listener.accept(now)
            if self.socket is None:
                return
        socket, random = self.socket, self.random
        if socket.error:
            raise StackError(socket.error)
        if len(self.unsent) and socket.state_name in {"ESTABLISHED", "CLOSE_WAIT"}:
            size = random.choice((1, 7, 100, 1_460, 5_000, 70_000))
            taken = socket.send(bytes(self.unsent[:size]), now, more=random.random() < 0.1)
            self.unsent = self.unsent[taken:]
        if not len(self.unsent) and not self.shut and socket.state_name in {"ESTABLISHED", "CLOSE_WAIT"}:
            socket.shutdown(1, now)
            self.shut = True
        data = socket.recv(random.choice((1, 50, 1_000, 20_000, 100_000)), now)
        if data:
            self.received += data
        elif data == b"" and self.shut:
            socket.close(now)
            self.done = True
