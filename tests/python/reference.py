"""Slow, obvious references that tests of operators compare with."""
import torch

SIZES = [(2, 16, 5, 7), (1, 17, 4, 4), (3, 31, 6, 5), (2, 40, 9, 8), (1, 64, 1, 1)]  # N, C, H, W


def blocked(plain):
    """[N, C, H, W] as [N, C/16, H, W, 16], element by element of the channels."""
    n, channels, h, w = plain.shape
    result = plain.new_zeros((n, (channels + 15) // 16, h, w, 16))
    for c in range(channels):
        result[:, c // 16, :, :, c % 16] = plain[:, c]
    return result


def plain(tensor, channels):
    return torch.stack([tensor[:, c // 16, :, :, c % 16] for c in range(channels)], 1)


def mask_words(tensor):
    """The words of the exact mask of a blocked tensor."""
    words = sum((tensor[..., lane] != 0).long() << lane for lane in range(16)).flatten()
    return torch.where(words < 1 << 15, words, words - (1 << 16)).to(torch.int16)


def mask_of(tensor):
    """Header and words: how many bits are set comes first."""
    header = torch.zeros(4, 8, dtype=torch.int16)
    words = mask_words(tensor)
    header.view(torch.int64).view(-1)[0] = (tensor != 0).sum()
    return torch.cat([header.flatten(), words])


def expect_mask(mask, tensor):
    assert torch.equal(mask[32:], mask_words(tensor))


def integers(*shape, limit=3):
    """Small integers: sums of their products are exact in float32, whatever their order."""
    return torch.randint(-limit, limit + 1, shape).float()


def with_zeros(tensor, share=0.6):
    return tensor * (torch.rand(tensor.shape) > share)


def gradients(function, inputs, diff_dst=None):
    """The function's result, and the gradients of its inputs, which are not changed."""
    inputs = [value.detach().clone().requires_grad_() for value in inputs]
    dst = function(*inputs)
    if diff_dst is None:
        diff_dst = integers(*dst.shape).to(dst.dtype)
    return dst.detach(), torch.autograd.grad(dst, inputs, diff_dst.to(dst.dtype))


def expect_close(found, expected, bound):
    """Differences are at most `bound` of the largest value expected."""
    assert found.shape == expected.shape
    scale = max(float(expected.abs().max()), 1e-30)
    assert float((found.double() - expected.double()).abs().max()) <= bound * scale


def expect_same_gradients(ours, reference, inputs, bound=0.0):
    """`ours` in float32 against `reference` in float64, values and gradients. Without a bound: exactly, on integers."""
    torch.manual_seed(7)
    expected, expected_gradients = gradients(reference, [value.double() for value in inputs])
    torch.manual_seed(7)
    found, found_gradients = gradients(ours, inputs)
    for one, other in zip([found, *found_gradients], [expected, *expected_gradients]):
        expect_close(one, other, bound)
