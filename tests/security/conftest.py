"""The fixtures of whole processes."""

from tests.processes.conftest import smtp

__all__ = ["smtp"]
