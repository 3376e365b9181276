"""One module a command; the module name is the command name."""
