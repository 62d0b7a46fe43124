"""``manage.py keep_demo_network``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.management.base import ExtraCommand
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import whole_folder
from marketplace.demo.network import FOLDER, keep_network


class Command(ExtraCommand):
    help = "Write the photo network in service to the repository, small, as the one that demos start with."

    def handle(self, *args: Any, **options: Any) -> None:
        version = ModelVersion.objects.filter(kind=ModelVersion.Kind.PHOTOS, is_active=True).first()
        if version is None:
            raise CommandError("No photo network is in service: run retrain_cnn.")
        try:
            size = keep_network(whole_folder(version.name))
        except (ArtifactError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(self.style.SUCCESS(f"{FOLDER}: {version.name}, {size / 1e6:.1f} MB."))
