"""The meaning of columns and cells, in tables and in data sets of Hugging Face's alike."""
