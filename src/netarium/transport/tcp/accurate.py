"""What one connection counts for Accurate ECN (RFC 9768): marks that came, and marks that the peer tells of.

A connection has such a record only if both ends agreed on Accurate ECN. How that comes about is in `accecn`, what of
it the ACKs of the peer change in `acefeedback`, how it is told by the option in `aceoption`.
"""

from typing import Final

# How far the peer's option is to be trusted, with the numbers of Linux's tcpi_accecn_opt_seen.
NOT_SEEN: Final = 0
EMPTY_SEEN: Final = 1
COUNTERS_SEEN: Final = 2
ZEROED_SEEN: Final = 3

# What has failed, with the bits of Linux's tcpi_accecn_fail_mode.
ACE_NOT_SENT: Final = 1  # our handshake had to do without
ACE_UNUSABLE: Final = 2  # what the peer's ACE says cannot be: something on the path changes it, or the marks
OPTION_NOT_SENT: Final = 4  # what carries it is lost
OPTION_UNUSABLE: Final = 8

_MOST_PENDING: Final = 15


class Accurate:
    """The counters of both half-connections, without the numbers at which they begin on the wire.

    Attributes:
        syn_mark: the codepoint with which the peer's SYN, or SYN,ACK, came.
        reflects: the next ACK tells of that, and not of a counter.
        answers_syn: the segment at hand acknowledges our SYN: its ACE is no counter.
        received_ce: packets that came with CE (r.cep).
        untold: how many of them no ACK has told of, 15 at the most.
        received: octets of text that came, by their codepoint (r.e1b, r.e0b, r.ceb).
        delivered_ce: packets of ours that arrived with CE, as ACE tells (s.cep).
        delivered: octets of ours that arrived, by their codepoint, as the option tells (s.e1b, s.e0b, s.ceb).
        last_mark: the codepoint of the packet before.
        expected: the codepoint with which what is not told of by an option probably arrived; 0: nobody knows.
        ack_due: the marks changed: the peer should hear of it at once.
        fields_due: so many counters the next option must have.
        demand: so many of the next segments should carry an option.
        told_at: when the last option left.
        told_with_dsack: where that began of which it told that it came twice; None: it told of no such thing.
        seen: what was seen of the peer's option.
        failed: what has turned out not to work.
        is_newer: the timestamp of the segment at hand is newer than all before.
        clock: when the last segment came or left.
    """

    __slots__ = (
        "ack_due", "answers_syn", "clock", "delivered", "delivered_ce", "demand", "expected", "failed", "fields_due",
        "is_newer", "last_mark", "received", "received_ce", "reflects", "seen", "syn_mark", "told_at", "told_with_dsack", "untold",
    )  # fmt: skip

    def __init__(self, syn_mark: int) -> None:
        self.syn_mark = syn_mark
        self.reflects = self.answers_syn = self.ack_due = self.is_newer = False
        self.told_with_dsack: int | None = None
        self.received_ce = self.untold = self.delivered_ce = 0
        self.received, self.delivered = [0, 0, 0, 0], [0, 0, 0, 0]
        self.last_mark = self.expected = 0
        self.fields_due = self.demand = self.told_at = self.clock = 0
        self.seen = NOT_SEEN
        self.failed = 0

    def marked(self, packets: int) -> None:
        """So many packets came with CE."""
        self.received_ce += packets
        self.untold = min(self.untold + packets, _MOST_PENDING)

    def saw(self, option: int) -> None:
        """An option of the peer's was looked at for the first time, or the first time with counters."""
        self.seen = option
        if option == ZEROED_SEEN:
            self.failed |= OPTION_UNUSABLE
