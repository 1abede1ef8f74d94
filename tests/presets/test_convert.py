"""Other libraries' checkpoints: equal outputs beside the modules they are of, and names that are never ignored."""

import re

import numpy as np
import pytest

from keras_neurovit import InputError, models
from keras_neurovit.presets import convert, to_torch_state_dict
from keras_neurovit.presets.checkpoint import read_checkpoint
from tests.contracts import run, sample

torch = pytest.importorskip("torch", reason="compares with PyTorch's modules")
from tests.presets.reference_modules import HEADS, LAYERS, MLP, PATCH, SHAPE, WIDTH  # noqa: E402
from tests.presets.torch_modules import Lucidrains, Timm  # noqa: E402


def shuffled(module):
    """All weights random, norms and tokens too, so that none can be forgotten."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return module.eval()


def volumes(channels=1):
    return sample((2, *SHAPE, channels))


def theirs(module, channels=1):
    """Tokens of a PyTorch module."""
    with torch.no_grad():
        out = module(torch.from_numpy(volumes(channels).transpose(0, 4, 1, 2, 3).copy()))
    return (out[0] if isinstance(out, tuple) else out).numpy()


def agree(ours, expected):
    np.testing.assert_allclose(ours, expected, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [{}, {"cls": False}, {"qkv_bias": False}, {"registers": 4, "scale": True}, {"channels": 2}],
    ids=lambda options: ",".join(options) or "plain",
)
def test_timm(options, tmp_path):
    module = shuffled(Timm(**options))
    torch.save({"net": module.state_dict(), "epoch": 3}, tmp_path / "vit.pth")
    backbone, arguments = convert(tmp_path / "vit.pth", SHAPE, num_heads=HEADS)
    agree(run(backbone, volumes(options.get("channels", 1))), theirs(module, options.get("channels", 1)))
    assert models.vit3d(SHAPE, **arguments).count_params() == backbone.count_params()


def monai_module(kind, **options):
    nets = pytest.importorskip("monai.networks.nets", reason="compares with MONAI's modules")
    sizes = {"hidden_size": WIDTH, "mlp_dim": MLP, "num_layers": LAYERS, "num_heads": HEADS}
    return shuffled(getattr(nets, kind)(1, SHAPE, options.pop("patch_size", PATCH), **sizes, **options))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("projection", ["conv", "perceptron"])
@pytest.mark.parametrize("qkv_bias", [False, True])
def test_monai_vit(projection, qkv_bias, tmp_path, capsys):
    module = monai_module("ViT", qkv_bias=qkv_bias, proj_type=projection)
    lightning = {f"backbone.{name}": tensor for name, tensor in module.state_dict().items()}
    torch.save({"state_dict": lightning | {"head.weight": torch.zeros(2)}}, tmp_path / "brain.ckpt")
    backbone, _ = convert(tmp_path / "brain.ckpt", SHAPE, num_heads=HEADS, prefix="backbone.", patch_size=PATCH)
    agree(run(backbone, volumes()), theirs(module))
    assert ("norm_cross_attn" in capsys.readouterr().err) == any("norm_cross" in n for n in lightning)


@pytest.mark.filterwarnings("ignore")
def test_monai_autoencoder_and_class_token(capsys):
    module = monai_module("ViTAutoEnc", patch_size=(4, 4, 4))
    backbone, _ = convert(arrays(module), SHAPE, num_heads=HEADS)
    with torch.no_grad():
        x = module.patch_embedding(torch.from_numpy(volumes().transpose(0, 4, 1, 2, 3).copy()))
        for block in module.blocks:
            x = block(x)
        agree(run(backbone, volumes()), module.norm(x).numpy())
    assert "conv3d_transpose.weight" in capsys.readouterr().err
    module = monai_module("ViT", classification=True, num_classes=2, post_activation="none")
    backbone, arguments = convert(arrays(module), SHAPE, num_heads=HEADS, ignore=("classification_head",))
    assert arguments["class_token"] is True
    head = module.classification_head
    scores = run(backbone, volumes())[:, 0] @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    agree(scores, theirs(module))


@pytest.mark.filterwarnings("ignore")
def test_monai_masked_autoencoder(capsys):
    module = monai_module("MaskedAutoEncoderViT", decoder_hidden_size=WIDTH, decoder_num_heads=HEADS)
    backbone, _ = convert(arrays(module), SHAPE, num_heads=HEADS)
    with torch.no_grad():
        x = module.patch_embedding(torch.from_numpy(volumes().transpose(0, 4, 1, 2, 3).copy()))
        x = torch.cat([module.cls_token.expand(len(x), -1, -1), x], 1)
        agree(run(backbone, volumes()), module.blocks(x).numpy())
    said = capsys.readouterr().err
    assert "decoder_blocks.0.attn.qkv.weight" in said
    assert "mask_tokens" in said


def arrays(module):
    """A module's weights as NumPy."""
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def test_lucidrains():
    module = shuffled(Lucidrains())
    with pytest.raises(InputError, match=r"2 weights are left over: mlp_head\.1\.bias, mlp_head\.1\.weight.*`ignore`"):
        convert(arrays(module), SHAPE, num_heads=HEADS, patch_size=PATCH)
    backbone, _ = convert(arrays(module), SHAPE, num_heads=HEADS, patch_size=PATCH, ignore=("mlp_head.1",))
    agree(run(backbone, volumes()), theirs(module))
    with pytest.raises(InputError, match="Pass patch_size"):
        convert(arrays(module), SHAPE, num_heads=HEADS, ignore=("mlp_head.1",))


def hugging_face(named):
    """The same weights by Hugging Face's names."""
    renamed = {}
    for name, array in named.items():
        if ".qkv." in name:
            for part, third in zip(("query", "key", "value"), np.split(array, 3), strict=True):
                renamed[name.replace("attn.qkv", f"attention.attention.{part}")] = third
        else:
            renamed[name] = array
    table = {
        "blocks.": "vit.encoder.layer.",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "patch_embed.proj": "vit.embeddings.patch_embeddings.projection",
        "pos_embed": "vit.embeddings.position_embeddings",
        "cls_token": "vit.embeddings.cls_token",
    }
    out = {}
    for name, array in renamed.items():
        for old, new in table.items():
            name = name.replace(old, new)
        out[re.sub(r"^norm\.", "vit.layernorm.", name)] = array
    return out


def test_two_dimensions_inflated_by_their_mean_score_alike_slices_as_one():
    """A volume whose slices are alike, of one patch in depth: what the two-dimensional module says of a slice."""
    module = shuffled(Timm(places=16, channels=3, patch=(3, 5)))
    image = sample((2, 12, 20, 3))
    with torch.no_grad():
        expected = module(torch.from_numpy(image.transpose(0, 3, 1, 2).copy())).numpy()
    alike = np.repeat(image[:, :, :, None], 4, axis=3)
    for named in (arrays(module), hugging_face(arrays(module))):
        backbone, arguments = convert(named, (12, 20, 4), num_heads=HEADS, patch_size=(3, 5, 4))
        assert arguments["patch_size"] == [3, 5, 4]
        agree(run(backbone, alike), expected)
        central, _ = convert(named, (12, 20, 4), num_heads=HEADS, patch_size=(3, 5, 4), inflation="central")
        middle = sample((2, 12, 20, 4, 3))
        middle[:, :, :, 2] = image
        agree(run(central, middle), expected)
    grey, _ = convert(arrays(module), (12, 20, 4), num_heads=HEADS, patch_size=(3, 5, 4), num_channels=1)
    one = image[..., :1]
    with torch.no_grad():
        expected = module(torch.from_numpy(np.repeat(one, 3, -1).transpose(0, 3, 1, 2).copy())).numpy()
    agree(run(grey, np.repeat(one[:, :, :, None], 4, axis=3)), expected)
    larger, _ = convert(arrays(module), (15, 20, 8), num_heads=HEADS, patch_size=(3, 5, 4))
    assert larger.output_shape == (None, 41, WIDTH)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use_bias", [True, False])
def test_out_to_monai_and_in_again(use_bias):
    backbone = models.vit3d(SHAPE, PATCH, LAYERS, HEADS, WIDTH, MLP, use_bias=use_bias, epsilon=1e-5)
    random = np.random.default_rng(0)
    backbone.set_weights([0.3 * random.normal(size=weight.shape) for weight in backbone.get_weights()])
    module = monai_module("ViT", qkv_bias=use_bias)
    named = to_torch_state_dict(backbone)
    answer = module.load_state_dict({name: torch.from_numpy(array) for name, array in named.items()}, strict=False)
    assert answer.unexpected_keys == []
    assert all("cross_attn" in name for name in answer.missing_keys)
    agree(run(backbone, volumes()), theirs(module))
    again, _ = convert(named, SHAPE, num_heads=HEADS)
    agree(run(again, volumes()), run(backbone, volumes()))
    with pytest.raises(InputError, match=r"cannot hold this backbone \(received prefix_tokens/tokens\)"):
        to_torch_state_dict(models.vit3d(SHAPE, PATCH, 1, HEADS, WIDTH, MLP, class_token=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w | {"extra.weight": w["norm.bias"]}, r"1 weights are left over: extra\.weight"),
        (lambda w: {k: v for k, v in w.items() if k != "norm.bias"}, r"1 weights are missing: norm/beta"),
        (
            lambda w: {k.replace("norm.", "fc_norm.") if k.startswith("norm.") else k: v for k, v in w.items()},
            r"2 weights are missing: norm/beta, norm/gamma; 2 weights are left over: fc_norm\.bias, fc_norm\.weight",
        ),
        (lambda w: w | {"blocks.1.mlp.fc1.weight": w["norm.bias"][None]}, r"other shapes: block_1/mlp_in/kernel"),
        (lambda w: {f"x.{k}": v for k, v in w.items()}, "weights of no known library.*Give the prefix"),
        (lambda w: {k: v for k, v in w.items() if k != "pos_embed"}, "no table of positions"),
        (lambda w: {k: v for k, v in w.items() if "patch_embed" not in k}, "no patch embedding"),
        (lambda w: w | {"pos_embed": w["pos_embed"][:, :20]}, "positions do not fit the volume"),
    ],
)
def test_names_and_shapes_that_do_not_fit(change, message):
    with pytest.raises(InputError, match=message):
        convert(change(arrays(Timm())), SHAPE, num_heads=HEADS)


def test_arguments_that_do_not_fit():
    named = arrays(Timm())
    with pytest.raises(InputError, match="num_heads does not fit"):
        convert(named, SHAPE, num_heads=7)
    with pytest.raises(InputError, match="patch_size is not the checkpoint's"):
        convert(named, SHAPE, num_heads=HEADS, patch_size=(4, 4, 5))
    with pytest.raises(InputError, match="not divisible by patch_size"):
        convert(named, (8, 13, 20), num_heads=HEADS)
    with pytest.raises(InputError, match="central, mean"):
        convert(named, SHAPE, num_heads=HEADS, inflation="middle")


class Evil:
    """What a pickle can do."""

    def __reduce__(self):
        import os

        return os.mkdir, ("executed",)


def test_no_pickle_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Evil()}, "evil.pth")
    with pytest.raises(InputError, match=r"evil\.pth: truncated, or holds more than weights"):
        read_checkpoint("evil.pth")
    assert not (tmp_path / "executed").exists()


def test_files_that_cannot_be_read(tmp_path):
    torch.save(Timm().state_dict(), tmp_path / "good.pth")
    content = (tmp_path / "good.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.pt").write_text("no checkpoint")
    torch.save({"epoch": 3}, tmp_path / "nothing.pt")
    (tmp_path / "model.onnx").write_bytes(b"other")
    assert set(read_checkpoint(tmp_path / "good.pth")) == set(Timm().state_dict())
    for name, message in (
        ("cut.pth", "truncated"),
        ("text.pt", "truncated"),
        ("nothing.pt", "holds no weights"),
        ("model.onnx", "unknown kind"),
        ("missing.pt", "no such file"),
    ):
        with pytest.raises(InputError, match=f"{name}: .*{message}"):
            read_checkpoint(tmp_path / name)


def test_safetensors(tmp_path):
    save = pytest.importorskip("safetensors.numpy", reason='needs the extra "safetensors"').save_file
    module = shuffled(Timm())
    save(arrays(module), tmp_path / "vit.safetensors")
    backbone, _ = convert(tmp_path / "vit.safetensors", SHAPE, num_heads=HEADS)
    agree(run(backbone, volumes()), theirs(module))
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "vit.safetensors").read_bytes()[:100])
    with pytest.raises(InputError, match=r"cut\.safetensors: truncated"):
        read_checkpoint(tmp_path / "cut.safetensors")
