"""netarium: a TCP/IP stack behind glass.

`World` is a network in virtual time; `Host` with `Tap`, `Tun` or `PacketSocket` is one machine in the real world;
`patched()` leads unmodified programs to whichever is current.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from netarium._version import __version__

if TYPE_CHECKING:
    from netarium.drive.host import Host
    from netarium.drive.packet_socket import PacketSocket
    from netarium.drive.tap import Tap
    from netarium.drive.tun import Tun
    from netarium.patching import patched
    from netarium.sim import Deadlock, OutOfTime, World

__all__ = [
    "Deadlock",
    "Host",
    "OutOfTime",
    "PacketSocket",
    "Tap",
    "Tun",
    "World",
    "__version__",
    "patched",
]

# Where each name lives; loaded when it is first asked for, so that `import netarium` costs nothing.
_HOMES = {
    "Deadlock": "netarium.sim",
    "Host": "netarium.drive.host",
    "OutOfTime": "netarium.sim",
    "PacketSocket": "netarium.drive.packet_socket",
    "Tap": "netarium.drive.tap",
    "Tun": "netarium.drive.tun",
    "World": "netarium.sim",
    "patched": "netarium.patching",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
