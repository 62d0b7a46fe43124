"""The ads an evaluation is made on: reading, splitting, near-identical titles, label noise, nodes."""

import csv
import io
import itertools
import math
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ad_autocategorize.titles.evaluation.corpus import Corpus, CorpusError, as_datetime, read_csv
from ad_autocategorize.titles.evaluation.duplicates import find_twins
from ad_autocategorize.titles.evaluation.label_noise import agreement_of, measure_noise
from ad_autocategorize.titles.evaluation.nodes import explain_nodes
from ad_autocategorize.titles.evaluation.splits import split_at_random, split_by_date, split_by_group
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.near_identity import SIMILARITY
from tests.titles.data import labelled_titles

ROWS = """title,category_path,date
Sofá cama,Hogar > Muebles,2024-03-01 10:00:00
"Mesa, 4 sillas",Hogar > Muebles > Mesas,2024-03-02
,Hogar,2024-03-03
Moto, ,2024-03-04
Auto,Vehículos,not a date
"""


def read(text, longest=500, **options):
    return read_csv(text, "ads.csv", longest=longest, **options)


def test_a_csv_file_is_read_and_what_is_left_out_is_counted():
    corpus = read(ROWS)
    assert list(corpus.titles) == ["Sofá cama", "Mesa, 4 sillas", "Auto"]
    assert [corpus.text(path) for path in corpus.paths] == ["Hogar > Muebles", "Hogar > Muebles > Mesas", "Vehículos"]
    assert corpus.paths[1][:2] == corpus.paths[0]
    assert corpus.dates == [datetime(2024, 3, 1, 10), datetime(2024, 3, 2), None]
    assert corpus.dropped == {"no title": 1, "no category": 1}
    assert corpus.unread_dates == corpus.take([0]).unread_dates == 1


def test_a_csv_file_can_be_cut_by_number_and_by_day():
    assert len(read(ROWS, limit=1)) == 1
    later = read(ROWS, since=date(2024, 3, 2))
    assert list(later.titles) == ["Mesa, 4 sillas"]
    assert later.dropped == {"older than asked for": 1, "no date": 1, "no title": 1, "no category": 1}


@pytest.mark.parametrize(
    ("content", "since", "message"),
    [
        ("name,category_path\na,b\n", None, "'title'; it has name, category_path"),
        ("title,category\na,b\n", None, "'category_path'"),
        ("", None, "it has none"),
        ("title,category_path\na,b\n", date(2024, 1, 1), "'date'"),
        ('title,category_path\na,b\n"a" 24",b\n', None, "at line 3"),
        ('title,category_path\n"a,b\nc,d\n', None, "at line 2"),
    ],
)
def test_a_wrong_file_is_named(content, since, message):
    with pytest.raises(CorpusError, match=message):
        read(content, since=since)


def test_titles_without_a_word_are_counted_as_dropped():
    corpus = Corpus(["sofá", "!!"], [(1,), (1,)], [None, None], {1: "Hogar"}, {"no title": 2})
    kept = corpus.with_words(TitleSettings())
    assert kept.titles == ["sofá"]
    assert kept.dropped == {"no title": 2, "nothing left of the title": 1}


def test_dates_of_all_kinds_become_comparable():
    buenos_aires = timezone(timedelta(hours=-3))
    assert as_datetime(datetime(2024, 1, 1, 22, tzinfo=buenos_aires)) == datetime(2024, 1, 2, 1)
    assert as_datetime(datetime(2024, 1, 1, tzinfo=UTC)) == as_datetime(date(2024, 1, 1)) == datetime(2024, 1, 1)
    assert as_datetime("2024") is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00"])
def test_a_date_at_the_end_of_the_calendar_is_none(text):
    assert read(f"title,category_path,date\nsofá,Hogar,{text}\n").dates == [None]


def test_the_signs_of_any_title_are_kept():
    titles = ["a\0b", "dos\nlíneas", "漢字 \U0001f697", "palabra " * 1250 + "fin"]
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([["title", "category_path"], *([title, "Hogar"] for title in titles)])
    assert read(stream.getvalue(), longest=20_000).titles == titles


def test_titles_are_cut_as_the_marketplaces_are_and_long_columns_do_not_matter():
    text = f"title,category_path,description\n{'mesa ' * 40_000},Hogar,{'roble ' * 40_000}\n"
    limit = csv.field_size_limit()
    assert read(text, longest=9).titles == ["mesa mesa"]
    assert csv.field_size_limit() == limit


def slow_twins(titles):
    """Compare every title with every other."""
    normalize = Normalizer(TitleSettings())
    words = [set(normalize(title)) for title in titles]
    ads = Counter(word for each in words for word in each)
    squares = {word: (math.log((1 + len(titles)) / (1 + ads[word])) + 1) ** 2 for word in ads}
    pairs = set()
    for i, j in itertools.combinations(range(len(titles)), 2):
        shared, first, second = (sum(squares[w] for w in part) for part in (words[i] & words[j], words[i], words[j]))
        same = titles[i] == titles[j] or (words[i] and words[i] == words[j])
        if same or shared > (SIMILARITY - 1e-6) * math.sqrt(first * second):
            pairs.add((i, j))
    return pairs


def found_twins(titles):
    twins = find_twins(titles)
    near = twins.near.toarray()
    return {
        (i, j) for i, j in itertools.combinations(range(len(titles)), 2) if near[twins.wording[i], twins.wording[j]]
    }


def test_twins_are_those_that_comparing_all_pairs_finds():
    rng = random.Random(3)
    vocabulary = ["aceite", "girasol", "oliva", "natura", "botella", "900", "1500", "ml", "x", "pack", "premium", "sin"]
    titles = [" ".join(rng.choices(vocabulary, k=rng.randint(1, 7))) for _ in range(250)]
    pairs = found_twins(titles)
    assert pairs == slow_twins(titles)
    assert 0 < len(pairs) < 2000


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abc dé1!", max_size=12), min_size=1, max_size=25))
def test_twins_of_any_titles(titles):
    assert found_twins(titles) == slow_twins(titles)


def test_twins_are_the_same_words_in_any_order_accent_and_case():
    twins = find_twins(["Sofá cama 2 cuerpos", "cama SOFA, 2 cuerpos!", "mesa ratona de vidrio", "moto"])
    assert twins.groups[0] == twins.groups[1]
    assert len(set(twins.groups)) == 3
    assert twins.counts.tolist() == [1, 1, 0, 0]


def test_a_random_split_takes_a_third_of_every_category():
    paths = [(1,)] * 90 + [(2,)] * 9 + [(3,)] * 2
    split = split_at_random(paths, 0)
    assert sorted([*split.test, *split.train]) == list(range(101))
    assert sum(paths[i] == (1,) for i in split.test) == 30
    assert sum(paths[i] == (2,) for i in split.test) == 3
    assert sum(paths[i] == (3,) for i in split.test) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_on_one_side_and_every_tested_category_was_learned(seed):
    rng = random.Random(seed)
    groups = np.array([rng.randrange(120) for _ in range(400)])
    paths = [(group % 7,) if rng.random() < 0.9 else (rng.randrange(12),) for group in groups]
    split = split_by_group(paths, groups, seed)
    assert sorted([*split.test, *split.train]) == list(range(400))
    assert not set(groups[split.test]) & set(groups[split.train])
    assert {paths[i] for i in split.test} <= {paths[i] for i in split.train}
    assert 80 < len(split.test) < 180


def test_a_split_by_date_puts_the_newest_fifth_aside_and_keeps_a_moment_together():
    days = [datetime(2024, 1, 1 + n // 10) for n in range(100)]
    random.Random(0).shuffle(days)
    split = split_by_date([*days, None])
    assert split.cutoff == datetime(2024, 1, 9)
    assert {days[i] for i in split.test} == {datetime(2024, 1, 9), datetime(2024, 1, 10)}
    assert sorted([*split.test, *split.train]) == list(range(100))


@pytest.mark.parametrize("dates", [[], [None, None], [datetime(2024, 1, 1)] * 5])
def test_without_two_moments_there_is_no_split_by_date(dates):
    assert split_by_date(dates) is None


def test_label_noise_lies_between_the_agreement_and_its_root():
    titles = ["aceite de oliva"] * 4 + ["mesa ratona", "mesa ratona"] + ["moto"]
    paths = [(1,), (1,), (1,), (1, 2), (3,), (3,), (4,)]
    noise = measure_noise(titles, paths, find_twins(titles))
    # Of the four, three agree with two others of three and one with none; the two tables agree.
    expected = (3 * 2 / 3 + 0 + 2) / 6
    assert noise.twinned == 6
    assert noise.agreement == pytest.approx(expected)
    assert noise.ceiling == pytest.approx(expected**0.5)
    assert noise.levels == pytest.approx([1.0, expected])
    assert [(c.first, c.second) for c in noise.conflicts] == [((1,), (1, 2))]
    assert noise.conflicts[0].ads == pytest.approx(2)


def test_a_known_rate_of_wrong_labels_is_found_again():
    rng = random.Random(0)
    titles = [f"producto numero {'abcdefgh'[n % 8] * 9}" for n in range(4000)]
    paths = [(n % 8 if rng.random() > 0.1 else 100 + n % 8,) for n in range(4000)]
    twins = find_twins(titles)
    noise = measure_noise(titles, paths, twins)
    assert noise.agreement < 0.9 < noise.ceiling
    assert noise.agreement == pytest.approx(0.9**2 + 0.1**2, abs=0.02)
    assert agreement_of(paths, twins, np.arange(4000)) == pytest.approx(noise.agreement)


def test_an_example_of_a_conflict_shows_one_title_of_each_category():
    titles = ["harina de trigo integral 1 kg", "Harina integral de trigo 1 kg", "moto honda"]
    noise = measure_noise(titles, [(1,), (2,), (3,)], find_twins(titles))
    assert noise.conflicts[0].titles == (titles[0], titles[1])
    assert noise.agreement == 0


def test_without_twins_there_is_no_ceiling():
    noise = measure_noise(["moto", "mesa"], [(1,), (2,)], find_twins(["moto", "mesa"]))
    assert (noise.twinned, noise.agreement, noise.ceiling, noise.conflicts) == (0, None, None, [])


def test_nodes_without_a_classifier_are_explained():
    paths = [(1, 2)] * 9 + [(1, 3)] * 9 + [(4, 5)] * 6 + [(6, 7), (6, 8)]
    taxonomy = [*set(paths), (1,), (1, 9), (4,), (6,), (10,), (10, 11), (12,)]
    report = explain_nodes(paths, taxonomy, TitleSettings(min_ads_per_node=5))
    assert report.with_classifier == 2
    assert {(node.path, node.reason, node.ads) for node in report.without} == {
        ((4,), "one_outcome", 6),
        ((6,), "few_ads", 2),
        ((10,), "no_ads", 0),
    }
    assert report.empty_categories == 3
    assert explain_nodes(*labelled_titles()[1:], [], TitleSettings()).empty_categories == 0
