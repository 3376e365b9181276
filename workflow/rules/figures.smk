"""Figures: tables and arrays in, svg and png out. No figure looks at a model."""


localrules:
    figure,


rule figure:
    """Draw one figure."""
    input:
        spec="results/figures/{figure}.spec.json",
        results=TARGETS.figure_inputs,
    output:
        svg=report(
            "results/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        png="results/figures/{figure}.png",
    log:
        "results/logs/figures/{figure}.log",
    benchmark:
        "results/benchmarks/figures/{figure}.tsv"
    conda:
        "../../environment.yml"
    params:
        code=TARGETS.figure_code,
    shell:
        """
        python -m vlae figure \
            --spec {input.spec:q} \
            --out {output.svg:q} 2>&1 | tee {log:q}
        """
