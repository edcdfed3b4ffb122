"""What is replaced where: a list of names, put in place and taken away again as one.

Programs bind names early (`from time import monotonic`), so besides the module that owns a name every module that
holds the very same object under a global name gets the replacement, for as long as it lasts.
"""

import sys
from dataclasses import dataclass, field
from typing import Any

# Not searched: ourselves, and what the interpreter itself takes its locks from.
_NOT_SEARCHED = frozenset({"netarium", "_thread", "_frozen_importlib", "_imp"})


@dataclass(slots=True)
class Replacement:
    """One name of one module or class."""

    owner: Any
    name: str
    original: Any
    dispatcher: Any
    everywhere: bool  # also where other modules hold the same object


@dataclass(slots=True)
class Table:
    """All replacements. `owner.name` must exist; what a Python version lacks is not added."""

    rows: list[Replacement] = field(default_factory=list)
    _undo: list[tuple[dict[str, Any] | Any, str, Any]] = field(default_factory=list)
    _holders: dict[int, list[tuple[str, int]]] = field(default_factory=dict)  # module -> (name, original)
    _seen: dict[int, Any] = field(default_factory=dict)  # modules that were searched; keeps their ids taken

    def add(self, owner: Any, name: str, dispatcher: Any, *, everywhere: bool = True) -> None:
        """Replace `owner.name` by a dispatcher."""
        self.rows.append(Replacement(owner, name, vars(owner)[name], dispatcher, everywhere))

    def apply(self) -> None:
        """Put everything in place."""
        dispatchers: dict[int, Any] = {}
        for row in self.rows:
            original = vars(row.owner)[row.name]
            self._undo.append((row.owner, row.name, original))
            setattr(row.owner, row.name, row.dispatcher)
            if row.everywhere:
                dispatchers[id(original)] = row.dispatcher
        self._search(dispatchers)
        for key, names in self._holders.items():
            module = self._seen[key]
            namespace = vars(module)
            for name, original_id in names:
                value = namespace.get(name)
                if id(value) == original_id:
                    self._undo.append((module, name, value))
                    namespace[name] = dispatchers[original_id]

    def dispatcher_of(self, value: Any) -> Any:
        """What stands in for a value, which may have been bound before it was replaced; else the value itself."""
        return next((row.dispatcher for row in self.rows if row.original is value), value)

    def undo(self) -> None:
        """Take everything away, last first."""
        while self._undo:
            owner, name, original = self._undo.pop()
            setattr(owner, name, original)

    def _search(self, dispatchers: dict[int, Any]) -> None:
        """Find who else holds an original. Each module is searched once."""
        for module_name, module in list(sys.modules.items()):
            key = id(module)
            if key in self._seen or module is None or module_name.partition(".")[0] in _NOT_SEARCHED:
                continue
            self._seen[key] = module
            namespace = getattr(module, "__dict__", None)
            if not isinstance(namespace, dict):
                continue
            found = [(name, id(value)) for name, value in list(namespace.items()) if id(value) in dispatchers]
            if found:
                self._holders[key] = found
