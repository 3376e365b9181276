"""Figures: tables and arrays in, svg and png out. No figure looks at a model."""


localrules:
    figure,
    overview,


rule figure:
    """Draw one figure of the paper."""
    input:
        spec="results/figures/{figure}.spec.json",
        results=figure_inputs,
    output:
        svg=report(
            "results/figures/{figure}.svg",
            caption="../../report/captions/figure.rst",
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
        code=figure_code,
    shell:
        """
        python -m vlae figure \
            --spec {input.spec:q} \
            --results results \
            --out {output.svg:q} 2>&1 | tee {log:q}
        """


rule overview:
    """Draw training curves, reconstructions and samples of one run."""
    input:
        spec="results/figures/runs/{dataset}/{run}.spec.json",
        results=overview_inputs,
    output:
        svg=report(
            "results/figures/runs/{dataset}/{run}.svg",
            caption="../../report/captions/overview.rst",
            category="Runs",
            subcategory="{dataset}",
            labels={"run": "{run}"},
        ),
        png="results/figures/runs/{dataset}/{run}.png",
    log:
        "results/logs/figures/runs/{dataset}/{run}.log",
    benchmark:
        "results/benchmarks/figures/runs/{dataset}/{run}.tsv"
    conda:
        "../../environment.yml"
    params:
        code=figure_code,
    shell:
        """
        python -m vlae figure \
            --spec {input.spec:q} \
            --results results \
            --out {output.svg:q} 2>&1 | tee {log:q}
        """
