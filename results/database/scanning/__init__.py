"""Reading a few columns of very many trials."""
