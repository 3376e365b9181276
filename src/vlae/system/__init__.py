"""What the package asks of the machine, of Snakemake's folder and of its own source."""
