"""Files that only the repository has."""

import pytest

from vlae.system import checkout
from vlae.system.checkout import ROOT, of_repository
from vlae.system.errors import UserError


def test_the_root_is_that_of_the_repository():
    assert (ROOT / "src" / "vlae" / "system" / "checkout.py").is_file()
    assert (ROOT / "Snakefile").is_file()


@pytest.mark.parametrize(
    "parts", [(), ("report",), ("workflow", "schemas", "run.schema.yaml")]
)
def test_what_the_repository_has(parts):
    assert of_repository(*parts) == ROOT.joinpath(*parts)


def test_a_package_without_its_repository_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    with pytest.raises(UserError) as caught:
        of_repository("report", "page")
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'report' / 'page'}: not found.")
    assert "`make env`" in said
