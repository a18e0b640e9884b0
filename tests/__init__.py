"""Tests mirror the rooms; scenarios read like incident reports."""
