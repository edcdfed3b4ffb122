"""Names in a world: each once, and not empty."""

import pytest

from netarium import World
from netarium.base.errors import UsageError


@pytest.mark.parametrize("name", ["", "  "])
def test_a_machine_needs_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="needs a name"):
        World().host(name)
    with pytest.raises(UsageError, match="needs a name"):
        World().switch(name)


def test_names_are_unique() -> None:
    world = World()
    world.host("a")
    with pytest.raises(UsageError, match="there is a 'a' already"):
        world.switch("a")
    with pytest.raises(UsageError, match="there is a 'a' already"):
        world.router("a")
