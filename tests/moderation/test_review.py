"""Decisions: what changes, what is recorded, and what two moderators cannot do to each other."""

import pytest
from django.contrib.admin.models import LogEntry

from ad_autocategorize.models import ImmutableRecordError, LabelIssue, ReviewDecision
from ad_autocategorize.moderation.forgetting import FORGOTTEN
from ad_autocategorize.moderation.labels.presentation import present
from ad_autocategorize.moderation.labels.review import ReviewConflict, Reviewer, accept, choose, keep, undo
from ad_autocategorize.sources import AdSource, SourceError
from marketplace.models import Ad
from taxonomy.models import Category
from taxonomy.tree import CategoryTree
from tests.moderation.conftest import at_once, find_mislabels

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def category_of(issue):
    return Ad.objects.get(pk=issue.ad_id).category_id


def test_a_sofa_among_the_motorbikes_is_found(sofa_issue, marketplace_tree):
    assert marketplace_tree.path_names(sofa_issue.suggested_id) == ("Hogar", "Muebles", "Sillones")
    assert sofa_issue.level == 1
    assert sofa_issue.seller == "ana"
    assert sofa_issue.given_probability < 0.5 < sofa_issue.suggested_probability


def test_accepting_moves_the_ad_and_records_who_when_from_to_and_which_model(sofa_issue, moderators):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    assert category_of(sofa_issue) == sofa_issue.suggested_id
    assert decision.from_path == "Vehículos › Motos"
    assert decision.to_path == "Hogar › Muebles › Sillones"
    assert (decision.moderator, decision.moderator_name) == (moderators[0], "eva")
    assert decision.model == sofa_issue.model
    assert decision.created_at
    entry = LogEntry.objects.get()
    assert entry.object_id == sofa_issue.ad_id
    assert "Sillones" in entry.change_message


def test_keep_is_remembered_until_the_ad_or_the_tree_changes(sofa_issue, moderators, marketplace_tree):
    keep(sofa_issue, Reviewer(moderators[0]))
    find_mislabels()
    sofa_issue.refresh_from_db()
    assert sofa_issue.state == LabelIssue.State.KEPT

    ad = Ad.objects.get(pk=sofa_issue.ad_id)
    ad.title += " nuevo"
    ad.save()
    find_mislabels()
    sofa_issue.refresh_from_db()
    assert sofa_issue.state == LabelIssue.State.OPEN

    keep(sofa_issue, Reviewer(moderators[0]))
    category = ad.category
    category.name = "Motocicletas"
    category.save()
    find_mislabels()
    sofa_issue.refresh_from_db()
    assert sofa_issue.state == LabelIssue.State.OPEN


def test_an_ad_moved_by_a_moderator_is_not_asked_about_again(queue, sofa_issue, moderators, marketplace_tree):
    choose(sofa_issue, marketplace_tree.find(["Vehículos"]), Reviewer(moderators[0]))
    output = find_mislabels()
    sofa_issue.refresh_from_db()
    assert sofa_issue.state == LabelIssue.State.RELABELLED
    assert "Settled by a moderator before: 1" in output


def test_a_further_search_closes_what_is_no_longer_doubted(sofa_issue):
    Ad.objects.filter(pk=sofa_issue.ad_id).update(category=sofa_issue.suggested_id)
    find_mislabels()
    assert not LabelIssue.objects.filter(pk=sofa_issue.pk).exists()


def test_choosing_the_given_or_the_suggested_category_is_what_it_says(queue, sofa_issue, moderators):
    assert choose(sofa_issue, sofa_issue.given_id, Reviewer(moderators[0])).action == "kept"
    undo(ReviewDecision.objects.get(), Reviewer(moderators[0]))
    sofa_issue.refresh_from_db()
    assert choose(sofa_issue, sofa_issue.suggested_id, Reviewer(moderators[0])).action == "accepted"


def test_no_ad_goes_to_a_category_out_of_use(queue, sofa_issue, moderators):
    sofas = Category.objects.get(pk=sofa_issue.suggested_id)
    sofas.is_active = False
    sofas.save()
    shown = present(sofa_issue, CategoryTree.load(include_inactive=True), CategoryTree.load())
    assert sofa_issue.suggested_id not in {choice.category_id for choice in shown.choices}
    with pytest.raises(ReviewConflict, match="fuera de uso"):
        accept(sofa_issue, Reviewer(moderators[0]))
    find_mislabels()
    assert not LabelIssue.objects.filter(suggested_id=sofa_issue.suggested_id).exists()


def test_undo_puts_everything_back_once(sofa_issue, moderators):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    undone = undo(decision, Reviewer(moderators[1]))
    assert category_of(sofa_issue) == sofa_issue.given_id
    sofa_issue.refresh_from_db()
    assert sofa_issue.state == LabelIssue.State.OPEN
    assert undone.undoes == decision
    with pytest.raises(ReviewConflict):
        undo(decision, Reviewer(moderators[0]))
    with pytest.raises(ReviewConflict):
        undo(undone, Reviewer(moderators[0]))


def test_undo_leaves_no_question_that_it_answers(sofa_issue, moderators):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    motorbikes, sofas = decision.from_category_id, decision.to_category_id
    motorbike_title = Ad.objects.filter(category=motorbikes).exclude(pk=sofa_issue.ad_id).first().title
    # A title that speaks of motorbikes, and the next search suggests to file the ad there again.
    Ad.objects.filter(pk=sofa_issue.ad_id).update(title=motorbike_title)
    find_mislabels()
    sofa_issue.refresh_from_db()
    assert (sofa_issue.given_id, sofa_issue.suggested_id, sofa_issue.state) == (sofas, motorbikes, "open")
    undo(decision, Reviewer(moderators[0]))
    assert category_of(sofa_issue) == motorbikes
    sofa_issue.refresh_from_db()
    assert (sofa_issue.given_id, sofa_issue.suggested_id, sofa_issue.state) == (sofas, motorbikes, "relabelled")
    # Nobody has approved of the ad where it is now.
    Ad.objects.filter(pk=sofa_issue.ad_id).update(title="sillon sofa modelo 3")
    find_mislabels()
    sofa_issue.refresh_from_db()
    assert (sofa_issue.given_id, sofa_issue.suggested_id, sofa_issue.state) == (motorbikes, sofas, "open")


def test_a_whole_history_is_undone_at_once(sofa_issue, moderators, admin_client):
    first = accept(sofa_issue, Reviewer(moderators[0]))
    Ad.objects.filter(pk=sofa_issue.ad_id).update(title="moto casco modelo 3")
    find_mislabels()
    second = accept(LabelIssue.objects.get(pk=sofa_issue.pk), Reviewer(moderators[0]))
    trail = "/admin/ad_autocategorize/reviewdecision/"
    data = {"action": "undo_selected", "_selected_action": [first.pk, second.pk], "confirmed": "1"}
    admin_client.post(trail, {**data, "seen": f"{first.pk},{second.pk}"})
    assert ReviewDecision.objects.filter(action="undone").count() == 2
    assert category_of(sofa_issue) == first.from_category_id


def test_undo_leaves_an_ad_that_moved_on(sofa_issue, moderators, marketplace_tree):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    Ad.objects.filter(pk=sofa_issue.ad_id).update(category=marketplace_tree.find(["Hogar", "Cocina"]))
    with pytest.raises(ReviewConflict):
        undo(decision, Reviewer(moderators[0]))
    assert category_of(sofa_issue) == marketplace_tree.find(["Hogar", "Cocina"])


def test_the_second_moderator_is_told(sofa_issue, moderators):
    stale = LabelIssue.objects.get(pk=sofa_issue.pk)
    keep(sofa_issue, Reviewer(moderators[0]))
    with pytest.raises(ReviewConflict, match="eva"):
        accept(stale, Reviewer(moderators[1]))
    assert category_of(sofa_issue) == sofa_issue.given_id
    assert ReviewDecision.objects.count() == LogEntry.objects.count() == 1


def test_an_ad_that_its_seller_moved_or_deleted_is_left_alone(sofa_issue, queue, moderators, marketplace_tree):
    Ad.objects.filter(pk=sofa_issue.ad_id).update(category=marketplace_tree.find(["Hogar", "Cocina"]))
    with pytest.raises(ReviewConflict):
        accept(sofa_issue, Reviewer(moderators[0]))
    Ad.objects.filter(pk=sofa_issue.ad_id).delete()
    with pytest.raises(ReviewConflict):
        keep(LabelIssue.objects.get(pk=sofa_issue.pk), Reviewer(moderators[0]))
    assert not ReviewDecision.objects.exists()


@pytest.mark.parametrize("decide", [accept, keep])
def test_nobody_decides_about_a_title_that_he_has_not_seen(sofa_issue, moderators, decide):
    Ad.objects.filter(pk=sofa_issue.ad_id).update(title="perro caniche")
    with pytest.raises(ReviewConflict, match="cambió desde que se encontró"):
        decide(sofa_issue, Reviewer(moderators[0]))
    sofa_issue.refresh_from_db()
    assert (sofa_issue.state, category_of(sofa_issue)) == (LabelIssue.State.OPEN, sofa_issue.given_id)


def test_a_search_that_finds_another_title_makes_open_pages_stale(sofa_issue, moderators):
    Ad.objects.filter(pk=sofa_issue.ad_id).update(title="sillon sofa modelo 3 grande")
    find_mislabels()
    with pytest.raises(ReviewConflict, match="cambió desde que la abriste"):
        keep(sofa_issue, Reviewer(moderators[0]))


def test_a_category_that_was_renamed_or_moved_alone_keeps_nobody_from_deciding(sofa_issue, moderators):
    category = sofa_issue.given
    category.name, category.parent = "Motocicletas", None
    category.save()
    assert keep(sofa_issue, Reviewer(moderators[0])).from_path == "Motocicletas"


def test_after_undoing_the_question_is_about_the_title_as_it_is(sofa_issue, moderators):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    Ad.objects.filter(pk=sofa_issue.ad_id).update(title="sillon de moto")
    undo(decision, Reviewer(moderators[0]))
    sofa_issue.refresh_from_db()
    keep(sofa_issue, Reviewer(moderators[0]))


def test_a_failure_of_the_host_leaves_no_trace(sofa_issue, moderators, monkeypatch):
    def fail(self, ad, category):
        raise SourceError("no")

    monkeypatch.setattr(AdSource, "relabel", fail)
    with pytest.raises(SourceError):
        accept(sofa_issue, Reviewer(moderators[0]))
    assert LabelIssue.objects.get(pk=sofa_issue.pk).state == LabelIssue.State.OPEN
    assert not ReviewDecision.objects.exists()
    assert not LogEntry.objects.exists()


def test_decisions_are_immutable(sofa_issue, moderators):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    for change in (
        decision.save,
        decision.delete,
        ReviewDecision.objects.all().delete,
        lambda: ReviewDecision.objects.update(moderator_name="x"),
        lambda: ReviewDecision.objects.bulk_update([decision], ["moderator_name"]),
    ):
        with pytest.raises(ImmutableRecordError):
            change()
    moderators[0].delete()
    sofa_issue.delete()
    kept = ReviewDecision.objects.get()
    assert (kept.moderator, kept.issue, kept.moderator_name) == (None, None, FORGOTTEN)


@pytest.mark.django_db(transaction=True)
def test_of_two_moderators_at_the_same_moment_one_decides(sofa_issue, moderators):
    def seen(user, how):
        issue = LabelIssue.objects.get(pk=sofa_issue.pk)
        return lambda: how(issue, Reviewer(user))

    eva, luis = moderators
    results = dict(zip(("eva", "luis"), at_once(lambda: seen(eva, accept), lambda: seen(luis, keep)), strict=True))
    decision = ReviewDecision.objects.get()
    loser = {"eva": "luis", "luis": "eva"}[decision.moderator_name]
    assert isinstance(results[loser], ReviewConflict)
    assert decision.moderator_name in str(results[loser])
    assert category_of(sofa_issue) == decision.to_category_id
    assert LogEntry.objects.count() == 1
