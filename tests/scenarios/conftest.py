"""What the scenarios share: worlds whose every frame is judged, and programs that many of them run."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.oracle.judge import Court

from netarium.sim import World

MakeWorld = Callable[..., World]


@pytest.fixture(scope="module")
def court() -> Iterator[Court]:
    """Judges what the scenarios of one file have sent, when all of them are over."""
    court = Court()
    yield court
    court.judge()


@pytest.fixture
def make_world(court: Court, request: pytest.FixtureRequest) -> MakeWorld:
    """Makes worlds as `World(...)` does; what their machines send will be judged.

    Each scenario has a seed of its own, so that their packets have different identifications and sequence numbers.
    """

    def make(seed: int | str = request.node.name, *, viewpoint: str | None = None, **settings: Any) -> World:
        return World(seed, trace=court.record(request.node.name, viewpoint), **settings)

    return make
