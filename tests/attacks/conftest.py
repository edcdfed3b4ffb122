"""What the attack tests share: see `lab`."""

import pytest

from .lab import Lab


@pytest.fixture
def lab() -> Lab:
    """A target with Linux's defaults, and a wire."""
    return Lab()
