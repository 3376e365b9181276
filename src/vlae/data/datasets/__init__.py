"""One module a kind of source; the module name is what `datasets.*.module` names."""
