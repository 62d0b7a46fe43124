import gzip
import os

import pytest
from django.core.management import CommandError, call_command

from taxonomy.readers.bounded import FileRefused, printable, read_bounded


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(FileRefused, match="holds more than"):
        read_bounded(str(path), most=1_000_000)
    assert len(read_bounded(str(path), most=50_000_000)) == 50_000_000


@pytest.mark.parametrize("start", [10, 60])
def test_a_damaged_archive_is_refused(tmp_path, start):
    path = tmp_path / "ads.gz"
    path.write_bytes(gzip.compress(os.urandom(200), mtime=0)[:start] + b"\xff" * 60)
    with pytest.raises(FileRefused, match="cannot be read"):
        read_bounded(str(path))


@pytest.mark.django_db
def test_pipes_and_devices_are_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in (str(pipe), "/dev/zero", str(tmp_path)):
        for command in ("import_taxonomy", "import_car_catalog", "import_ads"):
            with pytest.raises(CommandError, match=r"is not a file|cannot be read"):
                call_command(command, name)
        with pytest.raises(CommandError, match=r"is not a file|cannot be read"):
            call_command("evaluate_classifiers", "--csv", name)


@pytest.mark.django_db
def test_what_a_file_says_does_not_steer_the_terminal(tmp_path):
    path = tmp_path / "ads.csv"
    path.write_text("title,category_path,date\nSofá,Hogar,\x1b]0;owned\x07\x1b[2J\n")
    with pytest.raises(CommandError) as refused:
        call_command("import_ads", str(path))
    assert "\x1b" not in str(refused.value)
    path.write_text("title,\x1b[2J\nSofá,Hogar\n")
    with pytest.raises(CommandError, match="no column") as refused:
        call_command("evaluate_classifiers", "--csv", str(path))
    assert "\x1b" not in str(refused.value)
    assert printable("a\x1b[2Jb\u202e\nc") == "a\ufffd[2Jb\ufffd\nc"
