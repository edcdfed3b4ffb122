"""How a world ends badly."""


class Deadlock(RuntimeError):  # noqa: N818 - a state, not a mistake of the call
    """The main program waits, and nothing will ever happen again. The text tells who waits for what."""


class OutOfTime(TimeoutError):  # noqa: N818
    """The main program had not ended when its virtual time was over. The text tells who waits for what."""


class ProcessKilled(SystemExit):
    """Raised where a simulated process blocks when it is killed, or when its world ends.

    A `SystemExit`, so that `threading`, asyncio and `except Exception` let it pass without a word.
    """
