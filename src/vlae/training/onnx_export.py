"""A trained model's path from noise to image as an ONNX graph, for other runtimes.

The graph computes `decode` of the model. It has one input `noise_l` (B, d_l) per layer,
bottom to top, and one output `image` (B, C, H, W), the mean of p(x | z) in (0, 1).
"""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from vlae.models.base import LatentVariableModel
from vlae.training.trained_run import TrainedRun, decode

OPSET = 17
"""Version of the ONNX operators, which all current runtimes understand."""
INPUT, OUTPUT = "noise_{}", "image"


class _Decoder(nn.Module):
    """Module whose inputs are the noise of each layer and whose output is the image."""

    def __init__(self, model: LatentVariableModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, *noise: Tensor) -> Tensor:
        """Map noise (B, d_l) per layer to images (B, C, H, W)."""
        return self.model.decode(list(noise))


def graph(model: LatentVariableModel) -> onnx.ModelProto:
    """Return the graph of a model, with weights in float32.

    The number of images B is free, except for a model that samples with batch
    statistics, for which single images are undefined.

    Args:
        model: on the CPU, in evaluation mode.
    """
    names = [INPUT.format(layer + 1) for layer in range(len(model.latent_sizes))]
    noise = tuple(torch.zeros(2, size) for size in model.latent_sizes)
    # The exporter leaves all modules in the mode of the outermost one.
    decoder = _Decoder(model).eval()
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        # It warns of its age, but the new exporter needs more packages and cannot name
        # dimensions.
        warnings.simplefilter("ignore")
        path = Path(folder) / "decoder.onnx"
        torch.onnx.export(
            decoder,
            noise,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=[OUTPUT],
            dynamic_axes={name: {0: "images"} for name in [*names, OUTPUT]},
        )
        exported = onnx.load(path)
    onnx.checker.check_model(exported, full_check=True)
    return exported


def halved(exported: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with matrices and kernels stored as float16, at half the size.

    They are widened when the graph is loaded, so that all arithmetic stays in float32.
    Vectors (biases, norms, gates) keep their digits. Rounding moves a weight by at most
    1 part in 2048, or by 3e-8 if it is smaller than 6e-5.
    """
    small = onnx.ModelProto()
    small.CopyFrom(exported)
    stored, widening = [], []
    for tensor in small.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim > 1:
            half = f"{tensor.name}.float16"
            stored.append(numpy_helper.from_array(values.astype(np.float16), half))
            widening.append(
                helper.make_node(
                    "Cast", [half], [tensor.name], to=onnx.TensorProto.FLOAT
                )
            )
        else:
            stored.append(tensor)
    nodes = [*widening, *small.graph.node]
    del small.graph.initializer[:], small.graph.node[:]
    small.graph.initializer.extend(stored)
    small.graph.node.extend(nodes)
    onnx.checker.check_model(small, full_check=True)
    return small


def influences(run: TrainedRun[LatentVariableModel], draws: int) -> list[list[float]]:
    """Return how much each coordinate of the noise changes the image.

    This is the mean absolute change of a pixel, in [0, 1], when the coordinate is
    redrawn and all others are kept.

    Args:
        run: the trained run.
        draws: number of images that the mean is taken over.

    Returns:
        one list per layer, bottom to top, with one number per coordinate.
    """
    model, stream = run.model, run.stream("influences")
    noise, other = (model.draw_noise(draws, stream) for _ in range(2))
    before = decode(run, noise)
    found = []
    for layer, size in enumerate(model.latent_sizes):
        changes = []
        for coordinate in range(size):
            changed = [part.clone() for part in noise]
            changed[layer][:, coordinate] = other[layer][:, coordinate]
            change = (decode(run, changed) - before).abs().mean()
            changes.append(float(change))
        found.append(changes)
    return found
