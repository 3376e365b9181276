"""The pictures that the paper's authors published: where they are, what is in them.

Types and names only. The pictures are in the authors' public repository, which states
no licence: they are measured, and never copied into this one.
"""

from dataclasses import dataclass
from typing import Literal

REPOSITORY = "https://github.com/ermongroup/Variational-Ladder-Autoencoder"
FOLDER = ("reference", "published")
"""Folder of this repository with the numbers that were measured, as steps of a path."""
NUMBERS_FILE, PICTURES_FILE = "numbers.csv", "pictures.csv"

Quantity = Literal[
    "first-order effect", "variance", "share of the largest", "share of the class"
]
FIRST_ORDER: Quantity = "first-order effect"
"""S of a layer on a property, from a grid over its code."""
VARIANCE: Quantity = "variance"
"""Variance of a property over a panel, its dimensions summed."""
SHARE_OF_LARGEST: Quantity = "share of the largest"
"""The variance over the largest one of the picture's panels."""
SHARE_OF_CLASS: Quantity = "share of the class"
"""The variance of the class over that of even and certain classes, 1 - 1/C."""


@dataclass(frozen=True)
class PublishedPicture:
    """A picture of the authors: panels side by side, each a square grid of images."""

    name: str
    figure: str
    """Figure of the paper, as it is called in the configuration."""
    dataset: str
    path: str
    """Commit and path in the authors' repository."""
    sha256: str
    panels: int
    """One per layer, the bottom layer at the left."""
    side: int
    """Images in a row and in a column of a panel."""
    shape: tuple[int, int, int]
    """Channels, height and width of an image before it was drawn."""
    pixels: float
    """Side of an image in the picture, in px."""
    measures: tuple[str, ...]
    """Modules of measures, those of the data set in the configuration."""
    stand_ins: tuple[str, ...] = ()
    """Built-in data sets that are drawn to look like that of the picture."""
    extent: float | None = None
    """The code of a panel's layer runs from -extent to extent along rows and columns,
    and all others are drawn for each image; None if the layer is redrawn and all others
    are kept."""

    @property
    def address(self) -> str:
        """The public address of the picture."""
        return f"{REPOSITORY}/raw/{self.path}"


_FEBRUARY = "3a90f925497fd5b3a9abb034b1a360b54faa5514"
_NOTES = "65dd13f0c9db8f4889db336d062938f36075cd00"

PICTURES = {
    picture.name: picture
    for picture in (
        PublishedPicture(
            "hvae_mnist",
            "figure3",
            "mnist",
            f"{_NOTES}/notes/hvae_mnist_hierarchy.png",
            "76cc7714372b833b2178b23a84c05731dc589a77e4e5cc2105af6da17ed65176",
            panels=3,
            side=20,
            shape=(1, 28, 28),
            pixels=35.6,
            measures=("strokes",),
            stand_ins=("strokes",),
        ),
        PublishedPicture(
            "hvae_svhn",
            "figure3",
            "svhn",
            f"{_NOTES}/notes/hvae_svhn_hierarchy.png",
            "d679e12205df51a4945ac5e805a982ad6f303818d8ba0ec8ef4efed901c29551",
            panels=3,
            side=20,
            shape=(3, 32, 32),
            pixels=35.6,
            measures=("colour",),
            stand_ins=("strokes-colour",),
        ),
        PublishedPicture(
            "vlae_mnist",
            "figure5",
            "mnist",
            f"{_FEBRUARY}/plots/vladder_mnist.png",
            "b0dd5a3d58dba8c38edb9bbe7893d7444f515a7231c1f2fae3556ff2a1f3c201",
            panels=3,
            side=20,
            shape=(1, 28, 28),
            pixels=26.45,
            measures=("strokes",),
            stand_ins=("strokes",),
            extent=2.0,
        ),
        PublishedPicture(
            "vlae_svhn",
            "figure6",
            "svhn",
            f"{_NOTES}/plots/vladder_svhn.png",
            "891a3730c091773b9a1a262be42a6b1f8b781d8d67763ba5b18a71e2d5f44575",
            panels=4,
            side=8,
            shape=(3, 32, 32),
            pixels=48.25,
            measures=("colour",),
            stand_ins=("strokes-colour",),
        ),
        PublishedPicture(
            "vlae_celeba",
            "figure7",
            "celeba",
            f"{_FEBRUARY}/plots/vladder_celebA.png",
            "3205b97a8c7cc6eb9c537dcc1697feece9c2dcc89b55940f93a6b48e5baacabe",
            panels=4,
            side=8,
            shape=(3, 64, 64),
            pixels=49.0,
            measures=("colour", "faces"),
        ),
    )
}
"""By name: `NAME.png` is the file that is measured."""
