"""`python -m openalert` is the same as the `openalert` command."""

from openalert.cli import main

main()
