"""Which variables of a model depend on which, found by looking at the model at work.

Nothing is read from names. A model draws z_l = mu + sigma * e_l with noise e_l, so the
derivatives of all draws with respect to all noise tell direct dependence from that by
way of other draws: dz = A dz + B de, with B the derivatives of each z_l with respect to
its own noise, has the solution J = dz/de = (I - A)^-1 B, hence A = I - B J^-1. The
layers of the networks on the way are found in the graph that autograd records.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node, get_gradient_edge

AFFINE = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
PROBES = 8
"""Random directions in which large outputs are probed."""
TOLERANCE = 1e-8
"""Derivatives below this, relative to the largest, are rounding errors."""

Parents = dict[int | str, set[int | str]]


@dataclass(frozen=True)
class Edge:
    """A direct dependence, and the networks on its way.

    Args:
        source, target: "x", or "z1" for the bottom layer, and so on.
        layers: affine maps on the longest way.
        through: features on the way that other edges share, but not all that could: the
            rungs of a ladder. Named after the lowest layer that they serve.
        sensitivity: Frobenius norm of the derivative, root mean square over points.
    """

    source: str
    target: str
    layers: int
    through: tuple[str, ...]
    sensitivity: float


def inference(model: Any, image: tuple[int, ...], points: int, seed: int) -> list[Edge]:
    """Edges of q(z | x): from x, and between latents.

    Args:
        model: a `LatentVariableModel`; a copy of it is probed, in double precision.
        image: (C, H, W).
        points: number of random x, of uniform pixels, and of draws.
    """
    model, stream = _copy(model), torch.Generator().manual_seed(seed)
    x = torch.rand(points, *image, generator=stream, dtype=torch.float64)
    x.requires_grad_()
    noise = _noise(model, points, stream)
    with _recorded(model) as layers:
        latents, _ = model.infer(x, noise)
    names, spans = _layers(model)
    direct = _direct(_derivatives(latents, noise), spans)
    rest = torch.eye(direct.shape[1], dtype=torch.float64) - direct
    of_x = rest @ _derivatives(latents, [x])
    found = _between(direct, names, spans)
    found |= {("x", z): _norm(of_x[:, s]) for z, s in zip(names, spans, strict=True)}
    return _edges(found, {"x": x, **dict(zip(names, latents, strict=True))}, [], layers)


def generation(model: Any, points: int, seed: int) -> list[Edge]:
    """Edges of p(x, z): between latents, and to x; arguments as of `inference`."""
    model, stream = _copy(model), torch.Generator().manual_seed(seed)
    noise = _noise(model, points, stream)
    with _recorded(model) as layers:
        latents = model.generate(noise)
        features = model.decoder(latents)
        x = [part for part in model.likelihood(features) if part.requires_grad]
    # Not of x itself: between black and white the sigmoid has no slope.
    flat = features.flatten(1)
    probes = torch.randn(flat.shape[1], PROBES, generator=stream, dtype=torch.float64)
    names, spans = _layers(model)
    total = _derivatives(latents, noise)
    of_z = _derivatives([flat @ probes / PROBES**0.5], noise) @ torch.linalg.inv(total)
    found = _between(_direct(total, spans), names, spans)
    found |= {(z, "x"): _norm(of_z[..., s]) for z, s in zip(names, spans, strict=True)}
    return _edges(found, dict(zip(names, latents, strict=True)), x, layers)


# Derivatives


def _copy(model: Any) -> Any:
    """In double precision, without gradients of weights; each image by itself."""
    model = copy.deepcopy(model).cpu().double().eval().requires_grad_(False)
    for module in model.modules():
        norm = isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        if norm and module.running_mean is None:  # images would see one another
            features = module.num_features
            module.running_mean = torch.zeros(features, dtype=torch.float64)
            module.running_var = torch.ones(features, dtype=torch.float64)
    return model


def _noise(model: Any, points: int, stream: torch.Generator) -> list[Tensor]:
    return [
        torch.randn(points, d, generator=stream, dtype=torch.float64).requires_grad_()
        for d in model.latent_sizes
    ]


def _layers(model: Any) -> tuple[list[str], list[slice]]:
    """Names of the latents, bottom to top, and their places side by side."""
    ends = torch.tensor(model.latent_sizes).cumsum(0).tolist()
    spans = [slice(e - d, e) for e, d in zip(ends, model.latent_sizes, strict=True)]
    return [f"z{layer + 1}" for layer in range(len(spans))], spans


def _derivatives(values: list[Tensor], inputs: list[Tensor]) -> Tensor:
    """Of all values (P, m_i) with respect to all inputs (P, ...): (P, m, n)."""
    rows = []
    for column in torch.cat(values, 1).unbind(1):
        found = torch.autograd.grad(
            column.sum(), inputs, retain_graph=True, materialize_grads=True
        )
        rows.append(torch.cat([gradient.flatten(1) for gradient in found], 1))
    return torch.stack(rows, 1)


def _direct(total: Tensor, spans: list[slice]) -> Tensor:
    """A = I - B J^-1 of J = dz/de, (P, d, d): derivatives with all other z held fixed.

    Args:
        total: J. Its blocks B on the diagonal are those of each z's own noise.
        spans: places of the layers.
    """
    own = torch.zeros_like(total)
    for span in spans:
        own[:, span, span] = total[:, span, span]
    identity = torch.eye(total.shape[1], dtype=total.dtype)
    return identity - own @ torch.linalg.inv(total)


def _between(
    direct: Tensor, names: list[str], spans: list[slice]
) -> dict[tuple[str, str], float]:
    layers = [*zip(names, spans, strict=True)]
    return {
        (source, target): _norm(direct[:, rows, columns])
        for source, columns in layers
        for target, rows in layers
        if source != target
    }


def _norm(derivative: Tensor) -> float:
    """Frobenius norm of (P, m, n), root mean square over points."""
    return float(derivative.square().sum((1, 2)).mean().sqrt())


# The way through the networks


@contextmanager
def _recorded(model: Any) -> Iterator[list[Node]]:
    """Nodes of autograd's graph at which affine layers end, in the order of calls."""
    found: list[Node] = []

    def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
        del module, inputs
        if output.requires_grad:
            found.append(get_gradient_edge(output).node)

    layers = [module for module in model.modules() if isinstance(module, AFFINE)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _edges(
    sensitivity: dict[tuple[str, str], float],
    variables: dict[str, Tensor],
    drawn: list[Tensor],
    layers: list[Node],
) -> list[Edge]:
    """Pairs with a derivative, and what of the networks lies between.

    Args:
        variables: what is given or drawn on the way, by name.
        drawn: parameters of p(x | z); empty for inference.
        layers: as `_recorded`.
    """
    parents = _parents(variables, drawn, layers)
    least = TOLERANCE * max(sensitivity.values())
    pairs = [pair for pair, value in sensitivity.items() if value > least]
    ways = {pair: length for pair in pairs if (length := _length(parents, *pair)) >= 0}
    rungs = _rungs(parents, set(ways), by_target=not drawn).items()
    edges = []
    for (source, target), length in ways.items():
        through = [
            name for name, ends in rungs if source in ends[0] and target in ends[1]
        ]
        edges.append(
            Edge(source, target, length, tuple(through), sensitivity[source, target])
        )
    return edges


def _parents(
    variables: dict[str, Tensor], drawn: list[Tensor], layers: list[Node]
) -> Parents:
    """What each layer, by number, and each variable, by name, comes from at once."""
    nodes = {name: get_gradient_edge(v).node for name, v in variables.items()}
    known: dict[Node, int | str] = {node: i for i, node in enumerate(layers)}
    known |= {node: name for name, node in nodes.items()}

    def before(node: Node) -> list[Node]:
        return [found for found, _ in node.next_functions if found is not None]

    def reached(todo: list[Node]) -> set[int | str]:
        found, seen = set[int | str](), set[Node]()
        while todo:
            node = todo.pop()
            if node in known:
                found.add(known[node])
            elif node not in seen:
                seen.add(node)
                todo += before(node)
        return found

    found = {name: reached(before(node)) for node, name in known.items()}
    if drawn:
        found["x"] = reached([get_gradient_edge(part).node for part in drawn])
    return found


def _length(parents: Parents, source: str, target: str) -> int:
    """Layers on the longest way that meets no other variable; -1 if there is none."""

    @cache
    def to(end: int | str) -> int:
        ways = [to(p) + 1 for p in parents[end] if isinstance(p, int) and to(p) >= 0]
        return max([*ways, 0 if source in parents[end] else -1])

    return to(target)


def _rungs(
    parents: Parents, pairs: set[tuple[str, str]], *, by_target: bool
) -> dict[str, tuple[set[str], set[str]]]:
    """Features that several edges share, by name: the variables above and below them.

    Those of all edges from one variable are but its first layers, and those of all
    edges to one its last: they are no rungs of a ladder.
    """
    below: dict[int, set[str]] = {}
    for target in {target for _, target in pairs}:
        for layer in _upward(parents, target)[0]:
            below.setdefault(layer, set()).add(target)
    found: dict[str, tuple[set[str], set[str]]] = {}
    for layer, targets in sorted(below.items()):
        sources = _upward(parents, layer)[1]
        first = {t for s, t in pairs if sources == {s}}
        last = {s for s, t in pairs if targets == {t}}
        if targets == first or sources == last or len(sources) == len(targets) == 1:
            continue
        name = "h" + min(targets if by_target else sources)[1:]
        while found.get(name, (sources, targets)) != (sources, targets):
            name += "'"
        found[name] = sources, targets
    return found


def _upward(parents: Parents, start: int | str) -> tuple[set[int], set[str]]:
    """Layers, and variables, from which a layer or variable comes by layers alone."""
    layers, variables, todo = set[int](), set[str](), [*parents[start]]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            variables.add(one)
        elif one not in layers:
            layers.add(one)
            todo += parents[one]
    return layers, variables
