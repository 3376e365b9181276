"""What holds for every measure, whatever it measures."""

import numpy as np
import pytest

from vlae.results import text
from vlae.system import registry


def test_names_are_unique_and_have_a_place_in_tables():
    modules = registry.names("measures")
    names = [n for m in modules for n in registry.constant("measures", m, "MEASURES")]
    assert len({*names}) == len(names)
    listed = {*text.PROPERTIES} - {"class", "pixels"}
    assert listed <= {*names}, "PROPERTIES in results/text.py names no other property"
    assert text.ordered(["pixels", "Young", "class", *names])[-3:] == [
        *("class", "Young", "pixels")
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("module", registry.names("measures"))
def test_measures_give_what_they_name(module, dtype):
    images = np.random.default_rng(0).random((3, 1, 32, 32)).astype(dtype)
    found = registry.load("measures", module)
    values = found.measure(images)
    assert tuple(values) == found.MEASURES
    assert all(len(v) == 3 and v.ndim in (1, 2) for v in values.values())
    for name, value in found.measure(images[1:2]).items():
        np.testing.assert_allclose(value, values[name][1:2], rtol=1e-5)
    assert all(len(v) == 0 for v in found.measure(images[:0]).values())
