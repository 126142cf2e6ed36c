"""What a search found: the store, ranking, report and export."""
