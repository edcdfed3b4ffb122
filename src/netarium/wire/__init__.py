"""F1, bytes and meaning: header formats, without state."""
