"""Writes torch_steps/MODEL.json: what PyTorch, in float64, makes of one training step of each model.

Weights, images and labels are the fixed values that tests make anew. Tensors are described by their L2 norm and by a few
samples, [index in the row-major array, value]. The gradients of a first step are all that SGD with momentum has to add;
`loss_after_step`, of the same images after it, tells whether every parameter was updated.

How far the same step in float32 is from that in float64 is a guide for tolerances. `float32` is the norm of a tensor's
difference, relative to its own. `float32_difference` has the largest of all tensors: of norms, relative to themselves; of
samples, relative to the root mean square of their tensor; of gradients of scalars, and of logits, relative to the largest.
Where activations come so close to zero that a ReLU passes them in one precision alone, gradients differ by far more than
rounding: so they do in resnet50, and less in fixup_resnet50.

Usage: make_torch_steps.py [MODEL...]; needs `pip install torch torchvision`
"""
import json
import math
import pathlib
import sys
from dataclasses import dataclass

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "bench"))
from torch_models import MODELS, make_model

OUT = pathlib.Path(__file__).resolve().parent / "torch_steps"
BATCH, CLASSES = 4, 10
LEARNING_RATE, MOMENTUM = 0.01, 0.9
INPUTS = dict.fromkeys(MODELS, (3, 64)) | {"vgg-small": (1, 28)}  # channels and size of images
SAMPLES, SAMPLE_STEP = 6, 2654435761
MAX_BYTES = 60_000


def fnv1a(text):
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def fixed(name, shape):
    """Float32 values in [-1, 1) that depend on a tensor's name and the index alone."""
    x = numpy.arange(math.prod(shape), dtype=numpy.uint32)
    x *= numpy.uint32(0x9E3779B9)
    x += numpy.uint32(fnv1a(name))
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x ^= x >> numpy.uint32(shift)
        x *= numpy.uint32(factor)
    x ^= x >> numpy.uint32(16)
    u = (x >> numpy.uint32(8)).astype(numpy.float32) * numpy.float32(2.0**-23) - numpy.float32(1)
    return torch.from_numpy(u.reshape(shape))


def fixed_parameter(name, shape):
    """Float32. Convolutions keep the variance of activations, so that every layer's gradient can be compared."""
    def scaled(scale):
        return fixed(name, shape) * torch.tensor(scale, dtype=torch.float32)

    if len(shape) == 4:
        return scaled(math.sqrt(6 / math.prod(shape[1:])))
    if len(shape) == 2:
        return scaled(math.sqrt(3 / shape[1]))
    if name.endswith(".scale"):
        return 0.5 + scaled(0.25)
    if name.endswith(".weight"):
        return 1 + scaled(0.25)  # of batch normalisation
    return scaled(0.1)


@dataclass
class Step:
    """Of one training step, in float64 whatever it was computed in."""
    logits: torch.Tensor
    loss: torch.Tensor
    loss_after_step: torch.Tensor
    gradients: dict  # by parameter
    buffers: dict  # running means and variances after the step


def run_step(name, dtype):
    channels, size = INPUTS[name]
    model = make_model(name, CLASSES, dropout=0.0).to(dtype)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            parameter.copy_(fixed_parameter(parameter_name, parameter.shape))
    images = fixed("images", (BATCH, channels, size, size)).to(dtype)
    labels = torch.tensor([(n * 7 + 3) % CLASSES for n in range(BATCH)])
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)

    logits = model(images)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    buffers = {key: value.double().clone() for key, value in model.named_buffers() if value.dim() > 0}
    optimizer.step()
    with torch.no_grad():
        loss_after_step = torch.nn.functional.cross_entropy(model(images), labels)
    return Step(logits.detach().double(), loss.detach().double(), loss_after_step.double(),
                {key: value.grad.double() for key, value in model.named_parameters()}, buffers)


def rounded(value):
    assert math.isfinite(value), f"expected a finite number, found {value}"
    return float(f"{value:.9g}")


def short(value):
    return float(f"{value:.2g}")


def sampled_indices(size):
    return list(dict.fromkeys(j * SAMPLE_STEP % size for j in range(SAMPLES)))


def description(tensor, float32=None):
    flat = tensor.reshape(-1)
    result = {"shape": list(tensor.shape), "norm": rounded(flat.norm().item()),
              "samples": [[i, rounded(flat[i].item())] for i in sampled_indices(flat.numel())]}
    if float32 is not None:
        result["float32"] = short(((float32 - tensor).norm() / tensor.norm()).item())
    return result


def descriptions(tensors, float32):
    return {name: description(tensor, float32[name]) for name, tensor in tensors.items()}


def largest_differences(kind, exact, found):
    """Of all tensors: of their norms, and of their samples."""
    of_norms = of_samples = 0.0
    for name, tensor in exact.items():
        expected, other = tensor.reshape(-1), found[name].reshape(-1)
        norm, samples = expected.norm(), sampled_indices(expected.numel())
        error = (other[samples] - expected[samples]).abs().max()
        of_norms = max(of_norms, ((other.norm() - norm).abs() / norm).item())
        of_samples = max(of_samples, (error / norm).item() * math.sqrt(expected.numel()))
    return {f"{kind}_norms": of_norms, f"{kind}_samples": of_samples} if exact else {}


def float32_difference(exact, found):
    def relative(value, other):
        return ((other - value).abs().max() / value.abs().max()).item()

    scalars = [name for name, gradient in exact.gradients.items() if gradient.numel() == 1]
    result = {key: relative(getattr(exact, key), getattr(found, key)) for key in ("loss", "loss_after_step", "logits")}
    result |= largest_differences("gradient", exact.gradients, found.gradients)
    if scalars:
        result["scalar_gradients"] = relative(torch.cat([exact.gradients[name] for name in scalars]),
                                              torch.cat([found.gradients[name] for name in scalars]))
    result |= largest_differences("buffer", exact.buffers, found.buffers)
    return {key: short(value) for key, value in result.items()}


def settings_of(name):
    channels, size = INPUTS[name]
    return {"batch": BATCH, "channels": channels, "image_size": size, "classes": CLASSES, "dropout": 0,
            "label_smoothing": 0, "learning_rate": LEARNING_RATE, "momentum": MOMENTUM, "weight_decay": 0,
            "sample_indices": f"j * {SAMPLE_STEP} mod size, j = 0..{SAMPLES - 1}, without repetitions"}


def text_of(document):
    """JSON with a line per tensor."""
    def lines(value, depth):
        if isinstance(value, dict) and depth < 2:
            inner = ",\n".join(f"{'  ' * (depth + 1)}{json.dumps(key)}: {lines(of, depth + 1)}" for key, of in value.items())
            return f"{{\n{inner}\n{'  ' * depth}}}" if value else "{}"
        return json.dumps(value, separators=(",", ":"))
    return lines(document, 0) + "\n"


def document_of(name):
    channels, size = INPUTS[name]
    exact = run_step(name, torch.float64)
    float32 = run_step(name, torch.float32)
    return {
        "model": name, "torch": torch.__version__.partition("+")[0], "settings": settings_of(name),
        "float32_difference": float32_difference(exact, float32),
        "images": description(fixed("images", (BATCH, channels, size, size)).double()),
        "loss": rounded(exact.loss.item()), "loss_after_step": rounded(exact.loss_after_step.item()),
        "logits": [[rounded(value) for value in row] for row in exact.logits.tolist()],
        "gradients": descriptions(exact.gradients, float32.gradients),
        "buffers": descriptions(exact.buffers, float32.buffers),
    }


def summary_of(document):
    gradients = document["gradients"].values()
    parameters = sum(math.prod(gradient["shape"]) for gradient in gradients)
    norms = [gradient["norm"] for gradient in gradients]
    all_zero = sum(all(value == 0 for _, value in gradient["samples"]) for gradient in gradients)
    return (f"{document['model']}: {parameters} parameters in {len(norms)} tensors ({all_zero} of samples all zero), "
            f"loss {document['loss']} then {document['loss_after_step']}, gradient norms {min(norms):.3g} - {max(norms):.3g}, "
            f"float32 off by {document['float32_difference']}")


def main():
    names = sys.argv[1:] or list(MODELS)
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        sys.exit(f"make_torch_steps.py: expected models of {', '.join(MODELS)}, found {', '.join(unknown)}")
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    for name in names:
        document = document_of(name)
        text = text_of(document)
        assert len(text) <= MAX_BYTES, f"{name}: expected at most {MAX_BYTES} bytes, found {len(text)}"
        (OUT / f"{name}.json").write_text(text)
        print(summary_of(document), f"({len(text)} bytes)", flush=True)


if __name__ == "__main__":
    main()
