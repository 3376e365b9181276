"""The paper, from download to report. Rules are in workflow/rules, one file per stage."""

from snakemake.utils import min_version

min_version("9.27")


# The GPUs of this machine, which resources.smk counts, do not limit other machines.
# A limit of `experiment_slot`, as in slurm/config.yaml, holds within a cluster's job.
resource_scopes:
    gpu="local",
    experiment_slot="local",


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/progress.smk"


# Only with `--sdm apptainer`.
container: CONFIGURATION.content["container"]


include: "workflow/rules/specs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/experiments.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/sweeps.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/report.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        "results/report.html",
        TARGETS.explorer,
        TARGETS.figures,
        TARGETS.sweeps,


onstart:
    snakemake_state.note(Path(".snakemake"))
    if elsewhere():
        # The default profile is made for one machine, where commands report by themselves.
        # It silences rules, and with them errors that only the executor knows.
        workflow.output_settings.quiet.discard(Quietness.RULES)
        if workflow.executor_plugin.name == "slurm":
            check_slurm()
        slurm.watch(Path.cwd())
    show_work()


onerror:
    slurm.explain(log)
    if workflow.is_main_process:
        show_line("What is finished is kept. The same command continues.")
