"""Pure rules of on-call: no I/O, no clock, no framework. `now` is always an argument."""
