import pytest

from ad_autocategorize.titles.hierarchy import parting_level


@pytest.mark.parametrize(
    ("first", "second", "level"),
    [((1, 2), (3, 4), 1), ((1, 2), (1, 3), 2), ((1,), (1, 3), 2), ((1, 3), (1,), 2), ((1, 2, 3), (1, 2, 4), 3)],
)
def test_the_level_where_two_paths_part(first, second, level):
    assert parting_level(first, second) == level
