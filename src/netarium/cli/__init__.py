"""F8, the command line."""
