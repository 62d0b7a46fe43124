"""What the costliest files cost that the upload door lets in: ``python -m benchmarks.largest_uploads``.

One picture of noise of each kind, as large as its limit allows, decoded in a process of its own. Prints CPU seconds, and
the peak memory beyond what the process held before.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from ad_autocategorize.photos.uploads import UploadLimits, UploadRefused, decode_upload

# Mode, format, width and height, options; 25 and 110 million pixels are the limits.
CASES: dict[str, tuple[str, str, int, dict[str, object]]] = {
    "JPEG, one scan, 110 MP": ("RGB", "JPEG", 10_480, {"quality": 50}),
    "JPEG, progressive, 25 MP": ("RGB", "JPEG", 5_000, {"quality": 85, "progressive": True, "subsampling": 0}),
    "JPEG, progressive CMYK, 25 MP": ("CMYK", "JPEG", 5_000, {"quality": 80, "progressive": True}),
    "PNG, transparent, 25 MP": ("RGBA", "PNG", 5_000, {"compress_level": 1}),
    "PNG, palette, 25 MP": ("P", "PNG", 5_000, {"compress_level": 1}),
    "WebP, transparent, 25 MP": ("RGBA", "WEBP", 5_000, {"quality": 60, "method": 0}),
    "WebP, lossless, 25 MP": ("RGB", "WEBP", 5_000, {"lossless": True, "quality": 0, "method": 0}),
    "HEIC, 25 MP": ("RGB", "HEIF", 5_000, {"quality": 60}),
}


def make(name: str, path: Path) -> None:
    """Write the file: blurred noise, which fills the picture and keeps the file within the limit of bytes."""
    mode, kind, side, options = CASES[name]
    image = Image.effect_noise((side // 8, side // 8), 90).resize((side, side), Image.Resampling.NEAREST).convert(mode)
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(image).save(path, **options)
    else:
        image.save(path, kind, **options)


def decode(path: Path) -> None:
    """Decode the file and print what it cost."""
    data = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    try:
        size = "x".join(map(str, decode_upload(io.BytesIO(data), UploadLimits()).size))
    except UploadRefused as refused:
        size = f"refused: {refused.code}"
    seconds = time.process_time() - started
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{len(data) / 2**20:9.1f}{seconds:9.2f}{peak:9.0f}  {size}")


def main() -> None:
    """Make and decode each file, each step in a process of its own."""
    if len(sys.argv) == 4:
        step, name, path = sys.argv[1:]
        make(name, Path(path)) if step == "make" else decode(Path(path))
        return
    print(f"{'':32}{'file MB':>9}{'CPU s':>9}{'peak MB':>9}  result")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        for name in CASES:
            command = [sys.executable, "-m", "benchmarks.largest_uploads"]
            made = subprocess.run([*command, "make", name, str(path)], env=os.environ, check=False, capture_output=True)
            if made.returncode:
                print(f"{name:32}  not made: {made.stderr.decode().strip().splitlines()[-1]}")
                continue
            run = subprocess.run([*command, "decode", name, str(path)], check=True, capture_output=True, text=True)
            print(f"{name:32}{run.stdout}", end="", flush=True)


if __name__ == "__main__":
    main()
