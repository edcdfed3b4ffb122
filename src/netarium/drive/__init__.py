"""F7, real time and real devices."""
