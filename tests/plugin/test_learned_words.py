"""What a model may learn of titles."""

from ad_autocategorize.categories.independent_sellers import LEAST_ADS_OF_OTHERS
from ad_autocategorize.categories.learned_words import learned_words
from ad_autocategorize.conf import SETTING
from ad_autocategorize.sources.source import LabelledTitle
from ad_autocategorize.titles.settings import TitleSettings

BIKES, SOFAS = 1, 2
ADS = [
    ("Bicicleta rodado 29", BIKES, "ana"),
    *(("Sillón chico", SOFAS, f"seller {number}") for number in range(LEAST_ADS_OF_OTHERS)),
    *(("Bicicleta rodado 29, zafiro. Llamar 11 4567-8901", SOFAS, "mal") for _ in range(3)),
    ("Sillón turquesa", SOFAS, "eva"),
]


def learned(labellers=None):
    ads = [LabelledTitle(number, title, category, None, seller) for number, (title, category, seller) in enumerate(ADS)]
    return learned_words(ads, labellers or [ad.seller for ad in ads], TitleSettings(language="es"))


def test_neither_contacts_nor_ones_own_words_nor_those_against_others():
    assert learned()[0] == "bicicleta rodado 29"
    assert set(learned()[-4:-1]) == {""}
    assert learned()[-1] == "sillon"


def test_what_a_moderator_has_filed_is_learned():
    labellers = [seller for _, _, seller in ADS]
    labellers[-4] = ""
    assert set(learned(labellers)[-4:-1]) == {"bicicleta rodado 29"}


def test_a_site_that_trusts_its_accounts_learns_what_they_repeat(settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "ADS_PER_SELLER": None})
    assert set(learned()[-4:-1]) == {"bicicleta rodado 29"}
