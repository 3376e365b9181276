"""How fast a trained model is used: images a second, as trained and as it is loaded.

    python benchmarks/inference.py [--runs mnist/vlae ...] [--width 0.25] [--repeats 7]

Both arms are the same model and take turns. `as trained` applies batch norm with its
moving averages; `as loaded` has it folded into the maps before it, as
`vlae.training.trained_run.load` does. Ratios are of CPU seconds.
"""

import argparse
import copy
import time
from collections.abc import Callable, Iterator

import torch
from rows import Row, parser, publish
from torch import Tensor
from training import spec_of

from vlae.experiments._gibbs_chain import gibbs_step
from vlae.models.base import LatentVariableModel, build_model
from vlae.models.nn.layers import fold_batch_norm
from vlae.training.trained_run import BATCH

Stream = torch.Generator
RUNS = ("mnist/vlae", "mnist/hvae-matched", "svhn/vlae")


def decoding(model: LatentVariableModel, images: Tensor, stream: Stream) -> None:
    """Decode as many draws from the prior as there are images."""
    noise = model.draw_noise(len(images), stream)
    for parts in zip(*(e.split(BATCH) for e in noise), strict=True):
        model.decode(list(parts))


def inferring(model: LatentVariableModel, images: Tensor, stream: Stream) -> None:
    """Draw all latents of the images once."""
    for x in images.split(BATCH):
        model.infer(x, model.draw_noise(len(x), stream))


def chaining(model: LatentVariableModel, images: Tensor, stream: Stream) -> None:
    """Take one step of a Gibbs chain from each image."""
    for x in images.split(BATCH):
        gibbs_step(model, x, stream)


KINDS: dict[str, Callable[[LatentVariableModel, Tensor, Stream], None]] = {
    "decoding": decoding,
    "inference": inferring,
    "chains": chaining,
}


@torch.no_grad()
def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Yield images a second as loaded, and the ratio to as trained, for each run."""
    torch.set_num_threads(1)
    for run in arguments.runs:
        spec = spec_of(run, arguments.width, 1, "cpu")
        trained = build_model(spec).eval()
        assert isinstance(trained, LatentVariableModel)
        loaded = copy.deepcopy(trained)
        fold_batch_norm(loaded)
        images = torch.rand(arguments.images, *spec.network["input"])
        images = images.contiguous(memory_format=torch.channels_last)
        for kind, function in KINDS.items():
            seconds: dict[str, list[float]] = {"as trained": [], "as loaded": []}
            for _ in range(arguments.repeats + 1):
                for arm, model in (("as trained", trained), ("as loaded", loaded)):
                    stream = torch.Generator().manual_seed(0)
                    start = time.process_time()
                    function(model, images, stream)
                    seconds[arm].append(time.process_time() - start)
            # The first time, memory is allocated.
            before, after = (values[1:] for values in seconds.values())
            setting = f"{run} x{arguments.width:g}, threads: 1"
            rate = tuple(arguments.images / value for value in after)
            yield Row(f"{kind} as loaded", setting, rate, "images/s")
            ratio = tuple(b / a for b, a in zip(before, after, strict=True))
            yield Row(f"{kind}, as loaded to as trained", setting, ratio, "x")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--runs", nargs="+", default=list(RUNS))
    options.add_argument("--width", type=float, default=0.25)
    options.add_argument("--images", type=int, default=2000)
    options.add_argument("--repeats", type=int, default=7)
    arguments = options.parse_args()
    if arguments.quick:
        arguments.runs, arguments.width = ["mnist/vlae"], 0.05
        arguments.images, arguments.repeats = 20, 1
    publish(rows(arguments), arguments.rows)


if __name__ == "__main__":
    main()
