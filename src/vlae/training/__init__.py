"""From a run spec and prepared data to weights and a history; trained runs to use."""
