"""Compare a wheel with what git tracks: ``python check_contents.py WHEEL``, in the root of the repository.

Every tracked file of the two packages has to be in the wheel, and nothing else besides the wheel's own metadata.
"""

import subprocess
import sys
import zipfile

PACKAGES = ("ad_autocategorize", "taxonomy")


def main(wheel: str) -> str:
    listed = subprocess.run(["git", "ls-files", *PACKAGES], check=True, capture_output=True, text=True).stdout
    tracked = set(listed.splitlines())
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    if packed != tracked:
        lacking, surplus = sorted(tracked - packed), sorted(packed - tracked)
        sys.exit(f"Not in the wheel: {lacking}\nIn the wheel and not in git: {surplus}")
    return f"{wheel}: {len(packed)} files, the same as in git."


if __name__ == "__main__":
    print(main(sys.argv[1]))
