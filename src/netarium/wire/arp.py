"""ARP for IPv4 over Ethernet (RFC 826). Reverse ARP and other hardware are not spoken here."""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from netarium.base.checksum import Buffer
from netarium.base.errors import WireError
from netarium.wire.numbers import ETHERTYPE_IPV4

LENGTH: Final = 28
REQUEST: Final = 1
REPLY: Final = 2

_MESSAGE: Final = Struct("!8s6s4s6s4s")
_FIXED: Final = Struct("!HHBBH")
_HARDWARE_ETHERNET: Final = 1
# ar$hrd, ar$pro, ar$hln, ar$pln, ar$op: only one value each makes sense to us, so the two heads are compared whole.
_HEADS: Final = {
    oper: _FIXED.pack(_HARDWARE_ETHERNET, ETHERTYPE_IPV4, 6, 4, oper) for oper in (REQUEST, REPLY)
}
_OPERS: Final = {head: oper for oper, head in _HEADS.items()}


@dataclass(slots=True)
class ArpMessage:
    """A request or a reply.

    Attributes:
        oper: `REQUEST` or `REPLY`.
        sha: sender hardware address, 6 octets.
        spa: sender protocol address, 4 octets; zero in a probe (RFC 5227 §1.1).
        tha: target hardware address; no meaning in a request.
        tpa: target protocol address.
    """

    oper: int
    sha: bytes
    spa: bytes
    tha: bytes
    tpa: bytes

    @classmethod
    def parse(cls, data: Buffer) -> "ArpMessage":
        """Read a message; octets behind the 28 are padding.

        Raises:
            WireError: too short, other hardware or protocol, other address lengths, neither request nor reply.

        Spec: RFC 826 "Packet Reception" (the checks marked optional are done, too).
        """
        if len(data) < LENGTH:
            raise WireError(f"arp: {len(data)} octets are less than a message")
        head, sha, spa, tha, tpa = _MESSAGE.unpack_from(data)
        oper = _OPERS.get(head)
        if oper is None:
            raise WireError(f"arp: not IPv4 over Ethernet, or no request or reply: {head.hex()}")
        return cls(oper, sha, spa, tha, tpa)

    def pack(self) -> bytes:
        """The 28 octets."""
        return _MESSAGE.pack(_HEADS[self.oper], self.sha, self.spa, self.tha, self.tpa)
