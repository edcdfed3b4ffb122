"""A segment, or a chunk of several, that is decided on and not yet built."""

from typing import Final, NamedTuple

from netarium.base.checksum import Buffer

PROBE: Final = "probe"
MTU_PROBE: Final = "probe: path MTU"
NOTHING_AGAIN: Final = frozenset({PROBE, MTU_PROBE})  # notes of segments that repeat nothing


class Outgoing(NamedTuple):
    """A segment to be built: unwrapped sequence number, flags, payload, and why for the trace."""

    seq: int
    flags: int
    payload: Buffer
    note: str = ""

    @property
    def is_new_data(self) -> bool:
        """It carries octets that were never sent before."""
        return (not self.note or self.note in NOTHING_AGAIN) and len(self.payload) > 0
