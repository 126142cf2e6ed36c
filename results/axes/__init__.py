"""Which axis of a search mattered, for the mean AUC and for each label, and how certain that is."""
