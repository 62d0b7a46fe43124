"""The demo's photo network, which knows the drawn cars alone: kept in the repository, and put into service without PyTorch."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from ad_autocategorize import model_storage, versions
from ad_autocategorize.artifacts import GRAPH_NAME, MANIFEST_NAME
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.photos.artifact import (
    read_photo_manifest,
    read_verified,
    write_photo_artifact,
)
from ad_autocategorize.versions.gate import Verdict
from taxonomy.locking import current_version

FOLDER = Path(__file__).with_name("network")
NAME = "photos-demo"
# Tensors of fewer numbers are left as they are.
_FEW = 256
# What the manifest of a version says and that of the kept network does not: it is written anew.
_OWN = ("sha256", "format", "kind")


def install_network() -> ModelVersion | None:
    """Record the kept network as the version in service; ``None`` where there is one already."""
    photos = ModelVersion.objects.filter(kind=ModelVersion.Kind.PHOTOS)
    if photos.filter(is_active=True).exists():
        return None
    target = plugin_settings.model_dir / NAME
    # What an earlier database of this folder has left.
    photos.filter(name=NAME).delete()
    model_storage.remove(NAME)
    shutil.copytree(FOLDER, target)
    document = read_photo_manifest(target).document
    return versions.record(
        versions.Training(),
        Verdict(),
        kind=ModelVersion.Kind.PHOTOS,
        name=NAME,
        digest=hashlib.sha256((target / MANIFEST_NAME).read_bytes()).hexdigest(),
        taxonomy_version=current_version(),
        ad_count=document["photos"],
        metrics=document["metrics"],
    )


def keep_network(directory: Path) -> int:
    """Write the version in ``directory`` to the repository, without the weights to train on from; return its size in bytes.

    Raises ``ArtifactError`` where it cannot be read.
    """
    manifest = read_photo_manifest(directory)
    graph = halve_weights(read_verified(directory, GRAPH_NAME, manifest))
    document: dict[str, Any] = {key: value for key, value in manifest.document.items() if key not in _OWN}
    shutil.rmtree(FOLDER, ignore_errors=True)
    write_photo_artifact(FOLDER, {GRAPH_NAME: graph}, {**document, "version": NAME})
    return sum(file.stat().st_size for file in FOLDER.iterdir())


def halve_weights(graph: bytes) -> bytes:
    """Return an ONNX graph whose larger weights are kept in 16 bits and are turned into 32 when it is loaded."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_model_from_string(graph)
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _FEW:
            continue
        kept = f"{tensor.name}_half"
        casts.append(helper.make_node("Cast", [kept], [tensor.name], to=TensorProto.FLOAT))
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), kept))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    # Notes of the exporter about each step, larger than the graph itself.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]
    content: bytes = model.SerializeToString()
    return content
