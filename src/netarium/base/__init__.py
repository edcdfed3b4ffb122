"""F0, the ground: what every floor stands on. No clock, no I/O, no globals."""
