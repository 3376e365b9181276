"""Parts of a configuration that do not fit each other: the key is named, and why."""

import pytest
from configuration_helpers import refusal, resolved

from vlae.system import registry
from vlae.system.errors import UserError

BAD = {
    "unknown data set of a figure": (
        "figures: {figure3: [mnst/vlae]}",
        ["figures.figure3", "'mnst'", "Did you mean 'mnist'?"],
    ),
    "unknown run of a figure": (
        "figures: {figure3: [mnist/vlaee]}",
        ["figures.figure3", "'vlaee'", "Did you mean 'vlae'?"],
    ),
    "classifier in a figure": (
        "figures: {figure3: [mnist/classifier]}",
        ["figures.figure3", "mnist/classifier is a classifier"],
    ),
    "unknown run of the explorer": (
        "explorer: [mnist/vlaee]",
        ["explorer", "'vlaee'", "Did you mean 'vlae'?"],
    ),
    "classifier in the explorer": (
        "explorer: [mnist/classifier]",
        ["explorer", "mnist/classifier is a classifier"],
    ),
    "batch statistics in the explorer": (
        "{explorer: [mnist/vae-equal-budget], "
        "runs: {mnist: {vae-equal-budget: {network_settings: {batch_norm: batch}}}}, "
        "claims: {equal-budget: {runs: []}}}",
        ["explorer: mnist/vae-equal-budget", "batch_norm: moving or none"],
    ),
    "unknown measure": (
        "datasets: {mnist: {measures: [strokse]}}",
        [
            "datasets.mnist.measures",
            "src/vlae/experiments/measures/",
            "Did you mean 'strokes'?",
        ],
    ),
    "two properties of one name": (
        "datasets: {celeba: {attributes: [Male, contrast]}}",
        ["datasets.celeba.measures", "'colour' and the data", "'contrast'"],
    ),
    "classifier that is not one": (
        "datasets: {mnist: {classifier: vlae}}",
        [
            "datasets.mnist.classifier",
            "'vlae' is not a classifier",
            "model: classifier",
        ],
    ),
    "classifier without classes or attributes": (
        "datasets: {mnist: {classes: 0}}",
        ["datasets.mnist.classifier", "has nothing to learn", "classifier: null"],
    ),
    "chain without a classifier": (
        "{datasets: {mnist: {classifier: null}}, "
        "figures: {figure2: [mnist/vae-matched]}}",
        ["figures.figure2", "needs a classifier of classes", "datasets.mnist"],
    ),
    "chain with a classifier of attributes": (
        "figures: {figure2: [celeba/vlae]}",
        ["figures.figure2", "needs a classifier of classes", "datasets.celeba"],
    ),
    "recomposed images without a classifier": (
        "datasets: {mnist: {classifier: null}}",
        ["figures.figure1", "'recomposed'", "of attributes", "datasets.mnist has no"],
    ),
    "classifier that is not a run": (
        "datasets: {mnist: {classifier: clasifier}}",
        ["datasets.mnist.classifier", "'clasifier'", "Did you mean 'classifier'?"],
    ),
    "unknown figure of a claim": (
        "claims: {F3: {figure: figure33}}",
        ["claims.F3.figure", "'figure33'", "Did you mean 'figure3'?"],
    ),
    "claim about a run that its figure does not show": (
        "claims: {F3: {runs: [mnist/hvae-matched]}}",
        ["claims.F3.runs", "mnist/hvae-matched is not shown", "figures.figure3"],
    ),
    "claim without runs or a figure": (
        "claims: {F3: {figure: null}}",
        ["claims.F3.runs", "no 'figure'", "list them"],
    ),
    "unknown control": (
        "claims: {F3: {controls: [svhn/vlea]}}",
        ["claims.F3.controls", "'vlea'", "Did you mean 'vlae'?"],
    ),
    "classifier as a control": (
        "claims: {F3: {controls: [mnist/classifier]}}",
        ["claims.F3.controls", "mnist/classifier is a classifier"],
    ),
}


@pytest.mark.parametrize(("overlay", "words"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_named(overlay, words):
    message = refusal(overlay)
    for word in words:
        assert word in message


def test_a_model_that_an_experiment_cannot_take_is_named(monkeypatch):
    """An experiment may say which models it takes; those that ship take any."""
    constant = registry.constant

    def with_models(package, name, wanted):
        if (name, wanted) == ("chains", "MODELS"):
            return ["hvae", "hvae_autoregressive", "vae"]
        return constant(package, name, wanted)

    monkeypatch.setattr(registry, "constant", with_models)
    assert resolved().selection.figures()
    with pytest.raises(UserError) as caught:
        resolved({"figures": {"figure2": ["mnist/vlae"]}})
    message = str(caught.value)
    for word in (
        "figure2: mnist/vlae is a vlae",
        "'chains' needs hvae or hvae_autoregressive or vae",
    ):
        assert word in message


@pytest.mark.parametrize(
    ("constant", "value", "words"),
    [
        ("WITHIN_CLASS", ["widht"], ["strokes.py: WITHIN_CLASS", "'width'"]),
        ("PART_OF", {"inc": "width"}, ["strokes.py: PART_OF", "'ink'"]),
        ("PART_OF", {"ink": "widht"}, ["strokes.py: PART_OF", "'width'"]),
        ("MEASURES", ["width", "width_within_class"], ["'width_within_class'"]),
    ],
)
def test_a_measure_that_refers_to_no_other_is_named(
    monkeypatch, constant, value, words
):
    """A mistake in a module of the user is named before the first job."""
    of_module = registry.constant

    def changed(package, name, wanted):
        if name == "strokes" and package == "measures":
            found = {"MEASURES": ["width", "ink"], "WITHIN_CLASS": ["width"]}
            return {"PART_OF": {}, "CHANNELS": [1], **found, constant: value}[wanted]
        return of_module(package, name, wanted)

    monkeypatch.setattr(registry, "constant", changed)
    message = refusal("title: a")
    for word in words:
        assert word in message


def test_a_data_set_without_a_file_that_its_module_needs_is_named(monkeypatch):
    """A kind of data set may say which; a definition without `files` needs none."""
    constant = registry.constant

    def with_needed(package, name, wanted):
        if (name, wanted) == ("idx", "NEEDED"):
            return {"classes": {10: ["train_images", "more_images"]}}
        return constant(package, name, wanted)

    monkeypatch.setattr(registry, "constant", with_needed)
    message = refusal("title: a")
    for word in ("datasets.mnist.files", "'more_images' is missing", "classes: 10"):
        assert word in message
