"""Congestion control: each algorithm gets numbers and gives numbers.

Duties: MAY-18 of RFC 9293.
"""

from collections.abc import Callable
from typing import Final

from netarium.base.config import TcpConfig
from netarium.transport.tcp.congestion.base import CongestionControl
from netarium.transport.tcp.congestion.bbr import Bbr
from netarium.transport.tcp.congestion.cubic import Cubic
from netarium.transport.tcp.congestion.cubic_linux import LinuxCubic
from netarium.transport.tcp.congestion.reno import Reno


def cubic(smss: int, initial_window: int, config: TcpConfig) -> Cubic:
    """CUBIC in the form that is configured."""
    form = LinuxCubic if config.cubic_form == "linux" else Cubic
    return form(smss, initial_window, config)


# By name: a control for segments of some size, with a first window, both in octets.
ALGORITHMS: Final[dict[str, Callable[[int, int, TcpConfig], CongestionControl]]] = {
    "reno": Reno,
    "cubic": cubic,
    "bbr": Bbr,
}

__all__ = ["ALGORITHMS", "Bbr", "CongestionControl", "Cubic", "Reno"]
