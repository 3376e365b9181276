"""One module per kind of claim; see `vlae.claims.base`. Imports no torch."""
