"""Export the decoder of one trained run, from noise to image, as ONNX."""

import argparse
from pathlib import Path

from vlae.config.run_spec import RunFiles
from vlae.system.errors import UserError
from vlae.system.files import atomic, write_json
from vlae.system.progress import say

INFLUENCE_DRAWS = 32
"""Number of images from which the order of a layer's sliders is estimated."""
IMAGES = 20
"""Held-out images whose layers can be exchanged: the first ones."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="model.safetensors of the run; its spec.json lies beside it",
    )
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument(
        "--facts", type=Path, required=True, help="JSON to write: facts for the sliders"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="CARD",
        help="card.json of the prepared data, for held-out images and their noise",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the decoder of a run and the facts that its sliders need."""
    from vlae.data import prepared
    from vlae.training import device, onnx_export, trained_run
    from vlae.training.example_images import examples

    # It takes seconds and runs beside Snakemake, on a machine that may have no GPU.
    files = RunFiles.of_weights(arguments.model)
    trained = trained_run.load(files.folder, device="cpu")
    device.set_up(trained.spec.replace(threads=1))
    model, network = trained.model, trained.spec.network
    if network["batch_norm"] == "batch":
        raise UserError(
            f"--model: {arguments.model} samples with batch statistics, so that an "
            "image depends on the others in its batch. Export a run with batch_norm: "
            "moving or none."
        )
    start = model.draw_noise(1, trained.stream("export"))
    images = []
    if arguments.data:
        data = prepared.load(prepared.of_card(arguments.data))
        images = examples(trained, data, IMAGES)
    facts = {
        "dataset": trained.spec.dataset,
        "run": trained.spec.run,
        "seed": trained.spec.seed,
        "inputs": model.inputs,
        "shape": trained.spec.data.shape,
        "latents": model.latent_sizes,
        "influences": onnx_export.influences(trained, INFLUENCE_DRAWS),
        "start": [part[0].clamp(-2, 2).tolist() for part in start],
        "images": images,
    }
    exported = onnx_export.halved(onnx_export.graph(model))
    with atomic(arguments.out) as temporary:
        temporary.write_bytes(exported.SerializeToString())
    write_json(arguments.facts, facts)
    size = arguments.out.stat().st_size / 1e6
    say(f"[{trained.spec.name}] decoder ({size:.1f} MB)")
