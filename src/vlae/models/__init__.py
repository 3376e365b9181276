"""One module a model; the module name is what `networks.*.model` names."""
