"""Images a second of vit3d_base at 96³, beside MONAI's ViT of the same size (patch 16, 12 × 768, 12 heads).

On a CPU TensorFlow and PyTorch run in one process, in turns. On a GPU (JAX or PyTorch backend) half precision, flash
attention and `torch.compile` are used where they exist, and peak memory and the share of the peak rate are told too.
"""

from __future__ import annotations

import dataclasses
import time

import keras
import numpy as np

from benchmarks import peers
from benchmarks.timing import alternate, ratios
from keras_neurovit import VolumeContract, from_preset, load_preset, training

SHAPE = (96, 96, 96)


def ours(batch: int, dtype: str):
    """Prediction and a training step of our model, as `compile_defaults` compiles it."""
    keras.config.set_dtype_policy(dtype)
    preset = dataclasses.replace(load_preset("vit3d_base"), volume=VolumeContract((2.0,) * 3, SHAPE))
    model = from_preset(preset, num_classes=2, load_weights=False, verbose=False)
    choice = training.compile_defaults(model, keras.optimizers.AdamW(1e-4), half=False, verbose=False)
    volumes = np.random.default_rng(0).normal(size=(batch, *SHAPE, 1)).astype("float32")
    labels = np.arange(batch) % 2
    return (
        {
            "inference": lambda: model.predict_on_batch(volumes),
            "training": lambda: model.train_on_batch(volumes, labels),
        },
        model,
        choice,
    )


def monai(batch: int, gpu: bool):
    """The same of MONAI's ViT, with scaled dot-product attention where it has it."""
    import torch
    from monai.networks.nets import ViT

    device = "cuda" if gpu else "cpu"
    net = ViT(1, SHAPE, (16,) * 3, classification=False, spatial_dims=3).to(device)
    for block in net.blocks:
        block.attn.use_flash_attention = True  # PyTorch's fused attention, which its ViT has no argument for
    head = torch.nn.Linear(768, 2).to(device)
    volumes = torch.randn(batch, 1, *SHAPE, device=device)
    labels = torch.arange(batch, device=device) % 2
    optimizer = torch.optim.AdamW([*net.parameters(), *head.parameters()], 1e-4)
    forward = torch.compile(lambda x: head(net(x)[0].mean(dim=1))) if gpu else lambda x: head(net(x)[0].mean(dim=1))
    half = torch.autocast(device, torch.bfloat16, enabled=gpu)

    def infer():
        with torch.inference_mode(), half:
            return forward(volumes).float().cpu().numpy()

    def train():
        optimizer.zero_grad()
        with half:
            loss = torch.nn.functional.cross_entropy(forward(volumes).float(), labels)
        loss.backward()
        optimizer.step()
        return float(loss)

    return {"inference": infer, "training": train}, sum(p.numel() for p in [*net.parameters(), *head.parameters()])


def run(options) -> dict:
    """Images a second and ratios."""
    gpu = _has_gpu()
    mine, model, choice = ours(options.batch, "mixed_bfloat16" if gpu else "float32")
    found = {"batch": options.batch, "picked": choice.why, "dtype": choice.dtype, "parameters": model.count_params()}
    peer = {}
    if peers.installed("monai"):
        peer, parameters = monai(options.batch, gpu)
        found["parameters_monai"] = parameters
        assert abs(parameters / model.count_params() - 1) < 0.05, "the two models are of different sizes"
    peak = _peak(gpu)
    found["matrix_product_tflops"] = round(peak / 1e12, 3)
    flops = 2 * options.batch * (216 * 85e6 + 12 * 2 * 216**2 * 768)
    for what, times in (("inference", 1), ("training", 3)):
        works = {"ours": mine[what]} | ({"monai": peer[what]} if peer else {})
        seconds = alternate(works, options.rounds, clock=time.perf_counter, warm=2)
        found[what] = {f"{who}_images_per_s": round(options.batch / s, 3) for who, s in seconds.items()}
        found[what] |= {f"{who}_share_of_peak": round(times * flops / s / peak, 3) for who, s in seconds.items()}
        found[what] |= ratios(seconds)
    return found | (_peak_memory() if gpu else {})


def _has_gpu() -> bool:
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.is_available()
    return any(not device.startswith("cpu") for device in keras.distribution.list_devices())


def _peak(gpu: bool, size: int = 2048) -> float:
    """Operations a second of a product of large matrices by PyTorch, which peers and we are measured by."""
    import torch

    device, dtype, size = ("cuda", torch.bfloat16, 4 * size) if gpu else ("cpu", torch.float32, size)
    one = torch.randn(size, size, device=device, dtype=dtype)

    def product():
        result = one @ one
        if gpu:
            torch.cuda.synchronize()
        return result

    return 2 * size**3 / alternate({"product": product}, 5, clock=time.perf_counter, warm=2)["product"]


def _peak_memory() -> dict[str, float]:
    found = {}
    if keras.backend.backend() == "jax":
        import jax

        found["ours_peak_memory_GB"] = round(jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 1e9, 2)
    import torch

    if torch.cuda.is_available():  # with the PyTorch backend, of both
        found["torch_peak_memory_GB"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
    return found
