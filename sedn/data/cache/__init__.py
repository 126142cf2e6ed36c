"""The cache: what is decoded or predicted once on a node, for all of its processes."""
