"""Model folders appear complete or not at all."""

import os

import numpy as np
import pytest
from safetensors.numpy import save_file

from ad_autocategorize.artifacts import filled_folder


def test_a_filled_folder_appears_and_others_may_read_it(tmp_path):
    before = os.umask(0o077)
    try:
        with filled_folder(tmp_path / "models" / "one", ".part-") as folder:
            (folder / "manifest.json").write_text("{}")
            save_file({"a": np.zeros(3)}, folder / "model.safetensors")
            (folder / "more").mkdir()
            assert not (tmp_path / "models" / "one").exists()
    finally:
        os.umask(before)
    assert (tmp_path / "models" / "one" / "manifest.json").read_text() == "{}"
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "models").rglob("*")}
    assert modes == {"one": "0o755", "manifest.json": "0o644", "model.safetensors": "0o644", "more": "0o755"}
    assert (tmp_path / "models").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_is_half_filled_leaves_nothing(tmp_path, error):
    with pytest.raises(error), filled_folder(tmp_path / "one", ".part-") as folder:
        (folder / "manifest.json").write_text("{}")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_at_the_very_first_moment_leaves_nothing(tmp_path, monkeypatch):
    make = os.mkdir

    def make_and_be_interrupted(*args, **kwargs):
        make(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "mkdir", make_and_be_interrupted)
    with pytest.raises(KeyboardInterrupt), filled_folder(tmp_path / "one", ".part-"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_not_touched(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "kept").touch()
    with pytest.raises(FileExistsError, match="never overwritten"), filled_folder(tmp_path / "one", ".part-"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["one", "kept"]
