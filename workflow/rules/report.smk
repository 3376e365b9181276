"""Report: figures, tables and specs in, one self-contained HTML file out."""


localrules:
    report,


# Captions are for Snakemake's own report: no page of ours shows them.
CAPTIONS = sources_of("report/captions")
REPORT_SOURCES = [
    p for p in sources_of("report") if p not in [*EXPLORER_SOURCES, *CAPTIONS]
]


rule report:
    """Write results/report.html, and what wrote it."""
    input:
        spec="results/report.spec.json",
        sources=REPORT_SOURCES,
        results=report_inputs,
    output:
        page=report(
            "results/report.html",
            caption="../../report/captions/report.rst",
            category="Report",
            labels={"page": "the whole report"},
        ),
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
            --results results \
            --out {output.page:q} \
            --provenance {output.provenance:q} 2>&1 | tee {log:q}
        """
