"""The demo site with Celery, as a worker of a test starts it: the broker is at ``BROKER_URL``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

app = Celery("celery_site", broker=os.environ["BROKER_URL"])
app.conf.update(
    imports=["ad_autocategorize.tasks.celery"],
    # A worker that was killed whole has its job delivered again after this many seconds; real sites wait for hours.
    broker_transport_options={"visibility_timeout": 15},
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
)
app.set_default()
