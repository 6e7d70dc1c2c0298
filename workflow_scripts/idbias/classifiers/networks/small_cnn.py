"""The small convolutional network of the embedded demonstration."""

from torch import nn


class SmallCNN(nn.Sequential):
    """Two 3x3 convolutions, one halving the image, and two linear layers.

    Convolutions carry batch norm.
    """

    def __init__(self, shape, classes):
        super().__init__()
        channels, height, width = shape
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.relu2 = nn.ReLU()
        self.flatten = nn.Flatten()
        self.hidden = nn.Linear(32 * ((height + 1) // 2) * ((width + 1) // 2), 64)
        self.relu3 = nn.ReLU()
        self.head = nn.Linear(64, classes)


def small_cnn(shape, classes):
    """Return an untrained `SmallCNN` for images of `shape` (C, H, W)."""
    return SmallCNN(shape, classes)
