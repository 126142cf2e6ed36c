"""What columns and cells mean, in tables and in data sets of Hugging Face's alike."""
