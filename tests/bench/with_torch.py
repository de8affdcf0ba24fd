"""The reference CNN in eager torch, channels last, one thread.  See `network`."""

import torch
from network import WARM, arguments, images_and_labels, when_asked
from torch import nn

torch.set_num_threads(1)
norm, batch, count = arguments()
images, labels = images_and_labels(count)
x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=torch.channels_last)
y = torch.from_numpy(labels).long()


def block(linear: nn.Module, units: int, kind: type[nn.Module]) -> list[nn.Module]:
    middle = [kind(units, eps=1e-3, momentum=0.01)] if norm == "batch" else []
    return [linear, *middle, nn.ReLU()]


network = nn.Sequential(
    *block(nn.Conv2d(1, 32, 3), 32, nn.BatchNorm2d),
    nn.MaxPool2d(2),
    *block(nn.Conv2d(32, 64, 3), 64, nn.BatchNorm2d),
    nn.MaxPool2d(2),
    *block(nn.Conv2d(64, 64, 3), 64, nn.BatchNorm2d),
    nn.Flatten(),
    *block(nn.Linear(576, 64), 64, nn.BatchNorm1d),
    nn.Linear(64, 10),
).to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(network.parameters(), eps=1e-7)


def train(order: torch.Tensor) -> None:
    loss_sum, correct = torch.zeros(()), torch.zeros((), dtype=torch.long)
    for chosen in order.split(batch):
        logits = network(x[chosen])
        loss = nn.functional.cross_entropy(logits, y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(chosen)
        correct += (logits.argmax(1) == y[chosen]).sum()


order = torch.randperm(count)
train(order[: WARM * batch])
when_asked(lambda: train(order))
