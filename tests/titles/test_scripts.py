"""Titles in other scripts: marks stay with their letters, fancy letters are letters, and languages without spaces have tokens."""

import pytest

from ad_autocategorize.titles.normalization import BREAK, Normalizer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train

TITLES = {
    "हिन्दी में साइकिल": ["हिन्दी", "में", "साइकिल"],
    "বাংলা শাড়ি": ["বাংলা", "শাড়ি"],
    "தமிழ் பேருந்து 12": ["தமிழ்", "பேருந்து", "12"],
    "سَيَّارَةٌ جَدِيدَة": ["سيارة", "جديدة"],
    "שָׁלוֹם": ["שלום"],
    "ทีวีสี 32 นิ้ว": ["ทีวี", "วีสี", "32", "นิ้ว"],
    "かﾞールズ": ["がー", "ール", "ルズ"],
    "自転車 iPhone手机壳 15": ["自転", "転車", "iphone", "手机", "机壳", "15"],
    "𝐅𝐀𝐍𝐂𝐘 𝓑𝓘𝓚𝓔 ＡＢＣ": ["fancy", "bike", "abc"],
    "CAMIÓN İstanbul Ёлка": ["camion", "istanbul", "елка"],
    "한국어 자전거": ["한국어", "자전거"],
    "sofá “azul” – ❤️ 2 cuerpos": ["sofa", "azul", "2", "cuerpos"],
    "co\u00adche mesa\u200bratona": ["coche", "mesa", "ratona"],
}


@pytest.mark.parametrize(("title", "tokens"), TITLES.items())
def test_words_keep_what_belongs_to_them(title, tokens):
    assert Normalizer(TitleSettings())(title) == tokens


def test_marks_stay_where_accents_are_kept():
    keep = Normalizer(TitleSettings(strip_accents=False))
    assert keep("سَيَّارَةٌ Camión 𝐀") == ["سَيَّارَةٌ", "camión", "a"]


@pytest.mark.parametrize("changes", [{}, {"strip_accents": False}, {"lowercase": False}])
def test_many_titles_are_read_as_each_alone(changes):
    normalize = Normalizer(TitleSettings(**changes))
    assert normalize.many(list(TITLES)) == [token for title in TITLES for token in (*normalize(title), BREAK)]


def test_decomposed_and_composed_titles_are_one():
    normalize = Normalizer(TitleSettings())
    assert normalize("ガールズ") == normalize("カ\u3099ールス\u3099")
    assert normalize("camión") == normalize("camio\u0301n")


def test_a_language_without_spaces_is_learned():
    bikes = [f"{colour}色自転車{size}" for colour in "赤青白黒" for size in ("大", "小", "中")]
    chairs = [f"{colour}色木製椅子{size}" for colour in "赤青白黒" for size in ("大", "小", "中")]
    scorer = train([*bikes, *chairs], [(1,)] * 12 + [(2,)] * 12, TitleSettings()).scorer
    assert scorer.suggest("中古自転車", 1)[0].category == 1
    assert scorer.suggest("椅子セット", 1)[0].category == 2
