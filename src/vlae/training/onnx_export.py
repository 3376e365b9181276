"""A trained model's way from noise to image as an ONNX graph, for other runtimes.

The graph has an input `noise_l` (B, d_l) for every layer, bottom to top, and one
output `image` (B, C, H, W), the mean of p(x | z) in (0, 1): `decode` of the model.
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
"""Version of the ONNX operators: old enough for every runtime of today."""
INPUT, OUTPUT = "noise_{}", "image"


class _Decoder(nn.Module):
    """`decode` as a module whose inputs are the layers' noises."""

    def __init__(self, model: LatentVariableModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, *noise: Tensor) -> Tensor:
        return self.model.decode(list(noise))


def graph(model: LatentVariableModel) -> onnx.ModelProto:
    """The graph of a model on the CPU in evaluation mode, weights in float32.

    The number of images B is free, except for a model that samples with batch
    statistics, of which one image makes no sense.
    """
    names = [INPUT.format(layer + 1) for layer in range(len(model.latent_sizes))]
    noise = tuple(torch.zeros(2, size) for size in model.latent_sizes)
    # The exporter gives all modules back in the mode of the outermost one.
    decoder = _Decoder(model).eval()
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        # Of the exporter's age: the new one needs packages and names no dimension.
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
    """The graph with matrices and kernels stored as float16, at half the size.

    They are widened when the graph is loaded, so all arithmetic stays in float32;
    vectors (biases, norms, gates) keep their digits. Rounding moves a weight by at most
    1 part in 2048 (or by 3e-8, if it is smaller than 6e-5).
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


def influences(run: TrainedRun, draws: int) -> list[list[float]]:
    """How much each coordinate of the noise moves the image, bottom layer first.

    The mean over `draws` images of the mean absolute change of a pixel, in [0, 1],
    when the coordinate is redrawn and all others are kept.
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
