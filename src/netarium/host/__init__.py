"""F5, one machine: floors 2-4 wired together, its socket table, its processes."""
