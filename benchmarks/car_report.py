"""What ``benchmarks.cars`` prints of a trained network: accuracy, confidence, refusals, several photos, the cost of serving."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ad_autocategorize.photos.answers import answer_car, refusal_scores
from ad_autocategorize.photos.predictor import open_session, run_graph
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.evaluation import evaluate
from ad_autocategorize.photos.training.export import largest_difference, to_onnx
from ad_autocategorize.photos.training.fitting import Served
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.training import predict_logits
from ad_autocategorize.photos.uploads import READING_LIMITS, decode_upload
from ad_autocategorize.photos.vocabularies import Vocabularies

ROUNDS = 40
# What phones take, in pixels: 2 and 12 million.
UPLOADS = ((1600, 1200), (4032, 3024))
# The published network's usual backbone and size, which serving is compared with.
PEER = "resnet18"
PEER_SIDE = 224
# Made-up ads: of one car, and of as many cars as photos.
PHOTOS_OF_AN_AD = 3
MADE_UP_ADS = 500

Logits = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with all that turns a photo into its input and its logits into names."""

    network: CarNetwork
    vocabularies: Vocabularies
    served: Served


def print_report(trained: Trained, held_out: PhotoSet, others: PhotoSet, photo: Path, device: str) -> None:
    """Print everything of the held-out photos; nothing is chosen here."""
    served = trained.served
    print(f"Chosen: view {served.preprocessing.zoom:g}, {served.figures}")
    logits = predict_logits(trained.network, held_out, device)
    figures = evaluate(logits, held_out.seen_labels, held_out.groups, trained.vocabularies, served.rules)
    print_accuracy(figures)
    if len(others):
        scores = refusal_scores(predict_logits(trained.network, others, device), served.rules.refusal)
        refused = float((scores < served.rules.refusal_threshold).mean())
        print(f"Of {len(others)} other things {refused:.1%} are refused, of the cars {figures['cars_refused']:.1%}.")
    print_several_photos(trained, logits, held_out.labels)
    print_serving(trained, held_out, photo)


def print_accuracy(figures: dict) -> None:
    """Print what ``evaluate`` gives."""
    print(f"{figures['photos']} held-out photos:")
    columns = ("accuracy", "95 %", "top 3", "macro F1", "ECE", "filled in", "right", "photos")
    print(f"{'':<10}" + "".join(f"{column:>16}" for column in columns))
    for head, row in figures["heads"].items():
        right = "-" if row["filled_in_right"] is None else f"{row['filled_in_right']:.3f}"
        cells = (
            f"{row['accuracy']:.4f}",
            f"{row['low']:.3f}-{row['high']:.3f}",
            f"{row['top3']:.4f}",
            f"{row['macro_f1']:.4f}",
            f"{row['expected_calibration_error']:.3f}",
            f"{row['filled_in']:.3f}",
            right,
            str(row["support"]),
        )
        print(f"{head:<10}" + "".join(f"{cell:>16}" for cell in cells))
        print(f"{'':<10}  surely answerable: " + ", ".join(f"{k} {v:.3f}" for k, v in row["coverage"].items()))
    print(
        f"Brand, model, body type and year all right {figures['all_but_color_right']:.4f} "
        f"({figures['all_but_color_known']} photos), all five {figures['all_five_right'] or 0:.4f} "
        f"({figures['all_five_known']}); impossible pairs {figures['pair_violations']}."
    )
    print("Year within " + ", ".join(f"{years}: {share:.4f}" for years, share in figures["year_within"].items()))
    print(
        f"Weights of the model branch {figures['pair_weights']}; model without the table "
        f"{figures['model_accuracy_unmasked']:.4f}."
    )


def print_several_photos(trained: Trained, logits: Logits, labels: np.ndarray) -> None:
    """Print how often three photos of one model, and three of three models, are said to disagree."""
    rng = np.random.default_rng(0)
    by_model = [
        places for model in np.unique(labels[:, 1]) if len(places := np.flatnonzero(labels[:, 1] == model)) >= 3
    ]
    one = [rng.choice(by_model[rng.integers(len(by_model))], PHOTOS_OF_AN_AD, False) for _ in range(MADE_UP_ADS)]
    several = []
    while len(several) < MADE_UP_ADS:
        chosen = rng.choice(len(labels), PHOTOS_OF_AN_AD, False)
        if len(np.unique(labels[chosen, 1])) == PHOTOS_OF_AN_AD:
            several.append(chosen)
    for name, ads in (("one model", one), ("three models", several)):
        answers = [
            answer_car({key: rows[ad] for key, rows in logits.items()}, trained.vocabularies, trained.served.rules)
            for ad in ads
        ]
        disagree = np.mean([answer.disagree for answer in answers])
        filled = np.mean([answer.is_car and answer.heads["model"].accepted for answer in answers])
        print(f"Three photos of {name}: {disagree:.1%} disagree, the model is filled in for {filled:.1%}.")


def print_serving(trained: Trained, held_out: PhotoSet, photo: Path) -> None:
    """Print what one core takes for the network, beside the peer's, and for whole uploads."""
    preprocessing = trained.served.preprocessing
    graph = to_onnx(trained.network, preprocessing.height, preprocessing.width)
    inputs = preprocessing.normalize(held_out.read(slice(32)))
    difference = largest_difference(trained.network, graph, inputs)
    print(f"Largest difference between torch and ONNX Runtime on {len(inputs)} photos: {difference:.1e}")
    peer = CarNetwork(PEER, trained.vocabularies, PEER_SIDE, PEER_SIDE)
    peer_input = np.random.default_rng(0).random((1, 3, PEER_SIDE, PEER_SIDE), dtype=np.float32)
    session = open_session(graph, 1)
    own = _milliseconds(lambda: run_graph(session, inputs[:1]))
    other = open_session(to_onnx(peer, PEER_SIDE, PEER_SIDE), 1)
    theirs = _milliseconds(lambda: run_graph(other, peer_input))
    print(
        f"Network alone on one core, CPU time p50: {own[0]:.1f} ms; {PEER} at {PEER_SIDE} x {PEER_SIDE} "
        f"{theirs[0]:.1f} ms; share {own[0] / theirs[0]:.2f}; {len(graph) / 1e6:.1f} MB."
    )
    for width, height in UPLOADS:
        upload = _enlarged(photo, width, height)

        def read(upload: bytes = upload) -> None:
            picture = decode_upload(io.BytesIO(upload), READING_LIMITS)
            logits = run_graph(session, preprocessing.normalize(preprocessing.resize(picture)[None]))
            answer_car(logits, trained.vocabularies, trained.served.rules)

        cpu, clock = _milliseconds(read)
        print(
            f"Photo of {width * height / 1e6:.0f} MP to fields, p50: {cpu:.0f} ms of CPU time, {clock:.0f} by the clock."
        )


def _milliseconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return the medians of CPU time, which what others do on the machine leaves alone, and of the clock's."""
    cpu, clock = [], []
    for _ in range(ROUNDS):
        begun = time.process_time(), time.perf_counter()
        call()
        cpu.append((time.process_time() - begun[0]) * 1000)
        clock.append((time.perf_counter() - begun[1]) * 1000)
    return float(np.median(cpu)), float(np.median(clock))


def _enlarged(photo: Path, width: int, height: int) -> bytes:
    """Return a JPEG of a size that phones take."""
    buffer = io.BytesIO()
    with Image.open(photo) as image:
        image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
