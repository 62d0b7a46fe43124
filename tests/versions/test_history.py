"""Which version served when, the way back, and what pruning leaves."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils import timezone

from ad_autocategorize import registry
from ad_autocategorize.models import ModelActivation, ModelVersion, Origin, Reason
from ad_autocategorize.models.decisions import ImmutableRecordError
from ad_autocategorize.versions.history import NoWayBack, put_into_service, roll_back, served_before
from ad_autocategorize.versions.pruning import prune

pytestmark = [pytest.mark.django_db, pytest.mark.database]
SLOT = {"kind": "titles", "source": "", "language": ""}


def make(name, **fields):
    return ModelVersion.objects.create(**{**SLOT, "name": name, "taxonomy_version": 0, "ad_count": 1, **fields})


@pytest.fixture
def three():
    versions = [make(name) for name in ("one", "two", "three")]
    for version in versions:
        version.activate()
    return versions


def test_the_database_works_the_status_out():
    version, other = make("one"), make("two", is_refused=True)
    assert (version.status, other.status) == ("candidate", "refused")
    version.activate()
    assert version.status == "active"
    other.activate()
    version.refresh_from_db()
    assert (version.status, other.status) == ("retired", "active")
    # One that was refused and served nevertheless has served.
    version.activate()
    other.refresh_from_db()
    assert other.status == "retired"
    assert set(ModelVersion.objects.filter(status="active")) == set(ModelVersion.objects.filter(is_active=True))


def test_one_version_is_active_in_a_slot_and_others_have_their_own(three):
    photos = make("p", kind="photos")
    photos.activate()
    assert ModelVersion.objects.filter(is_active=True).count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(name="one").update(is_active=True)


def test_who_answered_at_a_moment(three):
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    # Written as the database would have it, had it all happened then: the history itself refuses to be changed.
    for number, row in enumerate(ModelActivation.objects.order_by("pk")):
        super(type(ModelActivation.objects.all()), ModelActivation.objects.filter(pk=row.pk)).update(
            at=start + timedelta(hours=2 * number)
        )
    history = ModelActivation.objects.of(**SLOT)
    asked = [history.serving_at(start + timedelta(hours=hours)) for hours in (-1, 0, 1, 2, 3.9, 100)]
    assert [row and row.name for row in asked] == [None, "one", "one", "two", "two", "three"]


def test_the_history_is_added_to_and_never_changed(three):
    row = ModelActivation.objects.first()
    row.note = "other"
    for change in (
        row.save,
        row.delete,
        ModelActivation.objects.all().delete,
        lambda: ModelActivation.objects.update(note=""),
        lambda: ModelActivation.objects.bulk_update([row], ["note"]),
    ):
        with pytest.raises(ImmutableRecordError):
            change()
    assert set(ModelActivation._meta.default_permissions) == {"view"}


def test_an_activation_tells_who_and_why():
    user = get_user_model().objects.create_user("eva")
    put_into_service(make("one"), origin=Origin.USER, by=user, note="a try")
    row = ModelActivation.objects.get()
    assert (row.name, row.by, row.reason, row.origin, row.note) == ("one", user, "chosen", "user", "a try")
    put_into_service(make("two", is_refused=True))
    assert ModelActivation.objects.first().reason == Reason.FORCED
    # The account goes, and the history stays.
    user.delete()
    row.refresh_from_db()
    assert row.by is None


def test_each_rollback_goes_one_step_further_back(three):
    assert roll_back(SLOT).name == "two"
    assert roll_back(SLOT).name == "one"
    with pytest.raises(NoWayBack):
        roll_back(SLOT)
    assert ModelVersion.objects.get(is_active=True).name == "one"
    # What is promoted afterwards leads back to what served then.
    make("four").activate()
    assert served_before(SLOT).name == "one"
    assert [row.reason for row in ModelActivation.objects.all()[:3]] == ["chosen", "rollback", "rollback"]


def test_a_rollback_passes_over_what_was_pruned(three):
    ModelVersion.objects.get(name="two").delete()
    assert roll_back(SLOT).name == "one"
    assert ModelActivation.objects.filter(name="two").get().version is None


def test_an_empty_site_has_no_way_back():
    with pytest.raises(NoWayBack):
        roll_back(SLOT)


def test_pruning_keeps_the_way_back_from_a_week_of_refused_versions(three, model_dir):
    for number in range(7):
        make(f"refused-{number}", is_refused=True)
    for version in ModelVersion.objects.all():
        (model_dir / version.name).mkdir(parents=True)
    gone = prune(SLOT, keep=2)
    assert sorted(gone) == ["one", *(f"refused-{number}" for number in range(5))]
    left = {"two", "three", "refused-5", "refused-6"}
    assert set(ModelVersion.objects.values_list("name", flat=True)) == left
    assert {entry.name for entry in model_dir.iterdir()} == left
    assert roll_back(SLOT).name == "two"
    # The history still names what is gone.
    assert ModelActivation.objects.filter(name="one", version=None).exists()


def test_pruning_never_takes_the_version_in_service(three):
    for _ in range(2):
        roll_back(SLOT)
    prune(SLOT, keep=1)
    assert ModelVersion.objects.get().name == "one"


@pytest.fixture
def set_back(monkeypatch):
    """Set the clock of versions and history by so many hours."""

    def set_back(hours):
        monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) - timedelta(hours=hours))

    return set_back


def test_a_clock_that_was_set_back_changes_nobody_s_order(three, set_back, model_dir):
    set_back(48)
    make("four").activate()
    make("refused", is_refused=True)
    assert [version.name for version in ModelVersion.objects.all()] == ["refused", "four", "three", "two", "one"]
    assert served_before(SLOT).name == "three"
    assert roll_back(SLOT).name == "three"
    assert roll_back(SLOT).name == "two"
    # What was trained last is no old version, and is not pruned at once.
    assert sorted(prune(SLOT, keep=3)) == ["one"]
    assert sorted(prune(SLOT, keep=1)) == ["four", "three"]
    # The last that began to serve by the time asked about, by the clocks that wrote it.
    assert ModelActivation.objects.of(**SLOT).serving_at(datetime.now(UTC)).name == "two"


def test_what_served_last_is_fallen_back_to_whatever_the_clock_said(three, set_back):
    set_back(48)
    make("four").activate()
    set_back(96)
    make("five").activate()
    # None has files: those that are tried are named in the order of their service.
    tried = [name for name, _ in registry.Registry(ModelVersion.Kind.TITLES, lambda place, version: None)._versions()]
    assert tried == ["five", "four", "three", "two", "one"]
