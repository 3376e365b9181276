"""Data: raw files from mirrors, then memory-mapped images and tables.

Input: specs. Output: results/raw/DATASET/FILE, results/data/DATASET/card.json and
the arrays and tables that the card describes.
"""


# Compute nodes of a cluster often have no way out.
localrules:
    download,


rule download:
    """Fetch one raw file; where from does not matter where its checksum is known."""
    input:
        sources=ancient("results/raw/{dataset}/sources.json"),
    output:
        "results/raw/{dataset}/{file}",
    log:
        "results/logs/download/{dataset}/{file}.log",
    wildcard_constraints:
        file=r"(?!sources\.json$)[^/]+",
    # What trainings wait for.
    priority: 200
    conda:
        "../../environment.yml"
    params:
        expected=expected,
    shell:
        """
        python -m vlae download \
            --sources {input.sources:q} \
            --out {output:q} 2>&1 | tee {log:q}
        """


rule prepare:
    """Images as uint8 arrays, labels and factors in tables, a card."""
    input:
        spec="results/data/{dataset}/spec.json",
        raw=raw_files,
    output:
        card="results/data/{dataset}/card.json",
        arrays=expand("results/data/{{dataset}}/{split}.npy", split=["train", "test"]),
        tables=expand(
            "results/data/{{dataset}}/{split}.parquet", split=["train", "test"]
        ),
    log:
        "results/logs/prepare/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}.tsv"
    priority: 200
    conda:
        "../../environment.yml"
    threads: preparing_threads
    resources:
        cpus_per_task=preparing_cpus,
        mem_mb=preparing_memory,
        runtime=preparing_minutes,
    params:
        code=dataset_code,
    shell:
        """
        python -m vlae prepare \
            --spec {input.spec:q} \
            --raw results/raw/{wildcards.dataset} \
            --out results/data/{wildcards.dataset} \
            --threads {threads} 2>&1 | tee {log:q}
        """
