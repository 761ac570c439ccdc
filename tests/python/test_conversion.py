"""What convert(model) leaves as it was, and what it follows when the model changes."""
import copy
import io
import pickle

import pytest
import sparsetrain.torch
import torch
import torch.utils.checkpoint
import torchvision
from converted import CLOSE, Block, expect_converted, images, stock, uses_ours
from torch import nn


def test_the_model_stays_what_it_is():
    model = torchvision.models.resnet18(num_classes=10)
    modules, parameters, buffers = list(model.named_modules()), list(model.named_parameters()), list(model.named_buffers())
    text, keys, kind = repr(model), list(model.state_dict()), type(model)
    assert sparsetrain.torch.convert(model) is model
    expect_converted(model, images(channels=3, size=64))
    assert type(model) is kind and repr(model) == text and list(model.state_dict()) == keys
    for before, after in ((modules, model.named_modules()), (parameters, model.named_parameters()),
                          (buffers, model.named_buffers())):
        assert all(one == other and value is same for (one, value), (other, same) in zip(before, after))


def test_revert():
    model = sparsetrain.torch.convert(Block())
    expect_converted(model)
    assert sparsetrain.torch.revert(model) is model
    assert "forward" not in model.__dict__ and not uses_ours(model(images()))
    expect_converted(sparsetrain.torch.convert(sparsetrain.torch.convert(model)))


def test_policies():
    for policy in ("auto", "dense", "zero_skip"):
        expect_converted(sparsetrain.torch.convert(Block(), policy=policy))
    with pytest.raises(ValueError, match="expected the policy auto, dense or zero_skip, found 'sparse'"):
        sparsetrain.torch.convert(Block(), policy="sparse")


def test_an_example_input_is_compared():
    expect_converted(sparsetrain.torch.convert(Block(), example_input=images()))
    model = Block().train()
    sparsetrain.torch.convert(model, example_input=(images(),))
    assert all(module.training for module in model.modules()) and model.norm.num_batches_tracked == 0


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("make", [lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=1e-3),
                                  lambda parameters: torch.optim.AdamW(parameters, 1e-2, foreach=True)])
def test_optimisers_made_before_or_after(before, make):
    model, x = Block(), images(4)
    ours = copy.deepcopy(model)
    if before:
        optimiser = make(ours.parameters())
        sparsetrain.torch.convert(ours)
    else:
        sparsetrain.torch.convert(ours)
        optimiser = make(ours.parameters())
    of_stock = make(model.parameters())
    for _ in range(4):
        losses = []
        for trainee, step in ((model, of_stock), (ours, optimiser)):
            step.zero_grad()
            loss = trainee(x).square().mean()
            loss.backward()
            step.step()
            losses.append(loss.item())
        assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert all(torch.allclose(one, other, **CLOSE) for one, other in zip(ours.parameters(), model.parameters()))


def test_evaluation_uses_running_statistics():
    model = sparsetrain.torch.convert(Block())
    for _ in range(3):
        model(images())
    model.eval()
    expect_converted(model)
    before = model.norm.running_mean.clone()
    with torch.no_grad():
        x = images(1)
        assert torch.allclose(model(x), stock(model, x), **CLOSE)
    assert torch.equal(model.norm.running_mean, before) and model.norm.num_batches_tracked == 3
    expect_converted(model.train())


@pytest.mark.parametrize("options", [{}, {"momentum": None}, {"momentum": 0.3}, {"track_running_stats": False},
                                     {"affine": False}])
def test_running_statistics_are_torchs(options):
    model = nn.Sequential(nn.Conv2d(16, 17, 3), nn.BatchNorm2d(17, **options), nn.ReLU())
    ours = sparsetrain.torch.convert(copy.deepcopy(model))
    for _ in range(3):
        x = images(3)
        assert torch.allclose(ours(x), model(x), **CLOSE)
    for (name, found), expected in zip(ours.named_buffers(), model.buffers()):
        assert torch.allclose(found.float(), expected.float(), rtol=1e-4, atol=1e-5), name
    x = images(3)
    assert torch.allclose(ours.eval()(x), model.eval()(x), **CLOSE)


def test_a_normalisation_that_is_frozen():
    model = sparsetrain.torch.convert(Block())
    model.norm.eval()
    expect_converted(model)
    assert model.norm.num_batches_tracked == 0


def test_one_value_per_channel_is_an_error_in_training():
    model = sparsetrain.torch.convert(Block())
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model(images(1, size=1))
    expect_converted(model.eval(), images(1, size=1))


def test_frozen_parameters_have_no_gradients():
    model = sparsetrain.torch.convert(Block())
    model.conv1.requires_grad_(False)
    model.norm.weight.requires_grad_(False)
    expected = sparsetrain.torch.revert(copy.deepcopy(model))
    x = images()
    for trainee in (model, expected):
        trainee(x).square().sum().backward()
    for value, wanted in zip(model.parameters(), expected.parameters()):
        assert (value.grad is None) == (wanted.grad is None)
        assert wanted.grad is None or torch.allclose(value.grad, wanted.grad, rtol=1e-2, atol=1e-2)
    model.requires_grad_(False)
    assert not model(x).requires_grad


def test_the_gradient_of_images():
    model, x = sparsetrain.torch.convert(Block()), images().requires_grad_()
    found, = torch.autograd.grad(model(x).square().sum(), x)
    expected, = torch.autograd.grad(stock(model, x).square().sum(), x)
    assert torch.allclose(found, expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)),
                                   lambda model: saved_and_loaded(model)])
def test_copies_are_converted_and_apart(again):
    model = sparsetrain.torch.convert(Block())
    model(images())
    other = again(model)
    expect_converted(other)
    assert other.forward.module is other
    with torch.no_grad():
        other.conv2.weight.zero_()
        other.conv2.bias.zero_()
    assert not other(images()).any() and model(images()).any()


def saved_and_loaded(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def test_checkpoints_go_both_ways():
    model, plain = sparsetrain.torch.convert(Block()), Block()
    plain.load_state_dict(model.state_dict())
    model.load_state_dict(plain.state_dict())
    expect_converted(model)


def test_hooks_run_and_see_torchs_layout():
    model, seen = sparsetrain.torch.convert(Block()), []
    handles = [model.norm.register_forward_hook(lambda module, inputs, result: seen.append(result.shape)),
               model.conv1.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape)),
               model.conv2.register_full_backward_hook(lambda module, inputs, results: seen.append(inputs[0].shape)),
               model.register_forward_hook(lambda module, inputs, result: seen.append(result.shape))]
    model(images()).sum().backward()
    assert seen == [(2, 16, 9, 9), (2, 32, 9, 9), (2, 16, 9, 9), (2, 32, 9, 9)]
    for handle in handles:
        handle.remove()
    expect_converted(model)
    assert len(seen) == 4


def test_parts_with_hooks_are_converted_inside():
    model = nn.Sequential(Block(), Block())
    seen = []
    handle = model[0].register_forward_hook(lambda module, inputs, result: seen.append(result.shape))
    sparsetrain.torch.convert(model)
    expect_converted(model)
    assert uses_ours(model[0](images()))
    handle.remove()
    expect_converted(model)
    assert len(sparsetrain.torch.report(model).islands) >= 1


def test_hooks_of_all_modules():
    model, seen = sparsetrain.torch.convert(Block()), []
    handle = nn.modules.module.register_module_forward_hook(lambda module, inputs, result: seen.append(type(module)))
    model(images())
    handle.remove()
    assert seen == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Conv2d, Block]


def test_replaced_modules_and_parameters():
    model = sparsetrain.torch.convert(Block())
    expect_converted(model)
    model.conv2 = nn.Conv2d(32, 48, 3)
    expect_converted(model)
    model.conv2.weight = nn.Parameter(torch.ones_like(model.conv2.weight))
    expect_converted(model)
    model.relu = nn.GELU()
    expect_converted(model)
    model.norm = nn.Identity()
    expect_converted(model)
    model.conv1.padding = (2, 2)
    model.conv2.bias = None
    expect_converted(model)


def test_functional_call():
    model, x = sparsetrain.torch.convert(Block()), images()
    values = {name: torch.randn_like(value) for name, value in model.named_parameters()}
    found = torch.func.functional_call(model, values, (x,))
    expected = torch.func.functional_call(sparsetrain.torch.revert(copy.deepcopy(model)), values, (x,))
    assert torch.allclose(found, expected, rtol=1e-2, atol=1e-2)


def test_other_types_are_torchs():
    model = sparsetrain.torch.convert(Block())
    found = model.double()(images().double())
    assert found.dtype == torch.float64 and not uses_ours(found)
    expect_converted(model.float())
    with torch.autocast("cpu", torch.bfloat16):
        assert model(images()).dtype == torch.bfloat16
    assert model.to("meta")(images().to("meta")).device.type == "meta"


def test_inputs_that_only_torch_takes():
    model = sparsetrain.torch.convert(nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU()))
    x = images()
    assert torch.equal(model(x[0]), stock(model, x[0])) and not uses_ours(model(x[0]))
    assert model(x[:0]).shape == (0, 16, 7, 7)
    expect_converted(model, x[:, :, ::2])


class ChangedBetween(nn.Module):
    """Its x is no longer what the convolution read when its ReLU comes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(16, 16, 3)

    def forward(self, x):
        y = self.conv(x)
        x.mul_(2)
        return torch.relu(y)


def test_inputs_that_are_changed_later():
    model, x = ChangedBetween(), images()
    with torch.no_grad():
        expected = model(x.clone())
        assert torch.allclose(sparsetrain.torch.convert(model)(x.clone()), expected, **CLOSE)


def test_nan():
    x = images()
    x[0, 0, 4, 4] = float("nan")
    model = sparsetrain.torch.convert(nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU(), nn.MaxPool2d(2)))
    assert torch.equal(model(x).isnan(), stock(model, x).isnan()) and model(x).isnan().any()


def test_backward_twice_and_double_backward():
    model = sparsetrain.torch.convert(Block())
    loss = model(images()).square().sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    gradient, = torch.autograd.grad(model(images()).square().sum(), model.conv1.weight, create_graph=True)
    with pytest.raises(RuntimeError, match=r"double backward.*not supported"):
        gradient.sum().backward()


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_gradient_checkpointing_of_converted_models(use_reentrant):
    model, x = sparsetrain.torch.convert(Block()).eval(), images().requires_grad_()
    model(x).square().sum().backward()
    expected = [value.grad.clone() for value in model.parameters()]
    model.zero_grad()
    torch.utils.checkpoint.checkpoint(model, x, use_reentrant=use_reentrant).square().sum().backward()
    assert all(torch.allclose(value.grad, wanted, **CLOSE) for value, wanted in zip(model.parameters(), expected))


def test_other_tools_on_modules():
    model = sparsetrain.torch.convert(nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3)))
    nn.utils.parametrizations.weight_norm(model[0])
    expect_converted(model)
    assert list(sparsetrain.torch.report(model).convolutions) == ["2"]


def test_a_model_that_another_tool_has():
    model = Block()
    model.forward = lambda x: x
    with pytest.raises(ValueError, match="Block, found another tool's"):
        sparsetrain.torch.convert(model)


def test_dropout_draws_the_same_numbers():
    model = nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(16, 16, 3))
    ours, x = sparsetrain.torch.convert(copy.deepcopy(model)), images()
    torch.manual_seed(5)
    expected = model(x)
    torch.manual_seed(5)
    assert torch.allclose(ours(x), expected, **CLOSE)
    expect_converted(ours.eval())
    ours[2].train()
    torch.manual_seed(5)
    assert torch.allclose(ours(x), expected, **CLOSE)
