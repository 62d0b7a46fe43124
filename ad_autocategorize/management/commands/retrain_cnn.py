"""``manage.py retrain_cnn``"""

from __future__ import annotations

import sys
from argparse import BooleanOptionalAction
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from ad_autocategorize.management.arguments import positive, seed
from ad_autocategorize.management.training import TrainingCommand
from ad_autocategorize.model_storage import StorageError
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.photos.settings import AUGMENTATIONS
from ad_autocategorize.sources import SourceError
from ad_autocategorize.sources.registered import car_source
from ad_autocategorize.versions import Training, TrainingBusy

if TYPE_CHECKING:
    from ad_autocategorize.cars.retraining import PhotoTrainingRequest, PhotoTrainingResult
    from ad_autocategorize.photos.training.training import Epoch

INTERRUPTED = 130
MOST_NAMED = 10
SETTINGS = ("backbone", "freeze_backbone", "height", "width", "epochs", "batch_size", "augmentation", "seed")


class Command(TrainingCommand):
    kind = ModelVersion.Kind.PHOTOS
    help = (
        "Train the car photo network on the published ads and imported sets, and put it into service unless it is worse than the "
        "one that serves. Run it once there are some thousand photos, and again when brands or models are new; test it with "
        "evaluate_cnn."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--limit", type=positive, help="Learn from the photos of at most this many ads.")
        parser.add_argument("--resume", action="store_true", help="Go on where an interrupted training stopped.")
        parser.add_argument("--device", default="cpu", help="cpu (default), cuda or mps.")
        parser.add_argument("--threads", type=positive, help="Cores to train on (all).")
        parser.add_argument("--backbone", help="A model of timm, such as resnet50 (that of the version in service).")
        parser.add_argument(
            "--weights", help="Start from: pretrained, none, or a file (from the version in service, if there is one)."
        )
        parser.add_argument(
            "--accept-licence", action="store_true", help="Use weights that are not free for every use."
        )
        parser.add_argument(
            "--freeze-backbone",
            action=BooleanOptionalAction,
            help="Train the branches alone, in seconds; or everything (by the number of photos).",
        )
        for name in ("epochs", "height", "width", "batch-size"):
            parser.add_argument(f"--{name}", type=positive)
        parser.add_argument("--augmentation", choices=AUGMENTATIONS, help="How much training photos are varied.")
        parser.add_argument("--seed", type=seed)

    def handle(self, *args: Any, **options: Any) -> None:
        self.begin_log()
        try:
            result = self._train(options)
        except (SourceError, TrainingBusy, StorageError, LookupError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The model cannot be written: {error}. Check MODEL_DIR.") from error
        except KeyboardInterrupt:
            self.stderr.write(
                "Interrupted; --resume goes on after the last whole epoch. The version in service is unchanged."
            )
            sys.exit(INTERRUPTED)
        if result is not None:
            self._report(result)
            learned = f"photos of {result.version.ad_count} sellers or ads"
            self.refuse(self.finish(result.version, learned, self.training(options)))

    def _train(self, options: dict[str, Any]) -> PhotoTrainingResult | None:
        """Train, in one of several processes where ``torchrun`` has started them; the others return ``None``."""
        self.stderr.write("Reading the photos; each epoch is told of once it is done.", style_func=str)
        self.stderr.flush()
        # Late, so that --help works without the extra.
        import torch

        from ad_autocategorize.cars.retraining import retrain_photos, served_without_weights
        from ad_autocategorize.photos.training.distributed import join_processes, leave_processes, rank_and_size

        if options["threads"]:
            torch.set_num_threads(options["threads"])
        _check_device(options["device"])
        join_processes(options["device"])
        first = rank_and_size()[0] == 0
        if first and options["weights"] is None and (served := served_without_weights()):
            self.say(f"{served} holds no weights to go on from, so that training starts anew.")
        request = _request(options, self.training(options))
        result = retrain_photos(car_source(), request, self._progress if first else lambda epoch: None)
        leave_processes()
        return result

    def _progress(self, epoch: Epoch) -> None:
        heads = " ".join(f"{head} {value:.3f}" for head, value in epoch.accuracies.items())
        left = f"{epoch.remaining_seconds / 60:.1f} min left"
        self.say(f"epoch {epoch.number + 1:>3} {epoch.progress:>4.0%} loss {epoch.loss:.3f}  {heads}  {left}")
        self.stdout.flush()

    def _report(self, result: PhotoTrainingResult) -> None:
        how = "the branches alone" if result.frozen else "the whole network"
        self.say(f"Trained {how}, starting from {_origin(result)}.")
        for line in metric_lines(result.version.metrics):
            self.say(line)
        self.say(f"Largest difference between torch's and ONNX Runtime's logits: {result.export_difference:.1e}.")
        for reason, count in result.skipped.counts.most_common():
            named = ", ".join(result.skipped.examples[reason][:3])
            self.say(f"Left out: {count} photos, {reason} ({named}).")
        for line in never_seen_lines([" ".join(pair) for pair in result.never_seen]):
            self.say(line)


def _request(options: dict[str, Any], training: Training) -> PhotoTrainingRequest:
    from ad_autocategorize.cars.retraining import PhotoTrainingRequest

    return PhotoTrainingRequest(
        limit=options["limit"],
        training=training,
        resume=options["resume"],
        device=options["device"],
        weights=options["weights"],
        accept_licence=options["accept_licence"],
        settings={name: options[name] for name in SETTINGS if options[name] is not None},
    )


def _origin(result: PhotoTrainingResult) -> str:
    """Return the first weights in words, with their licence."""
    origin = result.version.metrics["origin"]
    licence = origin["licence"] or "no licence stated"
    if result.started_from == "none":
        return f"{origin['backbone']} with random weights"
    return f"{origin['backbone']} with the weights of {result.started_from} ({licence})"


def _check_device(name: str) -> None:
    """Raise ``ValueError`` where there is no such device, before hours are spent on decoding photos for it."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device {name} cannot be used: {str(error).splitlines()[0]}") from error


def never_seen_lines(models: list[str]) -> Iterator[str]:
    """Yield a line that says which models of the catalog the network cannot answer, if there are any."""
    if models:
        named = ", ".join(models[:MOST_NAMED]) + (", ..." if len(models) > MOST_NAMED else "")
        yield f"Never seen, so never guessed: {len(models)} models of the catalog ({named})."


def metric_lines(metrics: dict[str, Any]) -> Iterator[str]:
    """Yield the hold-out figures as the lines of a table."""
    from ad_autocategorize.photos.vocabularies import HEADS

    if "heads" not in metrics:
        yield "There were too few photos for a hold-out."
        return
    yield f"Hold-out of {metrics['photos']} photos of {metrics['ads']} ads:"
    yield (
        f"{'':<10} {'accuracy':>9} {'95 %':>15} {'top 3':>7} {'macro F1':>9} {'ECE':>6} {'filled in':>10} {'right':>7} "
        f"{'ads':>6}"
    )
    for head in HEADS:
        if head in metrics["heads"]:
            row = metrics["heads"][head]
            right = "-" if row["filled_in_right"] is None else f"{row['filled_in_right']:.1%}"
            interval = f"{row['low']:.3f} to {row['high']:.3f}"
            yield (
                f"{head:<10} {row['accuracy']:>9.4f} {interval:>15} {row['top3']:>7.4f} {row['macro_f1']:>9.4f} "
                f"{row['expected_calibration_error']:>6.3f} {row['filled_in']:>10.1%} {right:>7} {row['support']:>6}"
            )
    for name, words in (("all_but_color", "Brand, model, body type and year"), ("all_five", "All five fields")):
        if metrics[f"{name}_known"]:
            yield f"{words} right {metrics[f'{name}_right']:.4f} of the {metrics[f'{name}_known']} ads that have them."
    yield (
        f"All known fields right {metrics['all_known_heads_right']:.4f}, impossible pairs {metrics['pair_violations']}, "
        f"cars refused {metrics['cars_refused']:.1%}, ads whose photos disagree {metrics['ads_that_disagree']}."
    )
