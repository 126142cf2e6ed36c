"""What a search optimises and what bounds a trial."""
