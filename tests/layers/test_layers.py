import keras
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.layers import (
    BlockDetails,
    BlockHead,
    Blocks3D,
    DropPath,
    FoldBlocks,
    PatchEmbedding3D,
    PositionEmbedding3D,
    PrefixTokens,
    TokenPooling,
    TransformerEncoderBlock,
    UnfoldBlocks,
    patches_of,
)
from tests.contracts import TOKENS, VOLUMES, run, sample


def test_one_voxel_touches_one_token():
    layer, volumes = PatchEmbedding3D(24, (2, 3, 5)), sample(VOLUMES)
    before = run(layer, volumes)
    for x, y, z in ((0, 0, 0), (7, 11, 19), (3, 7, 11), (2, 4, 9)):
        changed = volumes.copy()
        changed[0, x, y, z] += 1
        touched = np.argwhere(np.abs(run(layer, changed) - before).max(axis=-1) > 0)
        assert touched.tolist() == [[0, (x // 2) * 16 + (y // 3) * 4 + z // 5]]


def test_patch_embedding_is_a_strided_convolution():
    layer, volumes = PatchEmbedding3D(24, (2, 3, 5)), sample((2, 8, 12, 20, 3))
    tokens = run(layer, volumes)
    layer.bias.assign(np.arange(24.0))
    expected = keras.ops.conv(volumes, layer.kernel, strides=(2, 3, 5), padding="valid", data_format="channels_last")
    np.testing.assert_allclose(tokens, keras.ops.convert_to_numpy(expected).reshape(2, 64, 24), atol=1e-4)
    np.testing.assert_allclose(run(layer, volumes) - tokens, np.broadcast_to(np.arange(24.0), tokens.shape), atol=1e-4)


def test_patch_that_does_not_divide_says_which_shape_does():
    with pytest.raises(InputError, match=r"Pad or crop the volume to \(10, 12, 20\)"):
        PatchEmbedding3D(24, (5, 3, 5))(sample(VOLUMES))


@pytest.mark.parametrize("size", [0, -1, 2.5, (1, 2), "big", None, float("inf"), float("nan")])
def test_unusable_patch_size(size):
    with pytest.raises(InputError, match="patch_size"):
        PatchEmbedding3D(24, size)


def test_position_is_added_by_place():
    layer = PositionEmbedding3D((4, 4, 4))
    tokens = run(layer, np.zeros(TOKENS, "float32"))
    np.testing.assert_array_equal(tokens[0], tokens[1])
    np.testing.assert_array_equal(tokens[0], layer.get_weights()[0])


def test_places_stand_on_the_first_axis_and_are_shared_along_the_next():
    layer, tokens = PositionEmbedding3D((2, 3, 5)), sample((2, 30, 7, 24))
    added = run(layer, tokens) - tokens
    table = layer.get_weights()[0]
    np.testing.assert_allclose(added, np.broadcast_to(table[:, None], tokens.shape), atol=1e-6)


def test_sine_positions_are_all_different_and_need_no_weights():
    layer = PositionEmbedding3D((2, 3, 5), kind="sine")
    table = run(layer, np.zeros((1, 30, 26), "float32"))[0]
    assert len(np.unique(table.round(4), axis=0)) == 30
    assert layer.count_params() == 0
    assert not table[:, 24:].any()


def test_position_resizes_a_ramp_to_a_ramp():
    from keras_neurovit.layers.position_embedding import resize_table

    grid = np.stack(np.meshgrid(np.arange(4), np.arange(4), np.arange(6), indexing="ij"), -1).astype("float32")
    larger = resize_table(grid.reshape(-1, 3), (4, 4, 6), (8, 4, 6)).reshape(8, 4, 6, 3)
    np.testing.assert_allclose(larger[2:6, 0, 0, 0], [0.75, 1.25, 1.75, 2.25], atol=1e-5)
    np.testing.assert_allclose(larger[0, :, :, 1:], grid[0, :, :, 1:], atol=1e-5)


@pytest.mark.parametrize("grid", [(4, 4, 4), (2, 3, 5), (6, 7, 6)])
def test_weights_of_another_grid_are_resized_when_loaded(grid, tmp_path):
    def model(grid):
        inputs = keras.Input((int(np.prod(grid)), 24))
        return keras.Model(inputs, PositionEmbedding3D(grid, name="position")(inputs))

    old, new = model(grid), model((4, 5, 6))
    old.save_weights(tmp_path / "old.weights.h5")
    new.load_weights(tmp_path / "old.weights.h5")
    assert new.get_layer("position").resized_from == grid
    assert np.isfinite(new.get_weights()[0]).all()
    assert np.abs(new.get_weights()[0]).mean() > 0.003
    old.load_weights(tmp_path / "old.weights.h5")
    assert old.get_layer("position").resized_from is None


def test_tokens_that_do_not_fill_the_grid():
    with pytest.raises(InputError, match=r"60 for grid \(3, 4, 5\)"):
        PositionEmbedding3D((3, 4, 5))(sample(TOKENS))


def test_drop_path_drops_whole_samples_and_keeps_the_mean():
    layer = DropPath(0.25, seed=3)
    kept = run(layer, np.ones((4000, 5), "float32"), training=True)
    assert set(np.unique(kept.round(5))) == {0.0, np.float32(4 / 3).round(5)}
    assert (kept.std(axis=1) == 0).all()
    assert abs(kept.mean() - 1) < 0.05
    np.testing.assert_array_equal(run(layer, kept, training=False), kept)


def test_block_is_the_textbook_block():
    block, tokens = TransformerEncoderBlock(2, 48, use_bias=True), sample(TOKENS)
    output, scores = block(tokens, return_attention_scores=True)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(output), run(block, tokens), atol=1e-5)
    scores = keras.ops.convert_to_numpy(scores)
    assert scores.shape == (2, 2, 64, 64)
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)

    def norm(t, layer):
        gamma, beta = layer.get_weights()
        return (t - t.mean(-1, keepdims=True)) / np.sqrt(t.var(-1, keepdims=True) + 1e-6) * gamma + beta

    def gelu(t):
        from scipy.special import erf

        return t * 0.5 * (1 + erf(t / np.sqrt(2)))

    query_k, query_b, key_k, key_b, value_k, value_b, out_k, out_b = block.attention.get_weights()
    x = norm(tokens, block.attention_norm)
    q, k, v = (
        np.einsum("btc,chd->bhtd", x, w) + b[:, None]
        for w, b in ((query_k, query_b), (key_k, key_b), (value_k, value_b))
    )
    logits = q @ k.transpose(0, 1, 3, 2) / np.sqrt(12)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    x = tokens + np.einsum("bhtd,hdc->btc", weights @ v, out_k) + out_b
    (w1, b1), (w2, b2) = block.mlp_in.get_weights(), block.mlp_out.get_weights()
    x = x + gelu(norm(x, block.mlp_norm) @ w1 + b1) @ w2 + b2
    np.testing.assert_allclose(run(block, tokens), x, atol=2e-4)


def test_heads_must_divide_the_token():
    with pytest.raises(InputError, match="multiple of 5"):
        TransformerEncoderBlock(5, 48)(sample(TOKENS))


def test_prefix_tokens_stand_first():
    layer = PrefixTokens(2)
    output = run(layer, sample(TOKENS))
    np.testing.assert_array_equal(output[:, 2:], sample(TOKENS))
    np.testing.assert_array_equal(output[0, :2], layer.get_weights()[0][0])


@pytest.mark.parametrize("voxel", [(0, 0, 0), (7, 11, 19), (3, 6, 9), (4, 5, 10), (1, 7, 12)])
def test_blocks_are_the_volume_cut_along_its_axes(voxel):
    volumes = np.zeros((3, 8, 12, 20, 2), "float32")
    volumes[(2, *voxel, 1)] = 1
    blocks = run(Blocks3D((4, 6, 10)), volumes)
    assert blocks.shape == (24, 4, 6, 10, 2)
    x, y, z = voxel
    where = 16 + (x // 4) * 4 + (y // 6) * 2 + z // 10
    assert np.argwhere(blocks).tolist() == [[where, x % 4, y % 6, z % 10, 1]]


def test_blocks_keep_their_voxels():
    volumes = sample((2, 8, 12, 20, 1))
    blocks = run(UnfoldBlocks(8), run(Blocks3D((4, 6, 10)), volumes))
    np.testing.assert_array_equal(blocks[1, 5], volumes[1, 4:, :6, 10:])


def test_block_that_does_not_divide_names_the_argument():
    with pytest.raises(
        InputError, match=r"not divisible by block_size.*to \(10, 12, 20\), or choose another block_size"
    ):
        Blocks3D((5, 6, 10))(sample(VOLUMES))


def test_folding_and_unfolding_are_inverse():
    tokens = sample((3, 8, 5, 24))
    folded = run(FoldBlocks(), tokens)
    np.testing.assert_array_equal(folded[9], tokens[1, 1])
    np.testing.assert_array_equal(run(UnfoldBlocks(8), folded), tokens)


def test_details_of_blocks_lie_where_their_patches_do():
    volumes, blocks = sample((2, 8, 12, 20, 1)), Blocks3D((4, 6, 10))
    patches = patches_of(run(blocks, volumes), (2, 2, 5))  # 12 in each of 8 blocks
    tokens = np.concatenate([np.ones((16, 1, 20), "float32"), keras.ops.convert_to_numpy(patches)], axis=1)
    details = run(BlockDetails((2, 2, 2), (2, 3, 2)), tokens)
    whole = keras.ops.convert_to_numpy(patches_of(volumes, (2, 2, 5)))
    np.testing.assert_array_equal(details.reshape(2, -1, 20), whole)


def test_block_head_shares_one_layer_and_sums_over_places():
    head, blocks = BlockHead(3), sample((2, 5, 24))
    scores = run(head, blocks)
    shared, shared_bias, joint, joint_bias = head.get_weights()
    assert shared.shape == (24, 3)
    assert joint.shape == (15, 3)
    votes = (blocks @ shared + shared_bias).reshape(2, 15)
    np.testing.assert_allclose(scores, votes @ joint + joint_bias, atol=1e-5)
    softmax = run(BlockHead(3, activation="softmax"), blocks)
    np.testing.assert_allclose(softmax.sum(axis=1), 1, atol=1e-6)


def test_pooling():
    tokens = sample(TOKENS)
    np.testing.assert_allclose(run(TokenPooling("mean", 1), tokens), tokens[:, 1:].mean(axis=1), atol=1e-6)
    np.testing.assert_array_equal(run(TokenPooling("class", 1), tokens), tokens[:, 0])
    attention = TokenPooling("attention", 1)
    attention.build(tokens.shape)
    attention.score.kernel.assign(np.zeros((24, 1)))
    np.testing.assert_allclose(run(attention, tokens), tokens[:, 1:].mean(axis=1), atol=1e-6)
    with pytest.raises(InputError, match="class_token=True"):
        TokenPooling("class")
    with pytest.raises(InputError, match="Did you mean 'mean'"):
        TokenPooling("meen")
