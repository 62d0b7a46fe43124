"""From a trained model to one in service, for title models and photo models alike.

An interruption does no harm at any point. Files are written beside their final place and renamed. Then one transaction records
the version and, if it passes the gate, activates it; until it commits, the old version serves. The next training deletes
folders without a record, under the lock that lets only one training run at a time.
"""

from ad_autocategorize.versions.locking import LOCK_NAME, TrainingBusy, lock_on_this_host, training_lock
from ad_autocategorize.versions.pruning import KEPT_VERSIONS, prune
from ad_autocategorize.versions.recording import Training, new_name, record, sweep

__all__ = [
    "KEPT_VERSIONS",
    "LOCK_NAME",
    "Training",
    "TrainingBusy",
    "lock_on_this_host",
    "new_name",
    "prune",
    "record",
    "sweep",
    "training_lock",
]
