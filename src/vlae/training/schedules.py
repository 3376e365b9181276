"""Learning rate and presence of layers as functions of the step."""

from vlae.config.run_spec import Growing


def learning_rate_factor(tail: float, step: int, steps: int) -> float:
    """Return the factor of the learning rate at a step, in [0, 1].

    It is 1, and falls linearly to 0 over the last part of the training.

    Args:
        tail: length of that part as a fraction of all steps; 0 for a constant rate.
        step: counted from 0.
        steps: number of steps of the training.
    """
    return min(1.0, (steps - step) / (tail * steps)) if tail else 1.0


def presence(growing: Growing, layers: int, step: int, steps: int) -> list[float]:
    """Return how much of each layer enters the decoder at a step, in [0, 1].

    The top layer is there from the start. The others fade in linearly, from the top
    down (progressive learning of Li et al., ICLR 2020).

    Args:
        growing: the settings.
        layers: number of layers.
        step: counted from 0.
        steps: number of steps of the training.

    Returns:
        a factor per layer, bottom layer first.
    """
    if growing.schedule == "none":
        return [1.0] * layers
    first, last, length = growing.first, growing.last, growing.length
    assert first is not None and last is not None and length is not None
    spacing = (last - first) / max(layers - 2, 1)
    begins = [first + spacing * (layers - 1 - layer) for layer in range(1, layers)]
    now = step / steps
    return [*(min(1.0, max(0.0, (now - b) / length)) for b in begins), 1.0]
