"""Report: figures, tables and specs in, one self-contained HTML file out."""


localrules:
    report,


rule report:
    """Write results/report.html, and a record of what made it."""
    input:
        spec="results/report.spec.json",
        results=TARGETS.report_inputs,
    output:
        page=report(
            "results/report.html",
            caption="../report/report.rst",
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
        code=TARGETS.report_code,
        templates=TARGETS.report_templates,
    shell:
        """
        python -m vlae report \
            --spec {input.spec:q} \
            --out {output.page:q} \
            --provenance {output.provenance:q} 2>&1 | tee {log:q}
        """
