"""Opening a database, whether it still lies in its place, and waiting for one that is away."""
