"""The half spectrum of real images: transforms, weights, and the full spectrum it stands for.

A real image's spectrum has X(-k) = conj(X(k)), so its half (`torch.fft.rfft2`: every row frequency,
column frequencies 0 .. W//2) says everything. Arrays of the full spectrum are in the order of
`torch.fft.fft2`, zero frequency at [0, 0]. Height and width may be even or odd.
"""

import torch


def pair_counts(width):
    """Return how many full-spectrum columns each half-spectrum column stands for: 1 or 2.

    Column 0, and for even widths column W/2, are their own mirror images (their rows pair up within
    the column, and the half holds both); every other column also stands for its mirror image.
    Returns float64 (W//2 + 1,). Distances between half spectra carry the square roots of these.
    """
    counts = torch.full((width // 2 + 1,), 2.0, dtype=torch.float64)
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    return counts


def full_from_half(half, width):
    """Expand half-spectrum masks (..., H, W//2 + 1) to the full spectrum (..., H, W) of `width`.

    M(-k) = M(k): entry [r, c] with c > W//2 is the half's entry [-r mod H, W - c].
    """
    mirrored = half[..., 1 : (width + 1) // 2].flip((-2, -1)).roll(1, dims=-2)
    return torch.cat((half, mirrored), dim=-1)


def filtered(masks, images):
    """Return x_F = Re(F^-1(M * F x)), paper 1, equation (1).

    masks: real (..., H, W), full spectrum. images: real (..., H, W). Same dtype and shape back.
    """
    return torch.fft.ifft2(masks * torch.fft.fft2(images)).real


def mask_gradient(spectra, pixels, transform):
    """Return d loss / d M (B, C, H, W') of masks M of images x, given d loss / d x_F.

    spectra: F x, complex (B, C, H, W'), full or half; pixels: g = d loss / d x_F, real (B, C, H, W);
    transform: the F of `spectra`, torch.fft.fft2 or rfft2. By the chain rule of `filtered` it is
    Re(F x (k) conj(F g (k))) / (H W). It is even in k, so that in a half spectrum it is that of M(k),
    not of M(k) and M(-k) together.
    """
    # Contiguous: of one image whose channels lie pixel by pixel, MKL rounds the transform otherwise.
    transformed = transform(pixels.contiguous())
    return (spectra * transformed.conj()).real.div_(pixels.shape[-2] * pixels.shape[-1])
