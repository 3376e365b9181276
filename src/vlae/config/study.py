"""Write an overlay for data of the user's own: a data set, a run, and what to show."""

import math
import shlex
from dataclasses import dataclass
from typing import Any

import yaml

from vlae.system.checkout import snakefile_elsewhere
from vlae.system.errors import UserError

STEPS, WARMUP_FRACTION = 2000, 0.3
"""Steps of the proposed training, and the fraction that is its warm-up's constant."""
CLASSIFIER_STEPS = 500
WIDTH = 0.25
"""Share of the paper's width, so that two processors suffice."""
BATCH_IMAGES, EVALUATED_IMAGES = 100, 500
PRESET = "trial"
TEXT = """\
{found}
#
# Run it in this folder:
#   {command}
# The report is then results/report.html, in place of an earlier one, and
# docs/your-images.md says how to read it. To try everything out first, write
# `steps: 20` in each run below.

title: {title}

# One training can mislead: [1, 2, 3] shows what repeats, and takes three times as long.
seeds: [1]

# Every setting is explained in config/README.md.
defaults:
  threads: 1
  training: {{batch_size: {batch}, learning_rate: 1.0e-3, learning_rate_tail: 0.3}}
  evaluation: {{every: 500, images: {evaluated}}}

datasets:
  {name}:
    # `title`, `source` and `licence` stand in the report if you give them.
{size}
{definition}

# Narrower than the full networks, for two processors. With a GPU, remove this block.
networks:
{widths}

runs:
  {name}:
{classifier}    vlae:
      label: VLAE
      network: {network}
      preset: {preset}
      training: {{steps: {steps}}}
      objective: {{kl_warmup: {{schedule: exponential, fraction: {warmup}}}}}

# Only runs that are listed here are trained. config/config.yaml has the other figures.
figures:
  layers: [{name}/vlae]

explorer: [{name}/vlae]
"""


@dataclass(frozen=True)
class Study:
    """What an overlay says about data of the user's own.

    Args:
        name: name of the data set.
        definition: `module`, `files` and the keys that its files need.
        classes: number of classes; 0 for none.
        train_images: number of training images.
        channels: 1 for grey, 3 for colour.
        height: of a typical image, in pixels.
        width: of a typical image, in pixels.
        found: what was found in the files, one line each.
    """

    name: str
    definition: dict[str, Any]
    classes: int
    train_images: int
    channels: int
    height: int
    width: int
    found: tuple[str, ...]


def nearest_network(
    networks: dict[str, Any], model: str, channels: int, height: int, width: int
) -> str:
    """Return the network of a model whose input is nearest to images of some size.

    Args:
        networks: all networks of the configuration, by name.
        model: for example `vlae`.
        channels, height, width: of the images; networks with other channels are used
            only if there are no others.

    Raises:
        UserError: if the configuration has no network of that model.
    """

    def distance(name: str) -> tuple[bool, float]:
        own_channels, *size = networks[name]["input"]
        ratio = math.log(math.prod(size) / (height * width))
        return own_channels != channels, abs(ratio)

    found = [name for name in networks if networks[name]["model"] == model]
    if not found:
        raise UserError(f"networks: none has 'model: {model}'.")
    return min(found, key=distance)


def overlay(study: Study, networks: dict[str, Any], file: str) -> str:
    """Return the text of an overlay that trains a VLAE and shows its layers.

    Args:
        study: the data.
        networks: all networks of the configuration, by name.
        file: path of the overlay, for the command at its head.
    """
    name, size = study.name, (study.height, study.width)
    network = nearest_network(networks, "vlae", study.channels, *size)
    shape = networks[network]["input"]
    teacher = nearest_network(networks, "classifier", *shape) if study.classes else ""
    definition = {**study.definition, "shape": shape, "measures": ["colour"]}
    widths = {network: {"width": WIDTH}}
    classifier = {}
    if teacher:
        definition |= {"classes": study.classes, "classifier": "classifier"}
        widths[teacher] = {"width": 2 * WIDTH}
        classifier = {
            "label": "Classifier",
            "network": teacher,
            "preset": "classifier",
            "training": {"steps": CLASSIFIER_STEPS, "batch_size": _batch(study)},
        }
    return TEXT.format(
        found=_comment(*study.found),
        command=command(file),
        title=_flow(f"What the layers of a VLAE hold: {name}"),
        batch=_batch(study),
        evaluated=EVALUATED_IMAGES,
        size=_comment(*about_size(network, shape, study.channels, *size), indent=4),
        name=name,
        definition=_block(definition, indent=4),
        widths=_block(widths, indent=2),
        classifier=_block({"classifier": classifier}, indent=4) + "\n"
        if teacher
        else "",
        network=network,
        preset=PRESET,
        steps=STEPS,
        warmup=WARMUP_FRACTION,
    )


def command(file: str) -> str:
    """Return the command that runs an overlay from the working folder."""
    elsewhere = snakefile_elsewhere()
    code = f"-s {shlex.quote(elsewhere)} " if elsewhere else ""
    return f"snakemake {code}--cores 2 --configfile {shlex.quote(file)}"


def _batch(study: Study) -> int:
    return min(BATCH_IMAGES, study.train_images)


def about_size(
    network: str, shape: list[int], channels: int, height: int, width: int
) -> list[str]:
    """Return what happens to images on the way to a network, in lines.

    Args:
        network: name of the network.
        shape: channels, height and width that it takes.
        channels, height, width: of the images.
    """
    taken, *size = shape
    colour = {1: "grey", 3: "colour"}
    lines = [f"The network {network} takes {size[1]}x{size[0]} in {colour[taken]}."]
    if size != [height, width]:
        lines += [
            "No network takes images of another size as they are. The largest central",
            "part with these proportions is kept and resized.",
        ]
    if taken != channels:
        lines += [f"Images are made {colour[taken]}."]
    return lines


def _comment(*lines: str, indent: int = 0) -> str:
    """Return lines as comments of YAML."""
    return "\n".join(f"{' ' * indent}# {line}".rstrip() for line in lines)


def _flow(value: Any) -> str:
    """Return a value of YAML in one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1e9
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _block(content: dict[str, Any], indent: int) -> str:
    """Return the keys of a map, one per line; maps of maps are spread over lines."""
    lines = []
    for key, value in content.items():
        inner = value.values() if isinstance(value, dict) else []
        if any(isinstance(part, dict) for part in inner):
            lines += [f"{' ' * indent}{key}:", _block(value, indent + 2)]
        else:
            lines.append(f"{' ' * indent}{key}: {_flow(value)}")
    return "\n".join(lines)
