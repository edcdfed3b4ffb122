"""F7, the standard event loop over a selector that knows our descriptors."""
