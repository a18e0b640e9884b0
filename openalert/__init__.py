"""OpenAlert: the on-call appliance."""

__version__ = "0.1.0"
