"""`arp -a` and `arp -n`: the ARP cache with the look of net-tools; `ip neighbour` for its states (RFC 4861 §7.3.2)."""

from collections.abc import Iterable

from netarium.host.tables import NeighborRow


def bsd(rows: Iterable[NeighborRow]) -> list[str]:
    """The lines of `arp -a`: `web (10.0.1.3) at 02:00:00:00:00:03 [ether] on eth0`."""
    return [
        f"{row.name or '?'} ({row.address}) at "
        + (f"{row.mac} [ether]" if row.mac else "<incomplete>")
        + f" on {row.device}"
        for row in rows
    ]


def table(rows: Iterable[NeighborRow]) -> list[str]:
    """The lines of `arp -n`; flag C: complete."""
    lines = ["Address                  HWtype  HWaddress           Flags Mask            Iface"]
    for row in rows:
        kind, mac, flags = ("ether", row.mac, "C") if row.mac else ("", "(incomplete)", "")
        lines.append(f"{row.address:<25}{kind:<8}{mac:<20}{flags:<22}{row.device}")
    return lines


def neighbours(rows: Iterable[NeighborRow]) -> list[str]:
    """The lines of `ip neighbour`: with the state of each entry."""
    return [
        f"{row.address} dev {row.device}" + (f" lladdr {row.mac}" if row.mac else "") + f" {row.state}"
        for row in rows
    ]
