"""F8, the test kit."""
