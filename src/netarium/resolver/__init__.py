"""F6, names to addresses: stub resolver, cache, hosts file."""
