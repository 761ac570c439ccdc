"""One step from the same weights as the C++ trainer's, whose tests compare with the same numbers: torch_steps/MODEL.json."""
import json
import pathlib
import sys

import pytest
import sparsetrain.torch
import torch
from torch.nn import functional

MODELS = pathlib.Path(__file__).parents[1] / "models"
sys.path.append(str(MODELS))

# Those of tests/models/network_steps_test.cpp: how much farther from the truth than PyTorch in float a step may be, and norms of
# gradients where a ReLU turns.
TIMES_PYTORCH, LEAST_ERROR, TURNED = 20, 1e-4, 0.05


def bound(measured):
    return max(LEAST_ERROR, TIMES_PYTORCH * measured)


def fixed_model(make_torch_steps, name):
    model = make_torch_steps.make_model(name, make_torch_steps.CLASSES, dropout=0.0)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            parameter.copy_(make_torch_steps.fixed_parameter(parameter_name, parameter.shape))
    return model


def expect_near(found, expected, error):
    assert abs(found / expected - 1) <= error


def expect_gradients(model, expected, measured):
    """Of scalars, which are sums of everything, some are what cancellation left: they are compared with the largest."""
    described = expected["gradients"]
    assert set(dict(model.named_parameters())) == set(described)
    scalars = [gradient["norm"] for gradient in described.values() if gradient["shape"] == [1]]
    for name, value in model.named_parameters():
        if value.numel() == 1:
            error = abs(value.grad.item() - described[name]["samples"][0][1])
            assert error <= bound(measured["scalar_gradients"]) * max(scalars), name
        else:
            expect_near(float(value.grad.double().norm()), described[name]["norm"], TURNED)


@pytest.mark.parametrize("policy", ["auto", "zero_skip"])
@pytest.mark.parametrize("name", ["vgg-small", "resnet18", "resnet50", "fixup_resnet50"])
def test_a_step_is_that_of_the_trainer(name, policy):
    pytest.importorskip("numpy")
    import make_torch_steps
    expected = json.loads((MODELS / f"torch_steps/{name}.json").read_text())
    settings, measured = expected["settings"], expected["float32_difference"]
    model = sparsetrain.torch.convert(fixed_model(make_torch_steps, name), policy=policy)
    images = make_torch_steps.fixed("images", (settings["batch"], settings["channels"], *[settings["image_size"]] * 2))
    labels = torch.tensor([(n * 7 + 3) % settings["classes"] for n in range(settings["batch"])])
    optimiser = torch.optim.SGD(model.parameters(), lr=settings["learning_rate"], momentum=settings["momentum"])
    logits = model(images)
    loss = functional.cross_entropy(logits, labels)
    loss.backward()
    expect_near(loss.item(), expected["loss"], bound(measured["loss"]))
    wanted = torch.tensor(expected["logits"])
    assert float((logits.detach() - wanted).abs().max()) <= bound(measured["logits"]) * float(wanted.abs().max())
    expect_gradients(model, expected, measured)
    for buffer_name, described in expected["buffers"].items():
        expect_near(float(model.get_buffer(buffer_name).double().norm()), described["norm"], bound(described["float32"]))
    optimiser.step()
    with torch.no_grad():
        after = functional.cross_entropy(model(images), labels).item()
    expect_near(after, expected["loss_after_step"], bound(measured["loss_after_step"]))
