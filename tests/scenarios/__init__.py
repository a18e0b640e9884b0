"""Stories of whole incidents, on both databases."""
