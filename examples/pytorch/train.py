#!/usr/bin/env python3
"""Trains a network of torchvision on a folder of pictures, DIRECTORY/label/name.png: plain PyTorch, but for one line.

    python train.py --data DIRECTORY
    torchrun --nproc_per_node=2 train.py --data DIRECTORY

Checkpoints are those of the plain model: --plain trains without that line, from the same files.
"""
import argparse
import os
import pathlib

import sparsetrain.torch
import torch
import torchvision
from torch import distributed, nn
from torch.utils.data import DataLoader, DistributedSampler


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--model", default="resnet18", help="of torchvision; default: %(default)s")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32, help="of a process; default: %(default)s")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int, help="of an epoch, at most")
    parser.add_argument("--accumulate", type=int, default=1, help="batches of a step of the optimiser; default: %(default)s")
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--workers", type=int, default=0, help="processes that read pictures")
    parser.add_argument("--checkpoint", type=pathlib.Path, help="read, if it is there, and written after each epoch")
    parser.add_argument("--plain", action="store_true", help="stock PyTorch")
    return parser.parse_args()


def make_data(options):
    size = (options.image_size, options.image_size)
    transform = torchvision.transforms.Compose([
        torchvision.transforms.Resize(size), torchvision.transforms.RandomHorizontalFlip(), torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))])
    return torchvision.datasets.ImageFolder(options.data, transform)


def make_model(options, classes):
    model = getattr(torchvision.models, options.model)(num_classes=classes)
    if options.checkpoint is not None and options.checkpoint.is_file():
        model.load_state_dict(torch.load(options.checkpoint, weights_only=True))
    if not options.plain:
        sparsetrain.torch.convert(model)  # the one line
    return nn.parallel.DistributedDataParallel(model) if distributed.is_initialized() else model


def train_epoch(model, loader, optimiser, options):
    for step, (images, labels) in enumerate(loader):
        if step == options.steps:
            return
        ends = (step + 1) % options.accumulate == 0
        # Gradients of the batches before the last stay in their process.
        waits = model.no_sync if distributed.is_initialized() and not ends else torch.enable_grad
        with waits():
            loss = nn.functional.cross_entropy(model(images), labels)
            (loss / options.accumulate).backward()
        if ends:
            optimiser.step()
            optimiser.zero_grad()
        if is_first():
            print(f"step {step + 1}: loss {loss.item():.4f}", flush=True)


def is_first():
    return not distributed.is_initialized() or distributed.get_rank() == 0


def train(options):
    data = make_data(options)
    sampler = DistributedSampler(data) if distributed.is_initialized() else None
    loader = DataLoader(data, options.batch, shuffle=sampler is None, sampler=sampler, num_workers=options.workers)
    model = make_model(options, len(data.classes))
    optimiser = torch.optim.SGD(model.parameters(), options.learning_rate, momentum=0.9, weight_decay=1e-4)
    for epoch in range(options.epochs):
        if sampler is not None:
            sampler.set_epoch(epoch)
        train_epoch(model, loader, optimiser, options)
        if options.checkpoint is not None and is_first():
            torch.save((model.module if distributed.is_initialized() else model).state_dict(), options.checkpoint)
    if is_first() and not options.plain:
        print(sparsetrain.torch.report(model))


def main():
    options = parse_arguments()
    torch.manual_seed(1)
    if "RANK" in os.environ:  # of torchrun
        distributed.init_process_group("gloo")
    train(options)
    # Behind train(): a DistributedDataParallel that lives on keeps gloo's threads, which abort when Python ends.
    if distributed.is_initialized():
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
