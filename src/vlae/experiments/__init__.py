"""One module an experiment: a trained run in, a table and arrays out."""
