"""What ``benchmarks.cars`` prints of a trained network: accuracy, decodings, calibration, refusals, and how it is served."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ad_autocategorize.photos.answers import Rules, answer_car, refusal_scores
from ad_autocategorize.photos.dataset import PhotoSet
from ad_autocategorize.photos.evaluation import evaluate
from ad_autocategorize.photos.export import largest_difference, quantize, to_onnx
from ad_autocategorize.photos.images import PhotoRecord, read_photo
from ad_autocategorize.photos.network import CarNetwork
from ad_autocategorize.photos.predictor import open_session, run_graph
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.selection import choose_rules
from ad_autocategorize.photos.training import predict_logits
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, Vocabularies

# A plain ResNet-18 at 112 x 84, 30 epochs, label smoothing, flips and crops, on 70 % of the photos.
REFERENCE = {"brand": 0.68, "model": 0.57, "body_type": 0.77, "year": 0.76}
ROUNDS = 60
LATENCY_PHOTOS = 20


def print_report(
    network: CarNetwork,
    vocabularies: Vocabularies,
    preprocessing: Preprocessing,
    validation: PhotoSet,
    others: Sequence[PhotoRecord],
    photos: Sequence[Path],
    *,
    threads: int,
) -> None:
    """Print everything; rules are chosen on every second validation photo and tested on the others."""
    chosen_on = np.arange(len(validation)) % 2 == 0
    table = vocabularies.compatibility()
    logits = predict_logits(network, validation)
    labels = validation.labels[:, : len(HEADS)]
    picked = {name: values[chosen_on] for name, values in logits.items()}
    rest = {name: values[~chosen_on] for name, values in logits.items()}
    rules, figures = choose_rules(picked, labels[chosen_on], table, others_learned=bool(len(others)))
    whole = evaluate(logits, labels, vocabularies, rules)
    _print_table({head: row["accuracy"] for head, row in whole["heads"].items()})
    print(f"Top 3: {_line(whole, 'top3')}. Macro F1: {_line(whole, 'macro_f1')}.")
    print(f"All known fields right {whole['all_known_heads_right']:.4f}; impossible pairs {whole['pair_violations']}.")
    print("Year within " + ", ".join(f"{years}: {share:.4f}" for years, share in whole["year_within"].items()))
    print(f"Model branch without the table {whole['model_accuracy_unmasked']:.4f}. Decodings, on the half chosen by:")
    for name, row in figures["decodings"].items():
        print(f"  {name:<20} brand {row['brand']:.4f} model {row['model']:.4f}")
    print(f"Chosen: {rules.decoding}, weight {rules.pair_weight:g}. On the other half of the validation photos:")
    tested = evaluate(rest, labels[~chosen_on], vocabularies, rules)
    for head, row in tested["heads"].items():
        covered = ", ".join(f"{share:.1%} at {float(precision):.0%}" for precision, share in row["coverage"].items())
        method = rules.calibrations[head].method
        error, filled = row["expected_calibration_error"], row["filled_in"]
        print(f"  {head:<10} calibration error {error:.3f} ({method}); coverage {covered}; filled in {filled:.1%}")
    for head, losses in figures["calibration_log_loss"].items():
        print(
            f"  {head:<10} cross-validated log loss " + ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items())
        )
    if others:
        print_refusals(network, preprocessing, rules, rest, others)
    print_serving(network, vocabularies, preprocessing, rules, validation, photos, threads)


def print_refusals(
    network: CarNetwork,
    preprocessing: Preprocessing,
    rules: Rules,
    cars: dict[str, np.ndarray],
    others: Sequence[PhotoRecord],
) -> None:
    """Print how many cars and other things are refused, by what the refusal looks at; the threshold is that of the rules."""
    pixels = np.stack([preprocessing.resize(read_photo(record.path)) for record in others])
    unlabelled = np.full((len(others), len(HEADS) + 1), MISSING)
    logits = predict_logits(network, PhotoSet(pixels, unlabelled))
    refused = float((refusal_scores(logits, rules.refusal) < rules.refusal_threshold).mean())
    of_cars = float((refusal_scores(cars, rules.refusal) < rules.refusal_threshold).mean())
    print(
        f"Of {len(others)} pictures of other things {refused:.1%} are refused, of the other half of the cars {of_cars:.1%}."
    )
    for name in ("car", "energy"):
        limit = np.quantile(refusal_scores(cars, name), 0.03)
        print(
            f"  by {name}: {float((refusal_scores(logits, name) < limit).mean()):.1%} of them where 3.0% of these cars are"
        )


def print_serving(
    network: CarNetwork,
    vocabularies: Vocabularies,
    preprocessing: Preprocessing,
    rules: Rules,
    validation: PhotoSet,
    photos: Sequence[Path],
    threads: int,
) -> None:
    """Print accuracy, size and latency of the exported graph in float32 and in 8-bit integers."""
    inputs = preprocessing.normalize(np.asarray(validation.pixels))
    graph = to_onnx(network, preprocessing.height, preprocessing.width)
    print(
        f"Largest difference between torch and ONNX Runtime on 64 photos: {largest_difference(network, graph, inputs[:64]):.1e}"
    )
    graphs = {"float32": graph, **{f"int8 {how}": quantize(graph, how, inputs[:100]) for how in ("dynamic", "static")}}
    uploads = [path.read_bytes() for path in photos[:LATENCY_PHOTOS]]
    print(f"{'':<14}" + "".join(f"{head:>11}" for head in HEADS) + f"{'MB':>8}{'p50 ms':>9}{'p95 ms':>9}")
    for name, candidate in graphs.items():
        session = open_session(candidate, threads)
        parts = [run_graph(session, inputs[start : start + 32]) for start in range(0, len(inputs), 32)]
        logits = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        figures = evaluate(logits, validation.labels[:, : len(HEADS)], vocabularies, rules)
        times = sorted(
            _one_photo(session, preprocessing, vocabularies, rules, uploads[turn % len(uploads)])
            for turn in range(ROUNDS)
        )
        accuracies = "".join(f"{figures['heads'][head]['accuracy']:>11.4f}" for head in HEADS)
        print(
            f"{name:<14}{accuracies}{len(candidate) / 1e6:>8.1f}{times[ROUNDS // 2]:>9.1f}{times[int(ROUNDS * 0.95)]:>9.1f}"
        )


def _one_photo(
    session: object, preprocessing: Preprocessing, vocabularies: Vocabularies, rules: Rules, upload: bytes
) -> float:
    """Return the milliseconds from the bytes of an upload to the answer."""
    begun = time.perf_counter()
    with Image.open(io.BytesIO(upload)) as photo:
        pixels = preprocessing.resize(photo)
    logits = run_graph(session, preprocessing.normalize(pixels[None]))
    answer_car(logits, vocabularies, rules)
    return (time.perf_counter() - begun) * 1000


def _print_table(accuracies: dict[str, float]) -> None:
    print(f"{'':<28}" + "".join(f"{head:>11}" for head in HEADS))
    for name, row in (("this project", accuracies), ("plain ResNet-18, 112 x 84", REFERENCE)):
        print(f"{name:<28}" + "".join(f"{row[head]:>11.4f}" if head in row else f"{'':>11}" for head in HEADS))


def _line(figures: dict, name: str) -> str:
    return ", ".join(f"{head} {row[name]:.4f}" for head, row in figures["heads"].items())
