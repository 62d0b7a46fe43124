import json
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
    one, first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("1-0", "2-0", "2-1"))
    # They started from other weights and saw other photos; the first one's weights and all gradients are shared.
    weights = [load_file(tmp_path / f"weights-2-{rank}.safetensors") for rank in (0, 1)]
    for name, value in weights[0].items():
        if "running" not in name:
            torch.testing.assert_close(weights[1][name], value, msg=name)
    assert min(one["score"], first["score"]) > 0.8
    assert abs(one["score"] - first["score"]) < 0.15
    assert first["steps"] == second["steps"] == one["steps"]
