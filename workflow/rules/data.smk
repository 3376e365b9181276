"""Data: raw files from mirrors, then memory-mapped images and tables.

Input: specs. Output: results/raw/DATASET/FILE, results/data/DATASET/card.json and
the arrays and tables that the card describes.
"""


# Compute nodes of a cluster often have no access to the internet.
localrules:
    download,
    data,


rule data:
    """Download and prepare all data of the configuration: snakemake --cores 2 data."""
    input:
        TARGETS.cards,


rule download:
    """Fetch one raw file; if its checksum is known, its source does not matter."""
    input:
        sources=ancient("results/raw/{dataset}/sources.json"),
    output:
        "results/raw/{dataset}/{file}",
    log:
        "results/logs/download/{dataset}/{file}.log",
    wildcard_constraints:
        file=r"(?!sources\.json$)[^/]+",
    # Trainings wait for it.
    priority: 200
    conda:
        "../../environment.yml"
    params:
        expected=TARGETS.expected_file,
    shell:
        """
        python -m vlae download \
            --sources {input.sources:q} \
            --out {output:q} 2>&1 | tee {log:q}
        """


rule prepare:
    """Turn raw files into uint8 images, tables of labels and factors, and a card."""
    input:
        spec="results/data/{dataset}/spec.json",
        raw=TARGETS.raw_files,
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
        cpus_per_task=RESOURCES.preparing_cpus,
        mem_mb=RESOURCES.preparing_memory,
        runtime=RESOURCES.preparing_minutes,
    params:
        code=TARGETS.prepare_code,
    shell:
        """
        python -m vlae prepare \
            --spec {input.spec:q} \
            --raw {input.raw:q} \
            --card {output.card:q} \
            --threads {threads} 2>&1 | tee {log:q}
        """
