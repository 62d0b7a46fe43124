"""Trainings of a site whose ads have photos, and what they leave."""

import io

from django.core.management import call_command

from ad_autocategorize import registry
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.models import ModelVersion


def retrain(*options):
    out, err = io.StringIO(), io.StringIO()
    call_command("retrain_classifiers", *options, stdout=out, stderr=err)
    registry.forget()
    return out.getvalue()


def metrics():
    return ModelVersion.objects.get(is_active=True).metrics.get(PART_KEY)
