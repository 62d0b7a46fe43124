"""How much one account's repetition counts."""

import pytest

from ad_autocategorize.categories.independent_sellers import CONTESTED_TOTAL, independence

BIKES, SOFAS = 1, 2
PHRASE = ["bicicleta", "rodado", "29"]


def weigh(*ads):
    titles, categories, sellers = zip(*ads, strict=True)
    return independence(titles, categories, sellers)


@pytest.mark.parametrize("count", [2, 10, 49])
def test_what_one_account_files_elsewhere_than_others_weighs_less_than_one_ad(count):
    weights = weigh((PHRASE, BIKES, "ana"), *[(PHRASE, SOFAS, "mal")] * count)
    assert weights[0] == 1.0
    assert sum(weights[1:]) == pytest.approx(CONTESTED_TOTAL)


def test_a_further_word_in_each_ad_changes_nothing():
    ads = [([*PHRASE, f"word{number}"], SOFAS, "mal") for number in range(20)]
    assert sum(weigh((PHRASE, BIKES, "ana"), *ads)[1:]) == pytest.approx(CONTESTED_TOTAL)


def test_what_others_confirm_counts_in_full():
    weights = weigh((PHRASE, BIKES, "ana"), (PHRASE, SOFAS, "eva"), *[(PHRASE, SOFAS, "mal")] * 5)
    assert weights == [1.0] * 7


def test_an_account_that_nobody_contradicts_is_believed():
    assert weigh((["mesa"], BIKES, "ana"), *[(["zafiro", "azul"], SOFAS, "tienda")] * 9) == [1.0] * 10


def test_a_shop_of_many_different_things_loses_nothing():
    ads = [([f"title{number}", f"author{number}"], SOFAS, "books") for number in range(50)]
    assert weigh(*ads, (PHRASE, BIKES, "ana")) == [1.0] * 51


def test_sellers_that_are_not_known_are_believed():
    assert weigh((PHRASE, BIKES, "ana"), *[(PHRASE, SOFAS, "")] * 5) == [1.0] * 6


def test_one_pair_of_words_that_others_have_too_is_chance():
    ads = [([f"sofa{number}", "modelo", "3"], SOFAS, "tienda") for number in range(9)]
    assert weigh((["bicicleta", "modelo", "3"], BIKES, "ana"), *ads) == [1.0] * 10
