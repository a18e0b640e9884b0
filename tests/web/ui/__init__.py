"""Tests of the pages, through the whole application as a browser without script sees it."""
