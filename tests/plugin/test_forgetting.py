"""What is left of a user whose account is deleted, and of one who asked to be forgotten."""

import io

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone

from ad_autocategorize.categories.private_words import sole_words, without_contacts
from ad_autocategorize.models import CarIssue, LabelIssue, ModelVersion, ReviewDecision, SuggestionEvent
from ad_autocategorize.moderation.forgetting import FORGOTTEN, forget, user_forgotten
from ad_autocategorize.titles.scorer import TitleScorer
from marketplace.models import Ad

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def seller(trained, django_user_model):
    user = django_user_model.objects.create_user("eulalia")
    ad = Ad.objects.create(
        title="Sillón, llamar a Eulalia 11 4567-8901",
        category=Ad.objects.first().category,
        seller=user,
        status="published",
    )
    LabelIssue.objects.create(
        ad_id=str(ad.pk), given=ad.category, suggested=ad.category, branch=ad.category, level=1, priority=1,
        given_probability=0.1, suggested_probability=0.9, seller="eulalia", model="m", found_at=timezone.now(), fingerprint="f",
    )  # fmt: skip
    CarIssue.objects.create(
        ad_id=str(ad.pk), field="year", evidence="catalog", stated="2050", expected="2001", seller="eulalia",
        found_at=timezone.now(),
    )  # fmt: skip
    decision = {"ad_id": "1", "from_path": "A", "to_path": "B", "suggested_path": "B", "model": "m", "action": "kept"}
    ReviewDecision.objects.create(**decision, moderator=user, moderator_name="eulalia")
    SuggestionEvent.objects.create(model_version="m", ad_id=str(ad.pk), outcome="accepted", from_form=True)
    admin = django_user_model.objects.create_superuser("jefa")
    kind = ContentType.objects.get_for_model(Ad)
    LogEntry.objects.create(
        user=admin, content_type=kind, object_id=str(ad.pk), object_repr=ad.title, action_flag=CHANGE
    )
    return user


def left_of(name):
    """Return whether any text column of the plugin's tables or of the admin's log holds a name or its telephone number."""
    rows = [*LabelIssue.objects.values_list(), *CarIssue.objects.values_list(), *SuggestionEvent.objects.values_list()]
    rows += [*ReviewDecision.objects.values_list(), *LogEntry.objects.values_list()]
    return any(name in str(value) or "4567-8901" in str(value) for row in rows for value in row)


def test_deleting_the_account_takes_along_what_is_held_of_it(seller):
    assert left_of("eulalia")
    told = []

    def listen(sender, name, ad_ids, **kwargs):
        told.append((name, len(ad_ids)))

    user_forgotten.connect(listen)
    try:
        seller.delete()
    finally:
        user_forgotten.disconnect(listen)
    assert told == [("eulalia", 1)]
    assert not left_of("eulalia")
    # That somebody decided, and when, stays.
    assert ReviewDecision.objects.get().moderator_name == FORGOTTEN
    assert SuggestionEvent.objects.count() == 1


def test_what_is_held_of_others_stays(seller, django_user_model):
    others = LabelIssue.objects.get()
    others.pk, others.ad_id, others.seller = None, "999", "ana"
    others.save()
    forget(seller)
    assert LabelIssue.objects.get().seller == "ana"
    assert Ad.objects.filter(seller=seller).exists()


def test_the_command_takes_retired_models_along(seller, model_dir):
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    assert ModelVersion.objects.filter(kind="titles").count() == 2
    out = io.StringIO()
    call_command("forget_user", "eulalia", stdout=out)
    active = ModelVersion.objects.get(kind="titles")
    assert active.is_active
    assert {path.name for path in model_dir.iterdir() if path.is_dir()} == {active.name}
    assert "retrain_classifiers" in out.getvalue()
    assert not left_of("eulalia")
    with pytest.raises(CommandError, match="no user"):
        call_command("forget_user", "nobody")


def test_a_model_s_files_hold_no_contacts_and_nobody_s_own_words(marketplace_tree, django_user_model, model_dir):
    category = Ad.objects.first().category
    sellers = [django_user_model.objects.create_user(name) for name in ("eva", "leo", "sol")]
    for number, user in enumerate(sellers * 4):
        own = "eulalia@example.com 11-4567-8901 zapatillas" if user == sellers[0] else "banqueta"
        Ad.objects.create(title=f"{own} {number}", category=category, seller=user, status="published")
    # What stands in a single ad is learned, and not listed.
    Ad.objects.create(title="banqueta oxymel", category=category, seller=sellers[1], status="published")
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    folder = model_dir / ModelVersion.objects.get().name
    words = set(TitleScorer.load(folder)._vocabulary.entries.words)
    assert "banqueta" in words
    assert not words & {"eulalia", "example", "zapatillas", "4567", "8901", "oxymel"}
    for file in folder.rglob("*.safetensors"):
        assert b"eulalia" not in file.read_bytes() and b"oxymel" not in file.read_bytes()


@pytest.mark.parametrize(
    ("title", "left"),
    [
        ("Sillon llamar 11 4567-8901", "Sillon llamar"),
        ("Sillon +54 9 11 4567 8901 urgente", "Sillon urgente"),
        ("Mesa (011) 4567-8901", "Mesa"),
        ("Mesa 45678901", "Mesa"),
        ("mail a ana.perez@correo.com.ar hoy", "mail a hoy"),
        ("Bicicleta rodado 29 21 cambios", "Bicicleta rodado 29 21 cambios"),
        ("Fiat Uno 1.4 2012", "Fiat Uno 1.4 2012"),
        ("Neumaticos 205/55 R16", "Neumaticos 205/55 R16"),
        ("iPhone 13 128 gb", "iPhone 13 128 gb"),
    ],
)
def test_contacts_are_taken_out_and_measures_are_not(title, left):
    assert without_contacts(title).split() == left.split()


def test_words_of_one_seller_are_known_where_sellers_are():
    titles = [["mesa", "zafiro"], ["mesa"], ["mesa", "roble"], ["roble"]]
    assert sole_words(titles, [1] * 4, ["a", "b", "c", "a"]) == {"zafiro"}
    assert sole_words(titles, [1] * 4, ["", "", "", ""]) == set()
    assert sole_words(titles, [1] * 4, ["a", "a", "a", "a"]) == set()


def test_a_shop_that_has_a_category_to_itself_keeps_what_it_says_there_again_and_again():
    stars = [["telescopio", "chico"], ["telescopio", "grande"], ["telescopio", "eulalia"]]
    titles = [*stars, ["mesa"], ["mesa", "roble"], ["lente"]]
    categories, sellers = ["stars"] * 3 + ["home"] * 2 + ["stars"], ["shop"] * 3 + ["b", "c", "d"]
    # Nobody else could say what a telescope is; a name in one title says nothing of the category.
    assert sole_words(titles, categories, sellers) == {"chico", "grande", "eulalia", "roble", "lente"}
    # One among others who sell there keeps nothing of his own.
    among = [["zafiro"], ["zafiro"], ["mesa"], ["mesa"], ["silla"], ["silla"]]
    assert sole_words(among, ["home"] * 6, ["a", "a", "b", "c", "d", "e"]) == {"zafiro"}


def test_rows_of_other_tables_are_deleted_without_being_loaded(db, django_assert_num_queries):
    for number in range(3):
        Session.objects.create(session_key=str(number), expire_date=timezone.now())
    # One that listened to the deletion of everything would have all of them loaded first.
    with django_assert_num_queries(1):
        Session.objects.all().delete()
