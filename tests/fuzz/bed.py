"""The machine that is fuzzed, kept busy: sockets of every kind, connections in every state, applications that work."""

from collections import Counter
from random import Random

from netarium.base.config import MachineConfig
from netarium.base.errors import StackError
from netarium.base.seq import MASK
from netarium.base.trace import Trace
from netarium.base.units import MS
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.halfopen import HalfOpen
from netarium.transport.tcp.timewait import TimeWait
from netarium.wire.icmpv4 import pack_header
from netarium.wire.tcp import ACK, FIN, SYN

from ..attacks.lab import PEER, PHANTOM, TARGET, Lab  # noqa: TID252
from .mutate import Live

GROUP = b"\xe8\x01\x02\x03"
STATES = (
    "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT",
)  # fmt: skip


class Bed(Lab):
    """A lab whose target is busy with an honest peer and with a phantom that answers nothing."""

    def __init__(
        self, random: Random, config: MachineConfig | None = None, trace: Trace | None = None
    ) -> None:
        super().__init__(config, seed=random.getrandbits(32), peer=True, trace=trace)
        self.random = random
        self.port = 1_024
        self.seen: Counter[str] = Counter()
        self.sockets: list[Connection] = []
        self.clients: list[Connection] = []
        self.open_everything()

    def open_everything(self) -> None:
        """Sockets of every kind; the connections follow in `populate`."""
        self.web = self.listener(80, 8)
        self.lazy = self.listener(81, 2)  # nobody accepts
        now, udp, ping = self.now, self.target.udp, self.target.ping
        self.dns = udp.open(4, now)
        self.dns.bind(bytes(4), 53)
        self.dns.join_group(GROUP, self.target.ip.interface_of(self.wire), now)
        self.talker = udp.open(4, now)
        self.talker.options.recverr = True
        self.talker.connect(PEER, 5_353, now)
        self.ping = ping.open(4, now)

    # --- connections in every state ------------------------------------------------------------------------------

    def flows(self) -> Counter[str]:
        """How many of each state there are; a listener counts."""
        tcp = self.target.tcp
        found = Counter(
            "SYN_RECV" if isinstance(flow, HalfOpen) else flow.state_name for flow in tcp.flows.values()
        )
        found["LISTEN"] = sum(one.state_name == "LISTEN" for one in (self.web, self.lazy))
        return found

    def populate(self) -> None:
        """Make what is missing, up to two of each state."""
        found = self.flows()
        self.seen.update(found.keys())
        for state in STATES[1:]:
            for _ in range(2 - found[state]):
                try:
                    self._make(state)
                except StackError:  # the attacker has filled something: that is what it is bounded for
                    self.seen["refused"] += 1
        self.seen.update(self.flows().keys())

    def _make(self, state: str) -> None:
        if state == "SYN_SENT":
            socket = self.target.tcp.open(4, self.now)
            self.sockets.append(socket)
            socket.connect(PHANTOM, 80, self.now)
            self.run()
        elif state == "SYN_RECV":
            self.tcp(SYN, (self._next_port(), 80), seq=self.random.getrandbits(32), mss=1_460, ts=(1, 0))
        elif state == "ESTABLISHED" and self.random.random() < 0.5:
            self._honest()
        else:
            self._phantom(state)

    def _next_port(self) -> int:
        self.port = 1_024 + (self.port + 1) % 60_000
        return self.port

    def _honest(self) -> None:
        """With the peer: data on both ways, and nobody in a hurry to read them."""
        assert self.peer is not None
        client = self.peer.tcp.open(4, self.now)
        client.connect(TARGET, 80, self.now)
        client.options.nodelay = True
        self.clients.append(client)
        self.run()
        if client.state_name == "ESTABLISHED":
            client.send(self.random.randbytes(3_000), self.now)
        self.run()

    def _phantom(self, state: str) -> None:
        """With nobody: whatever is sent stays unacknowledged."""
        try:
            flow = self.handshake(self.web, self._next_port(), irs=self.random.getrandbits(32), ts=(1, 0))
        except LookupError:
            return  # the accept queue is full of the attacker's connections, or no SYN,ACK was due
        socket = flow.socket
        self.sockets.append(socket)
        socket.send(self.random.randbytes(5_000), self.now)
        self.run()
        if state in {"CLOSE_WAIT", "LAST_ACK"}:
            flow.inject(FIN | ACK, ts=(2, 0))
        if state in {"FIN_WAIT1", "FIN_WAIT2", "CLOSING", "LAST_ACK", "TIME_WAIT"}:
            flow.inject(ACK, ts=(2, 0))
            if state == "FIN_WAIT2" and self.random.random() < 0.5:
                socket.close(self.now)
            else:
                socket.shutdown(1, self.now)
            self.run()
        if state == "FIN_WAIT2":
            flow.inject(ACK, ts=(2, 0))
        if state == "CLOSING":
            flow.inject(FIN | ACK, ack=-1, ts=(2, 0))
        if state == "TIME_WAIT":
            flow.inject(FIN | ACK, ts=(2, 0))

    def living(self) -> list[Live]:
        """The numbers that would fit, of every flow of the target."""
        found = []
        for flow in self.target.tcp.flows.values():
            if isinstance(flow, HalfOpen):
                numbers = (flow.irs + 1, flow.iss + 1, 65_535, flow.ts_recent)
            elif isinstance(flow, TimeWait):
                snd_nxt, rcv_nxt, _, ts_recent, window, _ = flow.numbers
                numbers = (rcv_nxt, snd_nxt, window, ts_recent)
            else:
                assert isinstance(flow, Connection)
                tcb = flow.tcb
                ack = self.random.choice((tcb.snd_una, tcb.snd_nxt))
                numbers = (tcb.rcv_nxt, ack, tcb.rcv_wnd, tcb.ts_recent)
            seq, ack, window, stamp = numbers
            found.append(
                Live(flow.remote[0], (flow.remote[1], flow.local[1]), seq & MASK, ack & MASK, window, stamp)
            )
        return found

    # --- applications ----------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Applications take, give and leave, now and then."""
        random, now = self.random, self.now
        while (socket := self.web.accept(now)) is not None:
            self.sockets.append(socket)
        for socket in [*self.sockets, *self.clients]:
            try:
                self._use(socket, random.random())
            except StackError:
                socket.close(now)
        self.sockets = [one for one in self.sockets if one.state_name != "CLOSED" and not one.tcb.orphan]
        self.clients = [one for one in self.clients if one.state_name != "CLOSED" and not one.tcb.orphan]
        for endpoint in (self.dns, self.talker, self.ping):
            if random.random() < 0.3:
                while endpoint.receive() is not None:
                    pass
        try:
            self.talker.send(random.randbytes(random.choice((0, 100, 3_000))), None, now)
            echo = bytes(16)
            self.ping.send(pack_header(8, 0, 1, echo) + echo, (PEER, 0), now)
        except StackError:
            self.talker.take_error()
        while self.target.poll_event() is not None:
            pass
        assert self.peer is not None
        while self.peer.poll_event() is not None:
            pass
        self.run()

    def _use(self, socket: Connection, dice: float) -> None:
        if dice < 0.3:
            socket.recv(random_size(self.random), self.now)
        elif dice < 0.5 and socket.state_name in {"ESTABLISHED", "CLOSE_WAIT"}:
            socket.send(self.random.randbytes(random_size(self.random)), self.now)
        elif dice < 0.53:
            socket.close(self.now)

    def close_everything(self) -> None:
        """The applications end; then every timer runs out."""
        while (socket := self.web.accept(self.now) or self.lazy.accept(self.now)) is not None:
            self.sockets.append(socket)
        for endpoint in (*self.sockets, *self.clients, self.web, self.lazy, self.dns, self.talker, self.ping):
            endpoint.close(self.now)
        self.sockets.clear()
        self.clients.clear()
        self.run()
        self.run_out()
        while self.target.poll_event() is not None:
            pass

    # --- judging -----------------------------------------------------------------------------------------------------

    def bounds(self) -> None:
        """No table is larger than its configuration says."""
        target, config = self.target, self.target.config
        ip, tcp = target.ip, target.tcp
        assert len(ip.neighbors) <= config.neighbor.max_entries
        assert len(ip._reassembler) <= config.ip.reassembly_max_datagrams
        assert ip._reassembler.charged <= config.ip.reassembly_max_bytes
        assert len(ip.path_mtus) <= config.ip.pmtu_cache_size
        assert len(tcp.half_open()) <= 2 * config.tcp.max_half_open
        assert len(tcp.time_wait()) <= config.tcp.max_time_wait
        assert len(self.lazy.listener.ready) <= 3
        for flow in tcp.flows.values():
            if isinstance(flow, Connection):
                tcb = flow.tcb
                assert tcb.rcv_queued + tcb.reassembly.octets <= tcb.rcv_buf
                assert tcb.rtt.rto <= config.tcp.max_rto_ns
                assert len(tcb.scoreboard) <= 1 + tcb.flight_size
        for endpoint in (self.dns, self.talker):
            assert endpoint.receive_queue <= endpoint.options.rcvbuf + 70_000
        for queue in (tcp.timers, ip.timers):
            assert len(queue._heap) <= max(64, 4 * len(queue))

    def at_baseline(self) -> None:
        """Nothing is left of all that was."""
        target = self.target
        assert target.tcp.flows == {}
        assert target.tcp._listeners == {}
        assert target.sockets.endpoints() == []
        assert [len(target.tcp.ports), len(target.udp.ports), len(target.udp.endpoints)] == [0, 0, 0]
        assert [len(target.tcp.timers), len(target.ip.timers)] == [0, 0]
        assert len(target.ip._reassembler) == target.ip._reassembler.charged == 0
        assert len(target.ip.path_mtus) == 0
        assert [str(row.state) for row in target.ip.neighbors.rows()] == ["PERMANENT"]
        assert all(not interface.out and not interface.ready for interface in target.ip.interfaces)

    def still_works(self) -> None:
        """The peer pings it and has an echo by TCP, as on the first day."""
        assert self.peer is not None
        ping = self.peer.ping.open(4, self.now)
        ping.send(pack_header(8, 0, 1, b"are you alive?!!") + b"are you alive?!!", (TARGET, 0), self.now)
        server, client = self.listener(7), self.peer.tcp.open(4, self.now)
        client.connect(TARGET, 7, self.now)
        self.advance(100 * MS)
        assert ping.receive() is not None
        ping.close(self.now)
        socket = server.accept(self.now)
        assert socket is not None
        message = self.random.randbytes(50_000)
        echoed, waiting, unsent = b"", message, b""
        for _ in range(200):
            waiting = waiting[client.send(waiting, self.now) :] if waiting else b""
            self.advance(50 * MS)
            unsent += socket.recv(1 << 20, self.now) or b""
            unsent = unsent[socket.send(unsent, self.now) :] if unsent else b""
            echoed += client.recv(1 << 20, self.now) or b""
            if len(echoed) == len(message):
                break
        assert echoed == message
        for one in (client, socket, server):
            one.close(self.now)
        self.run_out()


def random_size(random: Random) -> int:
    return random.choice((1, 100, 1_460, 20_000))
