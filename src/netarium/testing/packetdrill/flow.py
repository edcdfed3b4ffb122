"""How the numbers of a script and those of the stack belong together, for one connection.

The number in a SYN is where a side begins; in what is no SYN, all numbers count from there. The peer's first number is
the script's. Ours is learned from the first SYN that the stack sends. Timestamps of ours are mapped, one by one,
because their clock starts anywhere.
"""

from dataclasses import dataclass, field

from netarium.base.seq import MASK
from netarium.testing.packetdrill.script import Option


@dataclass(slots=True)
class Flow:
    """One connection, or one pair of UDP sockets, as the script speaks of it.

    Attributes:
        local: our port; 0: the stack chooses it and we learn it from its first packet.
        remote: the peer's port, and its address, packed.
        shift: what the stack's sequence numbers have more than the script's; None: not learned yet.
        renewed: the peer has sent a SYN that may begin anew: our next SYN has other numbers.
        own: our first sequence number, as the script counts.
        peer: the peer's; None: no SYN has arrived.
        literal: the script counts the peer's numbers behind its SYN as they are on the wire; None: not known yet.
        offered: that of the latest SYN of the peer's, which may not have been taken.
        stamps: our timestamps, by the numbers that the script gives them.
        base: the first of them: (script's, stack's).
        listening: no connection yet: the next SYN that arrives makes one.
        names: our port and the peer's, as the script writes them; None: it does not.
        protocol: 6 or 17.
    """

    local: int
    remote: int
    address: bytes
    shift: int | None = None
    renewed: bool = False
    own: int = 0
    peer: int | None = None
    offered: int | None = None
    literal: bool | None = None
    stamps: dict[int, int] = field(default_factory=dict)
    base: tuple[int, int] | None = None
    listening: bool = False
    names: tuple[int, int] | None = None
    protocol: int = 6

    def key(self, ours: bytes) -> bytes:
        """Under which the machine's TCP knows it."""
        return self.address + ours + self.remote.to_bytes(2, "big") + self.local.to_bytes(2, "big")

    @property
    def is_to_learn(self) -> bool:
        """The stack's next SYN tells where its numbers begin."""
        return self.shift is None or self.renewed

    def learn(self, shift: int, own: int, *, answers: bool) -> None:
        """The stack's numbers have `shift` more than the script's, which begin with `own`; `answers`: the peer's SYN."""
        if self.shift is not None and shift != self.shift:  # another connection with the same ports
            self.peer = self.offered if answers else None
        self.shift, self.own = shift, own
        self.renewed = False

    def to_stack(self, number: int, *, syn: bool = False) -> int:
        """One of our sequence numbers, as the stack counts; `syn`: the script has it in a SYN."""
        return (number + (self.shift or 0) + (0 if syn else self.own)) & MASK

    def to_script(self, number: int, *, syn: bool = False) -> int:
        """One of our sequence numbers, as the script counts."""
        return (number - (self.shift or 0) - (0 if syn else self.own)) & MASK

    def judge_peer(self, number: int | None) -> None:
        """The first number of the peer's behind a SYN that is not 0 tells how the script counts: from there, or literally."""
        if self.literal is None and self.peer and number is not None:
            self.literal = number != 1 and number == (self.peer + 1) & MASK

    def peer_to_stack(self, number: int, *, syn: bool = False) -> int:
        """One of the peer's sequence numbers, as it goes on the wire."""
        return (number + (0 if syn or self.literal else self.peer or 0)) & MASK

    def peer_to_script(self, number: int, *, syn: bool = False) -> int:
        """One of the peer's sequence numbers, as the script counts."""
        return (number - (0 if syn or self.literal else self.peer or 0)) & MASK

    def arriving(self, options: tuple[Option, ...], *, acknowledges: bool) -> tuple[Option, ...]:
        """The options of an inbound segment, with our own numbers as the stack knows them."""
        result: list[Option] = []
        for word, *values in options:
            if word == "sack":
                result.append((word, *(self.to_stack(int(value or 0)) for value in values)))
            elif word == "TS" and acknowledges:
                echo = int(values[1] or 0)
                result.append((word, values[0], self.stamps.get(echo, echo)))
            else:
                result.append((word, *values))
        return tuple(result)

    def learn_stamp(self, scripted: int, sent: int) -> int:
        """Our timestamp has another number in the script; returns what the script's clock shows now, in steps."""
        self.stamps[scripted] = sent
        if self.base is None:
            self.base = scripted, sent
        return (sent - self.base[1]) & MASK
