"""The networks of the paper: their convolutions but the first, and how many zeros the published profiles have there.

With batch normalisation the gradient that enters a convolution's backward passes is dense. Without it, it has the zeros of
the convolution's own ReLU; of the gradient in front of a 2x2 max pool, one position in four survives, if the pool's output
is not zero.
"""
import csv
import pathlib
from dataclasses import dataclass

PUBLISHED_ZEROS = pathlib.Path(__file__).resolve().parent / "published_zeros.csv"


@dataclass(frozen=True)
class Convolution:
    name: str
    layer: str  # its name in the list of layers
    src: list  # zeros of src (the output of a ReLU) over training, in %
    diff_dst: list  # of the gradient that enters its backward passes


@dataclass(frozen=True)
class Network:
    name: str
    title: str
    time_unit: str  # of which there are `per_value` for each value of src and diff_dst: "epoch"
    per_value: int
    convolutions: list


# The name of a convolution, its layer, the ReLU or pool whose output is its src, and the one behind it, if there is no
# batch normalisation between them.
VGG16 = (
    ("conv1_2", "vgg1_2", "conv1_1", "pool1"),
    ("conv2_1", "vgg2_1", "pool1", "conv2_1"),
    ("conv2_2", "vgg2_2", "conv2_1", "pool2"),
    ("conv3_1", "vgg3_1", "pool2", "conv3_1"),
    ("conv3_2", "vgg3_2", "conv3_1", "conv3_2"),
    ("conv3_3", "vgg3_2", "conv3_2", "pool3"),
    ("conv4_1", "vgg4_1", "pool3", "conv4_1"),
    ("conv4_2", "vgg4_2", "conv4_1", "conv4_2"),
    ("conv4_3", "vgg4_2", "conv4_2", "pool4"),
    ("conv5_1", "vgg5_1", "pool4", "conv5_1"),
    ("conv5_2", "vgg5_1", "conv5_1", "conv5_2"),
    ("conv5_3", "vgg5_1", "conv5_2", "pool5"),
)


def basic_block(block, stage, src, previous, channels, width):
    """ResNet-34: `width` is src's, `previous` its channels."""
    first = f"res{stage}_3x3" if previous == channels else f"3x3s2_{previous}-{channels}_{width}"
    yield f"{block}.conv1", first, src, None
    yield f"{block}.conv2", f"res{stage}_3x3", f"{block}_inner", None
    if previous != channels:
        yield f"{block}.projection", f"1x1s2_{previous}-{channels}_{width}", src, None


def bottleneck(block, stage, src, previous, channels, width):
    """ResNet-50 v1.5: the 3x3 has the stride."""
    strided = previous == 2 * channels  # in front of stage 2 are as many channels as it has
    out_width = width // 2 if strided else width
    yield f"{block}.conv1", f"1x1_{previous}-{channels}_{width}", src, None
    yield (f"{block}.conv2", f"3x3s2_{channels}-{channels}_{width}" if strided else f"res{stage}_3x3",
           f"{block}_reduce", None)
    yield f"{block}.conv3", f"1x1_{channels}-{4 * channels}_{out_width}", f"{block}_spatial", None
    if previous != 4 * channels:
        yield f"{block}.projection", f"1x1{'s2' if strided else ''}_{previous}-{4 * channels}_{width}", src, None


def residual(block_of, expansion):
    """The convolutions of a ResNet with 3, 4, 6 and 3 blocks, as in VGG16 above."""
    src, previous, width = "stem", 64, 56
    for stage, blocks in enumerate((3, 4, 6, 3), start=2):
        channels = 64 << (stage - 2)
        for number in range(1, blocks + 1):
            block = f"stage{stage}_block{number}"
            yield from block_of(block, stage, src, previous, channels, width)
            src, previous, width = f"{block}_out", expansion * channels, 56 >> (stage - 2)


TABLES = {
    "vgg16": ("VGG16", VGG16),
    "resnet34": ("ResNet-34", tuple(residual(basic_block, 1))),
    "resnet50": ("ResNet-50", tuple(residual(bottleneck, 4))),
}


def published_zeros(name):
    """{output of a ReLU or pool: means over training} of a network, and how many epochs each is the mean of."""
    with open(PUBLISHED_ZEROS, encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(line for line in file if not line.startswith("#"))
                if row["network"] == name]
    return {row["relu_output"]: [float(mean) for mean in row["means"].split()] for row in rows}, int(
        rows[0]["epochs_per_mean"])


def zeros_of_gradient(zeros, behind):
    if behind is None:
        return [0.0] * len(next(iter(zeros.values())))
    if behind.startswith("pool"):
        return [100 - (100 - value) / 4 for value in zeros[behind]]
    return zeros[behind]


def published_network(name):
    title, table = TABLES[name]
    zeros, epochs = published_zeros(name)
    return Network(name, title, "epoch", epochs,
                   [Convolution(own_name, layer, zeros[src], zeros_of_gradient(zeros, behind))
                    for own_name, layer, src, behind in table])
