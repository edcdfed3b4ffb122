"""F7, virtual time: the world, its cables, its processes."""
