"""The pieces of the comparison: the paired test, the split by keys, the outcomes beside a model, the log."""

import numpy as np
import pytest
from scipy.stats import binomtest

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.statistics.paired import EXACT, PairedShares
from ad_autocategorize.titles.training.splitting import split_by_key
from ad_autocategorize.versions.gate import Evidence, Group, Labels, Pair, judge, judge_first
from ad_autocategorize.versions.log import LONGEST, TrainingLog
from ad_autocategorize.versions.outcomes import OUTCOMES_NAME, Outcomes, shared
from ad_autocategorize.versions.provenance import digest_keys, fingerprint, library_versions


def outcomes_of(*counts):
    """Two arrays with so many ads that both have right, the first alone, the second alone, and neither."""
    kinds = np.repeat(np.arange(4), counts)
    return (kinds == 0) | (kinds == 1), (kinds == 0) | (kinds == 2)


@pytest.mark.parametrize(("first", "second"), [(10, 2), (0, 0), (7, 7), (0, 9), (300, 260)])
def test_the_exact_test_is_that_of_scipy(first, second):
    pair = PairedShares.of(*outcomes_of(500, first, second, 20))
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert pair.p_value == pytest.approx(expected, rel=1e-9)


def test_many_divided_ads_are_tested_by_the_normal_curve():
    pair = PairedShares.of(*outcomes_of(0, EXACT, EXACT - 100, 0))
    assert pair.p_value == pytest.approx(binomtest(EXACT, 2 * EXACT - 100).pvalue, rel=0.1)


def test_shares_and_the_interval_of_their_difference():
    pair = PairedShares.of(*outcomes_of(70, 10, 4, 16))
    assert (pair.ads, pair.first, pair.second, pair.difference) == (100, 0.8, 0.74, pytest.approx(-0.06))
    # (5 - 11) / 102 with 1.96 times the root of (5/102 + 11/102 - (6/102) squared) / 102.
    assert pair.interval().low == pytest.approx(-0.1348, abs=1e-4)
    assert pair.interval().high == pytest.approx(0.0172, abs=1e-4)
    assert pair.interval(among=10).high > pair.interval().high


def test_the_interval_covers_the_difference_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        kinds = rng.choice(4, 60, p=[0.7, 0.12, 0.04, 0.14])
        interval = PairedShares.of((kinds == 0) | (kinds == 1), (kinds == 0) | (kinds == 2)).interval()
        covered += interval.low <= 0.04 - 0.12 <= interval.high
    assert 0.93 < covered / 2000 < 0.98


def paths_and_keys(count):
    return [(1, 2)] * count + [(1, 3)] * (count // 10) + [(4,)], digest_keys(range(count + count // 10 + 1))


def test_a_split_by_keys_takes_the_share_of_each_category_and_leaves_one_to_learn_from():
    paths, keys = paths_and_keys(300)
    aside, rest = split_by_key(paths, keys, 0.33, seed=0)
    assert sorted([*aside, *rest]) == list(range(len(paths)))
    counted = [sum(paths[place] == path for place in aside) for path in ((1, 2), (1, 3), (4,))]
    assert counted[0] in (99, 100)
    assert counted[1] in (9, 10)
    assert counted[2] == 0


def test_an_ad_stays_on_its_side_when_others_come_and_go():
    paths, keys = paths_and_keys(300)
    aside = set(keys[split_by_key(paths, keys, 0.33, seed=0)[0]].tolist())
    kept = np.arange(30, len(paths))
    more = digest_keys(f"new {number}" for number in range(60))
    grown = [paths[place] for place in kept] + [(1, 2)] * 60
    later = np.concatenate([keys[kept], more])
    again = set(later[split_by_key(grown, later, 0.33, seed=0)[0]].tolist())
    still_there = set(keys[kept].tolist())
    # Of ads that are there both times hardly any has changed sides.
    assert len((aside & still_there) ^ (again & still_there)) <= 12
    other = set(keys[split_by_key(paths, keys, 0.33, seed=1)[0]].tolist())
    assert len(aside & other) < 50


def test_the_split_does_not_depend_on_the_order():
    paths, keys = paths_and_keys(100)
    order = np.random.default_rng(0).permutation(len(paths))
    first = split_by_key(paths, keys, 0.33, seed=0)[0]
    second = split_by_key([paths[place] for place in order], keys[order], 0.33, seed=0)[0]
    assert set(keys[first].tolist()) == set(keys[order][second].tolist())


def test_outcomes_are_read_as_they_were_written(tmp_path):
    columns = {"truth": np.array([1, 2, 3]), "answer": np.array([1, 5, 3])}
    written = Outcomes(digest_keys("abc"), columns, np.sort(digest_keys("abcd")), ("1", "2", "brand:Škoda"))
    written.save(tmp_path)
    read = Outcomes.load(tmp_path)
    assert read.keys.tolist() == written.keys.tolist()
    assert read.learned.tolist() == written.learned.tolist()
    assert {name: column.tolist() for name, column in read.columns.items()} == {"truth": [1, 2, 3], "answer": [1, 5, 3]}
    assert read.values == ("1", "2", "brand:Škoda")
    one, other = shared(read.keys, digest_keys("xbc"))
    assert one.size == 2
    assert read.keys[one].tolist() == digest_keys("xbc")[other].tolist()


@pytest.mark.parametrize("damage", ["missing", "cut", "text", "folder", "columns"])
def test_outcomes_that_cannot_be_read_are_none(tmp_path, damage):
    path = tmp_path / OUTCOMES_NAME
    columns = {"truth": np.arange(2 if damage == "columns" else 3)}
    Outcomes(digest_keys("abc"), columns, digest_keys("")).save(tmp_path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "text":
        path.write_text("no tensors")
    elif damage != "columns":
        path.unlink()
        if damage == "folder":
            path.mkdir()
    assert Outcomes.load(tmp_path) is None


def test_a_fingerprint_tells_other_ads_and_other_labels_but_no_other_order():
    keys = digest_keys(["a", "b"])
    first = fingerprint(keys, [(1,), (2,)])
    assert fingerprint(keys[::-1], [(2,), (1,)]) == first
    assert fingerprint(keys, [(1,), (1,)]) != first
    assert fingerprint(keys[:1], [(1,)]) != first
    assert library_versions()["numpy"] == np.__version__


ones, zeros = np.ones(60, dtype=bool), np.zeros(60, dtype=bool)


def codes(evidence, tolerance=0.01):
    return [row["code"] for row in judge(evidence, tolerance).reasons]


def test_what_speaks_against_a_challenger():
    fine = [Pair("", ones, ones)]
    assert codes(Evidence("c", 100, 100, pairs=fine)) == []
    assert codes(Evidence("c", 100, 49, pairs=fine)) == ["few_ads"]
    assert codes(Evidence("c", 100, 50, pairs=fine)) == []
    groups = [Group("a", 60, 14), Group("b", 60, 15), Group("small", 40, 0)]
    assert codes(Evidence("c", 100, 80, groups=groups, pairs=fine)) == ["emptied"]
    # If most ads are missing, that says it all.
    assert codes(Evidence("c", 200, 80, groups=groups, pairs=fine)) == ["few_ads"]
    assert codes(Evidence("c", 100, 100, labels=[Labels("", ones, zeros)], pairs=fine)) == ["labels"]
    assert codes(Evidence("c", 100, 100, labels=[Labels("", zeros, ones)], pairs=fine)) == []
    assert codes(Evidence("c", 100, 100, labels=[Labels("", ones[:40], zeros[:40])], pairs=fine)) == []
    branch = [Pair("", ones, ones), Pair("big", ones, zeros), Pair("small", ones[:40], zeros[:40])]
    assert codes(Evidence("c", 100, 100, pairs=branch)) == ["worse"]
    assert codes(Evidence("c", 100, 100, pairs=branch), tolerance=1.0) == []


def test_what_may_be_chance_is_no_reason():
    worse = ones.copy()
    worse[:2] = False
    assert codes(Evidence("c", 100, 100, pairs=[Pair("", ones, worse)])) == []
    worse[:12] = False
    assert codes(Evidence("c", 100, 100, pairs=[Pair("", ones, worse)])) == ["worse"]


def test_a_first_model_is_told_by_its_hold_out():
    assert judge_first(90, 200, 100).warnings[0]["code"] == "useless"
    assert judge_first(40, 50, 10).warnings[0]["code"] == "few_tested"
    assert judge_first(0, 0, 0).warnings[0]["code"] == "few_tested"
    assert not judge_first(190, 200, 100).warnings
    assert judge_first(0, 200, 100).passed


@pytest.mark.django_db
def test_a_long_log_keeps_its_end():
    version = ModelVersion.objects.create(kind="titles", name="x", taxonomy_version=0, ad_count=0)
    log, told = TrainingLog(), []
    progress = log.watch(lambda *args: told.append(args))
    for done in range(3):
        progress("training", done, 3)
    progress("comparing", 0, 0)
    log.keep(version)
    assert [line.split("s  ")[1] for line in version.log.splitlines()] == ["training", "comparing"]
    assert len(told) == 4
    for number in range(LONGEST // 10):
        log.add(f"epoch {number} of many")
    log.keep(version)
    version.refresh_from_db()
    assert len(version.log) <= LONGEST + 2
    assert version.log.startswith("…\nepoch")
    assert version.log.endswith(f"epoch {LONGEST // 10 - 1} of many")
