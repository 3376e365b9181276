"""How fast a zip archive of images is prepared, against the JPEG decoder alone.

    python benchmarks/prepare.py faces.zip --threads 2
    python benchmarks/prepare.py --synthetic 50000

Rows, each with the same number of threads, medians of interleaved repetitions:

Pillow       `Image.open(bytes).load()`, bytes in memory: a decoder alone
torchvision  `decode_jpeg(bytes)`, bytes in memory: the decoder that prepare uses, alone
framed       decoded, cropped and resized, bytes in memory, nothing written
prepare      everything, from the archive to the card; libraries are imported before
command      `python -m vlae prepare`, imports and all

CPU time an image says more than the rate where other programs run. Memory is the
largest resident set of a process that does nothing else.
"""

import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rows import ROOT, Row, parser, publish

SOURCE = str(ROOT / "src")

from vlae.__main__ import main as vlae
from vlae.data import image_decoding
from vlae.data.zip_archive import Archive

SHAPE, CROP = (3, 64, 64), 108
SAMPLE = 5000  # images of which the bytes are held in memory
DISTINCT = 500  # synthetic images; then they repeat
Job = Callable[[list[bytes]], Any]


def synthetic(path: Path, count: int) -> None:
    """JPEG files of 178x218 px and about 7 kB, as those of CelebA."""
    random = np.random.default_rng(0)
    images = []
    for _ in range(min(count, DISTINCT)):
        coarse = random.integers(0, 256, (14, 12, 3), np.uint8)
        image = Image.fromarray(coarse).resize((178, 218), Image.Resampling.BICUBIC)
        pixels = np.asarray(image) + random.normal(0, 5, (218, 178, 1))
        out = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG")
        images.append(out.getvalue())
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            archive.writestr(f"{i:06d}.jpg", images[i % DISTINCT])


def pillow(images: list[bytes]) -> None:
    for data in images:
        Image.open(io.BytesIO(data)).load()


def torchvision(images: list[bytes]) -> None:
    import torch

    decode = image_decoding.jpeg_decoder()
    for data in images:
        decode(torch.frombuffer(bytearray(data), dtype=torch.uint8), 3, False)


class _Memory:
    """Images by their number, for `decoding.read`."""

    def __init__(self, images: list[bytes]) -> None:
        self.images = images

    def read(self, name: str) -> bytes:
        return self.images[int(name)]


def framed(images: list[bytes]) -> None:
    names = [str(i) for i in range(len(images))]
    image_decoding.read(_Memory(images), names, image_decoding.Framing(SHAPE, CROP))


def timed(work: Callable[[], Any], count: int) -> tuple[float, float]:
    """Images a second, and microseconds of CPU an image."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return count / wall, 1e6 * cpu / count


def in_memory(job: Job, images: list[bytes], threads: int) -> tuple[float, float]:
    import torch

    size = image_decoding.CHUNK_IMAGES
    parts = [images[i : i + size] for i in range(0, len(images), size)]
    with ThreadPoolExecutor(threads, "", torch.set_num_threads, (1,)) as pool:
        return timed(lambda: list(pool.map(job, parts)), len(images))


def words(archive: Path, folder: Path, threads: int) -> list[str]:
    """Arguments of a preparation into `folder`, which is new."""
    spec = dict.fromkeys(("title", "source", "licence", "name"), "benchmark")
    settings = {
        "module": "images",
        "shape": SHAPE,
        "crop": CROP,
        "classes": 0,
        "test": 0.1,
        "seed": 0,
        "files": {"images": {"name": archive.name}},
    }
    (folder / "spec.json").write_text(json.dumps({**spec, **settings}))
    paths = ["--spec", folder / "spec.json", "--raw", archive]
    paths += ["--card", folder / "out" / "card.json", "--threads", threads]
    return ["prepare", *map(str, paths)]


def child(arguments: list[str], count: int) -> None:
    """Prepare once, in a process of its own."""
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    Image.init()
    image_decoding.jpeg_decoder()
    rate, cpu = timed(lambda: vlae(arguments), count)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([rate, cpu, usage.ru_maxrss / 1024]))


def prepare(archive: Path, count: int, threads: int, whole: bool) -> list[float]:
    """Rate, CPU and MiB of a preparation; `whole`: rate with everything."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = words(archive, Path(folder), threads)
        command = ["-m", "vlae"] if whole else [__file__, "--child", str(count)]
        started = time.perf_counter()
        whole_command = [sys.executable, *command, *arguments]
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        said = subprocess.check_output(whole_command, env=environment)
        rate = count / (time.perf_counter() - started)
    return [rate] if whole else json.loads(said.splitlines()[-1])


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        return child(sys.argv[3:], int(sys.argv[2]))
    options = parser(__doc__)
    options.add_argument("archive", type=Path, nargs="?")
    options.add_argument("--synthetic", type=int, metavar="N", help="images to make")
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--repeats", type=int, default=3)
    arguments = options.parse_args()
    if (arguments.archive is None) == (arguments.synthetic is None):
        options.error("give an archive, or --synthetic N")
    if arguments.quick:
        arguments.repeats = 1
        arguments.synthetic = arguments.synthetic and 60
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.archive
        if path is None:
            path = Path(folder, "synthetic.zip")
            synthetic(path, arguments.synthetic)
        row = measure(path, arguments.threads, arguments.repeats)
    publish([row], arguments.rows)


def measure(path: Path, threads: int, repeat: int) -> Row:
    """Print the table; the row that has a target."""
    with Archive(path) as archive:
        names = [n for n in archive.names() if n.lower().endswith((".jpg", ".jpeg"))]
        images = [archive.read(name) for name in names[:SAMPLE]]
    jobs: dict[str, Job] = {
        "Pillow": pillow,
        "torchvision": torchvision,
        "framed": framed,
    }
    found: dict[str, list[list[float]]] = {}
    for _ in range(repeat):
        for name, job in jobs.items():
            rates = in_memory(job, images, threads)
            found.setdefault(name, []).append([*rates])
        for name, whole in (("prepare", False), ("command", True)):
            rates_of = prepare(path, len(names), threads, whole)
            found.setdefault(name, []).append(rates_of)
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in found.items()
    }
    size = sum(map(len, images)) / len(images)
    print(f"{path.name}: {len(names)} images of {size:.0f} bytes, {threads} threads")
    print(f"{'':12}{'images/s':>10}{'us CPU':>8}{'MiB':>6}   rate/Pillow (CPU)")
    for name, (rate, *rest) in medians.items():
        ratio = f"{rate / medians['Pillow'][0]:.2f}"
        if rest:
            ratio += f" ({medians['Pillow'][1] / rest[0]:.2f})"
        numbers = [f"{x:.0f}" for x in rest] + [""] * (2 - len(rest))
        print(f"{name:12}{rate:10.0f}{numbers[0]:>8}{numbers[1]:>6}   {ratio}")
    print()
    shares = zip(found["prepare"], found["Pillow"], strict=True)
    values = tuple(whole[0] / alone[0] for whole, alone in shares)
    setting = f"{len(names)} JPEG files, {threads} threads"
    return Row("prepare against Pillow's decoder alone", setting, values, "x", 0.8)


if __name__ == "__main__":
    main()
