"""From the raw file to what an encoder sees."""
