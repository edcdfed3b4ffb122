"""The hosts table (RFC 952, hosts(5)): names known without asking anybody. One table may serve many machines."""

from typing import Final

from netarium.base.addr import parse_ip
from netarium.base.errors import UsageError

MAX_ENTRIES: Final = 65_536  # (name, address) pairs; a hosts file is the user's own, but it may be a mistake


class HostsTable:
    """Names to addresses and back, in the order of the file; names compare without regard to case (RFC 4343)."""

    __slots__ = ("_aliases", "_count", "_forward", "_names")

    def __init__(self, text: str = "") -> None:
        self._forward: dict[str, list[bytes]] = {}  # lower-case name -> addresses
        self._names: dict[bytes, tuple[str, ...]] = {}  # address -> canonical name, then aliases
        self._aliases: dict[str, tuple[str, ...]] = {}  # lower-case name -> canonical name, then aliases
        self._count = 0
        for line in text.splitlines():
            self._read(line)

    def __len__(self) -> int:
        return self._count

    def _read(self, line: str) -> None:
        words = line.split("#", maxsplit=1)[0].split()
        if len(words) < 2:
            return
        try:
            address = parse_ip(words[0])
        except UsageError:
            return  # hosts(5) readers skip what they do not understand
        self.add(address, *words[1:])

    def add(self, address: bytes, name: str, *aliases: str) -> None:
        """Add a line: an address, its canonical name, other names.

        Raises:
            UsageError: the table is full.
        """
        names = (name, *aliases)
        if self._count + len(names) > MAX_ENTRIES:
            raise UsageError(f"the hosts table is full: {MAX_ENTRIES} names")
        for each in names:
            key = each.rstrip(".").lower()
            addresses = self._forward.setdefault(key, [])
            if address not in addresses:
                addresses.append(address)
            self._aliases.setdefault(key, names)
        self._names.setdefault(address, names)
        self._count += len(names)

    def discard(self, name: str) -> None:
        """Forget a name; nothing happens if it is not known."""
        key = name.rstrip(".").lower()
        for address in self._forward.pop(key, ()):
            names = self._names.get(address, ())
            if names and names[0].rstrip(".").lower() == key:
                del self._names[address]
        self._aliases.pop(key, None)

    def addresses(self, name: str, length: int = 0) -> list[bytes]:
        """The addresses of a name; those of `length` octets only (4 or 16), unless it is 0."""
        known = self._forward.get(name.rstrip(".").lower(), ())
        return [address for address in known if not length or len(address) == length]

    def names(self, name: str) -> tuple[str, ...]:
        """The canonical name and the aliases of the line where `name` stands first; empty if nowhere."""
        return self._aliases.get(name.rstrip(".").lower(), ())

    def names_of(self, address: bytes) -> tuple[str, ...]:
        """The canonical name and the aliases of an address; empty if it is not in the table."""
        return self._names.get(address, ())
