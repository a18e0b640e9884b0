"""HTTP: thin. Decode, call one use case or one read query, render."""
