"""What a search writes of its trials."""
