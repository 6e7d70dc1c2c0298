"""One rule for each property of an image file: its content is kept, or it is refused.

docs/datasets.md has the table of these rules. What was done to a file beyond reading it is counted.
"""

import io
import warnings
from collections import Counter

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from idbias.errors import InputError, first_line

# Kinds of content that are read, whatever the ending of the name says.
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "AVIF")
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".avif",
)  # fmt: skip
# Pictures too, but not read here: nothing with such an ending is passed over in silence.
UNREAD = (
    ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".psd", ".svg", ".eps", ".tga", ".pcx", ".pfm", ".exr", ".hdr",
    ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".dcm", ".nii", ".npy", ".npz", ".mat",
)  # fmt: skip
COLOURS = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
DEEP = {"I;16", "I;16B", "I;16L", "I;16N"}
ORIENTATION, BITS, PHOTOMETRIC = 0x0112, 258, 262  # tags of EXIF and TIFF
# What an array of each type is multiplied by to lie in [0, 1].
SCALES = {"uint8": 1 / 255, "uint16": 1 / 65535, "float32": 1.0}
DEPTHS = {"uint8": "of 8 bits", "uint16": "grey of 16 bits", "float32": "of floating-point numbers"}


def decode(where, content, size=None, fit="crop", channels=3, upright=True, notes=None):
    """Return the picture in a file's bytes, (channels, H, W): uint8, uint16 (0 to 65,535) or float32.

    where: what to call it in messages. size, fit: "stretch" to size by size, whatever the proportions;
    or "crop": the shorter side to size * 256 / 224, then the central size by size, as ImageNet
    classifiers are tested. Both by bilinear interpolation over all the pixels that fall into one, as
    torchvision does. channels: 3 (RGB) or 1 (grey).
    upright: turn it as its EXIF orientation says; published sets are read as torchvision does, unturned.
    notes: a Counter of what was done, in words.
    Raises InputError if its content cannot be kept.
    """
    notes = Counter() if notes is None else notes
    try:
        Image.init()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                image, dtype = _kept(where, opened, content, upright, notes)
                if image.mode != "F":
                    image = image.convert("RGB" if channels == 3 else "L")
                _fits_memory(where, image, size, fit)
                image = _fitted(image, size, fit, notes)
    except InputError:
        raise
    except Exception as error:  # each format's reader raises its own
        raise InputError(
            f"{where} is no readable image ({_reason(error, content)}); replace or remove it."
        ) from None
    if image.mode == "F":
        array = np.asarray(image)[None]
        array = array if dtype == np.float32 else np.rint(array).clip(0, 65535)
        return array.astype(dtype).repeat(channels, axis=0)
    return np.asarray(image).reshape(*image.size[::-1], channels).transpose(2, 0, 1)


def _kept(where, image, content, upright, notes):
    """Return (the picture as L, RGB or F, the dtype that keeps it)."""
    _one_frame(where, image, notes)
    suffix = "." + where.rsplit(".", 1)[-1].lower()
    expected = Image.registered_extensions().get(suffix)
    if expected and expected != image.format and image.format not in ("MPO", "DIB"):
        notes["have the content of another format than their ending says, and are read by it"] += 1
    bits = _bits(image, content)
    image.load()
    if upright and image.getexif().get(ORIENTATION, 1) != 1:
        notes["are turned as their EXIF orientation says"] += 1
        tags = getattr(image, "tag_v2", {})
        turned = ImageOps.exif_transpose(image)
        turned.format, turned.tag_v2 = image.format, tags
        image = turned
    if image.mode == "F":
        return _float(where, image)
    if image.mode in DEEP or (image.mode == "I" and image.format == "PPM"):
        return _deep(image, bits), np.uint16
    if image.mode not in COLOURS:
        what = "integers of 32 bits, whose white is not known" if image.mode == "I" else image.mode
        raise InputError(
            f"{where} holds {what}; save it as RGB or grey of 8 bits, or as grey of 16 bits."
        )
    if bits > 8:
        notes["are in colour with more than 8 bits per channel, of which the upper 8 are read"] += 1
    if image.mode == "CMYK":
        notes["are CMYK, and become RGB without a colour profile"] += 1
    elif image.info.get("icc_profile"):
        notes[
            "have a colour profile, which is not applied: their numbers are taken as they are"
        ] += 1
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        if layer.getchannel("A").getextrema()[0] < 255:
            notes["are transparent in places, and laid over white"] += 1
            layer = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
        return layer.convert("RGB"), np.uint8
    return image.convert("L" if image.mode in ("1", "L") else "RGB"), np.uint8


def _one_frame(where, image, notes):
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format == "MPO":
        # What phones add: a preview or a map of brightness.
        notes["have further pictures behind the first (MPO), which is read"] += 1
    elif frames > 1:
        raise InputError(
            f"{where} has {frames} frames or pages; save the one that you mean as a picture of its own."
        )


def _bits(image, content):
    """Return the bits per channel that the file has, whatever the reader makes of them."""
    if image.format == "PNG":
        return content[24]
    if image.format == "TIFF":
        return max(image.tag_v2.get(BITS, (8,)))
    return 16 if image.format == "PPM" and image.mode == "I" else 8


def _deep(image, bits):
    """Return a grey picture of more than 8 bits as one of mode F, 0 to 65,535."""
    white = 2**bits - 1 if image.format == "TIFF" and 8 < bits < 16 else 65535
    values = np.asarray(image).astype(np.float32)
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0:  # white is 0
        values = white - values
    return Image.fromarray(values * (65535 / white))


def _float(where, image):
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise InputError(f"{where} holds pixels that are NaN or infinite; fix or remove it.")
    if values.min() < 0 or values.max() > 1:
        raise InputError(
            f"{where} holds floating-point numbers from {values.min():g} to {values.max():g}; "
            "idbias reads those in [0, 1], where 1 is white: scale them."
        )
    return image, np.float32


def _fits_memory(where, image, size, fit):
    width, height = image.size
    if size and fit == "crop":
        larger = size * 256 / 224 / min(image.size)
        width, height = width * larger, height * larger
    if width * height > 2 * Image.MAX_IMAGE_PIXELS:
        raise InputError(
            f"{where} is {image.size[0]} by {image.size[1]} pixels, too long or too large to be scaled; "
            "cut it to what you mean."
        )


def _fitted(image, size, fit, notes):
    if size is None:
        return image
    if min(image.size) < size:
        notes[f"are smaller than {size} pixels, and enlarged"] += 1
    if fit == "stretch":
        return image.resize((size, size), Image.Resampling.BILINEAR)
    if image.size == (size, size):
        notes[
            f"are {size} by {size} pixels already, and enlarged and cropped all the same: without `size` they stay"
        ] += 1
    shorter = round(size * 256 / 224)
    width, height = (int(shorter * side / min(image.size)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _reason(error, content):
    if not content:
        return "it is empty"
    if isinstance(error, UnidentifiedImageError):
        return f"its content is none of {', '.join(FORMATS)}"
    if isinstance(error, Image.DecompressionBombError):
        return "it has more pixels than any picture that is meant"
    return first_line(error)
