"""One account is one witness, and whoever decides is told so."""

import numpy as np
import pytest

from ad_autocategorize.moderation.labels.presentation import present
from ad_autocategorize.moderation.search.witnesses import one_witness_each
from ad_autocategorize.titles.label_errors.near_identical import Neighbors
from marketplace.models import Ad
from taxonomy.tree import CategoryTree

BIKES, SOFAS = 1, 2
REVIEW = "/admin/ad_autocategorize/labelissue/review/"


def witnesses(sellers, categories, others):
    """The rows of the others' ads that count, and the rest, for an ad whose neighbours are all rows in order."""
    rows = np.arange(len(sellers))
    [near] = one_witness_each([Neighbors(rows, rows / 10.0, others)], sellers, categories)
    assert (near.similarities * 10).tolist() == near.rows.tolist()
    return near.rows[: near.others].tolist(), near.rows[near.others :].tolist()


def test_further_copies_of_an_account_count_no_more():
    assert witnesses(["mal", "mal", "ana", "mal"], [SOFAS] * 4, 4) == ([0, 2], [1, 3])


def test_what_an_account_files_elsewhere_is_another_word():
    assert witnesses(["mal", "mal", "mal"], [SOFAS, BIKES, SOFAS], 3) == ([0, 1], [2])


def test_sellers_that_are_not_known_are_several():
    assert witnesses(["", "", "own"], [SOFAS] * 3, 2) == ([0, 1], [2])


@pytest.mark.django_db
def test_the_moderator_is_told_that_doubt_rests_on_one_account(sofa_issue, page, django_user_model):
    ad = Ad.objects.get(pk=sofa_issue.ad_id)
    elsewhere = CategoryTree.load().find(["Hogar", "Muebles", "Sillones"])
    accounts = [django_user_model.objects.create_user(name) for name in ("mal", "eva2")]

    def copy(seller):
        copied = Ad.objects.create(title=ad.title, category_id=elsewhere, seller=seller, status=Ad.Status.PUBLISHED)
        sofa_issue.neighbors = [*sofa_issue.neighbors, str(copied.pk)]
        sofa_issue.save()

    def told():
        tree = CategoryTree.load()
        html = page.get(REVIEW, {"q": sofa_issue.ad_id}, headers={"accept-language": "en"}).content.decode()
        return present(sofa_issue, tree, tree).single_witness, "are all of one account: mal" in html

    sofa_issue.neighbors = []
    copy(accounts[0])
    copy(accounts[0])
    assert told() == ("mal", True)
    copy(accounts[1])
    assert told() == ("", False)
