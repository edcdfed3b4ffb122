"""F4, UDP and TCP, and how segments find their socket."""
