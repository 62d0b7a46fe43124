import io

import pytest
from django.core.management import call_command

from ad_autocategorize.models import ModelVersion
from tests.versions.site import make_site

# Nothing is left for training to choose, so that it takes a second.
CHOSEN = {
    "features": "words",
    "regularization": 1.0,
    "flat_regularization": 1.0,
    "naive_bayes_weight": 0.0,
    "flat_svc_weight": 0.0,
}


@pytest.fixture
def site(db, settings):
    settings.AD_AUTOCATEGORIZE = {**settings.AD_AUTOCATEGORIZE, "TITLES": CHOSEN}
    return make_site()


@pytest.fixture
def champion(site):
    """The version in service of a site with 600 ads."""
    call_command("retrain_classifiers", stdout=io.StringIO())
    return ModelVersion.objects.get()
