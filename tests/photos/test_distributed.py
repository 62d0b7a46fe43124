import os
import subprocess
import sys

import torch
from safetensors.torch import load_file


def test_two_processes_learn_what_one_learns(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    script = ["-m", "tests.photos.two_processes", str(tmp_path)]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    for command in ([sys.executable, *script], [*launcher, *script]):
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load_file(tmp_path / f"weights-{size}.safetensors") for size in (1, 2))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-3, msg=name)
