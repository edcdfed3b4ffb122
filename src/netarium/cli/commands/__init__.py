"""One module for each command: EPILOG, `add_arguments(parser)`, `run(options)` that returns the exit code."""
