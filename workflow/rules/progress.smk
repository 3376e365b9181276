"""While it runs: one line about the work that is left, after each job of work.

What is counted, and how, is in vlae.system.work_progress.
"""

from snakemake.logging import logger

from vlae.system import work_progress

# Snakemake's own count has spec files in it, and one line of ours follows each job.
COUNTED_TWICE = {"progress", "job_started", "job_finished"}


def show_line(line):
    # Hidden where the user hides Snakemake's own progress.
    logger.info(line, extra={"quietness": Quietness.PROGRESS})


def planned_job(job):
    """Return a job of work, or None; all experiments count as one rule."""
    name, wildcards = job.rule.name, dict(job.wildcards.items())
    if name in EXPERIMENT_RULES:
        name, wildcards["experiment"] = "experiment", EXPERIMENT_RULES[name]
    if name not in work_progress.KINDS:
        return None
    return work_progress.Job(
        name,
        wildcards,
        needed=workflow.dag.needrun(job),
        benchmark=Path(job.benchmark) if job.benchmark else None,
        log=Path(job.log[0]) if job.log else None,
        remote=not job.is_local,
        cost=RESOURCES.training_cost(job.wildcards) if name == "train" else 1.0,
    )


def show_work():
    """Show a line at the start and after each job of work, from now on."""
    if not workflow.is_main_process:
        return
    try:
        planned = {job.jobid: planned_job(job) for job in workflow.dag.jobs}
        jobs = {number: job for number, job in planned.items() if job}
        progress = work_progress.WorkProgress(jobs)
        logger.addHandler(work_progress.Listener(progress, show_line))
        for handler in logger.handlers:
            if handler.get_name() == "DefaultStreamHandler":
                handler.addFilter(said_once)
        if progress.opening():
            show_line(progress.opening())
    except Exception as error:
        show_line(work_progress.without_progress(error))


def said_once(record):
    """Return whether a record is shown in the terminal; the log file has all."""
    event = str(getattr(record, "event", ""))
    if Quietness.RULES not in workflow.output_settings.quiet:
        return event != "progress"
    return event not in COUNTED_TWICE and record.msg != "Select jobs to execute..."
