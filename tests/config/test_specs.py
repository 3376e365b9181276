"""Types of specs agree with the schemas, and with what is written and read."""

import json

import msgspec
import pytest
from configuration_helpers import resolved
from msgspec import inspect

from vlae.config.report_spec import ClaimSpec, ExplorerSpec, FigureSpec, ReportSpec
from vlae.config.run_spec import DataFacts, KLWarmup, RunSpec
from vlae.config.selection import RunName
from vlae.config.validation import schema
from vlae.system import registry
from vlae.system.errors import UserError

PLAIN = {
    "boolean": inspect.BoolType,
    "integer": inspect.IntType,
    "number": inspect.FloatType,
    "string": inspect.StrType,
    "null": inspect.NoneType,
}


def fields(spec):
    """Fields of a type by name."""
    found = inspect.type_info(spec)
    assert isinstance(found, inspect.StructType)
    return {field.name: field for field in found.fields}


def differences(node, found, where):
    """Where a type and the node of a schema that describes it do not say the same."""
    if "enum" in node:
        values = found.values if isinstance(found, inspect.LiteralType) else ()
        return [] if set(values) == set(node["enum"]) else [f"{where}: {found}"]
    if isinstance(found, inspect.StructType):
        return differences_of_fields(
            node["properties"], node.get("required"), found, where
        )
    if isinstance(node["type"], list):
        wanted = {PLAIN[kind] for kind in node["type"]}
        types = found.types if isinstance(found, inspect.UnionType) else ()
        return [] if {type(t) for t in types} == wanted else [f"{where}: {found}"]
    if node["type"] == "array":
        if isinstance(found, inspect.TupleType):
            same_length = node["minItems"] == node["maxItems"] == len(found.item_types)
            items = list(found.item_types) if same_length else []
        else:
            items = [found.item_type] if isinstance(found, inspect.VarTupleType) else []
        if not items:
            return [f"{where}: {found}"]
        return [d for i in items for d in differences(node["items"], i, f"{where}[]")]
    if node["type"] == "object":
        return [] if isinstance(found, inspect.DictType) else [f"{where}: {found}"]
    return [] if isinstance(found, PLAIN[node["type"]]) else [f"{where}: {found}"]


def differences_of_fields(properties, required, found, where):
    """`required` None: every field of the type must be, as defaults are complete."""
    own = {field.name: field for field in found.fields}
    if own.keys() != properties.keys():
        return [f"{where}: {sorted(own.keys() ^ properties.keys())} in one place only"]
    required = properties.keys() if required is None else required
    result = []
    for name, field in own.items():
        kind = field.type
        if field.required != (name in required):
            result.append(f"{where}.{name}: required in one place only")
        if not field.required:  # written without it where it is None
            kind = next(t for t in kind.types if not isinstance(t, inspect.NoneType))
        result += differences(properties[name], kind, f"{where}.{name}")
    return result


def test_run_spec_agrees_with_its_schema():
    described = dict(schema("run")["properties"])
    # It replaces keys of the network, and is gone when the run is resolved.
    del described["network_settings"]
    own = fields(RunSpec)
    resolved_keys = {
        *("dataset", "run", "seed", "preset", "network_name"),
        *("data", "network"),
    }
    assert own.keys() == described.keys() | resolved_keys
    for name, node in described.items():
        assert own[name].required
        assert differences(node, own[name].type, name) == []


def test_what_a_run_knows_of_its_data_agrees_with_their_schema():
    described = schema("dataset")["properties"]
    for name, field in fields(DataFacts).items():
        assert differences(described[name], field.type, name) == []


def test_claim_spec_agrees_with_its_schema():
    content = schema("claim")
    own, described = fields(ClaimSpec), content["properties"]
    assert own.keys() == {
        *(*content["required"], "needs_control", "id", "development_seeds")
    }
    assert all(field.required for field in own.values())
    for name in described.keys() - {"runs", "controls", "depicts"}:
        assert differences(described[name], own[name].type, name) == []
    row = fields(ReportSpec)["runs"].type
    for name in ("runs", "controls"):  # names become rows
        assert described[name]["items"]["type"] == "string"
        assert own[name].type == row
    for kind in registry.names("claims"):
        criterion = schema(f"claims/{kind}")["properties"]["criterion"]
        assert differences(criterion, own["criterion"].type, kind) == []


def test_what_is_shown_agrees_with_the_schema_of_the_top_level():
    described = schema("config")["properties"]
    for spec, names in (
        (ReportSpec, ("title", "seeds")),
        (ExplorerSpec, ("title",)),
        (ClaimSpec, ("development_seeds",)),
    ):
        for name in names:
            assert differences(described[name], fields(spec)[name].type, name) == []


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"properties": {"steps": {"type": "number"}}}, "steps"),
        ({"properties": {"schedule": {"enum": ["none", "linear"]}}}, "schedule"),
        ({"required": ["schedule", "steps"]}, "steps"),
        ({"properties": {"length": {"type": "integer"}}}, "length"),
    ],
)
def test_a_difference_is_found(changed, key):
    """Or the tests above would pass whatever they compare."""
    warmup = schema("run")["properties"]["objective"]["properties"]["kl_warmup"]
    found = inspect.type_info(KLWarmup)
    assert differences(warmup, found, "kl_warmup") == []
    properties = {**warmup["properties"], **changed.get("properties", {})}
    node = {**warmup, **changed, "properties": properties}
    (difference,) = differences(node, found, "kl_warmup")
    assert key in difference


@pytest.fixture(scope="module")
def specs():
    return resolved().specs


def test_what_is_written_can_be_read(specs, tmp_path):
    name = RunName("mnist", "vlae")
    for spec in (
        specs.run_spec(name, 3),
        specs.experiment_spec("generation", name, 3),
        specs.figure_spec("figure3"),
        specs.claim_spec("F3"),
        specs.report_spec(["mine.yaml"], {"title": "My own"}),
        specs.explorer_spec(),
    ):
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(spec.as_dict()), encoding="utf-8")
        assert type(spec).read(path) == spec
        assert type(spec).of(spec.as_dict()) == spec


def test_a_run_has_one_spec_per_seed_and_no_other_difference(specs):
    name = RunName("mnist", "hvae-warmup")
    first, second = specs.run_spec(name, 1), specs.run_spec(name, 2)
    assert (first.seed, second.seed) == (1, 2)
    assert first.replace(seed=2) == second
    assert specs.network(name) == first.network


def test_keys_of_the_machine_are_not_in_the_report(specs):
    given = {"mirror": "/a", "data_memory_mb": 1, "container": "b", "title": "c"}
    assert specs.report_spec([], given).config == {"title": "c"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"figure": "a"}, ["figure spec", "`rows`"]),
        ({"figure": "a", "rows": [], "extra": 1}, ["figure spec", "`extra`"]),
        ({"figure": 3, "rows": []}, ["figure spec", "$.figure"]),
    ],
)
def test_a_spec_that_does_not_fit_its_type_is_named(content, words, tmp_path):
    path = tmp_path / "a.spec.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        FigureSpec.read(path)
    for word in [*words, str(path), "Delete the file"]:
        assert word in str(caught.value)
    with pytest.raises(UserError, match="figure spec"):
        FigureSpec.of(content)


def test_specs_are_immutable(specs):
    with pytest.raises((AttributeError, msgspec.ValidationError)):
        specs.figure_spec("figure3").figure = "figure4"


def ending(schedule, steps):
    preset = {"objective": {"kl_warmup": schedule}}
    content = {"presets": {"trial": preset}}
    run = {"runs": {"mnist": {"vlae-trial": {"training": {"steps": steps}}}}}
    return resolved(content, run)


def test_a_warmup_that_the_training_never_finishes_is_refused():
    schedule = {"schedule": "exponential", "steps": 15000}
    with pytest.raises(UserError) as raised:
        ending(schedule, 8000)
    for words in (
        "runs.mnist.vlae-trial.objective.kl_warmup",
        "0.41",
        "training.steps",
    ):
        assert words in str(raised.value)
    ending({**schedule, "out_of": 50000}, 8000)
    ending(schedule, 50000)
    with pytest.raises(UserError, match=r"ends at 0\.80"):
        ending({"schedule": "linear", "steps": 100}, 80)
    ending({"schedule": "linear", "steps": 100}, 90)
