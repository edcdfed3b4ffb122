"""Python's own web server on a host in the real world, unmodified."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from os import PathLike
from pathlib import Path
from socket import SHUT_RDWR
from threading import Thread
from typing import Any

from netarium.base.errors import UsageError
from netarium.drive.bench import serve_bench
from netarium.drive.host import Host
from netarium.patching import patched
from netarium.socket.context import current

__all__ = ["DirectoryServer", "serve_bench", "serve_directory", "serving_directory"]

OnConnection = Callable[[str, int], None]


class DirectoryServer(ThreadingHTTPServer):
    """`http.server` for one directory, which tells of each connection.

    Args:
        directory: what is served.
        port: TCP port on all addresses of the current host.
        on_connection: is told the client's address and port, or None.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, directory: Path, port: int, on_connection: OnConnection | None) -> None:
        self._on_connection = on_connection
        self.closing = False
        super().__init__(("0.0.0.0", port), partial(_QuietHandler, directory=str(directory)))  # noqa: S104

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection."""
        request, address = super().get_request()
        if self._on_connection is not None:
            self._on_connection(address[0], address[1])
        return request, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of ours."""

    def serve(self) -> None:
        """Accept until `stop`; `serve_forever` would look twice a second whether it shall end, this one sleeps."""
        while not self.closing:
            try:
                request, address = self.get_request()
            except OSError:
                if self.closing or self.socket.fileno() < 0:
                    return
                continue  # reset before it was accepted
            self.process_request(request, address)

    def stop(self) -> None:
        """End `serve`, close the port."""
        self.closing = True
        with suppress(OSError):  # the port may be closed already
            self.socket.shutdown(SHUT_RDWR)  # wakes accept(), as closing alone would not
        self.server_close()


class _QuietHandler(SimpleHTTPRequestHandler):
    """`http.server`'s handler without its log on standard error."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


def _directory_server(
    host: Host, directory: str | PathLike[str], port: int, on_connection: OnConnection | None
) -> DirectoryServer:
    path = Path(directory)
    if not path.is_dir():
        raise UsageError(f"{str(path)!r} is not a directory that could be served")
    token = host.enter()
    try:
        with patched():
            return DirectoryServer(path, port, on_connection)
    except OSError as fault:
        raise UsageError(f"port {port} of {host.name}: {fault.strerror or fault}") from None
    finally:
        current.reset(token)


def serve_directory(
    host: Host,
    directory: str | PathLike[str],
    port: int = 80,
    on_connection: OnConnection | None = None,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Serve a directory by `http.server` until Ctrl-C or until the host is closed.

    Args:
        host: whose port it is.
        directory: what is served.
        port: TCP port.
        on_connection: is told each client's address and port.
        on_ready: is called once, when clients can connect.

    Raises:
        UsageError: no such directory, port in use.
    """
    server = _directory_server(host, directory, port, on_connection)
    try:
        if on_ready is not None:
            on_ready()
        server.serve()
    finally:
        server.stop()


@contextmanager
def serving_directory(
    host: Host,
    directory: str | PathLike[str],
    port: int = 80,
    on_connection: OnConnection | None = None,
) -> Iterator[None]:
    """The same in a thread, while the body runs."""
    server = _directory_server(host, directory, port, on_connection)
    thread = Thread(target=server.serve, name=f"netarium http {port}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join()
