"""F2, LAN driver, LAN adapter, cable, switch: simulated, timed objects like the stack itself."""
