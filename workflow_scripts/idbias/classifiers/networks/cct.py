"""Compact Convolutional Transformer CCT-7/3x1 (Hassani et al. 2021, arXiv:2104.05704).

Module names are those of the authors' published state dicts.
"""

import torch
import torch.nn.functional as F
from torch import nn

from idbias.errors import InputError

WIDTH, LAYERS, HEADS, HIDDEN = 256, 7, 4, 512
ATTENTION_DROPOUT = 0.1
STOCHASTIC_DEPTH = 0.1  # of the last layer; it grows linearly from 0 at the first


class Attention(nn.Module):
    """Multi-head self-attention of tokens (N, T, WIDTH)."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        images, tokens, _ = x.shape
        qkv = self.qkv(x).view(images, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        dropout = ATTENTION_DROPOUT if self.training else 0.0
        x = F.scaled_dot_product_attention(*qkv.unbind(), dropout_p=dropout)
        return self.proj(x.transpose(1, 2).reshape(images, tokens, WIDTH))


class Layer(nn.Module):
    """A transformer encoder layer; each of its two branches is dropped with probability `drop`."""

    def __init__(self, drop):
        super().__init__()
        self.drop = drop
        self.pre_norm = nn.LayerNorm(WIDTH)
        self.self_attn = Attention()
        self.linear1 = nn.Linear(WIDTH, HIDDEN)
        self.norm1 = nn.LayerNorm(WIDTH)
        self.linear2 = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x):
        # Unlike in other transformers the second residual starts from the normalised tokens.
        x = self.norm1(x + self.maybe_dropped(self.self_attn(self.pre_norm(x))))
        return x + self.maybe_dropped(self.linear2(F.gelu(self.linear1(x))))

    def maybe_dropped(self, branch):
        """Drop a whole branch for some images while training (Huang et al. 2016, 1603.09382)."""
        if not self.training or not self.drop:
            return branch
        kept = torch.rand(len(branch), 1, 1, device=branch.device) >= self.drop
        return branch * kept / (1 - self.drop)


class Tokenizer(nn.Module):
    """One 3x3 convolution and a pooling that halves the image: (N, C, H, W) to (N, T, WIDTH)."""

    def __init__(self, channels):
        super().__init__()
        convolution = nn.Conv2d(channels, WIDTH, 3, padding=1, bias=False)
        pooled = nn.Sequential(convolution, nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1))
        self.conv_layers = nn.Sequential(pooled)

    def forward(self, x):
        return self.conv_layers(x).flatten(2).transpose(1, 2)


class Transformer(nn.Module):
    """Tokens (N, T, WIDTH) to logits (N, classes), pooled over the sequence by attention."""

    def __init__(self, tokens, classes, positional):
        super().__init__()
        if positional == "learnable":
            self.positional_emb = nn.Parameter(torch.empty(1, tokens, WIDTH))
            nn.init.trunc_normal_(self.positional_emb, std=0.2)
        else:
            self.register_buffer("positional_emb", sines(tokens))
        drops = torch.linspace(0, STOCHASTIC_DEPTH, LAYERS).tolist()
        self.blocks = nn.ModuleList(Layer(drop) for drop in drops)
        self.norm = nn.LayerNorm(WIDTH)
        self.attention_pool = nn.Linear(WIDTH, 1)
        self.fc = nn.Linear(WIDTH, classes)

    def forward(self, x):
        x = x + self.positional_emb
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        weights = self.attention_pool(x).softmax(1)
        return self.fc((weights * x).sum(1))


class CCT(nn.Module):
    """CCT-7/3x1: a convolutional tokenizer before a transformer."""

    def __init__(self, shape, classes, positional):
        super().__init__()
        channels, height, width = shape
        tokens = ((height + 1) // 2) * ((width + 1) // 2)
        self.tokenizer = Tokenizer(channels)
        self.classifier = Transformer(tokens, classes, positional)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.classifier(self.tokenizer(x))


def sines(tokens):
    """Return the sinusoidal embedding (1, tokens, WIDTH) (Vaswani et al. 2017, section 3.5)."""
    frequencies = 10_000.0 ** (-torch.arange(0, WIDTH, 2, dtype=torch.float64) / WIDTH)
    angles = torch.arange(tokens, dtype=torch.float64)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], 2).reshape(1, tokens, WIDTH).float()


def cct7(shape=(3, 32, 32), classes=10, positional="learnable"):
    """Return CCT-7/3x1 for images of `shape` (C, H, W); it gives logits (N, classes).

    positional: "learnable" (published as cct_7_3x1_32) or "sine" (cct_7_3x1_32_sine). Either ties
    the network to its image size. Raises InputError for another word.
    Weights start as in the authors' code, from torch's global generator.
    """
    if positional not in ("learnable", "sine"):
        raise InputError(f"CCT-7's positional is learnable or sine, not {positional!r}.")
    return CCT(shape, classes, positional)
