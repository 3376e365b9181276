"""Services of the machine, of Snakemake's folder and of the package's own source."""
