"""Photo models of a few bytes, made without training."""

import numpy as np

from ad_autocategorize.artifacts import GRAPH_NAME
from ad_autocategorize.photos.answers import Rules
from ad_autocategorize.photos.artifact import write_photo_artifact
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.vocabularies import Vocabularies

VOCABULARIES = Vocabularies(("Fiat", "Ford"), (("Fiat", "Uno"), ("Ford", "Ka")), ("sedan",), ("red",), (2010,))


def tiny_graph(external=""):
    """A graph of one matrix a head; ``external`` names a file that one of them is said to be in."""
    from onnx import TensorProto, helper, numpy_helper

    sizes = {**VOCABULARIES.sizes, "car": 1}
    nodes = [
        helper.make_node("GlobalAveragePool", ["photos"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
    ]
    weights, outputs = [], []
    for head, size in sizes.items():
        nodes.append(helper.make_node("MatMul", ["flat", f"w_{head}"], [head]))
        weights.append(numpy_helper.from_array(np.ones((3, size), np.float32), f"w_{head}"))
        outputs.append(helper.make_tensor_value_info(head, TensorProto.FLOAT, ["n", size]))
    if external:
        weights[0].ClearField("raw_data")
        weights[0].data_location = TensorProto.EXTERNAL
        weights[0].external_data.add(key="location", value=external)
    photos = helper.make_tensor_value_info("photos", TensorProto.FLOAT, ["n", 3, 24, 32])
    graph = helper.make_graph(nodes, "tiny", [photos], outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def write_tiny_model(directory, graph=None, **changes):
    """Write a model folder and return its digest."""
    manifest = {
        "version": directory.name,
        "vocabularies": VOCABULARIES.to_dict(),
        "rules": Rules().to_dict(),
        "preprocessing": Preprocessing(24, 32).to_dict(),
        **changes,
    }
    return write_photo_artifact(directory, {GRAPH_NAME: graph or tiny_graph()}, manifest)
