"""The bundled networks' bodies, and their weights from `train/weights`: offline, without torchvision.

EfficientNet-Lite0 (Tan and Le 2019; Liu 2020 for the lite ones), whose features teach a projected
discriminator. SqueezeNet 1.1 (Iandola et al. 2016), of the perceptual loss and of LPIPS. MobileNetV2, which
only judges, has its body in `train/teachers.py`. A network that teaches must never judge.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from cgan.layers.precision import wide

State = dict[str, Tensor]

WEIGHTS = Path(__file__).parent.parent / "weights"
FILES = {
    "efficientnet": "efficientnet_lite0_features.safetensors",
    "squeezenet": "squeezenet1_1_features.safetensors",
    "mobilenet": "mobilenet_v2_features.safetensors",
}

# kernel, stride of the first, expansion, channels, blocks
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
KEPT = (0, 1, 2, 4, 6)  # the last stage of each stride
CHANNELS = tuple(STAGES[i][3] for i in KEPT)
STRIDES = (2, 4, 8, 16, 32)
NORM_EPSILON = 1e-3  # TensorFlow's


def bundled(name: str) -> State:
    """The weights of a bundled network (`FILES`), as float32."""
    return {key: tensor.float() for key, tensor in load_file(WEIGHTS / FILES[name]).items()}


# --- EfficientNet-Lite0


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": ceil(n / stride) outputs, an odd rest right and below.

    That is not torch's symmetric padding: with a stride of 2 and even sides, everything would lie half a
    stride further up and left. Shapes: x (B, inputs, h, w); out (B, outputs, ⌈h / stride⌉, ⌈w / stride⌉).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, right = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        if down % 2 or right % 2:
            x = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))
            return F.conv2d(x, self.weight, self.bias, stride, 0, 1, self.groups)
        return F.conv2d(x, self.weight, self.bias, stride, (down // 2, right // 2), 1, self.groups)


class Block(nn.Module):
    """An inverted residual: widen, convolve each channel, narrow; without widening where `expansion` is 1.

    The names are timm's. Shapes: x (B, inputs, h, w); out (B, outputs, ⌈h / stride⌉, ⌈w / stride⌉).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        layers = {"conv_dw": SameConv(hidden, hidden, kernel, stride, hidden)}
        if expansion == 1:
            layers |= {"conv_pw": SameConv(hidden, outputs, 1)}
        else:
            wide, narrow = SameConv(inputs, hidden, 1), SameConv(hidden, outputs, 1)
            layers = {"conv_pw": wide, **layers, "conv_pwl": narrow}
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        *inner, last = self.children()
        h = x
        for layer in inner:
            h = F.relu6(layer(h))
        h = last(h)
        return x + h if self.residual else h


class EfficientNetLite0(nn.Module):
    """The features of a frozen EfficientNet-Lite0 at strides 2, 4, 8, 16 and 32.

    state: timm's `tf_efficientnet_lite0`, whose batch norms are folded into the convolutions; None takes the
    bundled weights.
    Shapes: image (B, 3, H, W) in [-1, 1]; out five tensors (B, c, ⌈H / stride⌉, ⌈W / stride⌉) with 16, 24,
    40, 112 and 320 channels.
    """

    def __init__(self, state: State | None = None):
        super().__init__()
        with torch.device("meta"):  # no random weights: a run's other networks draw as they would without it
            self.conv_stem = SameConv(3, 32, 3, 2)
            inputs, stages = 32, []
            for kernel, stride, expansion, outputs, count in STAGES:
                blocks = []
                for index in range(count):
                    blocks.append(Block(inputs, outputs, kernel, stride if index == 0 else 1, expansion))
                    inputs = outputs
                stages.append(nn.Sequential(*blocks))
            self.blocks = nn.Sequential(*stages)
        self.load_state_dict(folded(bundled("efficientnet") if state is None else state), assign=True)
        self.to(memory_format=torch.channels_last)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = (wide(image) * 127.5 + 0.5) / 128  # as it was trained: (byte - 127) / 128
        x = F.relu6(self.conv_stem(x))
        found = []
        for index, stage in enumerate(self.blocks):
            x = stage(x)
            if index in KEPT:
                found.append(x)
        return found


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
