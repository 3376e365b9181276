"""Training: a spec and prepared data in, weights and history out.

Checkpoints are not an output: they lie in results/checkpoints, keyed by spec, code and
data, so that Snakemake's clean-up after a failure never removes them.
"""


rule train:
    """Train one run with one seed, or continue it where it was interrupted."""
    input:
        spec="results/runs/{dataset}/{run}/{seed}/spec.json",
        card="results/data/{dataset}/card.json",
        arrays=expand("results/data/{{dataset}}/{split}.npy", split=["train", "test"]),
        tables=expand(
            "results/data/{{dataset}}/{split}.parquet", split=["train", "test"]
        ),
    output:
        model="results/runs/{dataset}/{run}/{seed}/model.safetensors",
        history="results/runs/{dataset}/{run}/{seed}/history.parquet",
        facts="results/runs/{dataset}/{run}/{seed}/training.json",
    log:
        "results/logs/train/{dataset}/{run}/{seed}.log",
    benchmark:
        "results/benchmarks/train/{dataset}/{run}/{seed}.tsv"
    # Everything else waits for trainings, and the longest jobs should not come last.
    priority: 100
    conda:
        "../../environment.yml"
    threads: RESOURCES.training_threads
    resources:
        gpu=training_gpus,
        cpus_per_task=RESOURCES.training_threads,
        mem_mb=RESOURCES.training_memory,
        # Here and not in `params`, since a change of it must not retrain anything.
        data_mb=RESOURCES.data_memory,
        runtime=RESOURCES.training_minutes,
    params:
        code=TARGETS.train_code,
    shell:
        """
        python -m vlae train \
            --spec {input.spec:q} \
            --data {input.card:q} \
            --checkpoints results/checkpoints \
            --data-memory-mb {resources.data_mb} \
            --gpus {resources.gpu} \
            --model {output.model:q} \
            --history {output.history:q} \
            --facts {output.facts:q} 2>&1 | tee {log:q}
        """
