"""The bundled networks' bodies, and their weights from `train/weights`: offline, without torchvision.

EfficientNet-Lite0 (`cgan.layers.efficientnet`), whose features teach a projected discriminator, and with
whose weights a label network begins. SqueezeNet 1.1 (Iandola et al. 2016), of the perceptual loss and of
LPIPS. MobileNetV2, which only judges, has its body in `train/teachers/networks.py`. A network that teaches
must never judge.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from cgan.layers.efficientnet import Body

State = dict[str, Tensor]

WEIGHTS = Path(__file__).parent.parent / "weights"
FILES = {
    "efficientnet": "efficientnet_lite0_features.safetensors",
    "squeezenet": "squeezenet1_1_features.safetensors",
    "mobilenet": "mobilenet_v2_features.safetensors",
}

NORM_EPSILON = 1e-3  # TensorFlow's


def bundled(name: str) -> State:
    """The weights of a bundled network (`FILES`), as float32."""
    return {key: tensor.float() for key, tensor in load_file(WEIGHTS / FILES[name]).items()}


# --- EfficientNet-Lite0


class EfficientNetLite0(Body):
    """The features of a frozen EfficientNet-Lite0 at strides 2, 4, 8, 16 and 32 (`Body` tells their shapes).

    state: timm's `tf_efficientnet_lite0`, whose batch norms are folded into the convolutions; None takes the
    bundled weights.
    """

    def __init__(self, state: State | None = None):
        with torch.device("meta"):  # no random weights: a run's other networks draw as they would without it
            super().__init__()
        self.load_state_dict(folded(bundled("efficientnet") if state is None else state), assign=True)
        self.to(memory_format=torch.channels_last)
        self.eval().requires_grad_(False)


def folded(state: State) -> State:
    """timm's weights with each batch norm folded into the convolution before it, which gets a bias.

    In a block, `bn1` follows the first convolution, and so on; that order differs between the two kinds.
    """
    found = {}
    for key, weight in state.items():
        if not key.endswith("weight") or weight.dim() != 4:
            continue
        place = key.removesuffix(".weight")
        scope, _, layer = place.rpartition(".")
        order = ("conv_pw", "conv_dw", "conv_pwl")
        if layer == "conv_stem":
            norm = "bn1"
        else:
            widened = f"{scope}.conv_pwl.weight" in state
            norm = f"{scope}.bn{(order if widened else ('conv_dw', 'conv_pw')).index(layer) + 1}"
        of = {part: state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
        scale = of["weight"] / (of["running_var"] + NORM_EPSILON).sqrt()
        found[key] = weight * scale[:, None, None, None]
        found[f"{place}.bias"] = of["bias"] - of["running_mean"] * scale
    return found


# --- SqueezeNet 1.1


class Fire(nn.Module):
    """Squeeze by a 1x1 convolution, expand by 1x1 and 3x3 ones, side by side; torchvision's names.

    Shapes: x (B, inputs, h, w); out (B, 2 * half, h, w).
    """

    def __init__(self, inputs: int, squeezed: int, half: int):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, half, 1)
        self.expand3x3 = nn.Conv2d(squeezed, half, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return F.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], 1))


def squeezenet() -> nn.Sequential:
    """SqueezeNet 1.1's `features` by torchvision's numbers, with He's random weights."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool()]
    layers += [Fire(128, 32, 128), Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192)]
    body = nn.Sequential(*layers, Fire(384, 64, 256), Fire(512, 64, 256))
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return body
