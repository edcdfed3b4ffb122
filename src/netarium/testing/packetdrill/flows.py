"""Which connection a packet of a script belongs to.

A packet without ports belongs to the connection under test: of the last connect() or listen(), or of the first SYN
that came to that listener. One with ports belongs to the connection of those ports; they are the script's names for
it, and the first packet with new names belongs to the connection under test if that has none yet.
"""

from collections.abc import Callable
from socket import SOCK_STREAM

from netarium.socket.socket import Socket
from netarium.testing.packetdrill.flow import Flow
from netarium.testing.packetdrill.script import IcmpPacket, Packet, TcpPacket
from netarium.testing.packetdrill.settings import Settings
from netarium.wire.tcp import ACK, SYN

_FIRST_PORT = 40_001  # of peers that a script does not name
_TCP, _UDP = 6, 17


class Flows:
    """The connections of a script; what its calls tell of them comes here.

    Attributes:
        current: the connection under test.
    """

    def __init__(self, settings: Settings, time: Callable[[], int]) -> None:
        self._settings = settings
        self._all: list[Flow] = []
        self._port = _FIRST_PORT
        self._time = time
        self._loose: set[Socket] = set()
        self.current: Flow | None = None

    def of(self, packet: Packet | None) -> Flow:
        """The connection that a packet belongs to."""
        if packet is not None and not isinstance(packet, IcmpPacket) and packet.ports is not None:
            remote, local = packet.ports if packet.inbound else packet.ports[::-1]
            return self._named(packet, local, remote)
        flow = self.current or Flow(self._settings.bind_port, 0, self._settings.remote, listening=True)
        if flow.listening and packet is not None and packet.inbound and not isinstance(packet, IcmpPacket):
            return self._accepted(packet, flow, self._next_port())
        return flow

    def _named(self, packet: Packet, local: int, remote: int) -> Flow:
        for flow in reversed(self._all):
            if flow.names == (local, remote):
                self.current = flow
                return flow
        current = self.current
        nameless = current is not None and not current.listening and current.names is None
        if current is not None and nameless and not (packet.inbound and _is_syn(packet)):
            current.names = local, remote
            return current
        # Of the first packet that the stack sends, our port is learned: whatever the script calls it.
        flow = Flow(local if packet.inbound else 0, remote, self._settings.remote, names=(local, remote))
        flow.protocol = _TCP if isinstance(packet, TcpPacket) else _UDP
        return self._begin(flow)

    def _accepted(self, packet: Packet, listening: Flow, remote: int) -> Flow:
        flow = Flow(listening.local, remote, self._settings.remote)
        flow.protocol = _TCP if isinstance(packet, TcpPacket) else _UDP
        return self._begin(flow)

    def _next_port(self) -> int:
        self._port += 1
        return self._port - 1

    def _begin(self, flow: Flow) -> Flow:
        self.current = flow
        self._all.append(flow)
        return flow

    # --- Audience -------------------------------------------------------------------------------------------

    def on_listen(self, port: int) -> None:
        """The next SYN that arrives makes a connection to this port."""
        self._begin(Flow(port, 0, self._settings.remote, listening=True))

    def on_connect(self, socket: Socket, address: bytes, port: int) -> None:
        """Our next SYN, or datagram, goes to this port."""
        local = 0 if socket in self._loose else socket.getsockname()[1]
        self._loose.discard(socket)
        known = [
            flow for flow in self._all if (flow.local, flow.remote, flow.address) == (local, port, address)
        ]
        if local and known:
            self.current = known[-1]
            self.current.renewed = True
            return
        flow = Flow(local, port, address)
        flow.protocol = _TCP if socket.type == SOCK_STREAM else _UDP
        self._begin(flow)

    def on_disconnect(self, socket: Socket) -> None:
        """Its connection is over, and its port may be another next time: it will be learned."""
        self._loose.add(socket)

    def script_time(self) -> int:
        """Ns since the script began."""
        return self._time()


def _is_syn(packet: Packet) -> bool:
    return isinstance(packet, TcpPacket) and packet.flags & (SYN | ACK) == SYN
