"""HTML for people: read, render, and forms that work without script."""
