"""F6, the Socket library: the calls of Python's `socket`, on our stack."""
