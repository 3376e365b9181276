"""Sweeps: results of all cells in, one table and one figure per sweep out."""


localrules:
    sweep,


rule sweep:
    """Join the results of a sweep in one table, and draw its figure."""
    input:
        spec="results/sweeps/{sweep}.spec.json",
        results=TARGETS.sweep_inputs,
    output:
        table="results/sweeps/{sweep}.parquet",
        svg=report(
            "results/sweeps/{sweep}.svg",
            caption="../report/sweep.rst",
            category="Sweeps",
            labels={"sweep": "{sweep}"},
        ),
        png="results/sweeps/{sweep}.png",
    log:
        "results/logs/sweeps/{sweep}.log",
    benchmark:
        "results/benchmarks/sweeps/{sweep}.tsv"
    conda:
        "../../environment.yml"
    params:
        code=TARGETS.sweep_code,
    shell:
        """
        python -m vlae sweep \
            --spec {input.spec:q} \
            --table {output.table:q} \
            --out {output.svg:q} 2>&1 | tee {log:q}
        """
