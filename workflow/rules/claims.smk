"""Claims: tables of experiments in, findings seed by seed and verdicts out."""


localrules:
    claim,
    verdicts,


rule claim:
    """Decide one claim of the paper."""
    input:
        spec="results/claims/{claim}.spec.json",
        results=TARGETS.claim_inputs,
    output:
        findings="results/claims/{claim}.findings.parquet",
        verdicts="results/claims/{claim}.verdicts.parquet",
    log:
        "results/logs/claims/{claim}.log",
    conda:
        "../../environment.yml"
    params:
        code=TARGETS.claim_code,
    shell:
        """
        python -m vlae claim \
            --spec {input.spec:q} \
            --findings {output.findings:q} \
            --verdicts {output.verdicts:q} 2>&1 | tee {log:q}
        """


rule verdicts:
    """Join the verdicts of all claims."""
    input:
        verdicts=TARGETS.verdict_files,
    output:
        report(
            "results/tables/claims.parquet",
            caption="../report/verdicts.rst",
            category="Claims",
            labels={"table": "all verdicts"},
        ),
    log:
        "results/logs/verdicts.log",
    conda:
        "../../environment.yml"
    params:
        code=TARGETS.verdicts_code,
    shell:
        """
        python -m vlae verdicts \
            --verdicts {input.verdicts:q} \
            --out {output:q} 2>&1 | tee {log:q}
        """
