# /// lesson
# number = 3
# title = "Convolutional networks"
# goals = [
#     "write a convolution by hand in two ways and show that both equal PyTorch's",
#     "say how many weights a layer has, how large its output is, and which part of the image one output sees",
#     "explain why a residual block trains where a plain stack of the same depth does not",
#     "build a small residual network, train it on real chest X-rays, and report its test result with intervals",
#     "choose augmentations that keep the label true, and show one that destroys it",
# ]
# minutes = 50
# optional_minutes = 15
# data = ["pneumoniamnist"]
# needs = [
#     "Python functions and array indexing",
#     "what a loss, a gradient and an optimiser are",
#     "what train, validation and test sets are for",
# ]
# packages = ["sklearn", "skimage", "torchvision", "medmnist"]
#
# [budget.smoke]
# seeds = [0]
# size = 28
# width = 16
# epochs = 3
# images_shown = 14000
# depths = [10]
# depth_steps = 20
# side_images = 1000
# side_epochs = 2
#
# [budget.laptop]
# seeds = [0, 1, 2]
# size = 28
# width = 16
# epochs = 3
# images_shown = 14000
# depths = [2, 8, 16]
# depth_steps = 60
# side_images = 2000
# side_epochs = 2
#
# [budget.gpu]
# seeds = [0, 1, 2, 3, 4]
# size = 64
# width = 32
# epochs = 10
# images_shown = 40000
# depths = [2, 8, 16, 32]
# depth_steps = 200
# side_images = 4000
# side_epochs = 3
#
# [bounds.smoke.real]
# val_auc = 0.98
# side_auc_no_flips = 0.9
#
# [bounds.smoke.sample]
# val_auc = 0.8
# side_auc_no_flips = 0.9
#
# [bounds.laptop.real]
# val_auc = 0.985
# side_auc_no_flips = 0.97
#
# [bounds.laptop.sample]
# val_auc = 0.8
# side_auc_no_flips = 0.9
# ///

# %% [markdown]
# ## 1. The case
#
# A child of three is brought to a clinic with a cough and a fever. Pneumonia is likely enough to worry about: in 2019 it
# killed 740 180 children under five, one in seven of all deaths at that age (World Health Organization, fact sheet
# *Pneumonia in children*). An X-ray of the chest is taken, and nobody who can read it will be there before the morning.
#
# Could a network look first? If it says *pneumonia* and is wrong, a healthy child gets antibiotics and perhaps a night in
# hospital. If it says *normal* and is wrong, an ill child is sent home. The two mistakes do not weigh the same, and a
# single score hides which one is made. We come back to that at the end, when there is something to decide.
#
# In this lesson we build the kind of network that has read images for thirty years, the *convolutional network*, from
# two nested loops up to a trained model, and find out how far to believe it.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from medtutor import evaluate, figures, fit, load, predict, record

train = load("pneumoniamnist", split="train", size=budget.size)
val = load("pneumoniamnist", split="val", size=budget.size)

# %% [markdown]
# `load` looks in your own folders first, then in the cache, then at the publisher's site. Each set comes as one tensor
# of whole numbers from 0 (black) to 255 (white), of shape `(N, C, H, W)`: images, colour channels, rows, columns.

# %%
shown = torch.cat([torch.where(train.labels == c)[0][:4] for c in (0, 1)])
figures.images(
    train.images[shown],
    titles=[train.classes[c] for c in train.labels[shown]],
    columns=4,
    title="At this size most readers would not dare to tell normal from pneumonia",
    alt="Eight small frontal chest X-rays in two rows: four labelled normal, four labelled pneumonia. The lungs are "
    "dark, ribs and heart light; in several of the pneumonia images the lungs are hazy.",
    source=train.source,
)

# %% [markdown]
# The heart is the light shape right of the middle. That is the child's *left*: X-rays are shown as if the child faced
# you. Keep this in mind, it matters later. Pneumonia shows as haze where a healthy lung is dark, because fluid and cells
# take the place of air. At 28 x 28 pixels one pixel is about a centimetre of a child's chest; fine signs are gone, and a
# radiologist would refuse to report from such an image. We use them because training then takes seconds.

# %% [markdown]
# ## 2. Look at the data
#
# Every data set in this course has a card. Read at least who is in it, who is not, and what is known to be wrong.

# %%
train.card

# %% [markdown]
# Three lines of the card decide what we may claim:
#
# - **Who**: children of one hospital in one city. Nothing we measure here speaks of adults or of another hospital.
# - **Patients**: the file does not say which images show the same child, so we cannot split by patient, which is
#   what one should do. A child on both sides of a split makes a score look better than it is.
# - **Known fault**: some validation images are exact copies of training images. Those we can find ourselves.

# %%
from medtutor.data import duplicates_across

copies = duplicates_across(train, val)
copied = {index for _, index, _, _ in copies}
train = train.subset([i for i in range(len(train)) if i not in copied])
print(f"{len(copied)} training images are copies of validation images and are left out: {len(train)} stay")

# %% [markdown]
# > **Tip.** Look for exact copies each time you are handed a split. It is three lines of code, and it is the only kind of
# > leak that can be found without knowing the patients. Near copies, such as two X-rays of one child, stay hidden.

# %%
for name, images in (("train", train), ("validation", val)):
    share = images.labels.float().mean()
    print(f"{name:<12}{len(images):>6} images, {share:.1%} labelled pneumonia")

# %% [markdown]
# ## 3. Predict first, then the baselines
#
# Before any model is trained, write down what you expect. It takes ten seconds, and it is the difference between
# learning something from a number and nodding at it. Put your guesses in place of `None`.

# %%
guess_pixels = None  # validation AUC of a linear model on the raw pixels, between 0.5 and 1
guess_net = None  # validation AUC of the convolutional network

# %% [markdown]
# *AUC*, the area under the ROC curve, is the share of pairs of one ill and one healthy child in which the ill one gets
# the higher score: 0.5 is a coin, 1 is a perfect ranking. *Accuracy* is the share of right decisions at one threshold.
#
# The first baseline looks at nothing: it calls everyone ill, because most training images are.

# %%
always_ill = torch.ones(len(val))
evaluate.bootstrap(evaluate.accuracy, val.labels, always_ill)

# %% [markdown]
# So accuracy starts there and not at 0.5. The interval in brackets is a *95 % bootstrap interval*: how far the
# number would move with other children drawn from the same source. A score that is not above this line is worth nothing.
#
# The second baseline looks at pixels but not at their neighbourhood: a logistic regression with one weight a pixel.

# %%
from sklearn.linear_model import LogisticRegression

pixels = {name: images.images.flatten(1).numpy() / 255 for name, images in (("train", train), ("val", val))}
linear = LogisticRegression(C=0.01, max_iter=200).fit(pixels["train"], train.labels)
linear_scores = linear.predict_proba(pixels["val"])[:, 1]
linear_auc = evaluate.bootstrap(evaluate.auc, val.labels, linear_scores)
print(f"linear model on pixels, validation AUC {linear_auc}; your guess: {guess_pixels}")

# %% [markdown]
# That is a strong baseline, and it should make us modest: these X-rays are aligned so well that a fixed weight for each
# position goes a long way. It also has a weakness that no score on this set shows. Move the child four pixels (a seventh
# of the image) to the side, and every weight sits on the wrong place.


# %%
def moved_aside(images, pixels=4):
    """Images (N, C, H, W) moved to the right; the left border repeats."""
    padded = torch.cat([images[..., :1].expand(*images.shape[:-1], pixels), images], dim=-1)
    return padded[..., : images.shape[-1]]


moved_pixels = moved_aside(val.images).flatten(1).numpy() / 255
linear_moved = linear.predict_proba(moved_pixels)[:, 1]
print(f"the same model, every image moved: AUC {evaluate.bootstrap(evaluate.auc, val.labels, linear_moved)}")

# %% [markdown]
# ## 4. A convolution, by hand
#
# A convolution asks the same small question at every place of the image. The question is a *kernel*: a few weights, here
# 3 x 3. Lay it on the image, multiply what lies on top of each other, add up, write down the sum, move on by one pixel:
#
# $$y[r, c] = \sum_{i}\sum_{j} x[r + i,\; c + j]\; k[i, j]$$
#
# The code follows the formula symbol by symbol.


# %%
def conv2d_loops(x, k):
    """x: image (H, W); k: kernel (kh, kw); returns (H - kh + 1, W - kw + 1)."""
    y = torch.zeros(x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1)
    for r in range(y.shape[0]):
        for c in range(y.shape[1]):
            patch = x[r : r + k.shape[0], c : c + k.shape[1]]
            y[r, c] = (patch * k).sum()
    return y


# %% [markdown]
# Two kernels that people designed long before any were learnt: they answer to edges, one to upright and one to lying ones
# (Sobel's). A kernel's map is large where the image looks like the kernel: here, where it gets lighter to the right, or
# lighter downwards.

# %%
kernels = {
    "upright edges": torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "lying edges": torch.tensor([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]),
}
x = train.images[shown[0], 0] / 255  # (H, W), 0 to 1
maps = torch.stack([conv2d_loops(x, k) for k in kernels.values()])
maps.shape

# %%
figures.maps(
    maps,
    titles=list(kernels),
    title="The borders of the lungs answer to one kernel, the diaphragm to the other",
    label="sum of products",
    alt="Two maps of one chest X-ray. In the first the upright borders of lungs and chest wall are strongest, positive on "
    "one side and negative on the other; in the second the two domes of the diaphragm are.",
    source=train.source,
)

# %% [markdown]
# Two nested loops are slow in Python. The same sum can be one matrix product: cut out all patches, write each as a
# column, and multiply the flattened kernel with that table. `F.unfold` does the cutting. This is how many libraries
# really compute it, because processors are best at matrix products.


# %%
def conv2d_unfold(x, k):
    """The same as `conv2d_loops`, as one matrix product."""
    columns = F.unfold(x[None, None], k.shape)[0]  # (kh * kw, positions)
    y = k.flatten() @ columns  # (positions,)
    return y.reshape(x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1)


# %% [markdown]
# And the field's own call, `F.conv2d`. It takes batches and channels, so we add two axes of length one. If we
# understood it, all three agree to rounding.

# %%
k = kernels["upright edges"]
by_torch = F.conv2d(x[None, None], k[None, None])[0, 0]
for name, y in (("loops", conv2d_loops(x, k)), ("unfold", conv2d_unfold(x, k))):
    torch.testing.assert_close(y, by_torch)
    print(f"{name:<7} largest difference from torch: {(y - by_torch).abs().max():.1e}")

# %% [markdown]
# > **Note.** In mathematics a convolution turns the kernel by 180 degrees first; what we compute is called
# > *cross-correlation* there. Deep learning took the shorter name. It makes no difference to a learnt kernel, and all the
# > difference when you copy a kernel from a textbook or compare with `scipy.signal.convolve2d`.

# %% [markdown]
# ### What this buys: far fewer weights, and the same answer everywhere
#
# A fully connected layer that turns an image into a map of the same size needs a weight for each pair of an input pixel
# and an output pixel. A convolution reuses its nine weights at every place.

# %%
n = budget.size**2
print(f"fully connected, one map : {n * n:>12,} weights")
print(f"3 x 3 convolution, one map: {3 * 3:>11,} weights")
print(f"3 x 3 convolution, 16 maps of 16 maps: {16 * 16 * 3 * 3:,} weights")

# %% [markdown]
# In the last line each of the 16 output maps has a 3 x 3 kernel *for each* of the 16 input maps, and adds up the results.
# So PyTorch keeps the weights as `(channels out, channels in, kh, kw)`.
#
# Because the same question is asked everywhere, a shifted image gives a shifted map. This is called *translation
# equivariance*, and it is what the linear model lacked.

# %%
moved = F.conv2d(torch.roll(x, 2, dims=1)[None, None], k[None, None])[0, 0]
inside = slice(2, None)  # the two columns that came in at the edge are new
torch.testing.assert_close(moved[:, inside], by_torch[:, :-2])
print("the map of the moved image is the moved map")

# %%
# exercise: cnn.weights

# %% [markdown]
# ### Size of the output: padding and stride
#
# Each convolution so far lost a border, because the kernel must fit on the image. *Padding* adds `p` zeros on every side.
# *Stride* `s` moves the kernel by `s` pixels at a time, which makes the map smaller on purpose. The output size is
#
# $$n_\text{out} = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1$$


# %%
def output_size(n, k, p=0, s=1):
    return (n + 2 * p - k) // s + 1


for k_, p, s in [(3, 0, 1), (3, 1, 1), (3, 1, 2), (5, 2, 2), (1, 0, 2)]:
    measured = F.conv2d(x[None, None], torch.zeros(1, 1, k_, k_), padding=p, stride=s).shape[-1]
    print(f"kernel {k_} padding {p} stride {s}: {output_size(budget.size, k_, p, s)} (torch: {measured})")

# %% [markdown]
# A 3 x 3 kernel with padding 1 keeps the size; with stride 2 it halves it. Nearly every layer below is one of these two.
#
# > **Caution.** Zeros are not neutral. After scaling to [-1, 1] a zero is mid-grey, so padding draws a grey frame around
# > a chest that is black at the edge, and a network can learn where the frame is.

# %%
# exercise: cnn.conv2d

# %% [markdown]
# ## 5. The receptive field: which part of the image one output sees
#
# One output of a 3 x 3 convolution depends on 3 x 3 pixels. An output of a second one on top depends on 3 x 3 outputs,
# hence on 5 x 5 pixels. With strides it grows faster, because neighbours in a small map lie far apart in the image. Let
# $j$ be the distance in pixels between neighbours of a map and $r$ the width that one of its values sees. Each layer does
#
# $$r \leftarrow r + (k - 1)\, j \qquad\qquad j \leftarrow j\, s$$


# %%
def receptive_field(layers):
    """layers: (kernel, stride) pairs from the image on; returns the width in pixels."""
    r, j = 1, 1
    for k, s in layers:
        r, j = r + (k - 1) * j, j * s
    return r


# %%
plain = [(3, 1)] * 5
strided = [(3, 2), (3, 1), (3, 1), (3, 2), (3, 1)]
print("five 3 x 3 layers, stride 1:", receptive_field(plain), "pixels")
print("five 3 x 3 layers, two of stride 2:", receptive_field(strided), "pixels")

# %% [markdown]
# Do not trust the formula; ask the network. The gradient of one output with respect to the image is zero wherever that
# output does not look. So we count how wide the part with a gradient is.

# %%
stack = nn.Sequential(*(nn.Conv2d(1, 1, k, s, padding=1, bias=False) for k, s in strided))
canvas = torch.randn(1, 1, 96, 96, requires_grad=True)
y = stack(canvas)
y[0, 0, y.shape[2] // 2, y.shape[3] // 2].backward()
seen = (canvas.grad[0, 0] != 0).any(dim=0).sum().item()
print(f"formula {receptive_field(strided)}, counted {seen}")

# %% [markdown]
# A sign that is larger than the receptive field can't be recognised by any single value of the last map. Pneumonia of a
# whole lobe covers a third of a lung, so on 28 pixels a view of about 20 is enough; a nodule of two millimetres needs
# another image, not another network.
#
# > **Note.** The field counts what *can* be seen. What *is* used is mostly the middle of it: the *effective* receptive
# > field is smaller and shaped like a bell (Luo et al. 2016).

# %%
# exercise: cnn.receptive_field

# %% [markdown]
# ## 6. Pooling
#
# *Pooling* makes a map smaller without weights: keep the largest (or the mean) of each 2 x 2 square. With a reshape it is
# one line: rows become pairs of rows, columns pairs of columns, and we take the maximum over both pair axes.


# %%
def max_pool2(x):
    """x: (H, W) with even H and W; returns (H / 2, W / 2)."""
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2).amax(dim=(1, 3))


torch.testing.assert_close(max_pool2(x), F.max_pool2d(x[None, None], 2)[0, 0])
print(tuple(x.shape), "->", tuple(max_pool2(x).shape), "and equal to torch's")

# %% [markdown]
# It is often said that pooling makes a network indifferent to small shifts. Measure it: move the image by one pixel, and
# see how much of the pooled map changes, compared with how much the pixels themselves change.

# %%
one_pixel = torch.roll(x, 1, dims=1)
pooled_change = (max_pool2(one_pixel) - max_pool2(x)).abs().mean()
pixel_change = (one_pixel - x).abs().mean()
print(f"mean change of a pixel {pixel_change:.3f}, of a pooled value {pooled_change:.3f}")

# %% [markdown]
# Less change, but far from none: a smaller map is a sampled one, and sampling depends on where it starts (Zhang 2019;
# Azulay and Weiss 2019). Our network therefore halves its maps by convolutions of stride 2, which can learn what to
# keep, and uses one pooling only, at the very end: the *mean over all positions* of each last map. That one really is
# indifferent to shifts inside the image, and it lets the same network take images of any size.

# %% [markdown]
# ## 7. Deeper is not better by itself
#
# Each layer widens the view and combines what the one before has found. So let us stack many. **Predict first**: we train
# the same stack of blocks, each two 3 x 3 convolutions, for a few steps, once plain and once with a *shortcut* that adds
# each block's input to its output. Which one has the lower training loss when the stack is deep? By how much?

# %%
guess_deeper = None  # "plain", "shortcut" or "the same"


def two_convolutions(width):
    """The inside of a block: convolution, normalisation, ReLU, convolution, normalisation."""
    layers = [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))


# %% [markdown]
# *Batch normalisation* shifts and scales each map to mean 0 and variance 1 over the batch, then applies a learnt scale
# and shift (Ioffe and Szegedy 2015). It keeps the size of the numbers in hand. *ReLU* sets negative values to zero;
# without something of this kind between them, two convolutions would collapse into one.


# %%
class Stack(nn.Module):
    """A stem that halves the image, `depth` blocks, the mean over positions, two logits."""

    def __init__(self, depth, shortcut, width=8):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(two_convolutions(width) for _ in range(depth))
        self.head = nn.Linear(width, 2)
        self.shortcut = shortcut

    def forward(self, x):
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            x = torch.relu(block(x) + x) if self.shortcut else torch.relu(block(x))
        return self.head(x.mean(dim=(2, 3)))


# %%
def train_loss(depth, shortcut, seed, steps=budget.depth_steps, lr=0.003):
    """Mean loss of the last ten training steps."""
    torch.manual_seed(seed)
    net, losses = Stack(depth, shortcut), []
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr)
    for _ in range(steps):
        batch = torch.randint(len(train), (64,))
        logits = net(train.images[batch] / 127.5 - 1)
        loss = F.cross_entropy(logits, train.labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses[-10:]) / 10


# %%
final = {
    (depth, shortcut): [train_loss(depth, shortcut, seed) for seed in budget.seeds]
    for depth in budget.depths
    for shortcut in (False, True)
}
for (depth, shortcut), losses in final.items():
    kind = "with shortcuts" if shortcut else "plain"
    print(f"{depth:>3} blocks {kind:<15} {' '.join(f'{loss:.3f}' for loss in losses)}")

# %% [markdown]
# One column a seed. This is *training* loss: the deep plain stack is not overfitting, it fails to fit. It could copy the
# shallow one by letting the extra blocks pass their input on, but the optimiser does not find that. He and colleagues
# saw this in 2015 and drew the conclusion: if passing the input on is a good place to start, build it in.
#
# > **Caution.** With one seed (budget `smoke`) the table can come out the other way now and then. The claim rests on the
# > runs with several seeds.
#
# Why does it help? Look at the gradient that arrives at the first layer, before any training. Through the shortcuts it
# has a direct way back; in the plain stack it is multiplied by one block after the other.


# %%
def first_gradient(depth, shortcut, seed):
    torch.manual_seed(seed)
    net = Stack(depth, shortcut)
    batch = torch.arange(32)
    F.cross_entropy(net(train.images[batch] / 127.5 - 1), train.labels[batch]).backward()
    return net.stem.weight.grad.norm().item()


for depth in (2, 8, 16, 24):
    plain_, short = ([first_gradient(depth, kind, seed) for seed in range(3)] for kind in (False, True))
    print(f"{depth:>3} blocks: plain {min(plain_):8.2f} to {max(plain_):8.2f}, shortcuts {min(short):.2f} to {max(short):.2f}")

# %% [markdown]
# In the deep plain stacks the gradient is larger by orders of magnitude: with batch normalisation it explodes with depth
# (Yang et al. 2019 explain why). One learning rate cannot suit the first and the last layer of such a stack. With
# shortcuts the gradient stays of one size, from 2 blocks to 24.

# %% [markdown]
# ## 8. The network
#
# Now the *residual block* as we use it. Where the block changes the number of maps or their size, its input cannot be
# added as it is; a convolution with a 1 x 1 kernel brings it to the right shape.


# %%
class ResidualBlock(nn.Module):
    """relu(shortcut(x) + f(x)): x (N, channels_in, H, W) to (N, channels_out, H / stride, W / stride)."""

    def __init__(self, channels_in, channels_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            fit_shape = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
            self.shortcut = nn.Sequential(fit_shape, nn.BatchNorm2d(channels_out))

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return torch.relu(y + self.shortcut(x))


# %% [markdown]
# The convolutions have no bias, because the normalisation that follows would subtract it again.
#
# The whole network is a stem and three such blocks. Each block after the first halves the map and doubles the number of
# maps: less *where*, more *what*. The mean over all positions and one linear layer turn the last maps into two numbers,
# the *logits* of normal and pneumonia.


# %%
class SmallResNet(nn.Module):
    """Images (N, 1, H, W), scaled to [-1, 1], to logits (N, 2)."""

    def __init__(self, width=16, classes=2):
        super().__init__()
        stem = nn.Conv2d(1, width, 3, stride=2, padding=1, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(width), nn.ReLU())
        self.stages = nn.Sequential(
            ResidualBlock(width, width),
            ResidualBlock(width, 2 * width, stride=2),
            ResidualBlock(2 * width, 4 * width, stride=2),
        )
        self.head = nn.Linear(4 * width, classes)

    def forward(self, images):
        maps = self.stages(self.stem(images))
        return self.head(maps.mean(dim=(2, 3)))


# %%
net = SmallResNet()
for name, part in net.named_children():
    print(f"{name:<8}{sum(p.numel() for p in part.parameters()):>8,} weights")
layers = [(3, 2)] + [(3, 1), (3, 1)] + [(3, 2), (3, 1)] * 2
print("receptive field:", receptive_field(layers), "pixels")

# %% [markdown]
# Nearly all weights sit in the last block, and the receptive field covers the whole image. The ResNet-18 of the
# published comparison has 11 million weights; ours has fewer than a hundredth of that.
#
# ### The field's own, and the library's
#
# The block is the *basic block* of ResNet, which torchvision ships. Equal weights must give equal outputs.

# %%
from torchvision.models.resnet import BasicBlock

ours = net.stages[1].eval()
theirs = BasicBlock(16, 32, stride=2, downsample=ours.shortcut).eval()
theirs.conv1, theirs.bn1, theirs.conv2, theirs.bn2 = ours.conv1, ours.norm1, ours.conv2, ours.norm2
probe = torch.randn(4, 16, 14, 14)
torch.testing.assert_close(ours(probe), theirs(probe))
print("our block and torchvision's BasicBlock agree")

# %% [markdown]
# From here on the library holds what you have just seen: `medtutor.nets.SmallResNet` is this network, with options for
# colour, volumes and larger images. Its weights have the same names, so they can be exchanged.

# %%
from medtutor import nets

library = nets.SmallResNet(width=16, stem_stride=2)
library.load_state_dict(net.state_dict())
probe = torch.randn(4, 1, budget.size, budget.size)
torch.testing.assert_close(net.eval()(probe), library.eval()(probe))
print("the lesson's network and the library's agree")

# %% [markdown]
# ## 9. Train
#
# `fit` is the training loop in a small file that you can read: shuffle, scale to [-1, 1], forward, loss, gradient, step.
# The learning rate goes up for the first third and down to nearly zero after it. After each pass over the training set,
# an *epoch*, the validation loss is measured. A small set needs more epochs until as many images have been shown. We train
# once per *seed*: the seed fixes the first weights and the order of the images, two things that nobody chose and
# that change the result.

# %%
epochs = max(budget.epochs, budget.images_shown // len(train))
trained = []
for seed in budget.seeds:
    torch.manual_seed(seed)
    net = nets.SmallResNet(width=budget.width, stem_stride=2)
    history = fit(net, train, val, epochs=epochs, lr=0.01, batch_size=128, seed=seed)
    trained.append(net)
    print(f"seed {seed}: {history.steps} steps, {history.wall_s:.1f} s, validation loss {history.val_loss[-1]:.3f}")

# %% [markdown]
# Read the curves. The training loss is noisy because each value is one batch. The validation points should come down
# with it. Where they turn up again while the training loss still falls, the network is learning the training images by
# heart; then stop earlier, or change the images at each epoch (section 12).

# %%
val_scores = torch.stack([predict(net, val)[:, 1] for net in trained])  # (seeds, N)
val_auc = evaluate.bootstrap_seeds(evaluate.auc, val.labels, val_scores)
val_acc = evaluate.bootstrap_seeds(evaluate.accuracy, val.labels, val_scores)
record("val_auc", val_auc)
record("val_acc", val_acc)
print(f"linear model: validation AUC {linear_auc}; your guesses: {guess_pixels} and {guess_net}")

# %% [markdown]
# Is the network better than the linear model, or were these children easy for it? Both were asked about the *same*
# children, so we compare them in pairs: the interval of the difference is narrower than the two intervals suggest.

# %%
from dataclasses import replace

moved_val = replace(val, images=moved_aside(val.images))
net_moved = torch.stack([predict(net, moved_val)[:, 1] for net in trained])
for name, net_scores, other in (("as they are", val_scores, linear_scores), ("moved", net_moved, linear_moved)):
    difference = evaluate.paired_difference(evaluate.auc, val.labels, net_scores, other)
    print(f"images {name:<12} network minus linear model: {difference:+.3f}")

# %% [markdown]
# An interval that lies above zero says that the difference is not an accident of these children and seeds. It does not
# say that the difference matters to anybody. Where the images are moved, the network has to be compared with what it was
# before, too: equivariance of the layers does not make the whole network indifferent to a shift. The frame of the image,
# the strides, and a training set in which nobody is off-centre all leave their mark.

# %%
print(f"network, as they are: AUC {val_auc}")
print(f"network, moved:       AUC {evaluate.bootstrap_seeds(evaluate.auc, val.labels, net_moved)}")

# %% [markdown]
# ## 10. Measure, once
#
# Everything is decided: the width, the epochs, the learning rate, the threshold of 0.5. Only now do we open the test set,
# and only once. Whoever changes something after having looked has turned the test set into a second validation set, and
# has no test set any more.

# %%
test = load("pneumoniamnist", split="test", size=budget.size)
test_scores = torch.stack([predict(net, test)[:, 1] for net in trained])
result = evaluate.report(test.labels, test_scores, task=test.task)
for name in ("auc", "acc", "sensitivity", "specificity"):
    record(f"test_{name}", result[name])

# %%
print(evaluate.table(result))
published = test.card.published
print(f"published, {published['model']}: AUC {published['auc']}, ACC {published['acc']}, no interval given")

# %% [markdown]
# Each interval holds two things: other test children (the bootstrap draws children) and other seeds (it draws seeds too).
# A published figure without an interval, on the same few hundred children, is no more certain than ours.
#
# Test is clearly worse than validation. Nothing went wrong in our code: validation was cut from the *training* images,
# perhaps with the same children on both sides, while test was collected apart. The gap between the two is the size
# of the mistake you would make by reporting the validation score.

# %%
seed_mean = test_scores.mean(dim=0)
figures.roc(
    evaluate.roc(test.labels, seed_mean),
    band=evaluate.roc_band(test.labels, seed_mean),
    title=f"Test ROC: AUC {result['auc'].value:.3f}, and a band of what {len(test)} children can tell",
    alt=f"ROC curve of the test set: sensitivity rises steeply towards 1 at low false positive rates; the area is "
    f"{result['auc'].value:.3f}. A shaded band shows the 95 % interval of sensitivity at each false positive rate.",
    source=test.source,
)

# %% [markdown]
# At the threshold of 0.5 nearly every ill child is found and many healthy ones are called ill. Training images were
# three quarters pneumonia, so the network is generous with that word.
#
# > **Clinic.** The share of true alarms depends on how common the disease is where you stand. In this test set six of ten
# > children are ill; in an ordinary clinic perhaps one in ten of those who are X-rayed. Bayes' rule turns sensitivity and
# > specificity into the *positive predictive value*: of those called ill, how many are?

# %%
sensitivity, specificity = result["sensitivity"].value, result["specificity"].value
for prevalence in (0.625, 0.3, 0.1):
    true_alarms = sensitivity * prevalence
    false_alarms = (1 - specificity) * (1 - prevalence)
    print(f"{prevalence:.1%} ill: {true_alarms / (true_alarms + false_alarms):.0%} of the alarms are true")

# %% [markdown]
# No line of code changed and no child was read differently. This is why an accuracy from one place says little about
# another, and why lesson 6 chooses thresholds from costs and prevalence.
#
# What the number does not say: whether boys and girls, infants and five-year-olds are read equally well (the file
# does not hold age or sex), whether it holds in another hospital, and whether it finds pneumonia or something that goes
# with it, such as the projection or the tubes of a child who was already in intensive care (Zech et al. 2018 show such
# a case for adults).

# %%
# exercise: cnn.ppv

# %% [markdown]
# ## 11. What do the maps show?
#
# The first layer's kernels were random numbers a minute ago. Here is what training made of them, and what
# they answer to in one X-ray with pneumonia.

# %%
net = trained[0].cpu().eval()
image = val.images[val.labels == 1][:1]  # (1, 1, H, W)
with torch.no_grad():
    first = net.stem(image / 127.5 - 1)[0]  # (width, H / 2, W / 2)
    last = net.features(image / 127.5 - 1)[0]  # (4 * width, H / 8, W / 8)
print("first maps", tuple(first.shape), "last maps", tuple(last.shape))

# %%
figures.maps(
    first[:8],
    columns=4,
    title="First layer: edges and brightness, at half the resolution",
    label="activation",
    alt="Eight feature maps of the first layer for one chest X-ray. Some are strong where the lungs are dark, some "
    "where heart and diaphragm are bright, and some are almost empty.",
    source=val.source,
)

# %%
strongest = last.amax(dim=(1, 2)).argsort(descending=True)[:8]
figures.maps(
    last[strongest],
    columns=4,
    title="Last layer: a handful of positions, no longer an image of a chest",
    label="activation",
    alt="The eight strongest feature maps of the last layer, each only a few pixels wide, with one or a few bright "
    "positions each.",
    source=val.source,
)

# %% [markdown]
# The first maps can be read as edges and brightness. The last cannot be read by looking: a bright spot says *something
# here counted*, not what. Maps of this kind are often shown as explanations. They are a look inside, not a proof; the
# lesson on explainability puts such pictures to tests that they can fail.

# %% [markdown]
# ## 12. Break it: what augmentation may not do
#
# *Augmentation* shows each image a little changed at every epoch: turned, shifted, mirrored, brighter. The network then
# cannot learn images by heart. The rule is short: a change is allowed if the label stays true and the image stays
# possible. Many recipes mirror images left to right without asking. May we?
#
# Mirror a chest X-ray, and the heart is on the wrong side. That is a real condition, *dextrocardia*, in about one of
# 12 000 pregnancies (Bohun et al. 2007), and a mirrored X-ray is also how a wrong side marker shows itself. A network
# that has seen every chest both ways cannot tell. Let us make that the question: is this X-ray mirrored?

# %%
from medtutor.data import Augmenter


def with_mirrored(images, count, seed):
    """Half of the images mirrored at random; the label says which."""
    part = images.subset(range(min(count, len(images))))
    labels = torch.randint(2, (len(part),), generator=torch.Generator().manual_seed(seed))
    mirrored = torch.where(labels[:, None, None, None] == 1, part.images.flip(-1), part.images)
    return replace(part, images=mirrored, labels=labels)


# %% [markdown]
# **Predict first**: we train the same network on this question twice, once as the images are, once with random
# left-right flips as augmentation. What will the two validation AUCs be?

# %%
guess_side = None  # the two AUCs, such as (0.9, 0.8)

# %%
side_val = with_mirrored(val, len(val), seed=0)
side = {}
for name, augment in (("no flips", None), ("random flips", Augmenter(flip_horizontal=True))):
    scores = []
    for seed in budget.seeds:
        torch.manual_seed(seed)
        net = nets.SmallResNet(width=16, stem_stride=2)
        side_train = with_mirrored(train, budget.side_images, seed)
        fit(net, side_train, side_val, epochs=budget.side_epochs, batch_size=64, augment=augment, seed=seed, live=False)
        scores.append(predict(net, side_val)[:, 1])
    side[name] = evaluate.bootstrap_seeds(evaluate.auc, side_val.labels, torch.stack(scores))

# %%
record("side_auc_no_flips", side["no flips"])
record("side_auc_random_flips", side["random flips"])
figures.intervals(
    side,
    xlabel="validation AUC: is this X-ray mirrored?",
    reference=0.5,
    title="With random flips the network cannot know the side",
    alt=f"Two dots with intervals and a line at 0.5, chance. Without flips the AUC is {side['no flips']}; with random "
    f"flips it is {side['random flips']}.",
    source=val.source,
)

# %% [markdown]
# Without flips the side is easy. With flips the question has no answer any more: each image was shown both ways under
# both labels. A single seed can land clearly above or below 0.5 all the same, and its interval over children alone would
# swear to it: a network that has learnt nothing about the side still has some accidental preference. Other seeds
# have other accidents, which is why an interval must hold them. For *pneumonia* a flip does less harm, since either lung may be ill, and on this set it may even raise the
# score. But the network would then call a child with its heart on the right, or a file that was mirrored by mistake,
# perfectly ordinary. The data set's card says so; `Augmenter.of(card)` takes its limits from there.

# %%
allowed = Augmenter.of(train.card)
print(allowed)
examples = train.images[shown[:1]].repeat(8, 1, 1, 1) / 127.5 - 1
changed = allowed(examples, torch.Generator().manual_seed(0))
figures.images(
    ((changed + 1) * 127.5).byte(),
    columns=4,
    title="One child, eight times: turned, shifted, scaled, brightened, never mirrored",
    alt="The same chest X-ray eight times, each slightly turned, moved, scaled or changed in brightness. The heart "
    "stays on the same side in all of them.",
    source=train.source,
)

# %%
# exercise: cnn.flips

# %% [markdown]
# ### Optional: another X-ray machine
#
# A second way to break it. Suppose another machine makes brighter images, or blurs more. The child is the same, the label
# is the same. We change validation images only; the network is the one from section 9.

# %%
changes = {
    "as they are": lambda x: x,
    "brighter by 40": lambda x: (x.float() + 40).clamp(0, 255).byte(),
    "half the contrast": lambda x: (x.float() * 0.5 + 64).byte(),
    "blurred": lambda x: F.avg_pool2d(x.float(), 3, stride=1, padding=1, count_include_pad=False).byte(),
}
other = {}
for name, change in changes.items():
    changed_val = replace(val, images=change(val.images))
    scores = torch.stack([predict(net, changed_val)[:, 1] for net in trained])
    other[name] = evaluate.report(val.labels, scores, task=val.task)
    print(f"{name:<18} AUC {other[name]['auc']}  specificity {other[name]['specificity']}")

# %% [markdown]
# The ranking (AUC) bends; the decisions (specificity at the old threshold) can break. A deployed network that is never
# checked after a change of machine keeps giving answers, and nothing in them says that they have become worse.

# %% [markdown]
# ## 13. Quiz
#
# Four questions. Each choice has an answer of its own, so wrong ones are worth trying too.

# %%
# quiz: cnn.shape

# %%
# quiz: cnn.depth

# %%
# quiz: cnn.gap

# %%
# quiz: cnn.threshold

# %% [markdown]
# ## 14. Decide
#
# You are asked by the clinic of section 1. Which of these would you sign?
#
# - *"It can read the X-rays at night."* No. It was trained on images of one hospital at a size that no reader would
#   accept, its false alarms would fill the ward, and nobody has measured it where it would be used.
# - *"It can sort the morning's reading list, with every image still read by a person."* Perhaps, after a test on the
#   clinic's own X-rays, with the threshold set for its own prevalence, and a person who looks at what it puts last.
# - *"It is a good way to learn how such networks work, and how they fail."* Yes.
#
# When not to use a convolutional network at all: with a few dozen images, where hand-made features and a linear model are
# hard to beat and easier to explain, or where the question depends on exact measurement rather than on appearance.
#
# Your part of the *model card*, filled from what was measured:

# %%
facts = {
    "model": f"SmallResNet, width {budget.width}, {sum(p.numel() for p in trained[0].parameters()):,} weights",
    "data": f"{train.card.title}, {len(train)} training images at {budget.size} pixels, source: {train.source}",
    "test AUC": str(result["auc"]),
    "sensitivity, specificity": f"{result['sensitivity']}, {result['specificity']} at threshold 0.5",
    "not measured": "other hospitals, adults, age and sex, images at full size",
    "not for": "clinical use",
}
for name, fact in facts.items():
    print(f"{name:<26}{fact}")

# %% [markdown]
# ## Summary
#
# - A convolution asks one small question everywhere: few weights, and a shifted image gives a shifted map.
# - Strides and depth widen the receptive field; the sizes follow one formula each.
# - Shortcuts keep the gradient at one size, so that depth helps instead of hurting.
# - A result is a value with an interval, over seeds and over test children, from a test set that was opened once.
# - An augmentation is allowed when the label stays true. Flipping a chest is not.
#
# **Further reading**
#
# - LeCun et al. 1998, Gradient-based learning applied to document recognition, doi 10.1109/5.726791
# - Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning, arXiv:1603.07285
# - Luo et al. 2016, Understanding the effective receptive field in deep convolutional neural networks, arXiv:1701.04128
# - Ioffe and Szegedy 2015, Batch normalization, arXiv:1502.03167
# - Yang et al. 2019, A mean field theory of batch normalization, arXiv:1902.08129
# - He et al. 2016, Deep residual learning for image recognition, doi 10.1109/CVPR.2016.90
# - Zhang 2019, Making convolutional networks shift-invariant again, arXiv:1904.11486
# - Azulay and Weiss 2019, Why do deep convolutional networks generalize so poorly to small image transformations?,
#   Journal of Machine Learning Research 20(184)
# - Kermany et al. 2018, Identifying medical diagnoses and treatable diseases by image-based deep learning,
#   doi 10.1016/j.cell.2018.02.010
# - Zech et al. 2018, Variable generalization performance of a deep learning model to detect pneumonia in chest
#   radiographs, doi 10.1371/journal.pmed.1002683
# - Bohun et al. 2007, A population-based study of cardiac malformations and outcomes associated with dextrocardia,
#   doi 10.1016/j.amjcard.2007.02.095
#
# **Next**: lesson 4 keeps the resolution that this network throws away, and draws the outline of what it finds.
