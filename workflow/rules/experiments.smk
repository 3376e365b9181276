"""Experiments: a trained run in, tables and arrays out.

Snakemake has to know what a rule writes before it runs, and experiments make different
tables, so each of them has a rule of its own.
"""

from functools import partial

# The rule of each experiment, and the experiment.
EXPERIMENT_RULES = {
    f"experiment_{name}": name for name in CONFIGURATION.content["experiments"]
}
# What `--set-resources` or a profile says of `experiment` holds for all of them, unless
# it says something else of one. Snakemake itself knows only names of rules.
SET_RESOURCES = workflow.resource_settings._parsed_overwrite_resources


for experiment_rule, experiment in EXPERIMENT_RULES.items():

    rule:
        """Run one experiment on one trained run."""
        name:
            experiment_rule
        input:
            spec=f"results/experiments/{{dataset}}/{{run}}/{{seed}}/{experiment}.spec.json",
            run_spec="results/runs/{dataset}/{run}/{seed}/spec.json",
            model="results/runs/{dataset}/{run}/{seed}/model.safetensors",
            card="results/data/{dataset}/card.json",
            arrays=expand(
                "results/data/{{dataset}}/{split}.npy", split=["train", "test"]
            ),
            tables=expand(
                "results/data/{{dataset}}/{split}.parquet",
                split=["train", "test"],
            ),
            classifier_spec=partial(TARGETS.classifier_spec, experiment),
            classifier=partial(TARGETS.classifier_weights, experiment),
        output:
            arrays=f"results/experiments/{{dataset}}/{{run}}/{{seed}}/{experiment}.npz",
            tables=TARGETS.experiment_tables(experiment),
        log:
            f"results/logs/experiments/{{dataset}}/{{run}}/{{seed}}/{experiment}.log",
        benchmark:
            f"results/benchmarks/experiments/{{dataset}}/{{run}}/{{seed}}/{experiment}.tsv"
        conda:
            "../../environment.yml"
        threads: RESOURCES.training_threads
        resources:
            gpu=experiment_gpus,
            experiment_slot=1,
            cpus_per_task=RESOURCES.training_threads,
            mem_mb=partial(RESOURCES.experiment_memory, experiment),
            runtime=RESOURCES.experiment_minutes,
        params:
            code=partial(TARGETS.experiment_code, experiment),
        shell:
            """
            python -m vlae experiment \
                --spec {input.spec:q} \
                --model {input.model:q} \
                --data {input.card:q} \
                --classifier {input.classifier:q} \
                --gpus {resources.gpu} \
                --tables {output.tables:q} \
                --arrays {output.arrays:q} 2>&1 | tee {log:q}
            """

    for set_for in ("experiment", experiment_rule):
        workflow.get_rule(experiment_rule).resources.update(
            SET_RESOURCES.get(set_for, {})
        )
