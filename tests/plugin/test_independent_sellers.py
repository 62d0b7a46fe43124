"""What an account repeats against others is not learned."""

import pytest

from ad_autocategorize.categories.independent_sellers import LEAST_ADS_OF_OTHERS, contested_words

BIKES, SOFAS = 1, 2
PHRASE = ("bicicleta", "rodado", "29")
# What others file among the sofas.
OTHERS = [((f"sillon{number}",), SOFAS, f"seller {number}") for number in range(LEAST_ADS_OF_OTHERS)]


def contested(*ads):
    """The contested words of each of the ads, where others have sofas and a bicycle of their own."""
    titles, categories, sellers = zip(*ads, *OTHERS, strict=True)
    return [set(words) for words in contested_words(titles, categories, sellers)][: len(ads)]


ANA = (PHRASE, BIKES, "ana")


@pytest.mark.parametrize("count", [2, 10, 49])
def test_what_one_account_files_elsewhere_than_others_is_not_learned(count):
    assert contested(ANA, *[(PHRASE, SOFAS, "mal")] * count) == [set(), *[set(PHRASE)] * count]


def test_further_words_in_each_ad_change_nothing_and_are_learned():
    ads = [(("azul", *PHRASE, f"word{number}"), SOFAS, "mal") for number in range(20)]
    found = contested(ANA, *ads, (("azul",), SOFAS, "eva"))
    assert found[1:-1] == [set(PHRASE)] * 20


def test_two_words_that_others_use_there_apart_are_contested_together():
    apart = [(("rodado",), SOFAS, "eva"), (("29",), SOFAS, "leo")]
    assert contested(ANA, *apart, *[(("rodado", "29"), SOFAS, "mal")] * 3)[3:] == [{"rodado", "29"}] * 3


def test_what_another_seller_confirms_is_learned():
    assert contested(ANA, (PHRASE, SOFAS, "eva"), *[(PHRASE, SOFAS, "mal")] * 5) == [set()] * 7


def test_one_ad_is_no_repetition():
    assert contested(ANA, (PHRASE, SOFAS, "mal")) == [set()] * 2


def test_an_account_that_nobody_contradicts_is_believed():
    assert contested(ANA, *[(("zafiro", "azul"), SOFAS, "tienda")] * 9) == [set()] * 10


def test_a_shop_that_has_a_category_to_itself_is_believed():
    few = [(("mesa",), SOFAS, "tienda")] * 9 + OTHERS[1:]
    titles, categories, sellers = zip(*few, (("mesa",), BIKES, "ana"), strict=True)
    assert set(contested_words(titles, categories, sellers)) == {frozenset()}


def test_sellers_that_are_not_known_are_several():
    assert contested(ANA, *[(PHRASE, SOFAS, "")] * 5) == [set()] * 6
    assert contested((PHRASE, BIKES, ""), *[(PHRASE, SOFAS, "mal")] * 2)[1:] == [set(PHRASE)] * 2
