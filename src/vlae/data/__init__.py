"""From the raw files of a data set to what an encoder sees."""
