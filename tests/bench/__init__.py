"""Benchmarks, run by hand: `python -m tests.bench` for all, `python -m tests.bench.ingest` for one; no pytest."""
