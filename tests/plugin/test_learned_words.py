"""What a model may learn of titles."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ad_autocategorize.categories.independent_sellers import LEAST_ADS_OF_OTHERS
from ad_autocategorize.categories.judging import LearnedTitles
from ad_autocategorize.categories.label_weights import LabelWeights
from ad_autocategorize.categories.learned import filed
from ad_autocategorize.categories.learned_words import learned_words
from ad_autocategorize.categories.private_words import without_contacts
from ad_autocategorize.conf import SETTING
from ad_autocategorize.sources.source import LabelledTitle
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings

BIKES, SOFAS = 1, 2
ADS = [
    ("Bicicleta rodado 29", BIKES, "ana"),
    *(("Sillón chico", SOFAS, f"seller {number}") for number in range(LEAST_ADS_OF_OTHERS)),
    *(("Bicicleta rodado 29, zafiro. Llamar 11 4567-8901", SOFAS, "mal") for _ in range(3)),
    ("Sillón turquesa", SOFAS, "eva"),
]
SETTINGS = TitleSettings(language="es")


def read(*rows):
    return [
        LabelledTitle(number, title, category, None, seller) for number, (title, category, seller) in enumerate(rows)
    ]


def learned(labellers=None, rows=ADS):
    ads = read(*rows)
    return learned_words(ads, labellers or [ad.seller for ad in ads], SETTINGS)


def test_neither_contacts_nor_repeated_words_of_ones_own_nor_those_against_others():
    titles = learned().titles
    assert titles[0] == "bicicleta rodado 29"
    assert set(titles[-4:-1]) == {""}


def test_a_word_that_stands_in_one_ad_is_learned_and_not_listed():
    assert learned().titles[-1] == "sillon turquesa"
    assert learned().unlisted == {"turquesa": frozenset()}
    # Nor is it one that an account repeats: it would settle what the word suggests.
    again = read(*ADS, ("Mesa turquesa", BIKES, "eva"))
    words = learned_words(again, [ad.seller for ad in again], SETTINGS)
    assert (words.titles[-2:], words.unlisted) == (["sillon", "mesa"], {"mesa": frozenset()})


VARIED = [("Zafiros", SOFAS, "mal"), ("Zafiral", SOFAS, "mal"), ("Zafirete", SOFAS, "leo")]


def test_what_an_account_repeats_with_other_endings_is_not_learned():
    ads = read(*ADS, *VARIED)
    words = learned_words(ads, [ad.seller for ad in ads], SETTINGS)
    assert words.titles[-3:] == ["zafiros", "zafiral", "zafirete"]
    repeated = {" za", "zaf", "afi", "fir", " zaf", "zafi", "afir"}
    assert words.unlisted["zafiros"] == words.unlisted["zafiral"] == repeated
    assert words.unlisted["zafirete"] == words.unlisted["turquesa"] == frozenset()


def test_an_ad_counts_as_changed_if_other_ngrams_of_it_are_learned():
    tables = []
    for rows in (VARIED, [VARIED[0], ("Otra", SOFAS, "mal"), VARIED[2]]):
        ads = read(*ADS, *rows)
        words = learned_words(ads, [ad.seller for ad in ads], SETTINGS)
        titles = LearnedTitles.of(range(len(ads)), words.titles, words.titles, [(SOFAS,)] * len(ads), words.unlisted)
        tables.append(filed(titles, LabelWeights([1.0] * len(ads), [""] * len(ads), Counter(), 0)))
    changed = tables[1].missing_in(tables[0])
    assert [place - len(ADS) for place in np.flatnonzero(changed).tolist()] == [0, 1]


def test_an_ad_of_two_categories_is_one_ad():
    *others, (title, category, seller) = ADS
    twice = [*read(*others), *(LabelledTitle(99, title, where, None, seller) for where in (category, BIKES))]
    words = learned_words(twice, [ad.seller for ad in twice], SETTINGS)
    assert (words.titles[-2:], words.unlisted) == (["sillon turquesa"] * 2, {"turquesa": frozenset()})


def test_where_sellers_are_not_known_all_words_are_learned_as_they_are():
    ads = [replace(ad, seller="") for ad in read(*ADS)]
    words = learned_words(ads, [""] * len(ads), SETTINGS)
    normalize = Normalizer(SETTINGS)
    assert words.titles == [" ".join(normalize(without_contacts(ad.title))) for ad in ads]
    assert not words.unlisted
    known = learned_words(ads, [""] * len(ads), SETTINGS, {"bicicleta", "sillon"})
    assert (set(known.titles), known.unlisted) == ({"bicicleta", "sillon"}, {})


@pytest.mark.parametrize("rows", [ADS, [*ADS, *VARIED]])
def test_a_training_that_goes_on_reads_the_same_ads_alike(rows):
    whole = learned(rows=rows)
    ads = read(*rows)
    vocabulary = {word for title in whole.titles for word in title.split()} - whole.unlisted.keys()
    assert learned_words(ads, [ad.seller for ad in ads], SETTINGS, vocabulary) == whole


def test_words_that_a_vocabulary_lacks_are_learned_and_not_listed_if_no_account_alone_repeats_them():
    rows = [*ADS, ("Zafiro", BIKES, "eva"), ("Sillón turquesa", SOFAS, "leo"), *[("Sillón ópalo", SOFAS, "ana")] * 2]
    vocabulary = {"bicicleta", "rodado", "29", "sillon", "chico"}
    words = learned_words(read(*rows), [seller for *_, seller in rows], SETTINGS, vocabulary)
    assert words.unlisted.keys() == {"zafiro", "turquesa"}
    assert words.titles[-4:] == ["zafiro", "sillon turquesa", "sillon", "sillon"]
    # Words of the vocabulary stay, though one account is left to write them.
    words = learned_words(read(*rows), [seller for *_, seller in rows], SETTINGS, vocabulary | {"opalo"})
    assert words.titles[-1] == "sillon opalo"


def test_what_a_moderator_has_filed_is_learned():
    labellers = [seller for _, _, seller in ADS]
    labellers[-4] = ""
    assert set(learned(labellers).titles[-4:-1]) == {"bicicleta rodado 29"}


def test_a_site_that_trusts_its_accounts_learns_what_they_repeat(settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "ADS_PER_SELLER": None})
    assert set(learned().titles[-4:-1]) == {"bicicleta rodado 29"}
