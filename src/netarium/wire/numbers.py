"""Numbers that one header uses to name the next (IANA: "IEEE 802 Numbers", "Protocol Numbers")."""

from typing import Final

# EtherTypes
ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_VLAN: Final = 0x8100  # IEEE 802.1Q customer tag
ETHERTYPE_SERVICE_VLAN: Final = 0x88A8  # IEEE 802.1ad service tag
ETHERTYPE_IPV6: Final = 0x86DD

# IP protocols and IPv6 next headers
PROTOCOL_ICMP: Final = 1
PROTOCOL_IGMP: Final = 2
PROTOCOL_TCP: Final = 6
PROTOCOL_UDP: Final = 17
PROTOCOL_ICMPV6: Final = 58
