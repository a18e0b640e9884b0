"""Notifiers: one file per outbound channel, all behind the protocol in `notifier`."""
