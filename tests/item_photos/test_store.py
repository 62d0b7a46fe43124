"""Embeddings that are kept from one training to the next."""

import numpy as np
import pytest

from ad_autocategorize.item_photos.training.store import DIGESTS_NAME, VECTORS_NAME, EmbeddingStore


def key(number):
    return number.to_bytes(16, "big")


@pytest.fixture
def store(tmp_path):
    made = EmbeddingStore(tmp_path / "store", 3)
    made.add([key(1), key(2)], np.array([[1, 1, 1], [2, 2, 2]], np.float32))
    made.add([key(3)], np.array([[3, 3, 3]], np.float32))
    return made


def test_what_was_added_is_found_by_the_next_training(store):
    again = EmbeddingStore(store.folder, 3)
    assert key(2) in again and key(9) not in again and len(again) == 3
    assert again.vectors([key(3), key(1)])[:, 0].tolist() == [3, 1]
    assert again.vectors([]).shape == (0, 3)
    with pytest.raises(KeyError):
        again.vectors([key(9)])


@pytest.mark.parametrize("name", [VECTORS_NAME, DIGESTS_NAME])
def test_half_an_entry_is_cut_off_and_made_again(store, name):
    path = store.folder / name
    path.write_bytes(path.read_bytes()[:-1])
    again = EmbeddingStore(store.folder, 3)
    assert len(again) == 2 and key(3) not in again
    again.add([key(4)], np.array([[4, 4, 4]], np.float32))
    assert EmbeddingStore(store.folder, 3).vectors([key(1), key(4)])[:, 0].tolist() == [1, 4]


def test_a_file_that_is_none_of_ours_is_made_again(store):
    (store.folder / DIGESTS_NAME).write_bytes(key(1) * 3)
    again = EmbeddingStore(store.folder, 3)
    assert len(again) == 0
    again.add([key(7)], np.array([[7, 7, 7]], np.float32))
    assert EmbeddingStore(store.folder, 3).vectors([key(7)])[0].tolist() == [7, 7, 7]


def test_embeddings_of_photos_that_are_gone_are_dropped(store):
    assert store.prune({key(1), key(2), key(3)}) == 0
    assert store.prune({key(3), key(1)}) == 1
    for each in (store, EmbeddingStore(store.folder, 3)):
        assert len(each) == 2 and each.vectors([key(3), key(1)])[:, 0].tolist() == [3, 1]
    store.add([key(5)], np.array([[5, 5, 5]], np.float32))
    assert EmbeddingStore(store.folder, 3).vectors([key(5)])[0, 0] == 5


def test_two_processes_fill_it_side_by_side(store):
    """A training and a search, each of which opened it before the other wrote."""
    other = EmbeddingStore(store.folder, 3)
    store.add([key(4)], np.array([[4, 4, 4]], np.float32))
    other.add([key(4), key(5)], np.array([[9, 9, 9], [5, 5, 5]], np.float32))
    store.add([key(6)], np.array([[6, 6, 6]], np.float32))
    other.prune({key(5), key(6), key(4)})
    for each in (store, other, EmbeddingStore(store.folder, 3)):
        assert each.vectors([key(6), key(5), key(4)])[:, 0].tolist() == [6, 5, 4] and len(each) == 3
