"""ResNets for CIFAR-sized (He et al. 2016, arXiv:1512.03385, section 4.2) and ImageNet-like images."""

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
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))

    def shortcut(self, x):
        """Return what is added to the convolutions' output."""
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        if self.new_channels:
            # The zeros go on both sides of the channels: the public checkpoints were trained so.
            before = self.new_channels // 2
            x = F.pad(x, (0, 0, 0, 0, before, self.new_channels - before))
        return x


class ProjectedBlock(Block):
    """The same, but where the shape changes the shortcut is a 1x1 convolution (option B)."""

    def __init__(self, channels_in, channels, stride):
        super().__init__(channels_in, channels, stride)
        self.downsample = None
        if stride > 1:
            convolution = nn.Conv2d(channels_in, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def shortcut(self, x):
        return x if self.downsample is None else self.downsample(x)


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


class ResNet18(nn.Module):
    """ResNet-18 for ImageNet-like images (table 1).

    Module names are those of torchvision's and timm's checkpoints; the head is `fc`.
    """

    def __init__(self, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(64, 64, 2, 1, ProjectedBlock)
        self.layer2 = stage(64, 128, 2, 2, ProjectedBlock)
        self.layer3 = stage(128, 256, 2, 2, ProjectedBlock)
        self.layer4 = stage(256, 512, 2, 2, ProjectedBlock)
        self.fc = nn.Linear(512, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def stage(channels_in, channels, blocks, stride, block=Block):
    """Return `blocks` blocks in a row, the first of which changes channels and halves the image."""
    first = block(channels_in, channels, stride)
    return nn.Sequential(first, *(block(channels, channels, 1) for _ in range(blocks - 1)))


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


def resnet18(shape=(3, 224, 224), classes=1000):
    """Return ResNet-18 for images of `shape` (C, H, W), or any other H and W from 32 on.

    It gives logits (N, classes). Weights start as in torchvision, from torch's global generator.
    """
    return ResNet18(shape[0], classes)
