"""Vision transformers by other libraries' names, in PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.presets.reference_modules import HEADS, LAYERS, MLP, PATCH, SHAPE, WIDTH


class Attention(nn.Module):
    """timm's names: one matrix for queries, keys and values."""

    def __init__(self, qkv_bias=True):
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH, bias=qkv_bias), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        return self.proj(attend(*self.qkv(x).chunk(3, -1)))


def attend(*qkv):
    q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in qkv)
    return nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, MLP), nn.Linear(MLP, WIDTH)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * self.gamma


class Block(nn.Module):
    def __init__(self, qkv_bias, scale):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.mlp = Attention(qkv_bias), Mlp()
        self.ls1, self.ls2 = (Scale(), Scale()) if scale else (nn.Identity(), nn.Identity())

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class Embed(nn.Module):
    def __init__(self, channels, patch):
        super().__init__()
        self.proj = (nn.Conv3d if len(patch) == 3 else nn.Conv2d)(channels, WIDTH, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Timm(nn.Module):
    """A ViT by timm's names: class token first, its position in the table; registers after it, without one."""

    def __init__(self, places=32, channels=1, patch=PATCH, cls=True, registers=0, qkv_bias=True, scale=False):
        super().__init__()
        self.patch_embed = Embed(channels, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH)) if cls else None
        self.register_tokens = nn.Parameter(torch.zeros(1, registers, WIDTH)) if registers else None
        self.pos_embed = nn.Parameter(torch.zeros(1, places + cls, WIDTH))
        self.blocks = nn.Sequential(*(Block(qkv_bias, scale) for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x):
        x = self.patch_embed(x)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        x = x + self.pos_embed
        if self.register_tokens is not None:
            x = torch.cat([x[:, :1], self.register_tokens.expand(len(x), -1, -1), x[:, 1:]], 1)
        return self.norm(self.blocks(x))


class PreNorm(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(WIDTH), fn

    def forward(self, x):
        return self.fn(self.norm(x))


class Lucidrains(nn.Module):
    """A 3-D ViT by lucidrains' names: axes (frame, row, column), a patch's voxels ordered (row, column, frame)."""

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.to_qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
            self.to_out = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Dropout(0.0))

        def forward(self, x):
            return self.to_out(attend(*self.to_qkv(x).chunk(3, -1)))

    class FeedForward(nn.Module):
        def __init__(self):
            super().__init__()
            inner = nn.Linear(WIDTH, MLP), nn.GELU(), nn.Dropout(0.0), nn.Linear(MLP, WIDTH)
            self.net = nn.Sequential(*inner)

        def forward(self, x):
            return self.net(x)

    def __init__(self):
        super().__init__()
        rearrange = pytest.importorskip("einops.layers.torch").Rearrange
        pattern = "b c (f pf) (h p1) (w p2) -> b (f h w) (p1 p2 pf c)"
        cut = rearrange(pattern, pf=PATCH[0], p1=PATCH[1], p2=PATCH[2])
        self.to_patch_embedding = nn.Sequential(cut, nn.Linear(int(np.prod(PATCH)), WIDTH))
        self.pos_embedding, self.cls_token = (nn.Parameter(torch.zeros(1, n, WIDTH)) for n in (33, 1))
        self.transformer = nn.Module()
        self.transformer.layers = nn.ModuleList(
            nn.ModuleList([PreNorm(self.Attention()), PreNorm(self.FeedForward())]) for _ in range(LAYERS)
        )
        self.mlp_head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2))

    def forward(self, x):
        x = self.to_patch_embedding(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embedding
        for attention, feed in self.transformer.layers:
            x = attention(x) + x
            x = feed(x) + x
        return self.mlp_head[0](x)


class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return self.fn(x) + x


class Nit(nn.Module):
    """The neuroimage transformer by the names of its authors' code: a patch's voxels in the order of the volume's axes.

    Its token for distillation takes no part in what it says.
    """

    def __init__(self):
        super().__init__()
        self.grid = [size // edge for size, edge in zip(SHAPE, PATCH, strict=True)]
        self.pos_embedding = nn.Parameter(torch.zeros(1, int(np.prod(self.grid)) + 1, WIDTH))
        self.cls_token, self.distill_token = (nn.Parameter(torch.zeros(1, 1, WIDTH)) for _ in range(2))
        self.patch_to_embedding = nn.Linear(int(np.prod(PATCH)), WIDTH)
        self.transformer = nn.Module()
        self.transformer.layers = nn.ModuleList(
            nn.ModuleList(Residual(PreNorm(part())) for part in (Lucidrains.Attention, Lucidrains.FeedForward))
            for _ in range(LAYERS)
        )
        self.mlp_head, self.distill = (nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2)) for _ in range(2))

    def forward(self, x):
        sizes = [size for pair in zip(self.grid, PATCH, strict=True) for size in pair]
        x = x.reshape(len(x), 1, *sizes).permute(0, 2, 4, 6, 3, 5, 7, 1).flatten(4).flatten(1, 3)
        x = self.patch_to_embedding(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embedding
        for attention, feed in self.transformer.layers:
            x = feed(attention(x))
        return self.mlp_head[0](x)
