"""Lossy coding of the picture."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def jpeg(image: Tensor, value: float, key: int) -> Tensor:
    """The picture after baseline JPEG coding and decoding at quality ``value``, rounded to a whole number in 1 ... 100.

    A real codec (Pillow's libjpeg-turbo) on the sRGB values rounded to 8 bits, without chroma subsampling, so that quality alone decides. Quality 100 as
    declared means uncoded and does not come here; 99.5 and above is coded at 100 and differs from the picture by rounding only.

    Source: ISO/IEC 10918-1; quantisation tables and quality scale of the Independent JPEG Group.
    """
    del key
    coded = BytesIO()
    _picture(image).save(coded, format="JPEG", quality=round(value), subsampling=0, optimize=False, progressive=False)
    with Image.open(coded) as decoded:
        pixels = np.array(decoded)
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(planes.copy()).to(image) / 255


def _picture(image: Tensor) -> Image.Image:
    pixels = (image * 255).round().to(torch.uint8).cpu().numpy()
    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
