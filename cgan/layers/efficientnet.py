"""The body of EfficientNet-Lite0: features of a picture at five strides (Tan and Le 2019; Liu 2020, lite).

The layers have timm's names. Batch norms are folded into the convolutions, which have a bias instead.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.precision import wide

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

    Shapes: x (B, inputs, h, w); out (B, outputs, ⌈h / stride⌉, ⌈w / stride⌉).
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


class Body(nn.Module):
    """A picture's features after the stages of `KEPT`, as far as there are `stages` of the seven.

    Shapes: image (B, 3, H, W) in [-1, 1]; out, of all stages, five tensors (B, c, ⌈H / stride⌉, ⌈W / stride⌉)
    with 16, 24, 40, 112 and 320 channels at strides 2, 4, 8, 16 and 32.
    """

    def __init__(self, stages: int = len(STAGES)):
        super().__init__()
        self.conv_stem = SameConv(3, 32, 3, 2)
        inputs, built = 32, []
        for kernel, stride, expansion, outputs, count in STAGES[:stages]:
            blocks = []
            for index in range(count):
                blocks.append(Block(inputs, outputs, kernel, stride if index == 0 else 1, expansion))
                inputs = outputs
            built.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*built)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = (wide(image) * 127.5 + 0.5) / 128  # as it was trained: (byte - 127) / 128
        x = F.relu6(self.conv_stem(x))
        found = []
        for index, stage in enumerate(self.blocks):
            x = stage(x)
            if index in KEPT:
                found.append(x)
        return found
