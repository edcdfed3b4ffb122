"""For all tests."""

import signal

import pytest
from hypothesis import settings

# How long an example takes depends on who else uses the machine: pytest's own limit ends what hangs.
settings.register_profile("netarium", deadline=None)
settings.load_profile("netarium")

# A shell that started us in the background may have told us to ignore Ctrl-C; the programs that tests start and
# interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exam", action="store_true", help="also what is marked `exam`: minutes, not seconds")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --exam the long forms are not there: no skip, which would look like a test that could not run."""
    if config.getoption("--exam"):
        return
    long = [item for item in items if item.get_closest_marker("exam")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("exam")]
