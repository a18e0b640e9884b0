"""What the public sees of status pages."""
