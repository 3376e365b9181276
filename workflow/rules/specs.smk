"""Specs: the configuration, resolved to one small file per job.

No input. Output: spec files, rewritten only when their content changes, so that a
change of the configuration reaches the jobs it concerns and no others.
"""

# The method of TARGETS that makes a spec's text: what the spec holds, and its file.
SPECS = {
    "run_spec": (
        "The complete settings of one training.",
        "results/runs/{dataset}/{run}/{seed}/spec.json",
    ),
    "data_spec": (
        "What determines a prepared data set.",
        "results/data/{dataset}/spec.json",
    ),
    "sources": (
        "Where a data set is downloaded from.",
        "results/raw/{dataset}/sources.json",
    ),
    "experiment_spec": (
        "The complete settings of one experiment on one run.",
        "results/experiments/{dataset}/{run}/{seed}/{experiment}.spec.json",
    ),
    "figure_spec": (
        "What one figure shows.",
        "results/figures/{figure}.spec.json",
    ),
    "sweep_spec": (
        "The axes and cells of a sweep.",
        "results/sweeps/{sweep}.spec.json",
    ),
    "claim_spec": (
        "A claim, its criterion and its runs.",
        "results/claims/{claim}.spec.json",
    ),
    "report_spec": (
        "What the report shows.",
        "results/report.spec.json",
    ),
    "explorer_spec": (
        "What the explorer offers.",
        "results/explorer.spec.json",
    ),
}
# What trainings wait for; Snakemake does not raise their priority by itself.
FIRST_SPECS = ("run_spec", "data_spec", "sources")


for spec_rule, (_, spec_file) in SPECS.items():

    rule:
        name:
            spec_rule
        output:
            spec_file,
        log:
            spec_file.replace("results", "results/logs/specs", 1) + ".log",
        priority: 200 if spec_rule in FIRST_SPECS else 0
        localrule: True
        conda:
            "../../environment.yml"
        params:
            spec=getattr(TARGETS, spec_rule),
        shell:
            "printf '%s\\n' {params.spec:q} >{output:q} 2>{log:q}"
