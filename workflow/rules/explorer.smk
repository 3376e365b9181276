"""Explorer: trained runs in; their decoders as ONNX, and a page that runs them, out."""


# They take seconds each, on the CPU.
localrules:
    export,
    explorer,


rule export:
    """Write the decoder of one trained run, from noise to image, as ONNX."""
    input:
        spec="results/runs/{dataset}/{run}/{seed}/spec.json",
        model="results/runs/{dataset}/{run}/{seed}/model.safetensors",
        card="results/data/{dataset}/card.json",
        images="results/data/{dataset}/test.npy",
        table="results/data/{dataset}/test.parquet",
    output:
        graph="results/explorer/{dataset}/{run}/{seed}/decoder.onnx",
        facts="results/explorer/{dataset}/{run}/{seed}/decoder.json",
    log:
        "results/logs/explorer/{dataset}/{run}/{seed}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
    params:
        code=TARGETS.export_code,
    shell:
        """
        python -m vlae export \
            --model {input.model:q} \
            --data {input.card:q} \
            --out {output.graph:q} \
            --facts {output.facts:q} 2>&1 | tee {log:q}
        """


rule explorer:
    """Write results/explorer.html."""
    input:
        spec="results/explorer.spec.json",
        decoders=TARGETS.decoders,
    output:
        "results/explorer.html",
    log:
        "results/logs/explorer.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
    params:
        code=TARGETS.explorer_code,
        templates=TARGETS.explorer_templates,
    shell:
        """
        python -m vlae explorer \
            --spec {input.spec:q} \
            --out {output:q} 2>&1 | tee {log:q}
        """
