"""Senders made for other pagers, at our address."""
