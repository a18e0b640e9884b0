"""Tests of the channels, against whole fake servers on loopback."""
