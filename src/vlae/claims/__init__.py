"""One module a kind of claim; see `vlae.claims.base`."""
