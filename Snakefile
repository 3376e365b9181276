"""The paper, from download to report. Rules are in workflow/rules, one file a stage."""


configfile: "config/presets.yaml"
configfile: "config/networks.yaml"
configfile: "config/datasets.yaml"
configfile: "config/claims.yaml"
configfile: "config/config.yaml"


# GPUs of this machine (resources.smk has their number) limit nothing elsewhere.
resource_scopes:
    gpu="local",


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"


# Only with `--sdm apptainer`.
container: CONFIGURATION.content["container"]


include: "workflow/rules/specs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/experiments.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/report.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        "results/report.html",
        explorer_page,
        all_figures,


onstart:
    snakemake_state.note(Path(".snakemake"))
    if elsewhere():
        # The default profile, made for one machine where commands speak for themselves,
        # is quiet of rules, and so of errors that only the executor knows.
        workflow.output_settings.quiet.discard(Quietness.RULES)
        slurm.watch(Path.cwd())


onerror:
    slurm.explain(log)
