"""The other side: servers on loopback that behave well, badly, or not at all, as told."""
