"""Mutated files against the upload door: ``python -m benchmarks.fuzz_uploads --files 300000``.

Each worker is a process of its own, so that a crash of a decoder is seen and counted. Prints the files tried, how they
were answered, the slowest, the peak memory of a worker, and the crashes; exits with 1 where a limit was broken.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

from PIL import Image

from ad_autocategorize.photos.uploads import DEFAULT_LIMITS, UploadRefused
from ad_autocategorize.photos.uploads.decoding import decode

SLOWEST_ALLOWED_SECONDS = 2.0
MEMORY_ALLOWED_MB = 1024
INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, 0xD8, 0xDA, 0xC0, 0xC2]


def seeds() -> list[bytes]:
    """Return small honest files of every format and kind that the door knows, and some that it does not."""
    image = Image.effect_noise((48, 36), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "S", 2: (34.0, 36.0, 12.0)})
    frames = {"save_all": True, "append_images": [image.rotate(90), image.rotate(180)]}
    plans: list[tuple[str, str, dict[str, object]]] = [
        ("RGB", "JPEG", {"exif": exif}),
        ("RGB", "JPEG", {"progressive": True, "icc_profile": b"profile" * 20}),
        ("L", "JPEG", {}),
        ("CMYK", "JPEG", {}),
        ("RGB", "MPO", frames),
        ("RGB", "PNG", {"exif": exif}),
        ("RGBA", "PNG", {}),
        ("P", "PNG", {}),
        ("1", "PNG", {}),
        ("I;16", "PNG", {}),
        ("RGB", "PNG", frames),
        ("RGB", "WEBP", {"exif": exif}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "WEBP", frames),
        ("P", "GIF", {}),
        ("RGB", "TIFF", {}),
    ]
    files = []
    for mode, kind, options in plans:
        buffer = io.BytesIO()
        source = Image.new("I;16", (20, 20), 30_000) if mode == "I;16" else image.convert(mode)
        source.save(buffer, kind, **options)
        files.append(buffer.getvalue())
    try:
        import pillow_heif
    except ImportError:
        return files
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=60)
    return [*files, buffer.getvalue()]


def mutate(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Return the file with a few changes: bits, bytes, numbers, cuts, repeats, and pieces of another file."""
    file = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        # Headers are where decoders go wrong, so half of the changes fall there.
        end = min(len(file), 128) if rng.random() < 0.5 else len(file)
        at = rng.randrange(max(1, end))
        match rng.randrange(8):
            case 0 if file:
                file[at % len(file)] ^= 1 << rng.randrange(8)
            case 1 if file:
                file[at % len(file)] = rng.choice(INTERESTING)
            case 2:
                file[at : at + 4] = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 40_000, 5_000)).to_bytes(4, "big")
            case 3:
                file[at : at + 2] = rng.choice((0, 1, 0xFFFF, 5_000, 0x7FFF)).to_bytes(2, rng.choice(("big", "little")))
            case 4:
                del file[at : at + rng.choice((1, 4, 64, len(file)))]
            case 5:
                piece = bytes(file[at : at + rng.choice((4, 64, 512))])
                file[at:at] = piece * rng.choice((1, 2, 50))
            case 6:
                start = rng.randrange(len(other))
                file[at:at] = other[start : start + rng.choice((8, 128, 1024))]
            case _:
                file[at : at + 8] = rng.randbytes(8)
    return bytes(file)


def work(count: int, seed: int, latest: Path) -> None:
    """Try ``count`` files and print one line: answers, slowest in seconds, and peak memory in megabytes."""
    # Pillow warns of damaged EXIF, one line per file.
    warnings.simplefilter("ignore")
    rng = random.Random(seed)
    originals = seeds()
    answers: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        data = mutate(rng.choice(originals), rng.choice(originals), rng)
        # Written now and then only: enough to find the neighbourhood of a crash, and to repeat it by its seed.
        if number % 1000 == 0:
            latest.write_text(f"seed {seed}, file {number}")
        started = time.perf_counter()
        try:
            decode(data, DEFAULT_LIMITS, DEFAULT_LIMITS.max_seconds)
            answers["decoded"] += 1
        except UploadRefused as refused:
            answers[refused.code] += 1
        seconds = time.perf_counter() - started
        if seconds > slowest:
            slowest = seconds
            latest.with_suffix(".slowest").write_bytes(data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{slowest:.3f} {peak:.0f} " + " ".join(f"{code}={n}" for code, n in answers.items()), flush=True)


def main() -> int:
    """Share the files out to workers, in batches, and add their lines up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300_000)
    parser.add_argument("--batch", type=int, default=10_000, help="files a worker process tries before it ends")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=Path("var/fuzz"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.work is not None:
        work(options.batch, options.work, options.folder / f"{options.work}.txt")
        return 0
    answers: Counter[str] = Counter()
    slowest = peak = 0.0
    crashes = []
    started = time.perf_counter()
    for number in range(-(-options.files // options.batch)):
        seed = options.seed + number
        arguments = ["--work", str(seed), "--batch", str(options.batch), "--folder", str(options.folder)]
        command = [sys.executable, "-m", "benchmarks.fuzz_uploads", *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            crashes.append(
                f"exit {run.returncode} near {(options.folder / f'{seed}.txt').read_text()}: {run.stderr[-500:]}"
            )
            continue
        seconds, megabytes, *counts = run.stdout.split()
        slowest, peak = max(slowest, float(seconds)), max(peak, float(megabytes))
        for code, _, count in (item.partition("=") for item in counts):
            answers[code] += int(count)
    print(f"files tried      {sum(answers.values()):,} in {time.perf_counter() - started:.0f} s")
    print("answers          " + ", ".join(f"{code} {count:,}" for code, count in answers.most_common()))
    print(f"slowest          {slowest:.3f} s (at most {SLOWEST_ALLOWED_SECONDS} s)")
    print(f"peak memory      {peak:.0f} MB (at most {MEMORY_ALLOWED_MB} MB)")
    print(f"crashes          {len(crashes)}")
    for crash in crashes:
        print(crash)
    return int(bool(crashes) or slowest > SLOWEST_ALLOWED_SECONDS or peak > MEMORY_ALLOWED_MB)


if __name__ == "__main__":
    sys.exit(main())
