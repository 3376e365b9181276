"""Experiments: a trained run in, a table and arrays out."""


rule experiment:
    """Run one experiment on one trained run."""
    input:
        spec="results/experiments/{dataset}/{run}/{seed}/{experiment}.spec.json",
        run_spec="results/runs/{dataset}/{run}/{seed}/spec.json",
        model="results/runs/{dataset}/{run}/{seed}/model.safetensors",
        card="results/data/{dataset}/card.json",
        classifier=TARGETS.classifier_files,
    output:
        table="results/experiments/{dataset}/{run}/{seed}/{experiment}.parquet",
        arrays="results/experiments/{dataset}/{run}/{seed}/{experiment}.npz",
    log:
        "results/logs/experiments/{dataset}/{run}/{seed}/{experiment}.log",
    benchmark:
        "results/benchmarks/experiments/{dataset}/{run}/{seed}/{experiment}.tsv"
    conda:
        "../../environment.yml"
    threads: RESOURCES.training_threads
    resources:
        gpu=training_gpus,
        cpus_per_task=RESOURCES.training_threads,
        mem_mb=RESOURCES.experiment_memory,
        runtime=RESOURCES.experiment_minutes,
    params:
        code=TARGETS.experiment_code,
        classifier=TARGETS.classifier_option,
    shell:
        """
        python -m vlae experiment \
            --spec {input.spec:q} \
            --run results/runs/{wildcards.dataset}/{wildcards.run}/{wildcards.seed} \
            --data results/data/{wildcards.dataset} \
            {params.classifier} \
            --gpus {resources.gpu} \
            --table {output.table:q} \
            --arrays {output.arrays:q} 2>&1 | tee {log:q}
        """
