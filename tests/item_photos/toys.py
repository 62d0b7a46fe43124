"""A backbone of a few bytes, whose embedding is the mean colour of a photo, and photos for it."""

from pathlib import Path

import numpy as np
from PIL import Image

from ad_autocategorize.item_photos.backbone import OUTPUT, write_backbone
from ad_autocategorize.photos.preprocessing import Preprocessing

COLORS = {"red": (210, 40, 40), "green": (40, 200, 60), "blue": (40, 60, 210), "grey": (128, 128, 128)}
SIDE = 16


def tiny_graph(output=OUTPUT, side=SIDE):
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["photos"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], [output]),
    ]
    photos = helper.make_tensor_value_info("photos", TensorProto.FLOAT, ["n", 3, side, side])
    answer = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "tiny", [photos], [answer])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def tiny_backbone(directory: Path, name="tiny", side=SIDE) -> Path:
    return write_backbone(directory, name, tiny_graph(side=side), Preprocessing(side, side), {"weights": "none"})


def photo_of(color: str, rng: np.random.Generator, size=(40, 30)) -> Image.Image:
    """A plain photo whose colour and light are a little different each time."""
    shade = np.array(COLORS[color]) + rng.integers(-25, 26, 3)
    noise = rng.integers(-20, 21, (size[1], size[0], 1))
    return Image.fromarray(np.clip(shade + noise, 0, 255).astype(np.uint8))
