"""What ``benchmarks.cars`` prints of a trained network: accuracy, decodings, calibration, refusals, and how it is served."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ad_autocategorize.photos.answers import Rules, answer_car, decode, refusal_scores
from ad_autocategorize.photos.predictor import open_session, run_graph
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.relations import RELATIONS, learn_relations
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.evaluation import evaluate
from ad_autocategorize.photos.training.export import largest_difference, quantize, to_onnx
from ad_autocategorize.photos.training.images import PhotoRecord, read_photo
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.selection import choose_rules, compare_decodings
from ad_autocategorize.photos.training.training import predict_logits
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, Vocabularies

ROUNDS = 60
LATENCY_PHOTOS = 20


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with all that turns a photo into its input and its logits into names."""

    network: CarNetwork
    vocabularies: Vocabularies
    preprocessing: Preprocessing


@dataclass(frozen=True, slots=True)
class Peer:
    """Another network's logits for the held-out photos, and the labels in its own vocabularies."""

    name: str
    logits: dict[str, np.ndarray]
    labels: np.ndarray


def _print_comparison(tested: dict, table: np.ndarray, peer: Peer | None) -> None:
    """Print the accuracy of each head beside the peer's, whose model head is read freely and under the table."""
    rows = {"this project": {head: row["accuracy"] for head, row in tested["heads"].items()}}
    if peer is not None:
        alone = _accuracy_of_heads(peer.logits, peer.labels)
        rows[peer.name] = alone
        for (decoding, weight), pair in compare_decodings(peer.logits, peer.labels, table).items():
            if weight == 1:
                rows[f"  {decoding.replace('_', ' ')}"] = {**alone, **pair}
    print(f"{'':<36}" + "".join(f"{head:>11}" for head in HEADS))
    for name, row in rows.items():
        print(f"{name:<36}" + "".join(f"{row[head]:>11.4f}" for head in HEADS))


def _accuracy_of_heads(logits: dict[str, np.ndarray], labels: np.ndarray) -> dict[str, float]:
    """Return the accuracy of each head alone; pairs of brand and model need not exist."""
    answers = {head: logits[head].argmax(axis=1) for head in HEADS}
    known = {head: labels[:, column] != MISSING for column, head in enumerate(HEADS)}
    return {head: float((answers[head] == labels[:, column])[known[head]].mean()) for column, head in enumerate(HEADS)}


def print_report(
    trained: Trained,
    learned: PhotoSet,
    choosing: PhotoSet,
    held_out: PhotoSet,
    *,
    peer: Peer | None,
    others: Sequence[PhotoRecord],
    uploads: Sequence[Path],
    threads: int,
) -> None:
    """Print everything; the rules are chosen on photos of their own."""
    vocabularies = trained.vocabularies
    table = vocabularies.compatibility()
    rules, figures = choose_rules(
        predict_logits(trained.network, choosing), choosing.labels, table, others_learned=bool(len(others))
    )
    logits = predict_logits(trained.network, held_out)
    labels = held_out.labels[:, : len(HEADS)]
    tested = evaluate(logits, labels, vocabularies, rules)
    _print_comparison(tested, table, peer)
    print(f"Top 3: {_line(tested, 'top3')}. Macro F1: {_line(tested, 'macro_f1')}.")
    five = f"{tested['all_five_right'] or 0:.4f} of the {tested['all_five_known']} that have all five"
    known = f"{tested['all_known_heads_right']:.4f}"
    print(f"All known fields right {known}, {five}; impossible pairs {tested['pair_violations']}.")
    print("Year within " + ", ".join(f"{years}: {share:.4f}" for years, share in tested["year_within"].items()))
    print(f"Chosen: {rules.decoding}, weight {rules.pair_weight:g}. Held out, the decodings give:")
    for (name, weight), row in compare_decodings(logits, labels, table).items():
        print(f"  {name:<16} {weight:>4g} brand {row['brand']:.4f} model {row['model']:.4f}")
    print(f"  {'no table':<28} model {tested['model_accuracy_unmasked']:.4f}")
    for head, row in tested["heads"].items():
        covered = ", ".join(f"{share:.1%} at {float(precision):.0%}" for precision, share in row["coverage"].items())
        method = rules.calibrations[head].method
        filled = f"filled in {row['filled_in']:.1%}, of those right {row['filled_in_right'] or 0:.1%}"
        print(
            f"  {head:<10} calibration error {row['expected_calibration_error']:.3f} ({method}); coverage {covered}; {filled}"
        )
    for head, losses in figures["calibration_log_loss"].items():
        print(
            f"  {head:<10} cross-validated log loss " + ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items())
        )
    print_relations(trained, learned, rules, logits, labels)
    if others:
        print_refusals(trained, rules, logits, others)
    print_serving(trained, rules, choosing, held_out, uploads, threads)


def print_relations(
    trained: Trained, learned: PhotoSet, rules: Rules, logits: dict[str, np.ndarray], labels: np.ndarray
) -> None:
    """Print what soft relations between heads would do, which are off."""
    for name, (_, told) in RELATIONS.items():
        column, row = HEADS.index(told), []
        for weight in (0.0, 0.25, 0.5, 1.0):
            relations = learn_relations(learned.labels, trained.vocabularies.sizes, {name: weight})
            decoded = decode(logits, trained.vocabularies.compatibility(), replace(rules, relations=relations))
            known = labels[:, column] != MISSING
            right = (decoded[told][known].argmax(axis=1) == labels[known, column]).mean()
            row.append(f"{right:.4f} with {weight:g}")
        print(f"  {name:<16} {told} " + ", ".join(row))


def print_refusals(trained: Trained, rules: Rules, cars: dict[str, np.ndarray], others: Sequence[PhotoRecord]) -> None:
    """Print how many cars and other things are refused, by what the refusal looks at; the threshold is that of the rules."""
    pixels = np.stack([trained.preprocessing.resize(read_photo(record.path)) for record in others])
    unlabelled = np.full((len(others), len(HEADS) + 1), MISSING)
    logits = predict_logits(trained.network, PhotoSet(pixels, unlabelled))
    refused = float((refusal_scores(logits, rules.refusal) < rules.refusal_threshold).mean())
    of_cars = float((refusal_scores(cars, rules.refusal) < rules.refusal_threshold).mean())
    print(f"Of {len(others)} pictures of other things {refused:.1%} are refused, of the held-out cars {of_cars:.1%}.")
    for name in ("car", "energy"):
        limit = np.quantile(refusal_scores(cars, name), 0.03)
        share = float((refusal_scores(logits, name) < limit).mean())
        print(f"  by {name}: {share:.1%} of them where 3.0% of these cars are")


def print_serving(
    trained: Trained, rules: Rules, choosing: PhotoSet, held_out: PhotoSet, uploads: Sequence[Path], threads: int
) -> None:
    """Print accuracy, size and latency of the exported graph in float32 and in 8-bit integers."""
    normalize = trained.preprocessing.normalize
    inputs, seen = normalize(held_out.read(slice(None))), normalize(choosing.read(slice(None)))
    graph = to_onnx(trained.network, trained.preprocessing.height, trained.preprocessing.width)
    difference = largest_difference(trained.network, graph, inputs[:64])
    print(f"Largest difference between torch and ONNX Runtime on 64 photos: {difference:.1e}")
    graphs = {"as trained": graph}
    # The quantiser transposes weights in place, and stumbles where a mirroring graph uses them twice.
    trained.network.mirror = False
    plain = to_onnx(trained.network, trained.preprocessing.height, trained.preprocessing.width)
    graphs["no mirror"] = plain
    graphs |= {f"int8 {how}": quantize(plain, how, seen) for how in ("dynamic", "static")}
    files = [path.read_bytes() for path in uploads[:LATENCY_PHOTOS]]
    print(f"{'':<14}" + "".join(f"{head:>11}" for head in HEADS) + f"{'MB':>8}{'p50 ms':>9}{'p95 ms':>9}")
    for name, candidate in graphs.items():
        session = open_session(candidate, threads)
        parts = [run_graph(session, inputs[start : start + 32]) for start in range(0, len(inputs), 32)]
        logits = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        figures = evaluate(logits, held_out.labels[:, : len(HEADS)], trained.vocabularies, rules)
        times = sorted(_one_photo(session, trained, rules, files[turn % len(files)]) for turn in range(ROUNDS))
        accuracies = "".join(f"{figures['heads'][head]['accuracy']:>11.4f}" for head in HEADS)
        print(
            f"{name:<14}{accuracies}{len(candidate) / 1e6:>8.1f}{times[ROUNDS // 2]:>9.1f}{times[int(ROUNDS * 0.95)]:>9.1f}"
        )


def _one_photo(session: object, trained: Trained, rules: Rules, upload: bytes) -> float:
    """Return the milliseconds from the bytes of an upload to the answer."""
    begun = time.perf_counter()
    with Image.open(io.BytesIO(upload)) as photo:
        pixels = trained.preprocessing.resize(photo)
    logits = run_graph(session, trained.preprocessing.normalize(pixels[None]))
    answer_car(logits, trained.vocabularies, rules)
    return (time.perf_counter() - begun) * 1000


def _line(figures: dict, name: str) -> str:
    return ", ".join(f"{head} {row[name]:.4f}" for head, row in figures["heads"].items())
