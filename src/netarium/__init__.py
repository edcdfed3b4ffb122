"""netarium: a TCP/IP stack behind glass."""

from netarium._version import __version__

__all__ = ["__version__"]
