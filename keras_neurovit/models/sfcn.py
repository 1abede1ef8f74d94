"""The simple fully convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import keras

from keras_neurovit import _checks


def sfcn(
    volume_shape: tuple[int, int, int],
    channels: Sequence[int] = (32, 64, 128, 256, 256, 64),
    *,
    num_channels: int = 1,
    name: str = "backbone",
) -> keras.Model:
    """A backbone: volume to one token a position of the last feature map.

    Blocks of 3×3×3 convolution, batch normalisation, maximum of 2×2×2 and ReLU, each halving the volume, then one of
    1×1×1 convolution, batch normalisation and ReLU. No weight depends on the shape of the volume.

    Shape: (batch, x, y, z, channel) → (batch, position, channels[-1]); positions in C order (x slowest)

    Args:
        volume_shape: voxels along (x, y, z); with n channels, 2ⁿ⁻¹ or more each. A last odd voxel is left out.
        channels: feature maps of each block, the 1×1×1 one last.
        num_channels: channels of the volume.
        name: of the model.

    Raises:
        InputError: a volume too small to be halved so often, channels that are no positive whole numbers.

    Source: Peng et al. 2021 (Medical Image Analysis 68, 101871), section 2.2. Its 5×6×5 average pooling and dropout are
    `classifier(…, pooling="mean", dropout=0.5)`.

    Example:
        >>> sfcn((64, 80, 64)).output_shape
        (None, 8, 64)
    """
    shape = _checks.triple("volume_shape", volume_shape)
    if not channels or not all(isinstance(width, int) and width > 0 for width in channels):
        raise _checks.InputError("channels are unusable", "positive whole numbers, one a block", received=channels)
    least = 2 ** (len(channels) - 1)
    if min(shape) < least:
        raise _checks.InputError(
            f"volume_shape is too small to be halved {len(channels) - 1} times",
            expected=f"{least} or more voxels along each axis",
            received=shape,
            mend=f"Pad the volume to {tuple(max(n, least) for n in shape)}, or choose fewer channels.",
        )
    layers, last = keras.layers, len(channels) - 1
    volumes = features = keras.Input((*shape, num_channels), name="volume")
    for index, width in enumerate(channels):
        size = 1 if index == last else 3
        features = layers.Conv3D(width, size, padding="same", data_format="channels_last", name=f"convolution_{index}")(
            features
        )
        # PyTorch's momentum and epsilon, which the authors left as they are.
        features = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm_{index}")(features)
        if index < last:
            features = layers.MaxPooling3D(2, data_format="channels_last", name=f"maximum_{index}")(features)
        features = layers.ReLU(name=f"relu_{index}")(features)
    tokens = layers.Reshape((prod(features.shape[1:4]), channels[-1]), name="tokens")(features)
    return keras.Model(volumes, tokens, name=name)
