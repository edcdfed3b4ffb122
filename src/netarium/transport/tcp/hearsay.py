"""What a peer said that the application may ask for, or asked the stack to heed, and what we said: most have none."""

from typing import Final


class Hearsay:
    """Of one connection.

    Attributes:
        saved_syn: IP and TCP headers of the SYN that it came from (TCP_SAVE_SYN), until they are read; b"": none.
        uto_remote_ns: the user timeout that the peer suggested last (RFC 5482); 0: none.
        uto_told_ns: the one that we did.
    """

    __slots__ = ("saved_syn", "uto_remote_ns", "uto_told_ns")

    def __init__(self, saved_syn: bytes = b"", uto_remote_ns: int = 0, uto_told_ns: int = 0) -> None:
        self.saved_syn = saved_syn
        self.uto_remote_ns = uto_remote_ns
        self.uto_told_ns = uto_told_ns


NOTHING: Final = Hearsay()
