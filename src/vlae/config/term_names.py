"""Names of the terms in `history.parquet`: models record them, figures read them.

Layers are counted from 1, the bottom layer. A classifier records `cross_entropy` and
`accuracy`; other models record the terms below.
"""

from collections.abc import Iterable

RECONSTRUCTION, ELBO = "reconstruction", "elbo"
_KL = "kl_"


def kl_term(layer: int) -> str:
    """Return the name of the KL divergence of a layer."""
    return f"{_KL}{layer}"


def kl_layer(term: str) -> int | None:
    """Return the layer whose KL divergence `term` is; None for any other term."""
    return int(term.removeprefix(_KL)) if term.startswith(_KL) else None


def kl_terms(terms: Iterable[str]) -> list[str]:
    """Return the terms that are the KL divergence of a layer, bottom to top."""
    layers = {term: kl_layer(term) for term in terms}
    found = {term: layer for term, layer in layers.items() if layer is not None}
    return sorted(found, key=lambda term: found[term])


def residual_prefix(moment: str) -> str:
    """Return what the names of one moment of the residuals begin with in all layers."""
    return f"residual_{moment}_"


def residual_term(moment: str, layer: int) -> str:
    """Return the name of one moment of the residuals of a layer."""
    return f"{residual_prefix(moment)}{layer}"
