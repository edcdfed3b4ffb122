"""How a name fails: `gaierror` with the C library's codes and words (RFC 3493 §6.1), so existing handlers work."""

import socket
from typing import Final

_TEXT: Final[dict[int, str]] = {
    socket.EAI_ADDRFAMILY: "Address family for hostname not supported",
    socket.EAI_AGAIN: "Temporary failure in name resolution",
    socket.EAI_BADFLAGS: "Bad value for ai_flags",
    socket.EAI_FAIL: "Non-recoverable failure in name resolution",
    socket.EAI_FAMILY: "ai_family not supported",
    socket.EAI_NODATA: "No address associated with hostname",
    socket.EAI_NONAME: "Name or service not known",
    socket.EAI_SERVICE: "Servname not supported for ai_socktype",
    socket.EAI_SOCKTYPE: "ai_socktype not supported",
}

_HOST_TEXT: Final[dict[int, str]] = {
    1: "Unknown host",
    2: "Host name lookup failure",
    3: "Unknown server error",
}

HOST_NOT_FOUND: Final = 1
TRY_AGAIN: Final = 2
NO_RECOVERY: Final = 3


class ResolverError(socket.gaierror):
    """A name or a service that did not become an address; `errno` is an EAI_* code."""

    def __init__(self, code: int) -> None:
        super().__init__(code, _TEXT[code])


def host_error(code: int) -> socket.herror:
    """The exception of `gethostbyaddr`, which speaks of h_errno and not of EAI_*."""
    return socket.herror(code, _HOST_TEXT[code])
