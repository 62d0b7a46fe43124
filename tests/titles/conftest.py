import pytest

from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train
from tests.titles.data import labelled_titles


@pytest.fixture(scope="session")
def scorer():
    return train(*labelled_titles(), TitleSettings()).scorer
