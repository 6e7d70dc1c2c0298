"""ResNets for CIFAR-sized images (He et al. 2016, arXiv:1512.03385, section 4.2)."""

import torch.nn.functional as F
from torch import nn

from idbias.errors import InputError

DEPTHS = (20, 32, 44, 56, 110)


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut without parameters (option A of section 4.1)."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.new_channels = channels - channels_in

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        if self.new_channels:
            # The zeros go on both sides of the channels: the public checkpoints were trained so.
            before = self.new_channels // 2
            x = F.pad(x, (0, 0, 0, 0, before, self.new_channels - before))
        return F.relu(out + x)


class ResNet(nn.Module):
    """Three stages of `depth` // 6 blocks with 16, 32, 64 channels, spatial mean, linear head.

    Module names are those of the public CIFAR checkpoints, so that these load unchanged once the
    prefix `module.` is off.
    """

    def __init__(self, depth, channels, classes):
        super().__init__()
        blocks = depth // 6
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = stage(16, 16, blocks, stride=1)
        self.layer2 = stage(16, 32, blocks, stride=2)
        self.layer3 = stage(32, 64, blocks, stride=2)
        self.linear = nn.Linear(64, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def stage(channels_in, channels, blocks, stride):
    """Return `blocks` blocks in a row, the first of which changes channels and halves the image."""
    first = Block(channels_in, channels, stride)
    return nn.Sequential(first, *(Block(channels, channels, 1) for _ in range(blocks - 1)))


def resnet(depth, shape=(3, 32, 32), classes=10):
    """Return ResNet-`depth` for images of `shape` (C, H, W); it gives logits (N, classes).

    Any other H and W do as well.

    Weights start as in He et al. 2015 (arXiv:1502.01852), from torch's global generator.
    Raises InputError if `depth` is not one of DEPTHS.
    """
    if depth not in DEPTHS:
        allowed = ", ".join(map(str, DEPTHS))
        raise InputError(f"There is no ResNet-{depth} for CIFAR: its depth is one of {allowed}.")
    return ResNet(depth, shape[0], classes)
