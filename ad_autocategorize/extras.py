"""Optional libraries: which extra of the package brings each, and the one sentence that says so."""

from __future__ import annotations

# By the name under which a library is imported: the smallest extra that has it.
EXTRA_OF = {
    "rest_framework": "api",
    "drf_spectacular": "openapi",
    "prometheus_client": "metrics",
    "PIL": "photos",
    "onnxruntime": "photos",
    "pillow_heif": "heic",
    "sklearn": "train",
    "tqdm": "train",
    "cleanlab": "train",
    "sparse_dot_topn": "train",
    "joblib": "train",
    "distributed": "train-cluster",
    "torch": "train-photos",
    "torchvision": "train-photos",
    "timm": "train-photos",
    "onnx": "train-photos",
    "onnxscript": "train-photos",
}


def missing_extra(error: ImportError) -> str | None:
    """Return what to install for a library that is absent; ``None`` for a failed import that is no extra's.

    A library that is there and broken is no missing extra either: its own error says more.
    """
    library = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or library not in EXTRA_OF:
        return None
    return f"{library} is not installed. It comes with: pip install 'django-ad-autocategorize[{EXTRA_OF[library]}]'"
