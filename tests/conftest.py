"""For all tests."""

import signal

# A shell that started us in the background may have told us to ignore Ctrl-C; the programs that tests start and
# interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
