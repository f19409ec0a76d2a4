# /// lesson
# number = 3
# title = "Convolutional networks"
# goals = [
#     "write a convolution by hand in two ways and show that both equal PyTorch's",
#     "say how many weights a layer has, how large its output is, and which part of the image one output sees",
#     "measure where a plain stack of layers stops training well, and what shortcuts change",
#     "build a small residual network, train it on real chest X-rays, and report its test result with intervals",
#     "choose augmentations that keep the label true, and show one that destroys it",
# ]
# minutes = 50
# optional_minutes = 5
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
# width = 8
# images_shown = 20000
# hog_images = 500
# depths = [2, 6]
# depth_steps = 15
# side_seeds = [0]
# side_images = 1000
# side_epochs = 2
#
# [budget.laptop]
# seeds = [0, 1, 2]
# size = 28
# width = 8
# images_shown = 20000
# hog_images = 5000
# depths = [2, 8, 24]
# depth_steps = 60
# side_seeds = [0, 1, 2, 3, 4, 5, 6, 7]
# side_images = 2000
# side_epochs = 2
#
# [budget.gpu]
# seeds = [0, 1, 2, 3, 4]
# size = 64
# width = 16
# images_shown = 60000
# hog_images = 5000
# depths = [2, 8, 24, 48]
# depth_steps = 200
# side_seeds = [0, 1, 2, 3, 4, 5, 6, 7]
# side_images = 4000
# side_epochs = 3
#
# [bounds.smoke.real]
# val_auc = 0.98
# side_auc_no_flips = 0.85
#
# [bounds.smoke.sample]
# val_auc = 0.8
# side_auc_no_flips = 0.9
#
# [bounds.laptop.real]
# val_auc = 0.985
# side_auc_no_flips = 0.93
#
# [bounds.laptop.sample]
# val_auc = 0.8
# side_auc_no_flips = 0.9
# ///

# %% [markdown]
# ## 1. The case
#
# A child of three is brought to a clinic with a cough and a fever. Pneumonia is dangerous enough to worry about: in
# 2019 it killed 740 180 children under five, 14 % of all deaths at that age (World Health Organization, fact sheet
# *Pneumonia in children*). An X-ray of the chest is taken, and nobody who can read it will be there before the
# morning.
#
# Could a network look first? If it says *pneumonia* and is wrong, a child without pneumonia gets antibiotics and
# perhaps a night in hospital. If it says *normal* and is wrong, an ill child is sent home. The two mistakes do not
# weigh the same, and a single score hides which one is made. We come back to that at the end, when there is something
# to decide.
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
# `load` looks in your own folders first, then in the cache, then at the publisher's site. Each set comes as one
# tensor of whole numbers from 0 (black) to 255 (white), of shape `(N, C, H, W)`: images, colour channels, rows,
# columns. If it says that a file is not byte for byte the publisher's, somebody gave you a repacked copy; the images
# can still be the same.

# %%
shown = torch.cat([torch.where(train.labels == c)[0][:4] for c in (0, 1)])
figures.images(
    train.images[shown],
    titles=[train.classes[c] for c in train.labels[shown]],
    columns=4,
    title="At this size the gross signs survive and the fine ones do not",
    alt="Eight small frontal chest X-rays in two rows: four labelled normal, four labelled pneumonia. The lungs are "
    "dark, ribs and heart light; in several of the pneumonia images the lungs are hazy.",
    source=train.source,
)

# %% [markdown]
# The lungs are dark because they hold air. Between them the spine and the heart are light, and more of the heart lies
# to the right of the middle: that is the child's *left*, because X-rays are shown as if the child faced you. Keep
# this in mind, it matters later. Pneumonia shows as anything from faint streaks or haze to a dense white area,
# because fluid and cells take the place of air; early on, the X-ray can be normal. A radiologist would refuse to
# report from images this small. We use them because training then takes seconds.

# %% [markdown]
# ## 2. Predict first, then look at the data
#
# Before anything is measured, write down what you expect. It takes ten seconds, and it is the difference between
# learning something from a number and nodding at it. We will score models by the *AUC* (area under the ROC curve):
# the share of pairs of one ill and one healthy child in which the ill one gets the higher score. 0.5 is a coin, 1 is
# a perfect ranking.

# %%
guess_pixels = None  # AUC of a model with one weight for each pixel, between 0.5 and 1

# %% [markdown]
# The second number we lock, because it is tempting to change it after the run.

# %%
# guess: cnn.net_auc

# %% [markdown]
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
print(f"{len(copied)} training images (some occur twice) are left out: {len(train)} stay")

# %% [markdown]
# > **Tip.** Look for exact copies each time you are handed a split: it is the easiest kind of leak to prove. Near copies, such
# > as two X-rays of one child, need more than a comparison of bytes.

# %%
for name, images in (("train", train), ("validation", val)):
    share = images.labels.float().mean()
    print(f"{name:<12}{len(images):>6} images, {share:.1%} labelled pneumonia")

# %% [markdown]
# ## 3. The baselines
#
# Besides the AUC we use scores of decisions, made at a threshold: *accuracy* is the share of right ones,
# *sensitivity* the share of the ill who are called ill, *specificity* the share of the healthy who are called
# healthy.
#
# The first baseline looks at nothing: it calls everyone ill, because most training images are.

# %%
always_ill = torch.ones(len(val))
evaluate.bootstrap(evaluate.accuracy, val.labels, always_ill)

# %% [markdown]
# So accuracy starts there and not at 0.5; read no accuracy without this line beside it. The interval in brackets is a
# *95 % bootstrap interval*: how far the number would move with other images drawn from the same source, as if each
# showed another child. The source has several images of some children, so the true interval is wider.
#
# The second baseline looks at pixels but not at their neighbourhood: a logistic regression with one weight a pixel.
# Its `C` (the smaller, the stronger the penalty) was chosen on validation, as were the settings of our network; so
# both validation scores flatter a little.

# %%
from sklearn.linear_model import LogisticRegression

pixels = {name: images.images.flatten(1).numpy() / 255 for name, images in (("train", train), ("val", val))}
linear = LogisticRegression(C=1, tol=1e-3, max_iter=500).fit(pixels["train"], train.labels)
linear_scores = linear.predict_proba(pixels["val"])[:, 1]
linear_auc = evaluate.bootstrap(evaluate.auc, val.labels, linear_scores)
print(f"linear model on pixels, validation AUC {linear_auc}; your guess: {guess_pixels}")

# %% [markdown]
# That is a strong baseline, and it should make us modest: a fixed weight for each position goes a long way here. It
# also has a weakness that no score on this set shows. Move every child to the side by a seventh of the image, and
# every weight sits on the wrong place.


# %%
def moved_aside(images, pixels=budget.size // 7):
    """Images (N, C, H, W) moved to the right; the left border repeats."""
    padded = torch.cat([images[..., :1].expand(*images.shape[:-1], pixels), images], dim=-1)
    return padded[..., : images.shape[-1]]


moved_pixels = moved_aside(val.images).flatten(1).numpy() / 255
linear_moved = linear.predict_proba(moved_pixels)[:, 1]
print(f"the same model, every image moved: AUC {evaluate.bootstrap(evaluate.auc, val.labels, linear_moved)}")

# %% [markdown]
# ## 4. A convolution, by hand
#
# A convolution asks the same small question at every place of the image. The question is a *kernel*: a few weights,
# here 3 x 3. Lay it on the image, multiply what lies on top of each other, add up, write down the sum, move on by one
# pixel:
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
# Two kernels that people designed long before any were learnt: they answer to edges, one to vertical and one to
# horizontal ones (Sobel's). A kernel's map is large where the image looks like the kernel: here, where it gets
# lighter to the right, or lighter downwards.

# %%
kernels = {
    "vertical edges": torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "horizontal edges": torch.tensor([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]),
}
x = train.images[shown[0], 0] / 255  # (H, W), 0 to 1
maps = torch.stack([conv2d_loops(x, k) for k in kernels.values()])
print("image", tuple(x.shape), "maps", tuple(maps.shape))

# %%
figures.maps(
    maps,
    titles=list(kernels),
    title="One kernel answers to vertical borders, the other to horizontal ones",
    label="sum of products",
    alt="Two maps of the first X-ray above. In the first, vertical borders of lungs and chest wall are strong, positive on "
    "one side and negative on the other. In the second, the two domes under the lungs and the top corners are strong.",
    source=train.source,
)

# %% [markdown]
# Now edit a kernel yourself. Click on a weight, or reach it with Tab, and change it with the arrow keys. **One
# question**: change the weights until they add up to zero, then until they add up to one. What happens to areas of
# one grey?

# %%
from medtutor.widgets import ConvolutionPlayground

ConvolutionPlayground(
    train.images[shown[0], 0],
    alt="A chest X-ray beside its map under a 3 x 3 kernel whose nine weights can be edited.",
    source=train.source,
)

# %% [markdown]
# On an area of one grey all nine products have the same pixel value, so the map there is that value times the *sum*
# of the weights. With a sum of zero, flat areas vanish and only changes are left, which is what an edge detector
# wants. With a sum of one, flat areas keep their grey, and the kernel blurs or sharpens.

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
k = kernels["vertical edges"]
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
# In the last line each of the 16 output maps has a 3 x 3 kernel *for each* of the 16 input maps, and adds up the
# results. So PyTorch keeps the weights as `(channels out, channels in, kh, kw)`.
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
# Each convolution so far lost a border, because the kernel must fit on the image. *Padding* adds `p` zeros on every
# side. *Stride* `s` moves the kernel by `s` pixels at a time, which makes the map smaller on purpose. The output size
# is
#
# $$n_\text{out} = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1$$


# %%
def output_size(n, k, p=0, s=1):
    return (n + 2 * p - k) // s + 1


for k_, p, s in [(3, 0, 1), (3, 1, 1), (3, 1, 2), (5, 2, 2), (1, 0, 2)]:
    measured = F.conv2d(x[None, None], torch.zeros(1, 1, k_, k_), padding=p, stride=s).shape[-1]
    print(f"kernel {k_} padding {p} stride {s}: {output_size(budget.size, k_, p, s)} (torch: {measured})")

# %% [markdown]
# A 3 x 3 kernel with padding 1 keeps the size; with stride 2 it halves it. Nearly every layer below is one of these
# two.
#
# > **Caution.** Zeros are not neutral. After scaling to [-1, 1] a zero is mid-grey, whatever the image shows at its edge, and
# > a network can learn where that frame is.

# %%
# exercise: cnn.conv2d

# %% [markdown]
# ## 5. The receptive field: which part of the image one output sees
#
# One output of a 3 x 3 convolution depends on 3 x 3 pixels. An output of a second one on top depends on 3 x 3
# outputs, hence on 5 x 5 pixels. With strides it grows faster, because neighbours in a small map lie far apart in the
# image. Let $j$ be the distance in pixels between neighbours of a map and $r$ the width that one of its values sees.
# Each layer does
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
# A sign that is larger than the receptive field cannot be recognised by any single value of the last map. A sign
# smaller than a pixel is averaged into it, and its shape is lost for any network: if the picture is some 20 cm wide,
# one of 28 pixels covers about 7 mm.
#
# > **Note.** The field counts what *can* be seen. What *is* used is mostly the middle of it: the *effective* receptive
# > field is smaller and shaped like a bell (Luo et al. 2016).

# %%
# exercise: cnn.receptive_field

# %% [markdown]
# ## 6. Pooling
#
# *Pooling* makes a map smaller without weights: keep the largest (or the mean) of each 2 x 2 square. With a reshape
# it is one line: rows become pairs of rows, columns pairs of columns, and we take the maximum over both pair axes.


# %%
def max_pool2(x):
    """x: (H, W) with even H and W; returns (H / 2, W / 2)."""
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2).amax(dim=(1, 3))


torch.testing.assert_close(max_pool2(x), F.max_pool2d(x[None, None], 2)[0, 0])
print(tuple(x.shape), "->", tuple(max_pool2(x).shape), "and equal to torch's")

# %% [markdown]
# It is often said that pooling makes a network indifferent to small shifts. Try it on one image: move it by one
# pixel, and see how much the pooled map changes, compared with how much the pixels themselves change.

# %%
one_pixel = torch.roll(x, 1, dims=1)
pooled_change = (max_pool2(one_pixel) - max_pool2(x)).abs().mean()
pixel_change = (one_pixel - x).abs().mean()
print(f"mean change of a pixel {pixel_change:.3f}, of a pooled value {pooled_change:.3f}")

# %% [markdown]
# Less change, but far from none: a smaller map is a sampled one, and sampling depends on where it starts (Zhang 2019;
# Azulay and Weiss 2019). Convolutions of stride 2 have the same fault; we use them because they are short and can
# learn what to keep. The only pooling in our network is the last step: the *mean over all positions* of each last
# map. It is indifferent to shifts of *its maps*, and it lets the same network take images of any size.

# %% [markdown]
# ## 7. How deep?
#
# Each layer widens the view and combines what the one before has found. So let us stack many. **Predict first**: we
# train stacks of 2, 8 and 24 blocks (budget `smoke`: 2 and 6; `gpu`: also 48), each block two 3 x 3 convolutions, for
# a few steps, once plain and once with a *shortcut* that adds each block's input to its output. In which order do
# their *training* losses come?

# %%
guess_lowest = None  # such as "plain, 24 blocks"
guess_highest = None


def two_convolutions(width):
    """The inside of a block: convolution, normalisation, ReLU, convolution, normalisation."""
    layers = [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))


# %% [markdown]
# *Batch normalisation* shifts and scales each map to mean 0 and variance 1 over the batch, then applies a learnt
# scale and shift (Ioffe and Szegedy 2015). It keeps the size of the numbers in hand. *ReLU* sets negative values to
# zero; without something of this kind between them, two convolutions would collapse into one. A *stem* is the first
# layer, which sees the image; a *head* is the last, which turns maps into *logits*, one score a class that a softmax
# makes probabilities.


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
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr)  # a gradient step whose size adapts to each weight
    for _ in range(steps):
        batch = torch.randint(len(train), (32,))
        logits = net(train.images[batch] / 127.5 - 1)
        loss = F.cross_entropy(logits, train.labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses[-10:]) / 10


# %%
for depth in budget.depths:
    for shortcut, kind in ((False, "plain"), (True, "with shortcuts")):
        losses = [train_loss(depth, shortcut, seed) for seed in budget.seeds]
        print(f"{depth:>3} blocks {kind:<15} {' '.join(f'{loss:.3f}' for loss in losses)}")
print("your guesses, lowest and highest:", guess_lowest, guess_highest)

# %% [markdown]
# One column a seed, and *training* loss, so this is not overfitting. Compare the rows of the plain stack: from some
# depth on more blocks fit *less* well in the same number of steps, although a deep stack could copy a shallow one by
# letting its extra blocks pass their input on. With shortcuts no such setback appears; whether 8 or 24 blocks come
# lowest, these few seeds cannot tell. He and colleagues saw this in 2015 and drew the conclusion: if passing the
# input on is a good place to start, build it in.
#
# > **Caution.** A few dozen steps show how fast a stack learns, not what it could reach in the end. With one seed and few
# > blocks (budget `smoke`) the setback may not show at all; the claim rests on 24 blocks and three seeds.
#
# What goes wrong? Before any training, take two batches of children, and compare the gradients that arrive at the
# stem: how long they are, and whether they point the same way (cosine 1), have nothing to do with each other (0), or
# oppose each other (-1).


# %%
def stem_gradient(net, batch):
    net.zero_grad()
    F.cross_entropy(net(train.images[batch] / 127.5 - 1), train.labels[batch]).backward()
    return net.stem.weight.grad.flatten().clone()


for depth in budget.depths:
    for shortcut, kind in ((False, "plain"), (True, "with shortcuts")):
        torch.manual_seed(0)
        net = Stack(depth, shortcut)
        one, other = stem_gradient(net, torch.arange(128)), stem_gradient(net, torch.arange(128, 256))
        cosine = F.cosine_similarity(one, other, dim=0)
        print(f"{depth:>3} blocks {kind:<15} length {one.norm():7.2f}, two batches agree: cosine {cosine:+.2f}")

# %% [markdown]
# This is one random start, a picture and not a proof. Deep and plain, the gradient at the stem can be a hundred times
# longer (Yang et al. 2019 explain why batch normalisation does that, for wide fully connected networks before
# training), that is, with 24 blocks; budget `smoke` has no stack so deep. The cosine explains less: at 24 blocks it
# is higher with shortcuts, but stacks of 8 blocks train well with cosines near zero or below. Balduzzi et al. (2017)
# looked at something related: in deep plain networks gradients at neighbouring inputs have less and less to do with
# each other (*shattered gradients*), and shortcuts slow that down. Our two numbers do not test it. Size alone cannot
# be the story, because AdamW rescales each step. How much of the trouble is which cause is not settled; He and
# colleagues left it open.

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
# The whole network is a stem and three such blocks. Each block after the first halves the map and doubles the number
# of maps: less *where*, more *what*. The mean over all positions and one linear layer turn the last maps into two
# logits, of normal and of pneumonia.


# %%
class SmallResNet(nn.Module):
    """Images (N, 1, H, W), scaled to [-1, 1], to logits (N, 2)."""

    def __init__(self, width=8, classes=2):
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
for name, part in [("stem", net.stem), *net.stages.named_children(), ("head", net.head)]:
    print(f"{name:<6}{sum(p.numel() for p in part.parameters()):>8,} weights")
layers = [(3, 2)] + [(3, 1), (3, 1)] + [(3, 2), (3, 1)] * 2
print("receptive field:", receptive_field(layers), "pixels")

# %% [markdown]
# Three quarters of the weights sit in the last block. In the middle of the image an output sees 47 pixels across,
# more than the 28 of our smallest images (of 64 it sees a part); at a corner it sees about half of that. The
# ResNet-18 that the makers of this data set trained on it has 11 million weights, and we compare with its published
# result below.
#
# ### The field's own, and the library's
#
# The block is the *basic block* of ResNet, which torchvision ships. Equal weights must give equal outputs.

# %%
from torchvision.models.resnet import BasicBlock

ours = net.stages[1].eval()
theirs = BasicBlock(8, 16, stride=2, downsample=ours.shortcut).eval()
theirs.conv1, theirs.bn1, theirs.conv2, theirs.bn2 = ours.conv1, ours.norm1, ours.conv2, ours.norm2
probe = torch.randn(4, 8, 14, 14)
torch.testing.assert_close(ours(probe), theirs(probe))
print("our block and torchvision's BasicBlock agree")

# %% [markdown]
# From here on the library holds what you have just seen: `medtutor.nets.SmallResNet` is this network, with options for
# colour, volumes and larger images. Its weights have the same names, so they can be exchanged.

# %%
from medtutor import nets

library = nets.SmallResNet(width=8)
library.load_state_dict(net.state_dict())
probe = torch.randn(4, 1, budget.size, budget.size)
torch.testing.assert_close(net.eval()(probe), library.eval()(probe))
print("the lesson's network and the library's agree")

# %% [markdown]
# ## 9. Train
#
# `fit` is the training loop in a small file that you can read: shuffle, scale to [-1, 1], forward, loss, gradient,
# step. The learning rate goes up for the first third and down to nearly zero after it. After each pass over the
# training set, an *epoch*, the validation loss is measured. A small set needs more epochs until as many images have
# been shown. We train once per *seed*: the seed fixes the first weights and the order of the images, two things that
# nobody chose and that change the result.

# %%
epochs = max(3, budget.images_shown // len(train))
trained = []
for seed in budget.seeds:
    torch.manual_seed(seed)
    net = nets.SmallResNet(width=budget.width)
    history = fit(net, train, val, epochs=epochs, lr=0.01, batch_size=128, seed=seed)
    trained.append(net)
    print(f"seed {seed}: {history.steps} steps, {history.wall_s:.1f} s, validation loss {history.val_loss[-1]:.3f}")

# %% [markdown]
# Read the curves (*nats* is the unit of a loss with the natural logarithm). The training loss is noisy because each
# value is one batch. The validation points come down later: while the learning rate is high, the running averages
# that batch normalisation uses outside of training lag behind, and an early point can stand far above the curve.
# Where the points turn up again while the training loss still falls, the network is learning the training images by
# heart; then stop earlier, or change the images at each epoch (section 12).

# %%
val_scores = torch.stack([predict(net, val)[:, 1] for net in trained])  # (seeds, N)
val_auc = evaluate.bootstrap_seeds(evaluate.auc, val.labels, val_scores)
val_acc = evaluate.bootstrap_seeds(evaluate.accuracy, val.labels, val_scores)
record("val_auc", val_auc)
record("val_acc", val_acc)
print(f"network, AUC {val_auc}; your guess: {guess_net}")
print(f"linear model, AUC {linear_auc}; your guess: {guess_pixels}")

# %% [markdown]
# Is the network better than the linear model, or were these images easy for it? Both were asked about the *same*
# images, so we compare them in pairs: the interval of the difference is narrower than the two intervals suggest.

# %%
from dataclasses import replace

moved_val = replace(val, images=moved_aside(val.images))
net_moved = torch.stack([predict(net, moved_val)[:, 1] for net in trained])
for name, net_scores, other in (("as they are", val_scores, linear_scores), ("moved", net_moved, linear_moved)):
    difference = evaluate.paired_difference(evaluate.auc, val.labels, net_scores, other)
    print(f"images {name:<12} network minus linear model: {difference:+.3f}")

# %% [markdown]
# On the images as they are the network is hardly better than one weight a pixel; on moved ones it is by far. An
# interval that lies above zero makes an accident of these images and seeds an unlikely explanation; but where there
# is no difference, about one 95 % interval in twenty still leaves zero out, and more with only three seeds (with one,
# budget `smoke`, it holds no seeds at all). It does not say that the difference matters to anybody. And the network
# has to be compared with what it was before, too: equivariance of the layers does not make the whole network
# indifferent to a shift. Our move also cut a strip off the right and repeated the left border. That, the frame of
# zeros, the strides, and a training set with hardly anybody off-centre can each cost something; we have measured only
# the sum.

# %%
print(f"network, as they are: AUC {val_auc}")
print(f"network, moved:       AUC {evaluate.bootstrap_seeds(evaluate.auc, val.labels, net_moved)}")

# %% [markdown]
# And lesson 2's best hand-made features, histograms of oriented gradients with a support vector machine (HOG + SVM), on the
# same split? We take the settings from there, and compare in pairs again.

# %%
from sklearn.svm import SVC

from medtutor.bench.hog import hog_features

order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
some = train.subset(order[: budget.hog_images])
machine = SVC(C=10).fit(hog_features(some.images.numpy()), some.labels)
hog_scores = machine.decision_function(hog_features(val.images.numpy()))
difference = evaluate.paired_difference(evaluate.auc, val.labels, val_scores, hog_scores)
print(f"HOG + SVM on {len(some)} training images, AUC {evaluate.bootstrap(evaluate.auc, val.labels, hog_scores)}")
print(f"network minus HOG + SVM: {difference:+.3f}")

# %% [markdown]
# Budget `smoke` gives HOG a part of the training images only, so read this line at `laptop`. Both scores lie so near to 1
# that there is little left to win. On the test set, where this repository's benchmark compares them (see its README), HOG is
# not behind. So do not take the network for its score here: take it because nobody had to design its features, and
# because the same few lines work on images for which nobody has designed any.

# %% [markdown]
# ## 10. Measure, once
#
# Everything is decided: the width, the epochs, the learning rate, the threshold of 0.5. Only now do we open the test
# set, and only once. Whoever changes something after having looked has turned the test set into a second validation
# set, and has no test set any more. To be exact: *you* open it once. Those who wrote this lesson have seen its
# numbers before, and the card told you one of them: none of us is quite blind.

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
# Each interval holds two things: other test images, and other seeds where there are several. A published figure
# without an interval, on the same few hundred images, is no more certain than ours.
#
# Test is clearly worse than validation. Validation was cut from the *training* images, perhaps with the same children
# on both sides, and our settings were chosen on it; the source says of test that it holds other patients, and that a
# third reader checked its labels. The gap between the two is the size of the mistake you would make by reporting the
# validation score. Look at which mistakes are made:

# %%
on_val = evaluate.report(val.labels, val_scores, task=val.task)
for name, one in (("validation", on_val), ("test", result)):
    print(f"{name:<11} sensitivity {one['sensitivity']}  specificity {one['specificity']}")

# %% [markdown]
# Nearly every ill child is found in both. On validation about nine of ten healthy children are left alone, on test
# far fewer: the healthy children of the *test* set get higher scores. The share of pneumonia in training, three
# quarters, cannot be the reason, for it is the same in validation. Why it is so, the file does not say.
#
# The *ROC curve* shows every threshold at once: how many of the ill are found, against how many of the healthy are
# called ill. Moving the threshold walks along the curve. It is drawn for the *averaged* scores of all seeds, which is
# another model (an ensemble): its AUC need not be the mean AUC of the table, and its interval holds no seeds.

# %%
seed_mean = test_scores.mean(dim=0)
curve_auc = evaluate.bootstrap(evaluate.auc, test.labels, seed_mean)
figures.roc(
    evaluate.roc(test.labels, seed_mean),
    band=evaluate.roc_band(test.labels, seed_mean),
    title=f"Test ROC of the averaged scores: AUC {curve_auc}",
    alt=f"ROC curve of the test set: sensitivity rises steeply towards 1 at low false positive rates; the area is "
    f"{curve_auc}. A shaded band shows the 95 % interval of sensitivity at each false positive rate, seeds left out.",
    source=test.source,
)

# %%
# essay: cnn.which_threshold

# %% [markdown]
# > **Clinic.** The share of true alarms depends on how common the disease is where you stand. In this test set six of ten
# > images show pneumonia. Of the children X-rayed for suspected pneumonia in one emergency department 16 % had it, doubtful
# > cases included (Neuman et al. 2011). Count it out for 1000 children: the ill ones times the sensitivity are true alarms,
# > the healthy ones times (1 - specificity) are false ones. The share of true ones is the *positive predictive value*.

# %%
sensitivity = result["sensitivity"].value
for prevalence in (0.625, 0.3, 0.16):
    true_alarms = sensitivity * prevalence
    false_alarms = [(1 - specificity) * (1 - prevalence) for specificity in result["specificity"]]
    share, low, high = (true_alarms / (true_alarms + false) for false in false_alarms)
    print(f"{prevalence:.1%} ill: {share:.0%} of the alarms are true ({low:.0%} to {high:.0%})")

# %% [markdown]
# The range in brackets is that of the specificity. No line of code changed and no child was read differently. And this
# supposes that sensitivity and specificity stay as they are, which with milder cases they rarely do. It is why an
# accuracy from one place says little about another.
#
# What the numbers do not say: whether boys and girls, one-year-olds and five-year-olds are read equally well (the
# file does not hold age or sex), whether they hold in another hospital, and whether the network finds pneumonia or
# something that goes with it, such as the exposure, the crop or a cable (in mostly adult data Zech et al. 2018 found
# networks that recognise the hospital and the department).

# %%
# exercise: cnn.ppv

# %% [markdown]
# ## 11. What do the maps show?
#
# The first layer's kernels were random numbers a minute ago. Here is what they answer to now, in one X-ray with
# pneumonia.

# %%
net = trained[0].cpu().eval()
image = val.images[val.labels == 1][:1]  # (1, 1, H, W)
with torch.no_grad():
    first = net.stem(image / 127.5 - 1)[0]  # (width, H / 2, W / 2)
    last = net.features(image / 127.5 - 1)[0]  # the maps before the mean
print("first maps", tuple(first.shape), "last maps", tuple(last.shape))

# %%
figures.images(
    image,
    title="The X-ray whose maps follow",
    alt="One small chest X-ray labelled pneumonia, with whitish areas over the lungs.",
    source=val.source,
)

# %%
figures.maps(
    first[:8],
    columns=4,
    title="First layer: mostly what is dark and what is bright, at half the resolution",
    label="activation",
    alt="Eight feature maps of the first layer for one chest X-ray. Most are strong where the lungs are dark or where the "
    "middle of the chest is bright; some mark borders, and some are almost empty.",
    source=val.source,
)

# %%
strongest = last.amax(dim=(1, 2)).argsort(descending=True)[:8]
figures.maps(
    last[strongest],
    columns=4,
    title="Last layer: a handful of positions, no longer an image of a chest",
    label="activation",
    alt="The eight strongest feature maps of the last layer, each only a few pixels wide; most have a few bright positions.",
    source=val.source,
)

# %% [markdown]
# The first maps can be read: some repeat each other, which means that fewer kernels might do. The last cannot be read
# by looking: a bright spot says *something here counted*, not what. Maps of this kind are often shown as
# explanations. They are a look inside, not a proof; the lesson on explainability puts such pictures to tests that
# they can fail.

# %% [markdown]
# ## 12. Break it: what augmentation may not do
#
# *Augmentation* shows each image a little changed at every epoch: turned, shifted, mirrored, brighter. That makes it
# harder for the network to learn images by heart. The rule is short: a change is allowed if the label stays true and
# the image stays possible. Many recipes mirror images left to right without asking. May we?
#
# Mirror a chest X-ray, and heart, stomach and liver are on the wrong side. A few people are built so, which is called
# *situs inversus*: a heart on the right, for this or another reason, is found in about one of 12 000 pregnancies
# (Bohun et al. 2007). Far more likely somebody mirrored the file. Let us make that the question: is this X-ray
# mirrored?

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
    for seed in budget.side_seeds:
        torch.manual_seed(seed)
        net = nets.SmallResNet(width=8)
        side_train = with_mirrored(train, budget.side_images, seed)
        fit(net, side_train, side_val, epochs=budget.side_epochs, batch_size=64, augment=augment, seed=seed, live=False)
        scores.append(predict(net, side_val)[:, 1])
    side[name] = evaluate.bootstrap_seeds(evaluate.auc, side_val.labels, torch.stack(scores))
    each = " ".join(f"{evaluate.auc(side_val.labels, one):.2f}" for one in scores)
    loss = sum(evaluate.log_loss(side_val.labels, one) for one in scores) / len(scores)
    print(f"{name:<13} AUC of each seed {each}; mean log loss {loss:.3f} (a coin: 0.693)")
print("your guess:", guess_side)

# %%
record("side_auc_no_flips", side["no flips"])
record("side_auc_random_flips", side["random flips"])
figures.intervals(
    side,
    xlabel="validation AUC: is this X-ray mirrored?",
    reference=0.5,
    title="Random flips take the side away",
    alt=f"Two dots with intervals and a line at 0.5, chance. Without flips the AUC is {side['no flips']}; with random "
    f"flips it is {side['random flips']}.",
    source=val.source,
)

# %% [markdown]
# Without flips the side is easy. With random flips each image is shown mirrored half of the time, whatever its label
# says, so nothing about the side can be learnt, and the loss stays at about that of a coin. The AUC of one seed need
# not be 0.5: a network that was taught nothing still prefers one side by accident, in all chests alike. Averaged over
# very many seeds it would be 0.5; eight, as in budget `laptop`, scatter widely around it, and the interval of a
# single seed (budget `smoke`) can miss it.
#
# For *pneumonia* a mirrored chest keeps its label, so a flip does less harm there, and many recipes use it. But a
# network that was trained so cannot be asked about a side later, nor warn that a file was mirrored. The card of this
# data set leaves flips out; `Augmenter.of(card)` takes its limits from there.

# %%
allowed = Augmenter.of(train.card)
print(allowed)
examples = train.images[shown[3:4]].repeat(8, 1, 1, 1) / 127.5 - 1
changed = allowed(examples, torch.Generator().manual_seed(0))
figures.images(
    ((changed + 1) * 127.5).byte(),
    columns=4,
    title="One X-ray, eight times: turned, shifted, scaled, a little brighter or darker, never mirrored",
    alt="The same chest X-ray eight times, each slightly turned, moved, scaled or changed in brightness. Left stays left "
    "in all of them.",
    source=train.source,
)

# %%
# exercise: cnn.flips

# %% [markdown]
# ### Optional: another X-ray machine
#
# A second way to break it. Suppose another machine makes brighter images, or blurs more. The child is the same, the
# label is the same. We change validation images only; the network is the one from section 9.

# %%
changes = {
    "as they are": lambda x: x,
    "brighter by 40": lambda x: (x.float() + 40).clamp(0, 255).byte(),
    "half the contrast": lambda x: (x.float() * 0.5 + 64).byte(),
    "blurred": lambda x: F.avg_pool2d(x.float(), 3, stride=1, padding=1, count_include_pad=False).byte(),
}
for name, change in changes.items():
    changed_val = replace(val, images=change(val.images))
    scores = torch.stack([predict(net, changed_val)[:, 1] for net in trained])
    auc = evaluate.bootstrap_seeds(evaluate.auc, val.labels, scores)
    found, spared = (
        sum(share(val.labels, one) for one in scores) / len(scores)
        for share in (evaluate.sensitivity, evaluate.specificity)
    )
    print(f"{name:<18} AUC {auc}  sensitivity {found:.3f}  specificity {spared:.3f}")

# %% [markdown]
# The ranking (AUC) bends; the decisions at the old threshold can break: where sensitivity goes up and specificity
# down, the network calls more and more children ill. A deployed network that is never checked after a change of
# machine keeps giving answers, and nothing in them says that they have become worse.

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
# When not to use a convolutional network at all: where hand-made features with a simple model do as well (lesson 2 asks
# when) and are easier to explain, or where the question needs an exact measurement rather than an appearance.
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
# - Plain stacks of growing depth stop training well; with shortcuts they train about as well as shallower ones, for
#   reasons that are not settled.
# - A result is a value with an interval, over seeds and over test images, from a test set that was opened once.
# - An augmentation is allowed when the label stays true and the image possible. Flipping a chest keeps *pneumonia*
#   true and destroys every question about a side; this course leaves it out.
#
# **Further reading**
#
# - LeCun et al. 1998, Gradient-based learning applied to document recognition, doi 10.1109/5.726791
# - Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning, arXiv:1603.07285
# - Luo et al. 2016, Understanding the effective receptive field in deep convolutional neural networks, arXiv:1701.04128
# - Ioffe and Szegedy 2015, Batch normalization, arXiv:1502.03167
# - Balduzzi et al. 2017, The shattered gradients problem: if resnets are the answer, then what is the question?,
#   arXiv:1702.08591
# - Yang et al. 2019, A mean field theory of batch normalization, arXiv:1902.08129
# - He et al. 2016, Deep residual learning for image recognition, doi 10.1109/CVPR.2016.90
# - Zhang 2019, Making convolutional networks shift-invariant again, arXiv:1904.11486
# - Azulay and Weiss 2019, Why do deep convolutional networks generalize so poorly to small image transformations?,
#   Journal of Machine Learning Research 20(184)
# - Kermany et al. 2018, Identifying medical diagnoses and treatable diseases by image-based deep learning,
#   doi 10.1016/j.cell.2018.02.010
# - Zech et al. 2018, Variable generalization performance of a deep learning model to detect pneumonia in chest
#   radiographs, doi 10.1371/journal.pmed.1002683
# - Neuman et al. 2011, Prediction of pneumonia in a pediatric emergency department, doi 10.1542/peds.2010-3367
# - Bohun et al. 2007, A population-based study of cardiac malformations and outcomes associated with dextrocardia,
#   doi 10.1016/j.amjcard.2007.02.095
#
# **Next**: lesson 4 (planned) keeps the resolution that this network throws away, and draws the outline of what it
# finds.
