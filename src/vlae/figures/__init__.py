"""One module a figure: tables and arrays in, svg and png out."""
