"""Sending and receiving: all calls of `socket.socket` that move data, blocking, with a timeout or non-blocking."""

import errno
import socket as kernel
from collections.abc import Iterable, Sequence
from typing import Any, Final

from netarium.base.checksum import Buffer
from netarium.base.errors import StackError
from netarium.socket.address import AddressTuple, unpack_address
from netarium.socket.base import SocketBase
from netarium.socket.buffers import gathered, octets, release, scattered, writable
from netarium.socket.errors import from_stack, os_error, would_block
from netarium.socket.errqueue import (
    MSG_ZEROCOPY,
    PAGES_OF_A_SEGMENT,
    asked_of_stream,
    cuts_of,
    describe_arrival,
    describe_notice,
    notes_of,
)
from netarium.socket.messages import (
    MSG_ERRQUEUE,
    Ancillary,
    describe,
    describe_error,
    describe_stream,
    fitting,
    parse,
)
from netarium.socket.tracing import traced
from netarium.transport.datagram import Datagram
from netarium.transport.endpoint import POLLERR, POLLHUP, POLLIN, POLLOUT
from netarium.transport.ping import PingEndpoint
from netarium.transport.tcp.connection import Connection
from netarium.transport.udp import UdpEndpoint

MSG_OOB: Final = int(kernel.MSG_OOB)
MSG_EOR: Final = int(kernel.MSG_EOR)
MSG_PEEK: Final = int(kernel.MSG_PEEK)
MSG_WAITALL: Final = int(kernel.MSG_WAITALL)
MSG_TRUNC: Final = int(kernel.MSG_TRUNC)
MSG_DONTWAIT: Final = int(kernel.MSG_DONTWAIT)
MSG_FASTOPEN: Final = 0x2000_0000
MSG_MORE: Final = int(getattr(kernel, "MSG_MORE", 0x8000))
_HANDSHAKE: Final = frozenset({"SYN_SENT", "SYN_RECV"})
_SENDFILE_BLOCK: Final = 65_536

DatagramKind = UdpEndpoint | PingEndpoint


class Transfer(SocketBase):
    """The calls that move data."""

    __slots__ = ()

    # --- sending ----------------------------------------------------------------------------------------------------

    @traced
    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send; returns how many octets were taken."""
        view = octets(data)
        try:
            return self._send(view, flags)
        except BaseException:
            release(view)
            raise

    @traced
    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send everything; the timeout is for the whole call."""
        view = octets(data)
        try:
            if not isinstance(self._live(), Connection):
                self._send(view, flags)
                return
            sent = self._send_stream(view, flags, whole=True)
            if sent < len(view):  # it failed on the way: the next attempt says how
                self._send_stream(bytes(view[sent : sent + 1]), flags, whole=True)
        except BaseException:
            release(view)
            raise

    @traced
    def sendto(self, data: Any, *args: Any) -> int:
        """`sendto(data, address)` or `sendto(data, flags, address)`: one datagram to an address."""
        if len(args) not in {1, 2}:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({1 + len(args)} given)")
        flags, address = (0, args[0]) if len(args) == 1 else args
        payload = octets(data)
        try:
            endpoint = self._live()
            if isinstance(endpoint, Connection):
                if flags & MSG_FASTOPEN:
                    return self._send_with_syn(payload, flags, self._address(address, "sendto"))
                return self._send(payload, flags)
            return self._send_datagram(endpoint, payload, self._address(address, "sendto"), {})
        except BaseException:
            release(payload)
            raise

    @traced
    def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[tuple[int, int, Any]] = (),
        flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        """Send several buffers as one, with ancillary data."""
        pieces = list(buffers)
        payload = gathered(pieces)
        try:
            endpoint = self._live()
            if isinstance(endpoint, Connection):
                asked = asked_of_stream(ancdata)
                if flags & MSG_FASTOPEN and address is not None:
                    return self._send_with_syn(payload, flags, self._address(address, "sendmsg"))
                many = flags & MSG_ZEROCOPY and endpoint.options.zerocopy and len(pieces) > PAGES_OF_A_SEGMENT
                cuts = cuts_of(pieces) if many else ()
                return self._send_stream(
                    payload, flags, whole=self._timeout_ns is None, cuts=cuts, asked=asked
                )
            to = None if address is None else self._address(address, "sendmsg")
            return self._send_datagram(endpoint, payload, to, parse(self._description, ancdata))
        except BaseException:
            release(payload)
            raise

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file, opened in binary mode, from `offset` on; returns the octets sent."""
        if "b" not in getattr(file, "mode", "b"):
            raise ValueError("file should be opened in binary mode")
        if not self._description.type == int(kernel.SOCK_STREAM):
            raise ValueError("only SOCK_STREAM type sockets are supported")
        if count is not None and (not isinstance(count, int) or count <= 0):
            raise (ValueError if isinstance(count, int) else TypeError)(
                f"count must be a positive integer (got {count!r})"
            )
        if self.gettimeout() == 0:
            raise ValueError("non-blocking sockets are not supported")
        if offset:
            file.seek(offset)
        sent = 0
        try:
            while count is None or sent < count:
                block = file.read(_SENDFILE_BLOCK if count is None else min(count - sent, _SENDFILE_BLOCK))
                if not block:
                    break
                self.sendall(block)
                sent += len(block)
        finally:
            if sent and hasattr(file, "seek"):
                file.seek(offset + sent)
        return sent

    def _send(self, data: Buffer, flags: int) -> int:
        endpoint = self._live()
        if isinstance(endpoint, Connection):
            return self._send_stream(data, flags, whole=self._timeout_ns is None)
        return self._send_datagram(endpoint, data, None, {})

    def _send_stream(
        self, data: Buffer, flags: int, *, whole: bool, cuts: Sequence[int] = (), asked: int | None = None
    ) -> int:
        """Give data to the stream.

        Args:
            data: what is to be sent.
            flags: of the call.
            whole: wait until all is taken, as a blocking send() of the kernel does.
            cuts: offsets that no segment reaches across.
            asked: timestamps of this call alone, as `asked_of_stream` has it.
        """
        endpoint, driver = self._live(), self._driver
        assert isinstance(endpoint, Connection)
        if endpoint.is_deferred:
            return self._send_with_syn(data, flags, None)
        urgent, more, record = bool(flags & MSG_OOB), bool(flags & MSG_MORE), bool(flags & MSG_EOR)
        size, sent, until = len(data), 0, None
        with driver.lock:
            notes = notes_of(endpoint, flags, size, asked)
            while True:
                cut = next((at for at in cuts if at > sent), 0)
                rest = memoryview(data)[sent : cut or size] if sent or cut else data
                try:
                    sent += endpoint.send(
                        rest, driver.now(), urgent=urgent, more=more, record=record or cut > 0
                    )
                except StackError as fault:
                    if not sent:
                        raise from_stack(fault) from None
                    if fault.errno != errno.EPIPE:
                        endpoint.error = fault.errno
                    return sent  # what was taken counts; the next call tells the error
                if notes is not None and sent:
                    notes.taken(last=sent == size or not whole)
                if cut and sent == cut:
                    continue
                driver.kick(self._machine)
                if sent == size:
                    return sent
                self._description.wants_room = True
                if sent and not whole:
                    return sent
                if rest is not data:
                    release(rest)
                until = self._await(POLLOUT, until, flags, endpoint.options.sndtimeo_ns)

    def _send_with_syn(self, data: Buffer, flags: int, to: tuple[bytes, int] | None) -> int:
        """Connect and send at once (RFC 7413); blocking, it waits until all is taken.

        Args:
            data: what is to be sent.
            flags: of the call: MSG_FASTOPEN, or of the first one after a connect() that TCP_FASTOPEN_CONNECT deferred.
            to: the peer; not looked at if connect() has told it.
        """
        endpoint, driver, description = self._live(), self._driver, self._description
        assert isinstance(endpoint, Connection)
        if description.connecting and endpoint.state_name not in _HANDSHAKE:
            description.connecting = False  # nobody has asked yet how the connect() before it ended
            if endpoint.error:
                pending, endpoint.error = endpoint.error, 0
                endpoint.attempt_failed()
                raise os_error(pending)
            return self._send_stream(data, flags, whole=self._timeout_ns is None)
        waits = self._timeout_ns != 0 and not flags & MSG_DONTWAIT
        with driver.lock:
            try:
                if endpoint.is_deferred or to is None:
                    sent = endpoint.send(data, driver.now())
                    endpoint.tcb.write_pending = waits and sent < len(data)
                else:
                    sent = endpoint.connect_with(data, to[0], to[1], driver.now(), waiting=waits)
            except StackError as fault:
                raise from_stack(fault) from None
            description.connecting = True
            if sent and (notes := notes_of(endpoint, flags, sent)) is not None:
                notes.taken(last=sent == len(data) or not waits)
            driver.kick(self._machine)
            if not waits:
                if not sent:
                    raise os_error(errno.EINPROGRESS)
                return sent
            self._await_opening(endpoint)
        rest = memoryview(data)[sent:]
        return sent + (self._send_stream(rest, flags, whole=self._timeout_ns is None) if len(rest) else 0)

    def _await_opening(self, endpoint: Connection) -> None:
        """Until the handshake is over; lock held."""
        until = None
        while endpoint.state_name in _HANDSHAKE and not endpoint.error:
            until = self._await(POLLOUT | POLLERR | POLLHUP, until, 0, endpoint.options.sndtimeo_ns)
        self._description.connecting = False
        if endpoint.error:
            pending, endpoint.error = endpoint.error, 0
            raise os_error(pending)
        self._machine.sockets.tell(endpoint, "connected", self._driver.now())

    def _send_datagram(
        self, endpoint: DatagramKind, data: Buffer, to: tuple[bytes, int] | None, extra: dict[str, Any]
    ) -> int:
        with self._driver.lock:
            fresh = not endpoint.local[1]
            now = self._driver.now()
            try:
                sent = endpoint.send(data, to, now, **extra)
            except StackError as fault:
                raise from_stack(fault) from None
            finally:
                if fresh and endpoint.local[1]:
                    self._machine.sockets.tell(endpoint, "bound", now)
            self._driver.kick(self._machine)
        return sent

    # --- receiving --------------------------------------------------------------------------------------------------

    @traced
    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive up to `bufsize` octets; b"" when the peer has ended the stream."""
        if bufsize < 0:
            raise ValueError("negative buffersize in recv")
        return self._receive(bufsize, flags)[0]

    @traced
    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, AddressTuple | None]:
        """Receive, and tell from whom."""
        if bufsize < 0:
            raise ValueError("negative buffersize in recvfrom")
        data, datagram = self._receive(bufsize, flags)
        return data, self._sender(datagram)

    @traced
    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive into a buffer, up to `nbytes` octets (0: its size)."""
        view = writable(buffer, nbytes, "recv_into")
        try:
            return self._receive_into(view, flags)[0]
        except BaseException:
            release(view)
            raise

    @traced
    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, AddressTuple | None]:
        """Receive into a buffer, and tell from whom."""
        view = writable(buffer, nbytes, "recvfrom_into")
        try:
            size, datagram = self._receive_into(view, flags)
        except BaseException:
            release(view)
            raise
        return size, self._sender(datagram)

    @traced
    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, Ancillary, int, AddressTuple | None]:
        """Receive with ancillary data: (data, ancdata, msg_flags, address)."""
        if bufsize < 0:
            raise ValueError("negative buffer size in recvmsg()")
        if ancbufsize < 0:
            raise ValueError("invalid ancillary data buffer length")
        endpoint = self._live()
        if flags & MSG_ERRQUEUE:
            return self._receive_error(bufsize, ancbufsize)
        data, datagram = self._receive(bufsize, flags)
        if isinstance(endpoint, Connection):
            told = describe_arrival(self._description, endpoint) + describe_stream(endpoint)
            return data, *fitting(told, ancbufsize), None
        if datagram is None:
            return data, [], 0, None
        items, result = fitting(describe(self._description, datagram), ancbufsize)
        if len(datagram.payload) > bufsize:
            result |= MSG_TRUNC
        return data, items, result, self._sender(datagram)

    @traced
    def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, Ancillary, int, AddressTuple | None]:
        """Receive into several buffers, with ancillary data."""
        targets = [writable(one, 0, "recvmsg_into") for one in buffers]
        try:
            data, items, result, address = self.recvmsg(sum(map(len, targets)), ancbufsize, flags)
        except BaseException:
            release(*targets)
            raise
        return scattered(data, targets), items, result, address

    def _receive(self, limit: int, flags: int) -> tuple[bytes, Datagram | None]:
        endpoint = self._live()
        if not isinstance(endpoint, Connection):
            datagram = self._take_datagram(endpoint, flags)
            return (b"" if datagram is None else datagram.payload[:limit]), datagram
        if flags & MSG_OOB:
            return self._take_urgent(endpoint, flags), None
        if not limit:
            return b"", None
        with self._driver.lock:
            data = self._take_octets(endpoint, limit, flags)
            if flags & MSG_WAITALL and not flags & MSG_PEEK:
                data = self._gather(endpoint, data, limit, flags)
        return data, None

    def _take_octets(self, endpoint: Connection, limit: int, flags: int) -> bytes:
        """Some octets of the stream, b"" at its end; lock held."""
        driver, until = self._driver, None
        peek = bool(flags & MSG_PEEK)
        while True:
            try:
                if endpoint.tcb.rcv_up > endpoint.tcb.irs + 1:
                    endpoint.pass_urgent(driver.now())
                until = self._await_lowat(endpoint, limit, until, flags)
                data = endpoint.recv(limit, driver.now(), peek=peek)
            except StackError as fault:
                raise from_stack(fault) from None
            if data is not None:
                if endpoint.queued:
                    driver.kick(self._machine)  # room that must be told: a window update
                return data
            until = self._await(POLLIN, until, flags, endpoint.options.rcvtimeo_ns)

    def _await_lowat(self, endpoint: Connection, limit: int, until: int | None, flags: int) -> int | None:
        """A call that may wait does so until there is as much as SO_RCVLOWAT wants, or as it asks for; lock held."""
        lowat = endpoint.options.rcvlowat
        if lowat > 1:
            try:
                while 0 < endpoint.receive_queue < min(lowat, limit) and not endpoint.poll() & POLLIN:
                    until = self._await(POLLIN, until, flags, endpoint.options.rcvtimeo_ns)
            except BlockingIOError:
                pass  # then what there is
        return until

    def _gather(self, endpoint: Connection, data: bytes, limit: int, flags: int) -> bytes:
        """MSG_WAITALL: wait for the rest, as long as the kernel would; a timeout of Python's makes it not wait."""
        while data and len(data) < limit and (self._timeout_ns is None or endpoint.receive_queue):
            try:
                more = self._take_octets(endpoint, limit - len(data), flags)
            except OSError as fault:
                if fault.errno not in {errno.EAGAIN, errno.EBADF}:
                    endpoint.error = fault.errno or 0  # the next call tells it
                break
            if not more:
                break
            data += more
        return data

    def _receive_into(self, view: memoryview, flags: int) -> tuple[int, Datagram | None]:
        endpoint = self._live()
        if not len(view):
            return 0, None
        if not isinstance(endpoint, Connection) or flags & (MSG_OOB | MSG_WAITALL):
            data, datagram = self._receive(len(view), flags)
            view[: len(data)] = data
            truncated = datagram is not None and flags & MSG_TRUNC
            return len(datagram.payload) if truncated and datagram is not None else len(data), datagram
        driver, until = self._driver, None
        with driver.lock:
            while True:
                try:
                    if endpoint.tcb.rcv_up > endpoint.tcb.irs + 1:
                        endpoint.pass_urgent(driver.now())
                    until = self._await_lowat(endpoint, len(view), until, flags)
                    size = endpoint.recv_into(view, driver.now(), peek=bool(flags & MSG_PEEK))
                except StackError as fault:
                    raise from_stack(fault) from None
                if endpoint.queued:
                    driver.kick(self._machine)
                if size is not None:
                    return size, None
                until = self._await(POLLIN, until, flags, endpoint.options.rcvtimeo_ns)

    def _take_datagram(self, endpoint: DatagramKind, flags: int) -> Datagram | None:
        """The next datagram; None: shut down for reading."""
        if flags & MSG_OOB:
            raise os_error(errno.EOPNOTSUPP)
        until = None
        with self._driver.lock:
            while True:
                if endpoint.error:
                    raise os_error(endpoint.take_error())
                datagram = endpoint.peek() if flags & MSG_PEEK else endpoint.receive()
                if datagram is not None or endpoint.read_shut:
                    return datagram
                until = self._await(POLLIN, until, flags, endpoint.options.rcvtimeo_ns)

    def _take_urgent(self, endpoint: Connection, flags: int) -> bytes:
        """MSG_OOB: the one urgent octet; EINVAL if there is none, or it was read already; EAGAIN if it has not come."""
        if endpoint.listener is not None:
            raise os_error(errno.ENOTCONN)
        with self._driver.lock:
            octet = None if endpoint.options.oobinline else endpoint.urgent(peek=bool(flags & MSG_PEEK))
        if octet is None:
            raise os_error(errno.EINVAL)
        if not octet and endpoint.tcb.rcv_fin is None:
            raise would_block()
        return octet

    def _receive_error(
        self, bufsize: int, ancbufsize: int
    ) -> tuple[bytes, Ancillary, int, AddressTuple | None]:
        """MSG_ERRQUEUE: what an ICMP error quotes, who reported it, and where the datagram was going."""
        endpoint = self._live()
        if isinstance(endpoint, Connection):
            return self._receive_notice(endpoint, bufsize, ancbufsize)
        with self._driver.lock:
            entry = endpoint.take_queued_error()
        if entry is None:
            raise would_block()
        payload = entry.quote[8:]
        items, flags = fitting(describe_error(entry), ancbufsize)
        flags |= MSG_ERRQUEUE | (MSG_TRUNC if len(payload) > bufsize else 0)
        return (
            payload[:bufsize],
            items,
            flags,
            unpack_address(self._description.family, entry.dst, entry.dst_port),
        )

    def _receive_notice(
        self, connection: Connection, bufsize: int, ancbufsize: int
    ) -> tuple[bytes, Ancillary, int, None]:
        """MSG_ERRQUEUE of a stream: what became of octets that were sent. The packet itself is not kept."""
        with self._driver.lock:
            queue = connection.tcb.notices
            notice = None if queue is None else queue.take()
        if notice is None:
            raise would_block()
        items, flags = fitting(describe_notice(self._description, notice), ancbufsize)
        flags |= MSG_ERRQUEUE | (MSG_TRUNC if notice.size > bufsize else 0)
        return bytes(min(notice.size, bufsize)), items, flags, None

    def _sender(self, datagram: Datagram | None) -> AddressTuple | None:
        if datagram is None:
            return None
        return unpack_address(self._description.family, datagram.src, datagram.src_port)
