"""The hash of code: what must change it, and what must not."""

import ast
import shutil

import pytest

from vlae.system import code_hash, registry
from vlae.system.code_hash import training_code

MODELS = ("vlae", "hvae", "hvae_autoregressive", "lvae", "vae", "classifier")


def clear():
    for function in (code_hash._imports, code_hash._source, code_hash.code_hash):
        function.cache_clear()


@pytest.fixture(scope="module")
def original():
    """Hash of the training code of each model, before any edit."""
    return {name: training_code(name) for name in MODELS}


@pytest.fixture
def package(tmp_path, monkeypatch, original):
    """A copy of the package that may be edited; the hash reads the copy."""
    ignored = shutil.ignore_patterns("__pycache__")
    folder = shutil.copytree(code_hash.PACKAGE, tmp_path / "vlae", ignore=ignored)
    monkeypatch.setattr(code_hash, "PACKAGE", folder)
    clear()
    yield folder
    clear()


def edit(package, module, change):
    """Replace the text of a module by `change` of it; it must stay valid Python."""
    path = package.joinpath(*module.split(".")[1:]).with_suffix(".py")
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    ast.parse(after)
    path.write_text(after, encoding="utf-8")
    clear()


def with_another_number(which):
    """A change of one number of the source: the first, or the last."""

    def change(text):
        tree = ast.parse(text)
        numbers = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and type(node.value) in (int, float)
        ]
        numbers[which].value += 1
        return ast.unparse(tree)

    return change


def reformatted(text):
    """Other line breaks, quotes and brackets; no comments."""
    return ast.unparse(ast.parse(text))


def with_other_docstrings(text):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef
        if isinstance(node, kinds) and ast.get_docstring(node):
            node.body[0] = ast.parse("'''Said otherwise.'''").body[0]
    return ast.unparse(tree)


def with_a_constant(text):
    return f"{text}\nEDITED = 1\n"


HARMLESS = {
    "comments": lambda text: f"# A comment.\n{text}\n# Another.\n",
    "blank-lines": lambda text: text.replace("\n\n", "\n\n\n"),
    "formatting": reformatted,
    "docstrings": with_other_docstrings,
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_does_nothing_changes_no_hash(package, original, change):
    """Every module of the package is edited at once."""
    edited = 0
    for path in package.rglob("*.py"):
        before = path.read_text(encoding="utf-8")
        after = change(before)
        ast.parse(after)
        path.write_text(after, encoding="utf-8")
        edited += after != before
    assert edited > 20
    clear()
    assert training_code("vlae") == original["vlae"]


def test_hash_does_not_depend_on_where_the_package_lies(package, original):
    assert training_code("vlae") == original["vlae"]


@pytest.mark.parametrize(
    "module",
    [
        "vlae.models.vlae",
        "vlae.models.nn.distributions",
        "vlae.training.schedules",
        "vlae.training.device",
        "vlae.system.random_streams",
        "vlae.networks.notation",
        "vlae.networks.vlae",
        "vlae.commands.train",
    ],
)
@pytest.mark.parametrize("which", [0, -1])
def test_a_number_in_what_training_uses_changes_its_hash(
    package, original, module, which
):
    edit(package, module, with_another_number(which))
    assert training_code("vlae") != original["vlae"]


@pytest.mark.parametrize(
    "module",
    [
        "vlae.config.run_spec",
        "vlae.data.noise",
        "vlae.data.prepared",
        "vlae.models.base",
        "vlae.system.registry",
        "vlae.training.trainer",
    ],
)
def test_any_statement_in_what_training_uses_changes_its_hash(
    package, original, module
):
    edit(package, module, with_a_constant)
    assert training_code("vlae") != original["vlae"]


UNRELATED = [
    "vlae.models.hvae",
    "vlae.networks.hvae",
    "vlae.models.classifier",
    "vlae.experiments.chains",
    "vlae.figures.figure2",
    "vlae.experiments.measures.strokes",
    "vlae.statistics.sensitivity",
    "vlae.data.datasets.strokes",
    "vlae.report.page",
    "vlae.config.configuration",
]


def test_training_of_a_vlae_does_not_depend_on_unrelated_modules(package, original):
    for module in UNRELATED:
        edit(package, module, with_a_constant)
    assert training_code("vlae") == original["vlae"]


def test_models_have_hashes_of_their_own(package, original):
    assert len({*original.values()}) == len(MODELS)
    edit(package, "vlae.models.hvae", with_a_constant)
    after = {name: training_code(name) for name in MODELS}
    assert [n for n in MODELS if original[n] != after[n]] == ["hvae"]


def test_imports_inside_functions_count(package):
    """Commands import torch, and with it vlae.training.trainer, only when they run."""
    path = package / "commands" / "train.py"
    before = code_hash.code_hash("commands.train")
    at_the_top = ast.parse(path.read_text(encoding="utf-8")).body
    assert not any("training" in ast.unparse(node) for node in imports(at_the_top))
    edit(package, "vlae.training.trainer", with_a_constant)
    assert code_hash.code_hash("commands.train") != before


def imports(statements):
    return [n for n in statements if isinstance(n, ast.Import | ast.ImportFrom)]


@pytest.mark.parametrize(
    "line",
    [
        "import vlae.statistics.sensitivity",
        "import vlae.statistics.sensitivity as indices",
        "from vlae.statistics import sensitivity",
        "from vlae.statistics.sensitivity import anything",
        "def f():\n    from vlae.statistics import sensitivity",
    ],
)
def test_all_ways_to_import_a_module_of_a_room_count(package, line):
    def importing(text):
        return f"{text}\n{line}\n"

    edit(package, "vlae.system.progress", importing)
    before = code_hash.code_hash("system.progress")
    edit(package, "vlae.statistics.sensitivity", with_a_constant)
    assert code_hash.code_hash("system.progress") != before


def test_an_entry_of_a_registry_in_a_folder_below_a_room_is_a_root(package):
    roots = ("commands.prepare", registry.module("datasets", "celeba"))
    before = code_hash.code_hash(*roots)
    edit(package, "vlae.data.datasets.svhn", with_a_constant)
    assert code_hash.code_hash(*roots) == before
    edit(package, "vlae.data.image_decoding", with_a_constant)
    assert code_hash.code_hash(*roots) != before


@pytest.mark.parametrize("kind", registry.REGISTRIES)
def test_every_entry_of_a_registry_is_a_module_that_counts(kind):
    """A name that is not a module would be ignored, and with it all edits."""
    for name in registry.names(kind):
        found = code_hash._path(registry.module(kind, name))
        assert found == registry.folder(kind) / f"{name}.py"


def test_order_and_repetition_of_roots_do_not_matter(package):
    names = ["models.vlae", "commands.train"]
    expected = code_hash.code_hash(*names)
    assert code_hash.code_hash(*names[::-1], *names) == expected


def test_a_name_that_is_no_module_is_ignored(package):
    expected = code_hash.code_hash("models.vlae")
    assert code_hash.code_hash("models.vlae", "networks.nothing") == expected
