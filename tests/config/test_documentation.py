"""config/README.md says what the schemas say."""

import pytest
import yaml

from vlae.__main__ import main
from vlae.config import documentation
from vlae.system.checkout import ROOT

SCHEMAS = sorted((ROOT / "workflow" / "schemas").rglob("*.schema.yaml"))


@pytest.fixture(scope="module")
def written():
    return documentation.text()


def test_reference_is_up_to_date(written):
    shown = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    assert shown == written, "run: make config-docs"


def test_command_writes_it(tmp_path, written):
    out = tmp_path / "README.md"
    assert main(["config-docs", "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda p: p.name.split(".")[0])
def test_every_key_of_a_schema_is_shown(path, written):
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert f"\n## {content['title']}\n" in written
    section = written.split(f"\n## {content['title']}\n")[1].split("\n## ")[0]
    rows = section.count("\n| `")
    for key, node in content["properties"].items():
        assert f"| `{key}" in section, f"give {key} a description"
        for nested, child in node.get("properties", {}).items():
            assert f"`{nested}`" in section or f"| `{key}.{nested}" in section, child
    assert rows >= len(content["properties"])


def test_tables_are_whole(written):
    """Three cells in every row: a bar in a description is escaped."""
    rows = [line for line in written.splitlines() if line.startswith("|")]
    assert len(rows) > 50
    assert {row.replace("\\|", "").count("|") for row in rows} == {4}


def test_types_ranges_and_choices_are_shown(written):
    for row in (
        "| `training.learning_rate` | number > 0 | Learning rate of Adam. |",
        "| `training.learning_rate_tail` | number ≥ 0, ≤ 1 | Last fraction",
        "| `shape` | list of 3: integer ≥ 1 | Channels, height and width",
        "| `device` | `auto`, `cpu`, `cuda`, `mps` | ",
        "| `mirror` | string or null | ",
        "| `runs.*.*.preset` | string | Name of its preset. |",
        "| `objective.kl_warmup.fraction` | number > 0, ≤ 1 | ",
        "| `decoder[].merge` | `concat`, `gated` | ",
    ):
        assert row in written


def test_block_notation_and_layers_are_explained(written):
    for words in ("c64,2 ", "t64,2 ", "f1024 ", "f128x7x7 ", "lin1024 "):
        assert words in written
    for words in ("presets.yaml", "networks.yaml", "--configfile", "`schedule`"):
        assert words in written


def test_sentences_end_at_a_full_stop_and_not_in_an_equation(written):
    assert "to those of layer l + 1 (Eq. 12). |" in written
    assert (
        "p(z_l \\| z_l+1 ... z_L), whose input is all of them, concatenated. |"
        in written
    )
    assert "- `trunks`: There is one chain fewer than layers." in written


def test_every_overlay_is_listed_with_its_first_comment(written, tmp_path):
    for path in (ROOT / "config").glob("*.yaml"):
        assert f"- `{path.name}`: " in written
    (tmp_path / "mine.yaml").write_text(
        "# One thing,\n# and more.\n#   command\na: 1\n"
    )
    assert "- `mine.yaml`: One thing, and more.\n" in documentation.text(tmp_path)
