"""Images: where their bytes lie, and decoding them."""
