"""F6, names to addresses: the stub resolver (RFC 1034 §5.3.1) and the calls of Python's `socket` that ask it."""
