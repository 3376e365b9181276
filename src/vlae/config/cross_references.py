"""Check what the parts of a configuration say about one another.

Every function raises a UserError that names the first key that is wrong.
"""

from vlae.config.experiment_outputs import WITHIN_CLASS_SUFFIX
from vlae.config.experiment_tables import makers, tables_of_all
from vlae.config.report_spec import SWEEP_TABLES
from vlae.config.selection import RunName, Selection
from vlae.config.specs import Specs
from vlae.config.validation import check_known
from vlae.system import registry
from vlae.system.checkout import of_repository
from vlae.system.errors import UserError, closest


def check(selection: Selection, specs: Specs) -> None:
    """Check data sets, figures, sweeps, explorer and claims against what they name."""
    content = selection.content
    for dataset in content["datasets"]:
        _check_classifier(selection, dataset)
        _check_measures(selection, dataset)
        _check_depicts(selection, dataset)
    for figure in content["figures"]:
        runs = selection.figure_runs(figure)
        needed = selection.figure_tables(figure)
        _check_template(figure)
        _check_runs(selection, runs, needed, f"figures.{figure}")
    _check_explorer(selection, specs)
    for claim in content["claims"]:
        _check_claim(selection, claim)
    for sweep in content["sweeps"]:
        _check_sweep(selection, specs, sweep)
    for dataset in selection.datasets():
        _check_files(selection, dataset)


def _check_classifier(selection: Selection, dataset: str) -> None:
    """Check that the classifier of a data set is one, and has something to learn."""
    key = f"datasets.{dataset}.classifier"
    definition = selection.content["datasets"][dataset]
    classifier = definition["classifier"]
    if classifier is None:
        return
    check_known(classifier, selection.content["runs"].get(dataset, {}), key)
    if selection.model(RunName(dataset, classifier)) != "classifier":
        raise UserError(
            f"{key}: '{classifier}' is not a classifier; expected a run whose network "
            "has 'model: classifier'."
        )
    if not definition["classes"] and not definition["attributes"]:
        raise UserError(
            f"{key}: '{classifier}' has nothing to learn, as the data set has neither "
            "'classes' nor 'attributes'; set classifier: null, or say what they are."
        )


def _check_measures(selection: Selection, dataset: str) -> None:
    """Check that measures exist, fit the images, and share no name of a property."""
    key = f"datasets.{dataset}.measures"
    definition = selection.content["datasets"][dataset]
    shape = definition["shape"]
    owners = dict.fromkeys(["class", "pixels", *definition["attributes"]], "the data")
    for name in definition["measures"]:
        registry.check("measures", name, key)
        channels = registry.constant("measures", name, "CHANNELS") or shape[:1]
        if shape[0] not in channels:
            raise UserError(
                f"{key}: '{name}' measures images of {channels[0]} channel, but "
                f"'{dataset}' has shape {shape}. Choose other measures."
            )
        for measured in _properties_of(name):
            if measured in owners:
                raise UserError(
                    f"{key}: '{name}' and {owners[measured]} have a property of the "
                    f"same name, '{measured}'. Leave one of them out or rename it."
                )
            owners[measured] = f"'{name}'"


def _properties_of(measures: str) -> list[str]:
    """Return the properties that a module of measures gives, also within the class.

    Raises:
        UserError: if another constant names a property that is not in MEASURES.
    """
    own, within, part_of = (
        registry.constant("measures", measures, constant)
        for constant in ("MEASURES", "WITHIN_CLASS", "PART_OF")
    )
    for constant, used in (
        ("WITHIN_CLASS", within),
        ("PART_OF", [*part_of, *part_of.values()]),
    ):
        for name in used:
            check_known(name, own, f"experiments/measures/{measures}.py: {constant}")
    return [*own, *(name + WITHIN_CLASS_SUFFIX for name in within)]


def _properties(selection: Selection, dataset: str) -> dict[str, None]:
    """Return the names of what can be measured on images of a data set."""
    definition = selection.content["datasets"][dataset]
    measured = [p for name in definition["measures"] for p in _properties_of(name)]
    classes = ["class"] if definition["classes"] else []
    return dict.fromkeys([*measured, *classes, *definition["attributes"], "pixels"])


def _check_depicts(selection: Selection, dataset: str) -> None:
    """Check that some claim is about the images that a data set says it shows."""
    depicts = selection.content["datasets"][dataset]["depicts"]
    claims = selection.content["claims"].values()
    known = {claim.get("depicts") for claim in claims} - {None}
    if depicts is not None and depicts not in known:
        raise UserError(
            f"datasets.{dataset}.depicts: no claim is about '{depicts}'; "
            f"{closest(depicts, known)} Otherwise leave the key out."
        )


def _check_sweep(selection: Selection, specs: Specs, sweep: str) -> None:
    """Check that the cells of a sweep can be measured, and differ in their settings."""
    key = f"sweeps.{sweep}"
    runs = selection.sweep_runs(sweep)
    _check_runs(selection, runs, [*SWEEP_TABLES], f"{key}.base")
    known = _properties(selection, runs[0].dataset)
    for name in selection.content["sweeps"][sweep].get("properties", []):
        check_known(name, known, f"{key}.properties")
    owners: dict[str, str] = {}
    for cell, run in zip(selection.cells(sweep), runs, strict=True):
        spec = specs.run_spec(run, seed=0)
        settings = spec.replace(run="", preset="", network_name="").as_dict()
        other = owners.setdefault(repr(settings), cell.label)
        if other != cell.label:
            raise UserError(
                f"{key}.grid: the cells '{other}' and '{cell.label}' have the same "
                "settings. Take one of the values out, or set something that differs."
            )


def _check_explorer(selection: Selection, specs: Specs) -> None:
    """Check that the runs in the explorer can make one image alone."""
    runs = selection.listed_in_explorer()
    _check_runs(selection, runs, [], "explorer")
    for run in runs:
        if specs.network(run)["batch_norm"] == "batch":
            raise UserError(
                f"explorer: {run} samples with batch statistics (batch_norm: batch), "
                "which a single image does not have. Take it from the list, or set "
                "batch_norm: moving or none."
            )


def _check_claim(selection: Selection, claim: str) -> None:
    """Check figure, runs and controls of a claim."""
    key, content = f"claims.{claim}", selection.content["claims"][claim]
    figure = content["figure"]
    if figure is not None:
        check_known(figure, selection.content["figures"], f"{key}.figure")
    elif content["runs"] is None:
        raise UserError(f"{key}.runs: null, but no 'figure' shows any; list them.")
    needed, runs = selection.claim_tables(claim), selection.claim_runs(claim)
    _check_runs(selection, runs, needed, f"{key}.runs")
    for run in map(RunName.parse, content["runs"] or []):
        if not selection.concerns(claim, run):
            raise UserError(
                f"{key}.runs: the claim is about {content['depicts']}, which {run} "
                f"does not show. Remove it here, or say datasets.{run.dataset}."
                f"depicts: {content['depicts']}."
            )
    for run in runs if figure is not None else []:
        if run not in selection.figure_runs(figure):
            raise UserError(
                f"{key}.runs: {run} is not shown in the claim's {figure}. Add it to "
                f"figures.{figure}, or remove it here."
            )
    key = f"{key}.controls"
    # Controls of data sets that no run has are left out; their names must still exist.
    _check_runs(selection, selection.listed_controls(claim), [], key)
    _check_runs(selection, selection.controls(claim), needed, key)


def _check_template(figure: str) -> None:
    """Check that the report has words for a figure, before anything is trained."""
    path = of_repository("report") / "figures" / f"{figure}.html.j2"
    if not path.is_file():
        raise UserError(
            f"figures.{figure}: no file {path}. Every figure needs a template there "
            "that says what it shows; docs/extending.md has an example."
        )


def _check_runs(
    selection: Selection,
    runs: list[RunName],
    tables: list[str],
    key: str,
) -> None:
    """Check that `runs` exist and are generative, and that experiments take them.

    These are the experiments that make `tables`.
    """
    content, experiments = selection.content, makers(tables)
    for name in set(experiments) - set(content["experiments"]):
        raise UserError(
            f"{key}: no experiment makes the table '{name}', which the module's TABLES "
            f"names; {closest(name, tables_of_all())} Training histories can always be "
            "read, and are not named there."
        )
    for run in runs:
        check_known(run.dataset, content["runs"], key)
        check_known(run.run, content["runs"][run.dataset], f"{key}: {run}")
        if selection.model(run) == "classifier":
            raise UserError(
                f"{key}: {run} is a classifier; expected runs of a generative model."
            )
        for experiment in experiments:
            where = f"{key}: {run}"
            _check_model(selection.model(run), experiment, where)
            _check_has_classifier(selection, run.dataset, experiment, where)


def _check_model(model: str, experiment: str, where: str) -> None:
    """Check that an experiment takes a model."""
    models = registry.constant("experiments", experiment, "MODELS")
    if models is not None and model not in models:
        raise UserError(
            f"{where} is a {model}, but the experiment '{experiment}' needs "
            f"{' or '.join(models)}. Show other runs there."
        )


def _check_has_classifier(
    selection: Selection, dataset: str, experiment: str, where: str
) -> None:
    """Check that a data set has the classifier that an experiment needs."""
    wish = registry.constant("experiments", experiment, "CLASSIFIER")
    definition = selection.content["datasets"][dataset]
    if wish == "any" and not definition["classifier"]:
        raise UserError(
            f"{where}: the experiment '{experiment}' needs a classifier, of classes or "
            f"of attributes, and datasets.{dataset} has no 'classifier'. Show other "
            "runs there."
        )
    if wish == "required" and not (definition["classifier"] and definition["classes"]):
        raise UserError(
            f"{where}: the experiment '{experiment}' needs a classifier of classes, "
            f"and datasets.{dataset} has no 'classifier' or no 'classes'. Show other "
            "runs there."
        )


def _check_files(selection: Selection, dataset: str) -> None:
    """Check that a data set names every file that its module needs."""
    files = selection.content["datasets"][dataset].get("files", {})
    for role, reason in selection.needed_files(dataset).items():
        if role not in files:
            raise UserError(
                f"datasets.{dataset}.files: key '{role}' is missing, which {reason} "
                "needs."
            )
