"""Tests of the inbound formats."""
