"""Whole sets of TCP's settings by name: what a current Linux does, what FreeBSD does, what the RFCs say.

A profile is a `TcpConfig` and nothing else: take it as it is, or change single fields with `dataclasses.replace`. Each
field is explained where it is declared, in `config`; `docs/profiles.md` sets the profiles side by side.
"""

from typing import Final

from netarium.base.config import TcpConfig
from netarium.base.errors import UsageError
from netarium.base.units import MS, SECOND

_FREEBSD: Final = TcpConfig(
    receive_buffer=65_536,
    receive_buffer_max=2 * 1024 * 1024,
    min_rto_ns=30 * MS,
    max_rto_ns=64 * SECOND,
    syn_retries=12,
    syn_ack_retries=3,
    data_retries=12,
    keepalive_probes=8,
    soft_errors_end_connect=False,
    mtu_probing=0,  # net.inet.tcp.pmtud_blackhole_detection
)

_RFC: Final = TcpConfig(
    soft_errors_end_connect=False,
    delayed_ack_ns=200 * MS,
    min_rto_ns=1 * SECOND,
    msl_ns=120 * SECOND,
)

PROFILES: Final[dict[str, TcpConfig]] = {
    "linux": TcpConfig(
        mtu_probing=0, mtu_probe_floor=48
    ),  # what `TcpConfig` changed for people without sysctls
    "freebsd": _FREEBSD,
    "rfc": _RFC,
}


def profile(name: str) -> TcpConfig:
    """The settings of a profile.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(PROFILES)
        raise UsageError(f"there is no profile {name!r}; there are {known}") from None
