"""`socket`: the current machine's where there is one, the kernel's elsewhere.

`create_connection`, `create_server`, `getfqdn` and the like are the standard library's own and find the dispatchers
under their global names.
"""

import socket
from collections.abc import Callable
from typing import Any, Final

from netarium.patching.table import Table
from netarium.socket import descriptors
from netarium.socket.context import current
from netarium.socket.socket import Socket

_KernelSocket = socket.socket
_kernel_socketpair: Final = socket.socketpair
_kernel_gethostname: Final = socket.gethostname
_kernel_close: Final = socket.close

_RESOLVER_CALLS: Final = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")


class _EitherSocket(type):
    """Sockets of both kinds are instances; a call makes the kind that belongs to the current machine."""

    def __instancecheck__(cls, instance: object) -> bool:
        if cls is DispatchedSocket:
            return isinstance(instance, _KernelSocket | Socket)
        return type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if cls is DispatchedSocket:
            return issubclass(subclass, _KernelSocket | Socket)
        return type.__subclasscheck__(cls, subclass)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is not DispatchedSocket:
            return type.__call__(cls, *args, **kwargs)  # somebody's subclass: of the kernel's socket
        fileno = args[3] if len(args) > 3 else kwargs.get("fileno")
        ours = current.get() is not None if fileno is None else fileno >= descriptors.FIRST
        return (Socket if ours else _KernelSocket)(*args, **kwargs)


class DispatchedSocket(_KernelSocket, metaclass=_EitherSocket):
    """What `socket.socket` is while `patched()` lasts."""


def _resolver_call(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        here = current.get()
        resolver = None if here is None else here.host.resolver
        return kernel(*args, **kwargs) if resolver is None else getattr(resolver, name)(*args, **kwargs)

    dispatch.__name__ = dispatch.__qualname__ = name
    return dispatch


def _gethostname() -> str:
    here = current.get()
    return _kernel_gethostname() if here is None else here.host.name


def _socketpair(family: Any = None, type: int = socket.SOCK_STREAM, proto: int = 0) -> Any:  # noqa: A002
    """Two connected sockets; on a machine of ours, over its loopback interface."""
    here = current.get()
    if here is None:
        return _kernel_socketpair(family, type, proto)
    with Socket(socket.AF_INET, type, proto) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        one = Socket(socket.AF_INET, type, proto)
        one.connect(listener.getsockname())
        other, _ = listener.accept()
    return one, other


def _close(fd: int) -> None:
    """`socket.close`, for numbers that were detached."""
    if fd >= descriptors.FIRST:
        descriptors.close(fd)
    else:
        _kernel_close(fd)


def add_to(table: Table) -> None:
    """Dispatch sockets and names."""
    table.add(socket, "socket", DispatchedSocket)
    table.add(socket, "socketpair", _socketpair)
    table.add(socket, "gethostname", _gethostname)
    table.add(socket, "close", _close)
    for name in _RESOLVER_CALLS:
        table.add(socket, name, _resolver_call(name, getattr(socket, name)))
