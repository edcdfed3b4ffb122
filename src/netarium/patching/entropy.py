"""Randomness and the process number: repeatable for the threads of a world, the system's for all others.

The generator behind the functions of `random` is not dispatched but seeded for a run and restored after it:
see `seeded`.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from netarium.aio.runtime import running
from netarium.patching.table import Table
from netarium.socket.context import current

_urandom: Final = os.urandom
_getpid: Final = os.getpid
_seed: Final = random.Random.seed


def _octets(size: int, /) -> bytes:
    runtime = running()
    return _urandom(size) if runtime is None else runtime.random.randbytes(size)


def _pid() -> int:
    here = None if running() is None else current.get()
    return _getpid() if here is None else here.process.pid


def _seed_generator(self: random.Random, a: Any = None, version: int = 2) -> None:
    runtime = running()
    if a is None and runtime is not None:
        a = runtime.random.getrandbits(128)
    _seed(self, a, version)


def add_to(table: Table) -> None:
    """Dispatch entropy: `uuid`, `secrets` and `random.SystemRandom` draw from `os.urandom`."""
    table.add(os, "urandom", _octets)
    table.add(os, "getpid", _pid)
    table.add(random.Random, "seed", _seed_generator, everywhere=False)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, the functions of the module `random` give what `seed` gives; after it, they go on as before."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
