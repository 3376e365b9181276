"""Commands: one module each, with hyphens for underscores in the command's name."""
