"""A mistake in one part of a configuration: the key is named, and what was expected."""

import pytest
from configuration_helpers import merged, refusal

from vlae.config import configuration
from vlae.config.configuration import Configuration
from vlae.system.errors import UserError

BAD = {
    "unknown key": (
        "sedes: [1]",
        ["configuration", "unknown key 'sedes'", "Did you mean 'seeds'?"],
    ),
    "unknown nested key": (
        "defaults: {training: {stepz: 3}}",
        ["defaults.training", "'stepz'", "Did you mean 'steps'?", "batch_size"],
    ),
    "unknown key of a run": (
        "runs: {mnist: {vlae: {sedes: [2]}}}",
        ["runs.mnist.vlae", "'sedes'", "training"],
    ),
    "unknown key of a network": (
        "networks: {vlae-mnist: {widht: 2}}",
        ["networks.vlae-mnist", "'widht'", "Did you mean 'width'?"],
    ),
    "unknown key of a network setting": (
        "runs: {mnist: {vlae: {network_settings: {widht: 2}}}}",
        ["runs.mnist.vlae.network_settings", "'widht'", "Did you mean 'width'?"],
    ),
    "unknown key of a data set": (
        "datasets: {mnist: {mirors: []}}",
        ["datasets.mnist", "'mirors'", "Did you mean 'mirrors'?"],
    ),
    "unknown key of an experiment": (
        "experiments: {chains: {chain: 3}}",
        ["experiments.chains", "'chain'", "Did you mean 'chains'?"],
    ),
    "a key that is a number": ("5: 3", ["configuration", "unknown key '5'"]),
    "number for text": ("title: 5", ["title", "expected text", "got 5"]),
    "number for a list": ("seeds: 3", ["seeds", "expected a list", "got 3"]),
    "number for a switch": (
        "defaults: {data_noise: {dequantise: 1}}",
        ["defaults.data_noise.dequantise", "expected true or false"],
    ),
    "text for keys": (
        "defaults: {objective: {kl_warmup: linear}}",
        ["defaults.objective.kl_warmup", "expected keys with values", "'linear'"],
    ),
    "nothing for keys": ("presets: null", ["presets", "expected keys with values"]),
    "number as YAML text": (
        "defaults: {training: {learning_rate: 2e-4}}",
        ["defaults.training.learning_rate", "expected a number", "write 2.0e-4"],
    ),
    "fraction for a whole number": (
        "defaults: {training: {steps: 1.5}}",
        ["defaults.training.steps", "expected a whole number", "1.5"],
    ),
    "number with a point for a whole number": (
        "defaults: {training: {steps: 500.0}}",
        ["defaults.training.steps", "expected a whole number", "500.0"],
    ),
    "below the range": (
        "defaults: {training: {steps: 0}}",
        ["defaults.training.steps", "expected 1 or more", "got 0"],
    ),
    "at the open end of a range": (
        "presets: {trial: {training: {learning_rate: 0}}}",
        ["presets.trial.training.learning_rate", "expected more than 0"],
    ),
    "above the range": (
        "runs: {mnist: {vlae: {training: {learning_rate_tail: 2}}}}",
        ["runs.mnist.vlae.training.learning_rate_tail", "expected 1 or less"],
    ),
    "at the upper open end": (
        "experiments: {chains: {confident: 1}}",
        ["experiments.chains.confident", "expected less than 1"],
    ),
    "negative seed": ("seeds: [-1]", ["seeds[0]", "expected 0 or more"]),
    "no seeds": ("seeds: []", ["seeds", "expected a list of at least 1"]),
    "a seed twice": ("seeds: [1, 1]", ["seeds", "a list without repetitions"]),
    "shape without channels": (
        "datasets: {mnist: {shape: [28, 28]}}",
        ["datasets.mnist.shape", "expected a list of at least 3"],
    ),
    "shape with too many numbers": (
        "datasets: {mnist: {shape: [1, 1, 28, 28]}}",
        ["datasets.mnist.shape", "expected a list of at most 3"],
    ),
    "checksum cut off": (
        "datasets: {mnist: {files: {train_images: {checksum: sha256:ba89}}}}",
        ["train_images.checksum", "and 64 hexadecimal digits", "'sha256:ba89'"],
    ),
    "checksum of another kind": (
        "datasets: {mnist: {files: {test_labels: {checksum: sha1:ba89}}}}",
        ["test_labels.checksum", "or `md5:` and 32", "null: not checked"],
    ),
    "no checksum": (
        "datasets: {mnist: {files: {train_images: {checksum: 5}}}}",
        ["train_images.checksum", "expected text or null", "got 5"],
    ),
    "address of a file that is none": (
        "datasets: {mnist: {files: {train_images: {addresses: [/data/x.gz]}}}}",
        ["train_images.addresses[0]", "http:// or https://", "'/data/x.gz'"],
    ),
    "not one of several": (
        "defaults: {device: gpu}",
        ["defaults.device", "expected one of auto, cpu, cuda", "'gpu'"],
    ),
    "warm-up without a length": (
        "defaults: {objective: {kl_warmup: {schedule: linear}}}",
        ["defaults.objective.kl_warmup", "expected exactly one of steps, fraction"],
    ),
    "warm-up with two lengths": (
        "defaults: {objective: {kl_warmup: "
        "{schedule: linear, steps: 1, fraction: 0.5}}}",
        ["defaults.objective.kl_warmup", "expected exactly one of steps, fraction"],
    ),
    "unknown warm-up": (
        "defaults: {objective: {kl_warmup: {schedule: linaer}}}",
        ["kl_warmup.schedule", "expected one of none, linear, exponential"],
    ),
    "warm-up without a schedule": (
        "runs: {mnist: {vlae: {objective: {kl_warmup: {steps: 5}}}}}",
        ["runs.mnist.vlae.objective.kl_warmup", "'schedule' is missing"],
    ),
    "unknown network": (
        "runs: {mnist: {vlae: {network: vlae-mnst}}}",
        ["runs.mnist.vlae.network", "'vlae-mnst'", "Did you mean 'vlae-mnist'?"],
    ),
    "unknown network of the classifier": (
        "runs: {mnist: {classifier: {network: classifier}}}",
        ["runs.mnist.classifier.network", "Did you mean 'classifier-conv'?"],
    ),
    "unknown preset": (
        "runs: {mnist: {vlae: {preset: papper}}}",
        ["runs.mnist.vlae.preset", "'papper'", "Did you mean 'paper'?"],
    ),
    "unknown model": (
        "networks: {vlae-mnist: {model: vlea}}",
        ["networks.vlae-mnist.model", "src/vlae/models/", "Did you mean 'vlae'?"],
    ),
    "no model": (
        "networks: {new: {latents: [2]}}",
        ["networks.new", "'model' is missing", "src/vlae/models/"],
    ),
    "unknown data set module": (
        "datasets: {mnist: {module: idxx}}",
        ["datasets.mnist.module", "src/vlae/data/datasets/", "Did you mean 'idx'?"],
    ),
    "unknown figure": (
        "figures: {figure8: []}",
        ["figures.figure8", "src/vlae/figures/", "figure"],
    ),
    "unknown experiment": (
        "experiments: {chain: {}}",
        ["experiments.chain", "src/vlae/experiments/", "Did you mean 'chains'?"],
    ),
    "figures as keys instead of a list": (
        "figures: {figure3: {runs: [mnist/vlae]}}",
        ["figures.figure3", "expected a list"],
    ),
    "run of a figure without its data set": (
        "figures: {figure3: [vlae]}",
        ["figures.figure3[0]", "expected a run as dataset/run", "'vlae'"],
    ),
    "runs of an unknown data set": (
        "runs: {mnst: {vlae: {label: a, network: vlae-mnist, preset: paper}}}",
        ["runs.mnst", "Did you mean 'mnist'?"],
    ),
    "run without a label": (
        "runs: {mnist: {new: {network: vlae-mnist, preset: paper}}}",
        ["runs.mnist.new", "'label' is missing"],
    ),
    "name that is no file name": (
        "runs: {mnist: {a/b: {label: a, network: vlae-mnist, preset: paper}}}",
        ["runs.mnist", "expected a name of letters, digits", "'a/b'"],
    ),
    "learned scale on images without noise": (
        "runs: {mnist: {hvae-plain: {objective: {scale: scalar}}}}",
        ["runs.mnist.hvae-plain.objective.scale", "data_noise.dequantise: true"],
    ),
    "learning rate that is not a number": (
        "defaults: {training: {learning_rate: .nan}}",
        ["defaults.training.learning_rate", "expected a finite number"],
    ),
    "strokes in colour": (
        "datasets: {strokes: {shape: [3, 28, 28]}}",
        ["datasets.strokes.shape", "expected one of", "[1, 28, 28]"],
    ),
    "the old switch for measures": (
        "datasets: {mnist: {ink: true}}",
        ["datasets.mnist", "unknown key 'ink'", "measures"],
    ),
    "a measure twice": (
        "datasets: {mnist: {measures: [strokes, strokes]}}",
        ["datasets.mnist.measures", "a list without repetitions"],
    ),
    "parts that are none": (
        "experiments: {recomposed: {parts: halves}}",
        ["experiments.recomposed.parts", "quarters", "bands", "'halves'"],
    ),
    "four latents for three layers": (
        "networks: {vlae-mnist: {latents: [2, 2, 2, 2]}}",
        ["networks.vlae-mnist.heads", "3 entries, expected 4", "latents"],
    ),
    "four latents for one run": (
        "runs: {mnist: {vlae: {network_settings: {latents: [2, 2, 2, 2]}}}}",
        ["runs.mnist.vlae.network_settings.heads", "3 entries, expected 4"],
    ),
    "three latents for two layers of a hierarchy": (
        "networks: {lvae-mnist: {latents: [6, 4]}}",
        ["networks.lvae-mnist.posterior", "3 entries, expected 2", "latents"],
    ),
    "prior of the top layer": (
        "networks: {hvae-autoregressive-dense: {prior: [f8, f8, f8]}}",
        ["networks.hvae-autoregressive-dense.prior", "3 entries, expected 2"],
    ),
    "inference of a ladder": (
        "networks: {lvae-mnist: {inference: bottom-up}}",
        ["networks.lvae-mnist", "unknown key 'inference'", "posterior"],
    ),
    "flat code of no parts": (
        "networks: {vae-mnist: {latents: []}}",
        ["networks.vae-mnist.latents", "expected a list of at least 1"],
    ),
    "flat code with a part of nothing": (
        "networks: {vae-mnist: {latents: [2, 0]}}",
        ["networks.vae-mnist.latents[1]", "expected 1 or more", "got 0"],
    ),
    "partition that is no seed": (
        "networks: {vae-mnist: {partition_seed: random}}",
        ["networks.vae-mnist.partition_seed", "expected a whole number", "'random'"],
    ),
    "flat network with the keys of another": (
        "networks: {new: {model: vae, heads: [f8]}}",
        ["networks.new", "unknown key 'heads'", "encoder", "partition_seed"],
    ),
    "flat network without a seed of its partition": (
        "networks: {new: {model: vae, input: [1, 28, 28], latents: [2], width: 1, "
        "batch_norm: none, initial_std: 0, posterior_scale: softplus, "
        "scale_minimum: 0, encoder: f8, decoder: f8}}",
        ["networks.new", "'partition_seed' is missing"],
    ),
    "misspelt block": (
        "networks: {vlae-mnist: {heads: [c64, f8, f8]}}",
        ["networks.vlae-mnist.heads[0]", "'c64'", "expected e.g. c64,2"],
    ),
    "colour data for a grey network": (
        "datasets: {mnist: {shape: [3, 28, 28]}}",
        ["runs.mnist.", ".network", "[1, 28, 28]", "[3, 28, 28]"],
    ),
    "negative memory": (
        "data_memory_mb: -1",
        ["data_memory_mb", "-1"],
    ),
    "unknown kind of claim": (
        "claims: {F3: {kind: one_layr}}",
        ["claims.F3.kind", "src/vlae/claims/", "Did you mean 'one_layer'?"],
    ),
    "claim without a kind": (
        "claims: {Z: {statement: a}}",
        ["claims.Z", "'kind' is missing", "src/vlae/claims/"],
    ),
    "unknown key of a criterion": (
        "claims: {F3: {criterion: {lagest: {value: 0.5, why: a.}}}}",
        ["claims.F3.criterion", "'lagest'", "Did you mean 'largest'?"],
    ),
    "number of a criterion without a reason": (
        "claims: {F5: {criterion: {leads: {ink: {value: 1}}}}}",
        ["claims.F5.criterion.leads.ink", "'why' is missing"],
    ),
    "no reason for a number of a criterion": (
        "claims: {F3: {criterion: {others: {why: ''}}}}",
        ["claims.F3.criterion.others.why", "expected text of at least 1 letter"],
    ),
    "share above one": (
        "claims: {F3: {criterion: {largest: {value: 70}}}}",
        ["claims.F3.criterion.largest.value", "expected 1 or less"],
    ),
    "misspelt run of an overlay": (
        "runs: {mnist: {vlea: {training: {steps: 5}}}}",
        ["runs.mnist.vlea", "Did you mean 'vlae'?", "label, network, preset"],
    ),
    "misspelt data set of an overlay": (
        "runs: {mnits: {vlae: {training: {steps: 5}}}}",
        ["runs.mnits", "Did you mean 'mnist'?"],
    ),
    "missing base": (
        "extends: config/nowhere.yaml",
        ["extends", "config/nowhere.yaml"],
    ),
}


@pytest.mark.parametrize(("overlay", "words"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_named(overlay, words):
    message = refusal(overlay)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("part", "missing"),
    [("training", "batch_size"), ("evaluation", "every"), ("device", "device")],
)
def test_incomplete_defaults(part, missing):
    content = merged()
    # The classifier's preset sets steps and images, so other keys are named.
    if part == missing:
        del content["defaults"][part]
    else:
        del content["defaults"][part][missing]
    with pytest.raises(UserError, match=rf"runs\..*'{missing}' has no value.*defaults"):
        Configuration(content)


def test_all_missing_keys_are_named_at_once():
    content = merged()
    del content["seeds"], content["title"]
    with pytest.raises(UserError, match=r"^configuration: keys '\w+', '\w+' are miss"):
        Configuration(content)


def test_missing_top_level_key():
    content = merged()
    del content["seeds"]
    with pytest.raises(UserError, match="key 'seeds' is missing"):
        Configuration(content)


@pytest.mark.parametrize("text", ["a: [", "just text", ""])
def test_unreadable_file_is_named(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"broken\.yaml"):
        configuration.load([path])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.yaml"):
        configuration.load([tmp_path / "nothing.yaml"])
