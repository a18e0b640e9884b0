"""The JSON API under `/api/v1`: stable, versioned, documented."""
