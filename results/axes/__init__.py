"""Importance of the axes of a search for the mean AUC and for each label, with its uncertainty."""
