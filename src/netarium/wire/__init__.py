"""F1, bytes and meaning: header formats, without state.

Every module holds the constants of one format and small objects with `parse` (raises `WireError`) and `pack`.
A parser looks at the bytes only: what a number means to a connection, a table or a clock is for the floors above.
"""
