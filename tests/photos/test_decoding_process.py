"""The process that decodes uploads: what the operating system bounds, and what becomes of one that ends or is forked."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from ad_autocategorize.photos.uploads import UploadLimits, process
from tests.photos.test_decoding import encoded, picture, png
from tests.photos.uploads import decode, refusal


def test_the_operating_system_ends_what_takes_too_long_and_the_next_photo_is_read():
    data = encoded(Image.effect_noise((3000, 3000), 80).convert("RGB"), "PNG", compress_level=1)
    refused = refusal(data, UploadLimits(max_seconds=0.02))
    assert (refused.code, refused.seconds) == ("too_slow", pytest.approx(0.02, abs=0.01))
    assert decode(encoded(picture(), "PNG")).size == (64, 48)


def test_the_operating_system_bounds_the_memory():
    # The limits of pixels are set aside: a gigabyte is asked for, and not had.
    open_limits = UploadLimits(max_pixels=10**9, max_seconds=20)
    assert refusal(png(20_000, 12_000, 8, 2, b""), open_limits).code == "too_many_pixels"
    assert decode(encoded(picture(), "PNG")).size == (64, 48)


def test_a_decoder_that_crashes_takes_nobody_along(monkeypatch):
    decode(encoded(picture(), "PNG"))
    ask = process._ask

    def crash(running, question, data):
        running.kill()
        running.wait()
        running.returncode = -11
        return ask(running, question, data)

    monkeypatch.setattr(process, "_ask", crash)
    assert refusal(encoded(picture(), "PNG")).code == "damaged"
    monkeypatch.undo()
    assert decode(encoded(picture(), "PNG")).size == (64, 48)


@pytest.mark.parametrize(
    "answer",
    [
        {"size": [64, 48], "seconds": 0},
        {"size": [10**6, 10**6], "seconds": 0},
        {"size": [0, 0], "seconds": 0},
        {"code": "nonsense", "seconds": 0},
    ],
)
def test_what_a_decoder_answers_is_not_believed(monkeypatch, answer):
    monkeypatch.setattr(process, "_ask", lambda *args: (answer, b"123"))
    assert refusal(encoded(picture(), "PNG")).code == "damaged"


def test_the_decoding_process_can_open_nothing_and_knows_no_secrets(monkeypatch):
    monkeypatch.setenv("MARKETPLACE_SECRET_KEY", "a secret")
    process.decoding_process.stop()
    decode(encoded(picture(), "PNG"))
    pid = process.decoding_process._process.pid
    if sys.platform != "linux":
        pytest.skip("/proc is Linux's")
    assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    lines = {line[:25].strip(): line[25:].split() for line in limits}
    assert lines["Max open files"][:2] == ["0", "0"]
    assert lines["Max file size"][:2] == ["0", "0"]
    assert int(lines["Max address space"][0]) < 500 * 2**20


def test_a_forked_child_has_a_process_of_its_own():
    decode(encoded(picture(), "PNG"))
    ours = process.decoding_process._process.pid
    child = os.fork()
    if child == 0:
        fine = process.decoding_process._process is None and decode(encoded(picture(), "PNG")).size == (64, 48)
        theirs = process.decoding_process._process.pid
        process.decoding_process.stop()
        os._exit(0 if fine and theirs != ours else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert decode(encoded(picture(), "PNG")).size == (64, 48)
    assert process.decoding_process._process.pid == ours


def test_a_fork_while_another_thread_decodes_does_not_hang():
    stop, data = threading.Event(), encoded(picture(size=(640, 480)), "PNG")

    def keep_decoding():
        while not stop.is_set():
            decode(data)

    thread = threading.Thread(target=keep_decoding)
    thread.start()
    try:
        for _ in range(3):
            child = os.fork()
            if child == 0:
                decode(data)
                process.decoding_process.stop()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()


def test_the_process_ends_with_the_one_that_started_it():
    code = (
        "import io; from PIL import Image; from ad_autocategorize.photos.uploads import decode_upload, process;"
        "b = io.BytesIO(); Image.new('RGB', (9, 9)).save(b, 'PNG'); b.seek(0); decode_upload(b);"
        "print(process.decoding_process._process.pid, flush=True); import os; os.kill(os.getpid(), 9)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(run.stdout)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z":
            return
        threading.Event().wait(0.1)
    pytest.fail("the decoding process is still there")
