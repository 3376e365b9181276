"""One module a kind of claim; see `vlae.claim`."""
