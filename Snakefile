"""The paper, from download to report. Rules are in workflow/rules, one file a stage."""


configfile: "config/presets.yaml"
configfile: "config/networks.yaml"
configfile: "config/claims.yaml"
configfile: "config/config.yaml"


# One GPU training at a time on this machine; under SLURM each is a job of its own.
resource_scopes:
    gpu="local",


include: "workflow/rules/common.smk"
include: "workflow/rules/specs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/experiments.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        explorer_page,
        all_figures,
