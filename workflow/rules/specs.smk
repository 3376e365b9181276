"""Specs: the configuration, resolved to one small file per job.

No input. Output: spec files, rewritten only when their content changes, so that a
change of the configuration reaches the jobs it concerns and no others.
"""


localrules:
    run_spec,
    data_spec,
    sources,
    experiment_spec,
    figure_spec,
    claim_spec,
    overview_spec,
    report_spec,
    explorer_spec,


rule run_spec:
    """The complete settings of one training."""
    output:
        "results/runs/{dataset}/{run}/{seed}/spec.json",
    log:
        "results/logs/specs/runs/{dataset}/{run}/{seed}.log",
    # What trainings wait for; Snakemake does not raise it by itself.
    priority: 200
    conda:
        "../../environment.yml"
    params:
        spec=run_spec,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"


rule data_spec:
    """What determines a prepared data set."""
    output:
        "results/data/{dataset}/spec.json",
    log:
        "results/logs/specs/data/{dataset}.log",
    priority: 200
    conda:
        "../../environment.yml"
    params:
        spec=data_spec,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"


rule sources:
    """Where a data set is downloaded from."""
    output:
        "results/raw/{dataset}/sources.json",
    log:
        "results/logs/specs/sources/{dataset}.log",
    priority: 200
    conda:
        "../../environment.yml"
    params:
        spec=sources,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"


rule experiment_spec:
    """The complete settings of one experiment on one run."""
    output:
        "results/experiments/{dataset}/{run}/{seed}/{experiment}.spec.json",
    log:
        "results/logs/specs/experiments/{dataset}/{run}/{seed}/{experiment}.log",
    conda:
        "../../environment.yml"
    params:
        spec=experiment_spec,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"


rule figure_spec:
    """What one figure shows."""
    output:
        "results/figures/{figure}.spec.json",
    log:
        "results/logs/specs/figures/{figure}.log",
    conda:
        "../../environment.yml"
    params:
        spec=figure_spec,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"


rule claim_spec:
    """A claim, its criterion and its runs."""
    output:
        "results/claims/{claim}.spec.json",
    log:
        "results/logs/specs/claims/{claim}.log",
    conda:
        "../../environment.yml"
    params:
        spec=claim_spec,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"


rule overview_spec:
    """What the overview of one run shows."""
    output:
        "results/figures/runs/{dataset}/{run}.spec.json",
    log:
        "results/logs/specs/figures/runs/{dataset}/{run}.log",
    conda:
        "../../environment.yml"
    params:
        spec=overview_spec,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"


rule report_spec:
    """What the report shows."""
    output:
        "results/report.spec.json",
    log:
        "results/logs/specs/report.log",
    conda:
        "../../environment.yml"
    params:
        spec=report_spec,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"


rule explorer_spec:
    """What the explorer offers."""
    output:
        "results/explorer.spec.json",
    log:
        "results/logs/specs/explorer.log",
    conda:
        "../../environment.yml"
    params:
        spec=explorer_spec,
    shell:
        "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"
