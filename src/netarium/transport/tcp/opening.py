"""How a socket becomes a connection: its address, the active OPEN (RFC 9293 §3.10.1), data in the SYN (RFC 7413).

The calls of a connection that is there already, and of one that listens, are in `connection`.

Duties: MUST-43, MUST-44, MUST-45 of RFC 9293 (the local address).
"""

import errno
from typing import Protocol

from netarium.base.addr import format_ip, is_multicast, is_unspecified
from netarium.base.checksum import Buffer
from netarium.base.errors import CloseReason, StackError
from netarium.base.seq import MASK
from netarium.ip.path import Path
from netarium.transport.tcp import errnos, fastopen, gathering, handshake, negotiate
from netarium.transport.tcp.boundaries import Boundaries
from netarium.transport.tcp.circuit import Circuit
from netarium.transport.tcp.outlet import Services
from netarium.transport.tcp.state import CLOSED
from netarium.transport.tcp.tcb import Tcb

_HALF = 0x8000_0000


class Registry(Services, Protocol):
    """The layer, as an active OPEN sees it."""

    def is_taken(self, key: bytes) -> bool:
        """Some flow has this key."""

    def may_take_over(self, key: bytes, now: int, *, chosen: bool) -> bool:
        """The flow is one in TIME-WAIT, and a new connection of ours may take its place."""

    def take_over(self, key: bytes, now: int) -> tuple[int, int] | None:
        """Forget that flow; returns the least first number of its successor, and TS.Recent."""


class Opener(Circuit):
    """A socket, as `bind()` and `connect()` see it."""

    __slots__ = ()

    _layer: Registry

    def speak_ipv4(self) -> None:
        """A fresh endpoint of IPv6 becomes one of IPv4: a dual-stack socket met an IPv4 address (RFC 3493 §3.7)."""
        assert not self.local[1]
        assert self.tcb.state is CLOSED
        self.version = 4
        self.local = self.remote = (bytes(4), 0)
        layer = self._layer
        self.tcb = Tcb(4, layer.config, self.options, self.id, layer.name, layer.trace)

    def bind(self, address: bytes, port: int) -> None:
        """Choose the local address and port.

        Raises:
            StackError: INVALID if bound already, ADDRESS_NOT_AVAILABLE, ADDRESS_IN_USE.
        """
        if self.bound or self.tcb.state is not CLOSED:
            raise StackError(CloseReason.INVALID, "already bound")
        if not is_unspecified(address) and not self._layer.ip.is_local(address):
            raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, f"{format_ip(address)}:{port}")
        self.local = (address, self._layer.ports.bind(self, address, port))
        self.bound = True

    def connect(self, address: bytes, port: int, now: int) -> None:
        """Active OPEN; it goes on by itself, `poll()` and `error` tell how it ends.

        With TCP_FASTOPEN_CONNECT and a cookie nothing is sent yet: `is_deferred`, and the first send() opens.

        Raises:
            StackError: EISCONN, EALREADY, INVALID, no route, no port.
        """
        path = self._prepare(address, port, now)
        offer = self._fast_open_offer(now) if self.options.fast_open_connect else None
        if offer is not None:
            self.tcb.fast_open_option = offer.option
        deferred = offer is not None and offer.data and self._layer.config.socket_errors == "linux"
        self._open(path, now, deferred=deferred)

    def connect_with(
        self, octets: Buffer | None, address: bytes, port: int, now: int, *, waiting: bool
    ) -> int:
        """Active OPEN with data in the SYN (MSG_FASTOPEN), or the question for a cookie.

        Args:
            octets: as many of them go as fit, if there is a cookie; None: they cannot be read, and the SYN asks for one.
            address: the peer's.
            port: likewise.
            now: monotonic ns.
            waiting: the caller will send the rest as soon as it can.

        Returns:
            How many octets were taken.

        Raises:
            StackError: EOPNOTSUPP if that is switched off, and all that `connect` raises.
        """
        if not self._layer.config.fast_open & fastopen.CLIENT:
            raise StackError(errno.EOPNOTSUPP)
        path = self._prepare(address, port, now)
        offer = self._fast_open_offer(now)
        self.tcb.fast_open_option = option = offer.option
        if octets is None:
            octets = b""
            if option is not None and option.cookie:
                self.tcb.fast_open_option = option._replace(cookie=b"")
        self._open(path, now, deferred=True)
        taken = self._send_syn_with(octets if offer.data else b"", now)
        self.tcb.write_pending = waiting and taken < len(octets)
        return taken

    def connect_and_send(self, octets: Buffer, address: bytes, port: int, now: int) -> int:
        """Active OPEN with octets that follow the handshake (sendto() on a fresh socket, as the BSDs allow it).

        With TCP_FASTOPEN_CONNECT and a cookie as many of them go with the SYN as fit.

        Returns:
            How many octets were taken.

        Raises:
            StackError: all that `connect` raises.
        """
        path = self._prepare(address, port, now)
        offer = self._fast_open_offer(now) if self.options.fast_open_connect else None
        taken = 0
        if offer is not None:
            self.tcb.fast_open_option = offer.option
        if offer is not None and offer.data:
            self._open(path, now, deferred=True)
            taken = self._send_syn_with(octets, now)
        else:
            self._open(path, now)
        rest = memoryview(octets)[taken:][: max(self.send_room(), 0)]
        if rest:
            start = self.tcb.sendbuf.end
            self.tcb.sendbuf.append(rest)
            self._mark_write(start)
        return taken + len(rest)

    @property
    def is_deferred(self) -> bool:
        """connect() has returned, and the SYN waits for the first octets."""
        return self.tcb.deferred

    def _prepare(self, address: bytes, port: int, now: int) -> Path:
        """The checks of an active OPEN, our address and port, and a fresh control block."""
        if self.tcb.deferred:
            raise StackError(errno.EISCONN)
        self._check_call("connect")
        if self.tcb.snd_una > self.tcb.iss:  # it was a connection
            raise StackError(errno.EISCONN)
        if not self.bound:
            self.local = (bytes(len(self.local[0])), 0)  # an earlier attempt failed
        layer = self._layer
        if is_unspecified(address):
            address = b"\x7f\x00\x00\x01" if self.version == 4 else bytes(15) + b"\x01"
        if is_multicast(address) or address == b"\xff\xff\xff\xff":  # MUST-46
            raise StackError(CloseReason.NETWORK_UNREACHABLE, format_ip(address))
        path = layer.ip.find_path(address, now, src=self._source(), interface=self._bound_interface())
        if path.to_group:
            raise StackError(CloseReason.NETWORK_UNREACHABLE, format_ip(address))
        self._take_port(path, address, port, now)
        self.remote = (address, port)
        self.key = self._key_to(self.local[0], self.local[1], address, port)
        self.tcb = Tcb(self.version, layer.config, self.options, self.id, layer.name, layer.trace)
        self.tcb.ts_offset = layer.isn.timestamp_offset(self.key)
        self.tcb.peer_mss = self.options.maxseg or self.tcb.peer_mss  # until the peer tells its own
        if (successor := layer.take_over(self.key, now)) is not None:
            self.tcb.iss, self.tcb.ts_recent = successor
        return path

    def _open(self, path: Path, now: int, *, deferred: bool = False) -> None:
        self._use_path(path)
        self._layer.attach(self)
        iss, least = self._layer.isn.isn(self.key, now), self.tcb.iss
        if least and (iss - least) & MASK >= _HALF:
            iss = least  # beyond the numbers of the connection that waited here (RFC 6191 §2)
        handshake.open_active(self.tcb, iss, now, deferred=deferred)
        self._done(now)

    def _fast_open_offer(self, now: int) -> fastopen.Offer:
        return self._layer.fast_open.offer(self.key[:-4], self._layer.config, self.options, now)

    def _send_syn_with(self, octets: Buffer, now: int) -> int:
        """Send the SYN that waited, with as much of the data as fits; returns how much."""
        tcb = self.tcb
        known = self._fast_open_offer(now).mss or tcb.our_mss
        tcb.peer_mss = min(known, tcb.options.maxseg or known)
        negotiate.set_segment_size(tcb)
        tcb.syn_data = min(len(octets), fastopen.room_in_syn(min(tcb.peer_mss, tcb.path_mss)))
        start = tcb.sendbuf.end
        tcb.sendbuf.append(memoryview(octets)[: tcb.syn_data])
        self._mark_write(start)
        handshake.send_syn(tcb, now)
        self._done(now)
        return tcb.syn_data

    def _mark_write(
        self, start: int, *, more: bool = False, record: bool = False, full: bool = False
    ) -> None:
        tcb = self.tcb
        if tcb.boundaries is None:
            tcb.boundaries = Boundaries(start)
        goal, sendable = gathering.goal(tcb), 0
        if tcb.sendbuf.end - start > goal:
            sendable = max(0, gathering.window(tcb) - max(0, start - tcb.snd_nxt))
        tcb.boundaries.written(
            start,
            tcb.sendbuf.end,
            tcb.snd_nxt,
            goal=goal,
            half=tcb.max_snd_wnd >> 1,
            more=more,
            record=record,
            sendable=sendable,
        )
        if full:
            tcb.boundaries.fill(tcb.sendbuf.end - gathering.goal(tcb))

    def send_room(self) -> int:
        """Octets that the send buffer would take now."""
        gathering.expand(self.tcb)
        return gathering.room(self.tcb)

    def _take_port(self, path: Path, address: bytes, port: int, now: int) -> None:
        """The local address and port of an active open; no two flows have the same four numbers."""
        layer = self._layer
        source = path.src
        if self.local[1]:
            self.local = (source, self.local[1])
            key = self._key_to(source, self.local[1], address, port)
            if layer.is_taken(key) and not layer.may_take_over(key, now, chosen=True):
                raise StackError(CloseReason.ADDRESS_NOT_AVAILABLE, f"{format_ip(address)}:{port}")
            return

        def taken(candidate: int) -> bool:
            key = self._key_to(source, candidate, address, port)
            return layer.is_taken(key) and not layer.may_take_over(key, now, chosen=False)

        chosen = layer.ports.ephemeral(source, taken)
        self.local = (source, chosen)
        layer.ports.hold(self, source, chosen)

    @staticmethod
    def _key_to(source: bytes, source_port: int, address: bytes, port: int) -> bytes:
        return address + source + port.to_bytes(2, "big") + source_port.to_bytes(2, "big")

    def _source(self) -> bytes | None:
        return None if is_unspecified(self.local[0]) else self.local[0]

    def _check_call(self, call: str) -> None:
        """Refuse a call that does not fit the state, with the system's errno."""
        number = errnos.error_of(self._layer.config.socket_errors, call, self.tcb.state, used=bool(self.key))
        if number:
            raise StackError(number)

    def attempt_failed(self) -> None:
        """connect() has told that it failed: on Linux, the endpoint is as it was before."""
        if self.tcb.state is CLOSED and self._layer.config.socket_errors == "linux":
            self.key = b""
