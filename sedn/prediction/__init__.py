"""Scores of single images by a finished run, its maps from the run's own semantic source."""
