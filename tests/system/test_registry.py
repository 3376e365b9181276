"""Which modules are entries of a registry, and which constants they set."""

import itertools

import pytest

from vlae.system import registry
from vlae.system.errors import UserError
from vlae.system.registry import REGISTRIES

ENTRIES = {
    "datasets": "arrays celeba colour_strokes idx images strokes svhn",
    "networks": "classifier hvae hvae_autoregressive lvae vae vlae",
    "models": "classifier hvae hvae_autoregressive lvae vae vlae",
    "experiments": (
        "chains codes generation graph inference recomposed redundancy stability"
    ),
    "measures": "colour faces pen strokes",
    "figures": (
        "figure1 figure2 figure3 figure4 figure5 figure6 figure7 layers residuals"
    ),
    "claims": (
        "chain_quality equal_budget expected_layers gaussian_residuals one_layer order "
        "parts_suffice redundancy stable_codes"
    ),
}
COMMANDS = {"claim", "experiment", "figure", "prepare", "report", "train"}
"""Some of them: others do not belong to a stage of the pipeline."""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An empty package, and a function that writes a module of the experiments."""
    monkeypatch.setattr(registry, "PACKAGE", tmp_path)
    folder = registry.folder("experiments")
    folder.mkdir()

    def write(name, text):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        registry._statements.cache_clear()

    yield write
    registry._statements.cache_clear()


@pytest.mark.parametrize("kind", ENTRIES)
def test_entries_of_the_project(kind):
    assert {*registry.names(kind)} >= {*ENTRIES[kind].split()}


def test_every_registry_has_entries():
    assert {*REGISTRIES} == {*ENTRIES, "commands"}
    assert {*registry.names("commands")} > COMMANDS


@pytest.mark.parametrize(
    ("kind", "helper"),
    [
        ("datasets", "base"),
        ("experiments", "base"),
        ("figures", "chain_panels"),
        ("figures", "plotting"),
        ("models", "base"),
        ("networks", "notation"),
        ("claims", "base"),
        ("claims", "verdicts"),
    ],
)
def test_a_module_without_the_entry_function_is_not_listed(kind, helper):
    assert (registry.folder(kind) / f"{helper}.py").is_file()
    assert helper not in registry.names(kind)
    with pytest.raises(UserError, match=f"no module '{helper}' in src/vlae/"):
        registry.load(kind, helper)


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_entry_can_be_called(kind):
    for name in registry.names(kind):
        module = registry.load(kind, name)
        assert module.__name__ == f"vlae.{registry.module(kind, name)}"
        assert callable(getattr(module, REGISTRIES[kind].entry))


@pytest.mark.parametrize(
    "text",
    [
        "def run(context): ...",
        "run = make().run",
        "draw, run = make()",
        "from vlae.experiments.generation import run",
        "from vlae.experiments.generation import other as run",
    ],
)
def test_ways_to_define_the_entry_function(package, text):
    package("mine", text)
    assert registry.names("experiments") == ["mine"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_mine", "def run(context): ..."),
        ("mine", "def runs(context): ..."),
        ("mine", "class Mine:\n    def run(self): ..."),
        ("mine", "from vlae.experiments.generation import run as other"),
        ("mine", '"""def run(context)"""'),
    ],
)
def test_what_is_not_an_entry(package, name, text):
    package(name, text)
    assert registry.names("experiments") == []


def test_a_folder_below_is_not_an_entry():
    assert (registry.folder("experiments") / "measures").is_dir()
    assert "measures" not in registry.names("experiments")


def test_an_unknown_entry_is_refused_with_the_nearest():
    with pytest.raises(UserError) as caught:
        registry.check("datasets", "strokse", "datasets.mine.module")
    said = str(caught.value)
    assert said.startswith(
        "datasets.mine.module: no module 'strokse' in src/vlae/data/"
    )
    assert said.endswith("Did you mean 'strokes'?")


# Constants


def test_constants_that_modules_set():
    assert registry.constant("datasets", "celeba", "PARALLEL") is True
    assert registry.constant("datasets", "svhn", "NEEDED")["use"]["extra"] == [
        "extra",
        "test",
    ]
    assert registry.constant("measures", "strokes", "CHANNELS") == [1]
    assert registry.constant("figures", "figure2", "TABLES") == [
        "chains",
        "mixing",
    ]


def test_a_constant_that_is_not_set_has_its_default(package):
    package("mine", "def run(context): ...")
    for name, default in REGISTRIES["experiments"].constants.items():
        assert registry.constant("experiments", "mine", name) == default


def test_a_default_that_is_changed_stays_what_it_is():
    registry.constant("datasets", "strokes", "NEEDED")["use"] = {}
    assert registry.constant("datasets", "strokes", "NEEDED") == {}


@pytest.mark.parametrize("line", ["MODELS = ('vae',)", "MODELS: tuple = ('vae',)"])
def test_ways_to_set_a_constant(package, line):
    package("mine", line)
    assert registry.constant("experiments", "mine", "MODELS") == ("vae",)


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("MODEL = ('vae',)", "MODELS"),
        ("CLASIFIER = 'required'", "CLASSIFIER"),
        ("CLASSIFIERS: str = 'required'", "CLASSIFIER"),
        ("MEASURE_IMAGES = True", "MEASURES_IMAGES"),
        ("MEASURE_IMAGES = True", "MEASURES_IMAGES"),
    ],
)
@pytest.mark.parametrize("asked", ["MODELS", "CLASSIFIER"])
def test_a_misspelt_constant_is_refused(package, line, near, asked):
    """Whichever constant is asked for: the module would silently get a default."""
    package("mine", line)
    expected = rf"mine\.py: unknown constant \w+\. Did you mean {near}\?"
    with pytest.raises(UserError, match=expected):
        registry.constant("experiments", "mine", asked)


def test_constants_of_the_modules_own_are_left_alone(package):
    package("mine", "BATCH = 3\nLAYERS = 2\nmodel = 1\nMODELS = ['vae']")
    assert registry.constant("experiments", "mine", "MODELS") == ["vae"]


def test_a_constant_that_is_not_a_literal_is_refused(package):
    package("mine", "MODELS = [name for name in 'ab']")
    with pytest.raises(UserError, match=r"mine\.py: MODELS is not a literal"):
        registry.constant("experiments", "mine", "MODELS")


def test_no_module_of_the_project_has_a_near_miss():
    for kind, about in REGISTRIES.items():
        for name, known in itertools.product(registry.names(kind), about.constants):
            registry.constant(kind, name, known)


def test_constants_are_what_the_modules_have():
    """What is read from the source is what Python sees."""
    for kind, about in REGISTRIES.items():
        for name, known in itertools.product(registry.names(kind), about.constants):
            found = registry.constant(kind, name, known)
            if known in registry._constants(registry.folder(kind) / f"{name}.py"):
                assert getattr(registry.load(kind, name), known) == found
            else:
                assert not hasattr(registry.load(kind, name), known)
