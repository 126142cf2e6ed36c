"""The network, its data and its training; knows nothing of searches."""
