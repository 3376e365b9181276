"""Report: figures, tables and specs in, one self-contained HTML file out."""


localrules:
    report,


REPORT_SOURCES = [p for p in sources_of("report") if p not in EXPLORER_SOURCES]


rule report:
    """Write results/report.html, and what wrote it."""
    input:
        spec="results/report.spec.json",
        sources=REPORT_SOURCES,
        results=report_inputs,
    output:
        page="results/report.html",
        provenance="results/report.provenance.json",
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    params:
        code=report_code,
    shell:
        """
        python -m vlae report \
            --spec {input.spec:q} \
            --template report \
            --results results \
            --out {output.page:q} \
            --provenance {output.provenance:q} 2>&1 | tee {log:q}
        """
