"""Every system call that scripts may make, and how many arguments it takes."""

from typing import Final

from netarium.testing.packetdrill import calldata, callfiles, callopts, callready, calls
from netarium.testing.packetdrill.calls import Handler

HANDLERS: Final[dict[str, Handler]] = {
    "socket": calls.socket, "bind": calls.bind, "listen": calls.listen, "accept": calls.accept,
    "accept4": calls.accept, "connect": calls.connect, "close": calls.close, "shutdown": calls.shutdown,
    "getsockname": calls.getsockname, "getpeername": calls.getpeername,
    **calldata.HANDLERS, **callopts.HANDLERS, **callready.HANDLERS, **callfiles.HANDLERS,
}  # fmt: skip

ARITY: Final[dict[str, tuple[int, ...]]] = {
    "socket": (3,), "bind": (3,), "listen": (2,), "accept": (3,), "accept4": (4,), "connect": (3,), "close": (1,),
    "shutdown": (2,), "getsockname": (3,), "getpeername": (3,), "write": (3,), "send": (4,), "read": (3,),
    "recv": (4,), "writev": (3,), "readv": (3,), "sendto": (6,), "recvfrom": (6,), "sendmsg": (3,), "recvmsg": (3,),
    "setsockopt": (5,), "getsockopt": (5,), "fcntl": (2, 3), "ioctl": (3,), "poll": (3,), "epoll_create": (1,),
    "epoll_create1": (1,), "epoll_ctl": (4,), "epoll_wait": (4,), "epoll_pwait": (4, 5, 6), "pipe": (1,),
    "pipe2": (2,), "open": (2, 3), "creat": (2,), "lseek": (3,), "splice": (6,), "sendfile": (4,),
}  # fmt: skip
assert ARITY.keys() == HANDLERS.keys()
