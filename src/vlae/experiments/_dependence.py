"""Which variables of a model depend on which, found by looking at the model at work.

Nothing is read from names. A model draws z_l = mu + sigma * e_l with noise e_l, so the
derivatives of all draws with respect to all noise separate direct dependence from
dependence through other draws. Write dz = A dz + B de, where B holds the derivatives of
each z_l with respect to its own noise. Then J = dz/de = (I - A)^-1 B, so A = I - B
J^-1. The layers of the networks on the way are found in the graph that autograd
records.
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

from vlae.models.base import LatentVariableModel

AFFINE_MODULES = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
PROBE_COUNT = 8
"""Random directions in which large outputs are probed."""
RELATIVE_TOLERANCE = 1e-8
"""Derivatives below this share of the largest one are rounding errors."""

Pair = tuple[str, str]
"""Names of the source and the target of an edge."""


@dataclass(frozen=True)
class Edge:
    """A direct dependence, and the networks on its way.

    Args:
        source: "x", or "z1" for the bottom layer, and so on.
        target: the same.
        layers: affine maps on the longest way.
        through: features on the way that other edges share, but not all edges that
            could: the rungs of a ladder. Each is named after the lowest layer that it
            serves.
        sensitivity: Frobenius norm of the derivative, root mean square over points.
    """

    source: str
    target: str
    layers: int
    through: tuple[str, ...]
    sensitivity: float


def inference(
    model: LatentVariableModel, image: tuple[int, ...], points: int, seed: int
) -> list[Edge]:
    """Return the edges of q(z | x): from x, and between latents.

    Args:
        model: a copy of it is probed, in double precision.
        image: (C, H, W).
        points: number of random x, of uniform pixels, and of draws.
        seed: of these.
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


def generation(model: LatentVariableModel, points: int, seed: int) -> list[Edge]:
    """Return the edges of p(x, z): between latents, and to x.

    Args:
        model: a copy of it is probed, in double precision.
        points: number of draws.
        seed: of these.
    """
    model, stream = _copy(model), torch.Generator().manual_seed(seed)
    noise = _noise(model, points, stream)
    with _recorded(model) as layers:
        latents = model.generate(noise)
        features = model.decoder(latents)
        x = [part for part in model.likelihood(features) if part.requires_grad]
    # Features are probed, not x: where x is black or white the sigmoid has no slope.
    flat = features.flatten(1)
    probes = torch.randn(
        flat.shape[1], PROBE_COUNT, generator=stream, dtype=torch.float64
    )
    names, spans = _layers(model)
    total = _derivatives(latents, noise)
    probed = [flat @ probes / PROBE_COUNT**0.5]
    of_z = _derivatives(probed, noise) @ torch.linalg.inv(total)
    found = _between(_direct(total, spans), names, spans)
    found |= {(z, "x"): _norm(of_z[..., s]) for z, s in zip(names, spans, strict=True)}
    return _edges(found, dict(zip(names, latents, strict=True)), x, layers)


# Derivatives


def _copy(model: LatentVariableModel) -> LatentVariableModel:
    """Return a copy in double precision that treats each image by itself.

    Its weights take no gradients.
    """
    model = copy.deepcopy(model).cpu().double().eval().requires_grad_(False)
    for module in model.modules():
        norm = isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        if norm and module.running_mean is None:  # images would see one another
            features = module.num_features
            module.running_mean = torch.zeros(features, dtype=torch.float64)
            module.running_var = torch.ones(features, dtype=torch.float64)
    return model


def _noise(
    model: LatentVariableModel, points: int, stream: torch.Generator
) -> list[Tensor]:
    return [
        torch.randn(points, d, generator=stream, dtype=torch.float64).requires_grad_()
        for d in model.latent_sizes
    ]


def _layers(model: LatentVariableModel) -> tuple[list[str], list[slice]]:
    """Return names of the latents, bottom to top, and their columns side by side."""
    ends = torch.tensor(model.latent_sizes).cumsum(0).tolist()
    spans = [slice(e - d, e) for e, d in zip(ends, model.latent_sizes, strict=True)]
    return [f"z{layer + 1}" for layer in range(len(spans))], spans


def _derivatives(values: list[Tensor], inputs: list[Tensor]) -> Tensor:
    """Return derivatives (P, m, n) of all values (P, m_i) by all inputs (P, ...)."""
    rows = []
    for column in torch.cat(values, 1).unbind(1):
        found = torch.autograd.grad(
            column.sum(), inputs, retain_graph=True, materialize_grads=True
        )
        rows.append(torch.cat([gradient.flatten(1) for gradient in found], 1))
    return torch.stack(rows, 1)


def _direct(total: Tensor, spans: list[slice]) -> Tensor:
    """Return A = I - B J^-1, (P, d, d): derivatives with all other z held fixed.

    Args:
        total: J = dz/de, (P, d, d). Its blocks on the diagonal are those of B: the
            derivatives by each z's own noise.
        spans: columns of the layers.
    """
    own = torch.zeros_like(total)
    for span in spans:
        own[:, span, span] = total[:, span, span]
    identity = torch.eye(total.shape[1], dtype=total.dtype)
    return identity - own @ torch.linalg.inv(total)


def _between(direct: Tensor, names: list[str], spans: list[slice]) -> dict[Pair, float]:
    """Return the norms of the derivatives between latents."""
    layers = [*zip(names, spans, strict=True)]
    return {
        (source, target): _norm(direct[:, rows, columns])
        for source, columns in layers
        for target, rows in layers
        if source != target
    }


def _norm(derivative: Tensor) -> float:
    """Return the Frobenius norm of (P, m, n), root mean square over points."""
    return float(derivative.square().sum((1, 2)).mean().sqrt())


# The way through the networks


@dataclass(frozen=True, order=True)
class Layer:
    """An affine layer in one of its calls."""

    number: int
    """Place in the order of calls."""


@dataclass(frozen=True)
class Variable:
    """A variable that is given or drawn."""

    name: str
    """"x", or "z1" for the bottom layer, and so on."""


@dataclass(frozen=True)
class Rung:
    """Features that several edges share: all from a source to a target of the rung."""

    sources: set[str]
    targets: set[str]


Parents = dict[Layer | Variable, set[Layer | Variable]]
"""What each layer and each variable is computed from, up to the nearest layers and
variables."""


@contextmanager
def _recorded(model: LatentVariableModel) -> Iterator[list[Node]]:
    """Yield a list of the nodes of autograd's graph at which affine layers end.

    It is filled while the model works, in the order of calls.
    """
    found: list[Node] = []

    def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
        del module, inputs
        if output.requires_grad:
            found.append(get_gradient_edge(output).node)

    layers = [
        module for module in model.modules() if isinstance(module, AFFINE_MODULES)
    ]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _edges(
    sensitivity: dict[Pair, float],
    variables: dict[str, Tensor],
    drawn: list[Tensor],
    layers: list[Node],
) -> list[Edge]:
    """Return the pairs with a derivative, and the networks that lie between.

    Args:
        sensitivity: norm of the derivative of each pair.
        variables: what is given or drawn on the way, by name.
        drawn: parameters of p(x | z); empty for inference.
        layers: see `_recorded`.
    """
    parents = _parents(variables, drawn, layers)
    threshold = RELATIVE_TOLERANCE * max(sensitivity.values())
    pairs = [pair for pair, value in sensitivity.items() if value > threshold]
    lengths = {pair: _length(parents, *map(Variable, pair)) for pair in pairs}
    ways = {pair: length for pair, length in lengths.items() if length is not None}
    rungs = _rungs(parents, set(ways), by_target=not drawn)
    edges = []
    for (source, target), length in ways.items():
        through = [
            name
            for name, rung in rungs.items()
            if source in rung.sources and target in rung.targets
        ]
        edges.append(
            Edge(source, target, length, tuple(through), sensitivity[source, target])
        )
    return edges


def _parents(
    variables: dict[str, Tensor], drawn: list[Tensor], layers: list[Node]
) -> Parents:
    """Return the parents of every layer and variable; arguments as of `_edges`."""
    known: dict[Node, Layer | Variable] = {
        node: Layer(number) for number, node in enumerate(layers)
    }
    known |= {
        get_gradient_edge(value).node: Variable(name)
        for name, value in variables.items()
    }

    def before(node: Node) -> list[Node]:
        return [found for found, _ in node.next_functions if found is not None]

    def reached(todo: list[Node]) -> set[Layer | Variable]:
        found, seen = set[Layer | Variable](), set[Node]()
        while todo:
            node = todo.pop()
            if node in known:
                found.add(known[node])
            elif node not in seen:
                seen.add(node)
                todo += before(node)
        return found

    found = {one: reached(before(node)) for node, one in known.items()}
    if drawn:
        ends = [get_gradient_edge(part).node for part in drawn]
        found[Variable("x")] = reached(ends)
    return found


def _length(parents: Parents, source: Variable, target: Variable) -> int | None:
    """Return the number of layers on the longest way that meets no other variable.

    None if there is no such way.
    """

    @cache
    def longest(end: Layer | Variable) -> int | None:
        layers = [one for one in parents[end] if isinstance(one, Layer)]
        lengths = [n + 1 for one in layers if (n := longest(one)) is not None]
        return max(lengths, default=0 if source in parents[end] else None)

    return longest(target)


def _rungs(parents: Parents, pairs: set[Pair], *, by_target: bool) -> dict[str, Rung]:
    """Return the features that several edges share, by name, lowest call first.

    A layer lies on the edges from every variable that it is computed from to every
    variable that is computed from it (through layers alone). If these are all edges
    from one variable, it is only one of that variable's first layers; if they are all
    edges to one variable, it is one of that variable's last layers. Neither is a rung,
    and neither is a layer on a single edge. Layers on the same edges make one rung.

    For example, inference in a VLAE of three layers has these affine layers:

        x --> 0 --+--> 1 --> z1
                  +--> 2 --+--> 3 --> z2
                           +--> 4 --> 5 --> z3

    Layer 0 is on all three edges from x, so it is a first layer. Layers 1, 3, 4 and 5
    are on a single edge each. Layer 2 is on the edges to z2 and z3, but not on the edge
    to z1: it is a rung, and its name is h2, after the lowest of its targets.

    Args:
        parents: of every layer and variable.
        pairs: the edges.
        by_target: whether names come from the lowest target (inference) or from the
            lowest source (generation).
    """
    on_way_to: dict[Layer, set[str]] = {}
    for target in {target for _, target in pairs}:
        for layer in _upward(parents, Variable(target))[0]:
            on_way_to.setdefault(layer, set()).add(target)
    found: dict[str, Rung] = {}
    for layer, targets in sorted(on_way_to.items(), key=lambda item: item[0]):
        sources = {variable.name for variable in _upward(parents, layer)[1]}
        all_from_one = {t for s, t in pairs if sources == {s}}
        all_to_one = {s for s, t in pairs if targets == {t}}
        is_first, is_last = targets == all_from_one, sources == all_to_one
        if is_first or is_last or len(sources) == len(targets) == 1:
            continue
        rung = Rung(sources, targets)
        name = "h" + min(targets if by_target else sources)[1:]
        while found.get(name, rung) != rung:
            name += "'"
        found[name] = rung
    return found


def _upward(
    parents: Parents, start: Layer | Variable
) -> tuple[set[Layer], set[Variable]]:
    """Return the layers and the variables that `start` is computed from.

    Only through layers: what lies behind a variable does not count.
    """
    layers, variables, todo = set[Layer](), set[Variable](), [*parents[start]]
    while todo:
        one = todo.pop()
        if isinstance(one, Variable):
            variables.add(one)
        elif one not in layers:
            layers.add(one)
            todo += parents[one]
    return layers, variables
