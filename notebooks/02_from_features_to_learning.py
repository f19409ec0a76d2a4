# /// lesson
# number = 2
# title = "From hand-made features to learning"
# goals = [
#     "compute brightness, texture and outline features by hand, and show that the field's calls agree",
#     "write loss, gradient, optimiser and training loop from nothing, and show that they equal PyTorch's",
#     "recognise overfitting in a curve and say where to stop",
#     "split by patient, and measure how far a wrong split lifts a score when there is nothing to learn",
#     "test the claim that learnt features win, in pairs, on real images",
# ]
# minutes = 60
# optional_minutes = 35
# data = ["pneumoniamnist", "covid_cxr", "msd_hippocampus", "bccd"]
# needs = ["Python functions and NumPy arrays", "what a derivative is", "lesson 1 (images as arrays of numbers)"]
# packages = ["sklearn", "skimage", "medmnist"]
#
# [budget.smoke]
# seeds = [0]
# images = 700
# epochs = 8
# conv_epochs = 3
# augmented_epochs = 3
# few = 60
# repeats = 6
# volumes = 30
# photos = 40
# sizes = [100]
# presentations = 600
#
# [budget.laptop]
# seeds = [0, 1, 2]
# images = 4708
# epochs = 8
# conv_epochs = 3
# augmented_epochs = 8
# few = 60
# repeats = 30
# volumes = 100
# photos = 205
# sizes = [50, 200, 800]
# presentations = 2000
#
# [budget.gpu]
# seeds = [0, 1, 2, 3, 4]
# images = 4708
# epochs = 20
# conv_epochs = 3
# augmented_epochs = 8
# few = 60
# repeats = 30
# volumes = 200
# photos = 205
# sizes = [50, 200, 800, 3200]
# presentations = 2000
#
# [bounds.smoke.real]
# val_auc = 0.95
# val_auc_hog_svm = 0.95
# val_auc_convolutional_augmented = 0.9
# overfit_ratio = 1.1
# leak_slices = 0.3
# blood_learnt_minus_hog = 0.02
#
# [bounds.smoke.sample]
# val_auc_hog_svm = 0.8
# overfit_ratio = 1.1
# leak_slices = 0.1
# blood_val_auc = 0.9
#
# [bounds.laptop.real]
# val_auc = 0.98
# val_auc_hog_svm = 0.98
# val_auc_convolutional_augmented = 0.985
# overfit_ratio = 1.15
# leak_slices = 0.4
# leak_pairs = 0.02
# leak_xrays = 0.06
# blood_learnt_minus_hog = 0.02
# ///

# %% [markdown]
# ## 1. The case
#
# A children's clinic keeps 4700 chest X-rays with the doctors' verdicts, *normal* or *pneumonia*. Two companies call.
# The first says: *our engineers know what matters in an image; our program measures it*. The second says: *our
# program finds out by itself what matters; everybody knows that learnt features win*. The clinic can afford one of
# them.
#
# A wrong choice is paid for by children. A program that misses pneumonia sends an ill child home. One that cries wolf
# fills the ward with healthy ones. And there is a third harm, which is harder to see: a program that scored well only
# because it was *tested* badly. It passes every meeting and then fails in the clinic.
#
# In this lesson we build a small version of both products from nothing, find out how a test can lie, and then hold
# both against each other.

# %%
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from medtutor import evaluate, figures, fit, load, predict, record

train = load("pneumoniamnist", split="train")
val = load("pneumoniamnist", split="val")

# %%
shown = torch.cat([torch.where(train.labels == c)[0][:4] for c in (0, 1)])
figures.images(
    train.images[shown],
    titles=[("called normal", "pneumonia")[c] for c in train.labels[shown]],
    columns=4,
    title="Pneumonia often shows as haze or streaks, and not in every image",
    alt="Eight small frontal chest X-rays of children in two rows, four labelled normal and four labelled pneumonia. "
    "Some of the pneumonia images are clouded where the lungs should be dark; others look dark as well.",
    source=train.source,
)

# %% [markdown]
# Each image is 28 x 28 pixels. Pneumonia shows often as haze or streaks where a healthy lung is dark, because fluid
# takes the place of air. Often, not always: compare the four with pneumonia, of which some look dark. And an X-ray
# that was called normal does not exclude pneumonia; we say *healthy* below only for short.
#
# (Where the course uses a copy of the data that is "not byte for byte the publisher's", it says so. The images in it
# are used as they are.)

# %% [markdown]
# ## 2. Predict first
#
# Write down what you expect before you see any number: the card below tells some. *AUC*, the area under the ROC
# curve, is the share of pairs of one ill and one healthy child in which the ill one gets the higher score: 0.5 is a
# coin, 1 is a perfect ranking.

# %%
guess_intensity = None  # validation AUC of seven brightness numbers, between 0.5 and 1
guess_hog = None  # validation AUC of the best hand-made features
guess_learnt = None  # validation AUC of a small learnt network

# %% [markdown]
# ## 3. Look at the data
#
# Every data set has a card. Look for who is in it, how it was split, and what is known to be wrong.

# %%
train.card

# %% [markdown]
# Two lines matter most for us. The file does **not** say which images show the same child. And some validation images
# are exact copies of training images. The copies we can find and leave out; the children we cannot, and section 7
# shows on other data what that may cost.

# %%
from medtutor.data import duplicates_across

copied = {copy.index_a for copy in duplicates_across(train, val)}
keep = [i for i in np.random.default_rng(0).permutation(len(train)) if i not in copied]
train = train.subset(keep[: budget.images])
print(f"{len(train)} training images, {train.labels.float().mean():.1%} with pneumonia; {len(val)} validation images")

# %% [markdown]
# The zeroth baseline looks at nothing and calls everyone ill. Any accuracy must be held against it.

# %%
always_ill = torch.ones(len(val))
print(f"accuracy of calling everyone ill: {evaluate.bootstrap(evaluate.accuracy, val.labels, always_ill)}")

# %% [markdown]
# The interval in brackets is a *95 % bootstrap interval*: we draw images from the validation set again and again,
# with replacement, and look how far the number moves. It says what other images of the same kind might have given.
# (We should draw children; the file does not tell them apart.)

# %% [markdown]
# ## 4. Features made by hand
#
# A *feature* is a number computed from an image. A *feature vector* is a row of them. Programs of the first kind work
# in two steps: a person chooses the features, and a simple *classifier* weighs them. We climb this ladder rung by rung.
#
# ### Intensity: how bright is it?
#
# Haze is bright, so let us begin with brightness: the mean, the spread, and five percentiles of all pixels. These
# seven numbers know nothing of *where*.


# %%
def intensity(images):
    """uint8 (N, 1, H, W) to (N, 7): mean, standard deviation and five percentiles, in parts of 255."""
    x = images.flatten(1).float() / 255
    percentiles = torch.quantile(x, torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9]), dim=1).T
    return torch.cat([x.mean(1, keepdim=True), x.std(1, keepdim=True), percentiles], dim=1).numpy()


intensity(train.images[:1]).round(2)

# %% [markdown]
# Now a classifier. *Logistic regression* gives each feature a weight, adds up, and turns the sum into a probability;
# in section 5 we build it ourselves. Features have different sizes, so we first subtract the mean and divide by the
# spread. Both come from the **training** images: whatever is computed from validation images and used in training is
# a leak. scikit-learn's `decision_function` gives the sum before it is turned into a probability. For a ranking that is
# enough: the higher, the more likely ill.

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def val_scores_of(classifier, features):
    """Train on features of the training images; scores (N,) of the validation images."""
    classifier.fit(features(train.images), train.labels)
    return classifier.decision_function(features(val.images))


# %%
def linear():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))


scores = {"intensity, linear": val_scores_of(linear(), intensity)}
print(f"validation AUC {evaluate.bootstrap(evaluate.auc, val.labels, scores['intensity, linear'])}")
print(f"your guess: {guess_intensity}")

# %% [markdown]
# Far above a coin, from seven numbers that cannot see a lung. That should worry us as much as please us. Brightness
# also depends on the machine and on the child's size, and this model cannot tell these from haze.
#
# ### Intensity, with a place: where is it bright?
#
# Cut the image into 4 x 4 cells and keep the mean brightness of each. Sixteen numbers, no texture and no outline, but
# they know *where*.


# %%
def bright_cells(images):
    """uint8 (N, 1, H, W) to (N, 16): the mean of each of 4 x 4 cells, in parts of 255."""
    return F.adaptive_avg_pool2d(images.float() / 255, 4).flatten(1).numpy()


scores["brightness in cells, linear"] = val_scores_of(linear(), bright_cells)
print(f"validation AUC {evaluate.bootstrap(evaluate.auc, val.labels, scores['brightness in cells, linear'])}")

# %% [markdown]
# ### Texture: local binary patterns
#
# A *local binary pattern* (LBP; Ojala and colleagues 2002) describes the small neighbourhood of a pixel by eight
# yes-or-no answers: is this neighbour at least as bright as the centre? The eight bits make a number from 0 to 255. A
# brighter exposure lifts all pixels alike, so the code stays the same.

# %%
from skimage.feature import local_binary_pattern

x = train.images[train.labels == 0][0, 0].numpy()  # one chest that was called normal
RING = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]  # from the right, anticlockwise


def lbp(x):
    """x: image (H, W); returns codes (H - 2, W - 2), one for each pixel that has eight neighbours."""
    centre = x[1:-1, 1:-1]
    code = np.zeros(centre.shape, int)
    for bit, (r, c) in enumerate(RING):
        neighbour = x[1 + r : x.shape[0] - 1 + r, 1 + c : x.shape[1] - 1 + c]
        code += (neighbour >= centre) * 2**bit
    return code


# %% [markdown]
# *Optional check.* scikit-image has it too. It samples the neighbours on a *circle*: the four straight ones are the
# same pixels as ours, the four diagonal ones lie between pixels and are interpolated. So the bits of the straight
# neighbours (0, 2, 4, 6) must be equal, and those of the diagonal ones only mostly.

# %%
ours, theirs = lbp(x), local_binary_pattern(x, P=8, R=1).astype(int)[1:-1, 1:-1]
straight, diagonal = 0b01010101, 0b10101010
assert (ours & straight == theirs & straight).all()
print(
    f"straight bits all equal; diagonal bits equal at {(ours & diagonal == theirs & diagonal).mean():.0%} of the pixels"
)

# %% [markdown]
# One code a pixel is still an image. The feature is the *histogram*: how often does each pattern occur? Flat, edge
# and corner matter more than their direction. So scikit-image's `uniform` method keeps only the number of bright
# neighbours, 0 to 8, of codes in which these stand side by side on the ring, and puts all other codes into a tenth
# kind. We count the kinds in 4 x 4 cells of the image, so that *where* comes in: 16 cells of 10 counts.


# %%
def lbp_cells(images, cells=4):
    """uint8 (N, 1, H, W) to (N, cells * cells * 10): the share of each LBP kind in each cell."""
    rows = []
    for image in images[:, 0].numpy():
        kinds = local_binary_pattern(image, P=8, R=1, method="uniform").astype(int)
        blocks = [block for band in np.array_split(kinds, cells) for block in np.array_split(band, cells, axis=1)]
        rows.append(np.concatenate([np.bincount(block.ravel(), minlength=10) / block.size for block in blocks]))
    return np.stack(rows)


# %% [markdown]
# The same linear model, now on texture instead of brightness, and on *where* it is:

# %%
scores["LBP, linear"] = val_scores_of(linear(), lbp_cells)
print(f"validation AUC {evaluate.bootstrap(evaluate.auc, val.labels, scores['LBP, linear'])}")

# %%
# exercise: learn.lbp

# %% [markdown]
# ### Shape: histograms of oriented gradients
#
# *HOG* (Dalal and Triggs 2005, made to find people in photographs) asks at each pixel: in which direction does the
# brightness change, and how fast? The *gradient* is two differences of neighbours: (below - above) and (right - left).
# Its length is the strength of the edge, its angle the direction. We count directions in a small cell, each pixel with
# the strength of its edge as weight.


# %%
def hog_cell(x, row, column, size=4, bins=8):
    """Direction histogram (bins,) of one cell of an image (H, W), scaled to length 1."""
    x = x.astype(float)
    down, right = np.zeros_like(x), np.zeros_like(x)
    down[1:-1] = x[2:] - x[:-2]
    right[:, 1:-1] = x[:, 2:] - x[:, :-2]
    strength = np.hypot(down, right)
    angle = np.rad2deg(np.arctan2(down, right)) % 180  # an edge has no front and back
    cell = np.s_[row * size : (row + 1) * size, column * size : (column + 1) * size]
    counts, _ = np.histogram(angle[cell], bins, (0, 180), weights=strength[cell])
    counts = counts / size**2
    return counts / np.sqrt((counts**2).sum() + 1e-10)


# %%
from skimage.feature import hog

settings = dict(orientations=8, pixels_per_cell=(4, 4), cells_per_block=(1, 1), block_norm="L2")
theirs = hog(x, **settings, feature_vector=False)[3, 2, 0, 0]
np.testing.assert_allclose(hog_cell(x, 3, 2), theirs, atol=1e-5)
print("one cell, by hand:", hog_cell(x, 3, 2).round(2))

# %% [markdown]
# Both agree. The scaling to length 1 makes the cell blind to contrast. In practice neighbouring cells are scaled
# together in *blocks* of 2 x 2; that is what the library's `hog_features` does, with 7 x 7 cells: 1152 numbers an
# image.

# %%
from skimage.transform import resize

large = resize(x / 255, (168, 168))  # six times as large, only so that the strokes can be seen
_, picture = hog(large, **{**settings, "pixels_per_cell": (24, 24)}, visualize=True)
figures.images(
    [large, np.sqrt(picture / picture.max())],  # the root makes weak strokes visible
    titles=["X-ray", "direction of the edges in each cell"],
    columns=2,
    title="HOG keeps the outlines and forgets the brightness",
    alt="Left a chest X-ray, right the same image as a grid of small strokes: each stroke is drawn along the edges in "
    "its cell. The borders of the lungs and the chest wall can be made out.",
    source=train.source,
)

# %%
from medtutor.bench.hog import hog_features


def hog_of(images):
    return hog_features(images.numpy())


hog_train, hog_val = hog_of(train.images), hog_of(val.images)
scores["HOG, linear"] = linear().fit(hog_train, train.labels).decision_function(hog_val)

# %% [markdown]
# The second classifier is the *support vector machine* (SVM). It keeps those training images that lie at the border
# between the classes, and compares a new image with each of them. Likeness is measured by the *RBF kernel*, which is 1
# for two equal feature vectors and falls towards 0 with their distance. So its border can bend, where that of a linear
# model is flat. The price for an image on the wrong side of the border is called `C`. We do not know the best one, so
# we try three, **on validation**.

# %%
by_price = {price: SVC(C=price).fit(hog_train, train.labels) for price in (1, 10, 100)}
aucs = {price: evaluate.auc(val.labels, machine.decision_function(hog_val)) for price, machine in by_price.items()}
price = max(aucs, key=aucs.get)
hog_svm = by_price[price]
scores["HOG, SVM"] = hog_svm.decision_function(hog_val)
print(", ".join(f"C = {one}: {auc:.4f}" for one, auc in aucs.items()), f"; chosen: C = {price}")

# %%
hand_made = {name: evaluate.bootstrap(evaluate.auc, val.labels, column) for name, column in scores.items()}
record("val_auc_intensity", hand_made["intensity, linear"])
record("val_auc_hog_svm", hand_made["HOG, SVM"])
figures.intervals(
    hand_made,
    xlabel="validation AUC",
    title="The largest step is from how bright to where it is bright",
    alt="Dots with intervals: " + "; ".join(f"{name} {one}" for name, one in hand_made.items()) + ".",
    source=val.source,
)

# %% [markdown]
# Texture and outlines came together with a place. What is due to which? All models saw the same children, so we take
# *paired* differences (section 8 explains them), each rung minus a simpler one.

# %%
steps_up = (
    ("brightness in cells, linear", "intensity, linear"),
    ("LBP, linear", "brightness in cells, linear"),
    ("HOG, linear", "brightness in cells, linear"),
    ("HOG, SVM", "HOG, linear"),
)
for upper, lower in steps_up:
    step = evaluate.paired_difference(evaluate.auc, val.labels, scores[upper], scores[lower])
    print(f"{upper} minus {lower}: {step:+.3f}")
print(f"your guess for the best hand-made features: {guess_hog}; HOG, SVM: {hand_made['HOG, SVM']}")

# %% [markdown]
# Most of the step is *where*, not texture: sixteen means in cells do most of the work. Where an interval holds zero,
# these children cannot tell texture or outlines in cells from plain brightness in cells. Each rung was a person's
# idea of what matters. Nothing here took more than seconds to compute. The first company has a product.

# %% [markdown]
# ## 5. Learning, from nothing
#
# The second company lets the computer find the features. To see what that means we begin with the smallest thing that
# learns: logistic regression on the pixels, with one weight a pixel, and no library.
#
# ### The loss: how wrong are we?
#
# With weights $w$ and an offset $b$, the model says that an image $x$ shows pneumonia with probability
#
# $$p = \sigma(x \cdot w + b), \qquad \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# The *loss* is one number that says how wrong this is. With the label $y$, 0 or 1, we take the *cross-entropy*
#
# $$L = -\frac{1}{N} \sum_n \big[\, y_n \log p_n + (1 - y_n) \log (1 - p_n) \,\big]$$
#
# Being sure and wrong costs most: a probability of 0.01 for what is true costs 4.6, one of 0.5 costs 0.7.


# %%
def forward(X, w, b):
    return 1 / (1 + torch.exp(-(X @ w + b)))  # (N,)


def cross_entropy(p, y):
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


# %% [markdown]
# Pixels come as whole numbers from 0 to 255. We bring them to the range from -1 to 1 by a fixed rule. Since the rule
# does not look at the data, nothing can leak through it. The library's `scale` is this one line.

# %%
from medtutor.training import scale

X = train.images.flatten(1).float() / 127.5 - 1  # (N, 784)
y = train.labels.float()
torch.testing.assert_close(X, scale(train.images).flatten(1))

# %% [markdown]
# The weights start as small random numbers. Before any learning the loss should be near that of a coin, $\log 2$, and
# equal to what torch computes.

# %%
generator = torch.Generator().manual_seed(0)
w, b = 0.01 * torch.randn(X.shape[1], generator=generator), torch.zeros(1)
ours = cross_entropy(forward(X, w, b), y)
torch.testing.assert_close(ours, F.binary_cross_entropy_with_logits(X @ w + b, y))
print(f"loss before learning {ours:.3f}, equal to torch's; a coin costs {np.log(2):.3f}")

# %% [markdown]
# ### The gradient: which way is less wrong?
#
# The *gradient* holds, for each weight, how fast the loss grows when this weight grows. Going against it makes the
# loss smaller. For this model the derivative is short, because those of the logarithm and of $\sigma$ cancel:
#
# $$\frac{\partial L}{\partial w} = \frac{1}{N} X^\top (p - y) \qquad
# \frac{\partial L}{\partial b} = \frac{1}{N} \sum_n (p_n - y_n)$$
#
# In words: each image pulls on the weights by its own pixels, as strongly as the model was wrong about it.


# %%
def gradient(X, y, w, b):
    wrong = forward(X, w, b) - y  # (N,)
    return X.T @ wrong / len(y), wrong.mean()


# %% [markdown]
# torch can find the same gradient without us. It writes down every operation of the forward pass and applies the
# chain rule backwards through them, which is called *autograd*.

# %%
w.requires_grad_(), b.requires_grad_()
cross_entropy(forward(X, w, b), y).backward()
by_hand = gradient(X, y, w.detach(), b.detach())
torch.testing.assert_close(by_hand[0], w.grad, atol=1e-5, rtol=1e-4)
print(f"largest difference from autograd: {(by_hand[0] - w.grad).abs().max():.1e}")

# %% [markdown]
# Autograd does this for any chain of operations. That is the reason why nobody derives the gradient of a network with
# a million weights by hand; but it computes nothing that we could not.

# %%
# exercise: learn.gradient

# %% [markdown]
# ### The optimiser: one step, then another
#
# *Gradient descent* takes a small step against the gradient. The size of the step is the *learning rate* `lr`.
# Looking at all images for every step is slow, so we take a handful, a *batch*, chosen at random: *stochastic*
# gradient descent, SGD. One pass over all images is an *epoch*. Here it is, next to torch's own optimiser on the same
# batches.

# %%
ours_w, ours_b = w.detach().clone(), b.detach().clone()
theirs_w, theirs_b = (part.detach().clone().requires_grad_() for part in (w, b))
optimizer = torch.optim.SGD([theirs_w, theirs_b], lr=0.01)

for batch in torch.randperm(len(X), generator=generator).split(64):
    grad_w, grad_b = gradient(X[batch], y[batch], ours_w, ours_b)
    ours_w, ours_b = ours_w - 0.01 * grad_w, ours_b - 0.01 * grad_b
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(X[batch] @ theirs_w + theirs_b, y[batch]).backward()
    optimizer.step()

torch.testing.assert_close(ours_w, theirs_w.detach(), atol=1e-5, rtol=1e-3)
print(f"after one epoch the loss is {cross_entropy(forward(X, ours_w, ours_b), y):.3f}, and torch.optim.SGD agrees")

# %% [markdown]
# Three things carry over to every network in this course: a loss, its gradient, a step. What follows changes the
# function and refines the step.
#
# ### A function that makes its own features
#
# Put a layer before the logistic regression: 64 sums over all pixels, each with weights of its own, negative ones set
# to zero (*ReLU*). The 64 results are **features**, and since their weights are learnt with all others, they are
# *learnt features*. Instead of one probability the network gives two numbers, the *logits* of the two classes; the
# *softmax* turns them into probabilities, and for two classes that is $\sigma$ of their difference.


# %%
def two_layers(channels=1, classes=2, hidden=64):
    """Images (N, C, 28, 28) to logits (N, classes)."""
    first = nn.Linear(channels * 28 * 28, hidden)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), nn.Linear(hidden, classes))


net = two_layers()
print(f"{sum(p.numel() for p in net.parameters()):,} weights")

# %% [markdown]
# ### The learning rate, drawn
#
# Large steps get far, small steps arrive. So the rate changes: small at first, while the gradients are still wild,
# then up for the first 0.3 of the steps, then down to nearly nothing. This *one-cycle* schedule (Smith and Topin
# 2019) is `one_cycle` in the library.

# %%
from medtutor.training import one_cycle

steps = list(range(200))
figures.curves(
    {"learning rate": (steps, [one_cycle(step, 200, peak=0.003) for step in steps])},
    title="One cycle: up for the first 0.3 of the steps, down for the rest",
    xlabel="step",
    ylabel="learning rate",
    alt="A curve that rises from nearly zero to 0.003 in the first 60 of 200 steps and falls smoothly back to zero.",
)

# %% [markdown]
# One more change: the optimiser *AdamW*. SGD takes the same rate for every weight. AdamW steps along an average of
# the recent gradients, divides each weight's step by their usual size, and pulls all weights a little towards zero
# (Loshchilov and Hutter 2019). It asks for less tuning, which is why `fit` uses it.
#
# ### The loop
#
# Here is all of it. Read it until no line surprises you; the rest of the course calls it by the name `fit`.


# %%
def training_loop(net, train, epochs, lr, batch_size, seed):
    """Train `net` in place; returns the loss of each batch."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=0.01)
    total = epochs * -(-len(train) // batch_size)  # batches in all, the last of an epoch may be smaller
    losses = []
    for _ in range(epochs):
        for batch in torch.randperm(len(train), generator=generator).split(batch_size):
            optimizer.param_groups[0]["lr"] = one_cycle(len(losses), total, lr)
            loss = F.cross_entropy(net(scale(train.images[batch])), train.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


# %% [markdown]
# If it is the same loop, then the same first weights, the same seed and the same images must give the same losses,
# step by step. We try it on the first 500 images.

# %%
some = train.subset(range(500))
torch.manual_seed(0)
ours_net, library_net = two_layers(), two_layers()
library_net.load_state_dict(ours_net.state_dict())
losses = training_loop(ours_net, some, epochs=2, lr=0.003, batch_size=64, seed=0)
history = fit(library_net, some, val, epochs=2, lr=0.003, batch_size=64, seed=0, device="cpu", live=False)
torch.testing.assert_close(torch.tensor(losses), torch.tensor(history.train_loss), atol=1e-4, rtol=1e-3)
print(
    f"{len(losses)} steps, the lesson's loop and fit agree; last loss {losses[-1]:.4f} and {history.train_loss[-1]:.4f}"
)

# %% [markdown]
# `fit` adds what a real session needs: it measures the validation loss after each epoch, draws the curve, moves to
# the GPU, and goes on after an interruption. A *seed* fixes the first weights and the order of the images. Nobody
# chose them and they change the result, so we train once for each of several seeds.

# %%
learnt = []
for seed in budget.seeds:
    torch.manual_seed(seed)
    net = two_layers()
    history = fit(net, train, val, epochs=budget.epochs, lr=0.003, batch_size=64, seed=seed)
    learnt.append(net)

learnt_scores = torch.stack([predict(net, val)[:, 1] for net in learnt])  # (seeds, N)
val_auc = evaluate.bootstrap_seeds(evaluate.auc, val.labels, learnt_scores)
record("val_auc", val_auc)
print(f"two layers on pixels, validation AUC {val_auc}; your guess: {guess_learnt}")

# %% [markdown]
# Nobody told this network about edges or texture. We gave it pixels, labels, and a rule for getting less wrong.
#
# ## 6. Overfitting: learning by heart
#
# **Predict first**: we train the same network on only 60 images, for a long time. What will the training loss do? And
# the validation loss?

# %%
guess_few = None  # such as "both fall", "training falls, validation rises", "both stay"

# %%
few = train.subset(range(budget.few))
few_nets, curves = [], []
for seed in budget.seeds:
    torch.manual_seed(seed)
    few_nets.append(two_layers())
    curves.append(fit(few_nets[-1], few, val, epochs=100, lr=0.003, batch_size=16, seed=seed, live=False))

lowest = np.mean([min(one.val_loss) for one in curves])
final = np.mean([one.val_loss[-1] for one in curves])
record("overfit_ratio", final / lowest)

# %%
history = curves[0]
best = int(np.argmin(history.val_loss)) + 1
per_epoch = -(-len(few) // 16)  # batches
figures.curves(
    {
        "training": (np.array(history.train_step) / per_epoch, history.train_loss),
        "val": (np.array(history.val_step) / per_epoch, history.val_loss),
        f"lowest: {best}": ([best], [min(history.val_loss)]),
    },
    title=f"With {len(few)} images the training loss goes to zero; the validation loss is lowest at epoch {best}",
    xlabel="epoch",
    ylabel="loss (cross-entropy)",
    alt=f"The training loss falls to nearly zero. The validation loss falls to {min(history.val_loss):.2f} and "
    f"ends at {history.val_loss[-1]:.2f}.",
    source=val.source,
)

# %%
accuracy = [evaluate.accuracy(val.labels, predict(one, val)) for one in few_nets]
print(f"your guess: {guess_few}")
print(f"validation accuracy at the end, by seed: {' '.join(f'{one:.3f}' for one in accuracy)}")
print(f"training loss at the end {np.mean(history.train_loss[-10:]):.4f}")
print(f"validation loss: lowest {min(history.val_loss):.3f} after epoch {best}, {history.val_loss[-1]:.3f} at the end")

# %% [markdown]
# The network knows its training images by heart: it has 50 000 weights for 60 images. Up to the lowest point of the
# validation loss it learnt something about pneumonia. After that its probabilities become too sure, and the few
# errors cost more and more. Accuracy and ranking need not get worse with it: they do not see how sure the network is.
# (We printed the accuracy at the end only.) So if probabilities matter, the lowest point is where to stop. (We also
# record the last loss divided by the lowest. That ratio is at least 1 by construction; only how far above 1 it lies
# says something.) Fitting the training images better than new ones is *overfitting*. The training loss alone never
# shows it, which is why we need images that training does not see:
#
# - **train**: the weights are fitted to it. Its score says only whether the optimiser works.
# - **validation**: we choose by it, the epoch to stop, `C`, the features. Each choice fits it a little.
# - **test**: opened once, when everything is decided. It is the only one whose score may be reported as the result.

# %%
# exercise: learn.stop

# %% [markdown]
# ## 7. What leaks when the split is wrong
#
# All this rests on one assumption: the images that we validate on are *new*. A *leak* is any way by which training
# learns something about them. A common one in medicine is people: two X-rays of one patient, taken two days
# apart, share the heart, the ribs, the pacemaker and the machine. Put one of them into training and the other into
# validation, and recognising the **person** looks like recognising the **disease**.
#
# How much does it matter? A clean way to find out: take away everything that could be learnt. We toss a **coin for
# each patient** and call the result the label. Heads or tails can't be seen in an X-ray. An honest accuracy is 0.5.
#
# **Predict first**: what will the accuracy be when we split by image?

# %%
guess_coin = None  # accuracy on coin labels, images split at random

# %%
parts = [load("covid_cxr", split=split) for split in ("train", "val", "test")]
pictures = torch.cat([part.images for part in parts])
patients = np.array([patient for part in parts for patient in part.patients])
names, counts = np.unique(patients, return_counts=True)
several = np.isin(patients, names[counts > 1])
print(f"{len(patients)} X-rays of {len(names)} patients; {several.sum()} are of patients who have more than one")

# %% [markdown]
# Where an age is given (fewer than half of the images) these are adults. Nearly all have COVID-19 or another
# pneumonia, and the table names the patient of each image. We put its three parts together, and keep the patients who
# have several X-rays, because only they can leak. (With everyone in, the effect is thinned out by people who were
# X-rayed once; it does not go away.)
#
# As a model we take the simplest one that remembers: the *nearest neighbour* finds the training image that is most
# alike, pixel by pixel, and copies its label.

# %%
from sklearn.neighbors import KNeighborsClassifier

from medtutor.data import split_by_patient


def coins(people, seed):
    """One toss for each person, the same for all of his or her images."""
    names = sorted(set(people))
    toss = dict(zip(names, np.random.default_rng(seed).integers(0, 2, len(names)), strict=True))
    return np.array([toss[person] for person in people])


def accuracy_on_coins(pixels, people, units, seed):
    """Split so that each of `units` stays in one part, remember 70 %, ask about 30 %."""
    labels = coins(people, seed)
    inside, outside = split_by_patient(units, (0.7, 0.3), seed=seed)
    memory = KNeighborsClassifier(1).fit(pixels[inside], labels[inside])
    return (memory.predict(pixels[outside]) == labels[outside]).mean()


# %% [markdown]
# `split_by_patient` keeps together whatever has the same name. Given the patients, it splits by patient. Given a name
# of its own for each image, it splits by image: the wrong split, made with the right tool. We repeat it with new
# coins and new splits; the same coins serve both splits, so that the two can be compared in pairs.


# %%
def over_repeats(values):
    """Mean over the repeats and a 95 % interval of that mean: over splits and coins, **not** over other patients."""
    means = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    return evaluate.Interval(float(np.mean(values)), *np.quantile(means, [0.025, 0.975]))


# %%
def compare(pixels, people, splits):
    """Accuracies (repeats,) for each way to split; `splits`: name -> unit of each image."""
    repeats = range(budget.repeats)
    return {
        name: np.array([accuracy_on_coins(pixels, people, units, seed) for seed in repeats])
        for name, units in splits.items()
    }


# %%
pixels = pictures[several].flatten(1).numpy() / 255
people = patients[several].tolist()
xray_ways = {"X-rays: by image": [str(i) for i in range(len(people))], "X-rays: by patient": people}
xrays = compare(pixels, people, xray_ways)
xray_gain = over_repeats(xrays["X-rays: by image"] - xrays["X-rays: by patient"])
record("leak_xrays", xray_gain)
print(f"accuracy by image {xrays['X-rays: by image'].mean():.3f}; your guess: {guess_coin}")
print(f"by image minus by patient, on coins: {xray_gain:+.3f}")

# %% [markdown]
# The interval is over splits and coins; all repeats share the same 110 or so images, so it says nothing about other
# patients. If it lies above zero, the difference is *pure leak*, as there is nothing else to find.
#
# ### Slices of one volume
#
# It gets worse. MRI and CT give *volumes*, and one way to have more training images is to cut them into slices.
# Neighbouring slices are a millimetre apart and look nearly the same. We take small MRI volumes around the
# *hippocampus*, a part of the brain that is needed to form new memories, fittingly, and eight middle slices of each.

# %%
from medtutor.data import load_volumes

volumes = load_volumes("msd_hippocampus", limit=budget.volumes)


def middle_slices(case, count=8):
    """`count` neighbouring slices (count, 28 * 28) of one volume, brought to mean 0 and spread 1."""
    voxels = torch.from_numpy(np.asarray(case.image.array, dtype=np.float32))
    voxels = (voxels - voxels.mean()) / voxels.std()
    first = voxels.shape[1] // 2 - count // 2
    slices = voxels[:, first : first + count].movedim(1, 0)[:, None]  # (count, 1, X, Z)
    return F.interpolate(slices, (28, 28), mode="bilinear").flatten(1).numpy()


# %% [markdown]
# Each volume was normalised by itself, so that a slice can't be recognised by its overall brightness. There are three
# ways to split now. The files do not name the person, but the card says that files 2k - 1 and 2k look like the left
# and the right hippocampus of one person; `case.patient` holds that. So even keeping a *volume* together may not be
# enough.

# %%
slices = np.concatenate([middle_slices(case) for case in volumes])
owner = np.repeat([case.patient for case in volumes], 8).tolist()
volume = np.repeat([case.id for case in volumes], 8).tolist()
slice_ways = {
    "MRI: by slice": [str(i) for i in range(len(slices))],
    "MRI: by volume": volume,
    "MRI: by person": owner,
}
mri = compare(slices, owner, slice_ways)

# %%
leaks = {name: over_repeats(values) for name, values in {**xrays, **mri}.items()}
figures.intervals(
    leaks,
    xlabel="accuracy on coin labels (intervals: over splits and coins, not over other patients)",
    reference=0.5,
    reference_label="nothing to learn",
    title="Split by slice, a coin toss can be 'read' from an MRI; split by person, it cannot",
    alt="Dots with intervals around a line at 0.5: " + "; ".join(f"{name} {one}" for name, one in leaks.items()) + ".",
    source=volumes[0].source,
)

# %%
slice_gain = over_repeats(mri["MRI: by slice"] - mri["MRI: by person"])
pair_gain = over_repeats(mri["MRI: by volume"] - mri["MRI: by person"])
record("leak_slices", slice_gain)
record("leak_pairs", pair_gain)
print(f"by slice  minus by person: {slice_gain:+.3f}")
print(f"by volume minus by person: {pair_gain:+.3f}")

# %% [markdown]
# Is it really the pairs? A *control*: give one coin to the files 2k and 2k + 1 instead, which should be two different
# people, and split by volume again. If only the true pairs help, this accuracy is that of a coin.

# %%
false_pairs = [str(int(name[-3:]) // 2) for name in volume]
control = over_repeats(compare(slices, false_pairs, {"by volume": volume})["by volume"])
record("leak_control", control)
print(f"by volume, coins for false pairs: {control:.3f}")

# %% [markdown]
# Read the figure from the bottom. Split by person, the accuracy is about that of a coin. Split by slice, it is far
# higher, for a question without an answer. And the row *MRI: by volume* is the sly one: no volume is on both sides,
# every file is either here or there. If the interval of the second printed difference lies above zero, another file
# helps, and the control says whether any neighbour in the list does. That supports, and does not prove, that the pairs
# are the two halves of one brain.
#
# Yagis and colleagues (2021) did this with brain MRI and convolutional networks: about 96 % accuracy on random labels
# with slices split at random, about 50 % by subject. Leaks of this and other kinds have been found in 17 fields of
# science, in 294 papers (Kapoor and Narayanan 2023).
#
# ### The check as a habit
#
# `assert_no_leak` stops when two sets share a patient, and names them.

# %%
from medtutor.data import ImageSet, assert_no_leak, card

grey = ((slices.clip(-2, 3) + 2) * 51).astype(np.uint8).reshape(-1, 1, 28, 28)
about = dict(patients=tuple(owner), card=card("msd_hippocampus"), source=volumes[0].source, size=28)
brain = ImageSet(torch.from_numpy(grey), torch.from_numpy(coins(owner, 0)), split="slices", **about)

# %%
from medtutor.errors import LeakageError

wrong = [brain.subset(part) for part in split_by_patient(slice_ways["MRI: by slice"], (0.7, 0.3))]
right = [brain.subset(part) for part in split_by_patient(owner, (0.7, 0.3))]
try:
    assert_no_leak(*wrong, names=["train", "validation"])
except LeakageError as error:
    print(str(error)[:150], "...")
assert_no_leak(*right, names=["train", "validation"])
print("split by person: no leak")

# %% [markdown]
# > **Caution.** Split first, then do everything else. Copies made by augmentation, features scaled with the mean of
# > all images, a selection of "the 20 best features" on all images: each carries something over if it comes before
# > the split.

# %%
# exercise: learn.split

# %%
# exercise: learn.leaks

# %% [markdown]
# ### Optional: do networks remember, too?
#
# Is it only the nearest neighbour that remembers? Ask the network that we have just built.

# %%
from dataclasses import replace

for name, units in slice_ways.items():
    found = []
    for seed in range(3):
        tossed = replace(brain, labels=torch.from_numpy(coins(owner, seed)))
        inside, outside = (tossed.subset(part) for part in split_by_patient(units, (0.7, 0.3), seed=seed))
        torch.manual_seed(seed)
        net = two_layers()
        fit(net, inside, outside, epochs=10, lr=0.003, batch_size=32, seed=seed, live=False)
        found.append(evaluate.accuracy(outside.labels, predict(net, outside)))
    print(f"{name:<16} network, three coins: {' '.join(f'{one:.2f}' for one in found)}")

# %% [markdown]
# Networks remember too. (One toss alone lands anywhere around 0.5 when few persons are asked about, so look at all
# three.) With many weights and few people, memory is always within reach: deep networks fit random labels without
# trouble (Zhang and colleagues 2017).

# %% [markdown]
# ### Optional: when a split by patient is not enough: the source
#
# Back to these X-rays, now with their true labels: COVID-19 or not. They come from four *sources*: one hospital
# (Hannover), two collections of cases (Radiopaedia, Eurorad) and journals. Who sent what?

# %%
covid = (torch.cat([part.labels for part in parts]) == 1).long().numpy()
origin = np.array([name or "(not named)" for part in parts for name in part.columns["source"]])
for name in np.unique(origin):
    here = origin == name
    print(f"{name:<12} COVID-19 {covid[here].sum():>3}   other {(1 - covid[here]).sum():>3}", end="   ")
    print(f"{len(set(patients[here]))} patients")

# %% [markdown]
# Look at the two columns: knowing the source is nearly knowing the answer. We split by patient, as we should, and let
# three models find COVID-19: HOG + SVM, an SVM on the plain pixels, and one that sees **only the name of the source**.

# %%
models = {"HOG + SVM": hog_of(pictures), "pixels + SVM": pictures.flatten(1).numpy() / 255}
rows = {"name of the source": []} | {name: [] for name in models}
ratios = []  # images outside for each one inside
for seed in range(budget.repeats):
    inside, outside = split_by_patient(patients, (0.7, 0.3), seed=seed, stratify=covid)
    ratios.append(len(outside) / len(inside))
    share = {name: covid[inside][origin[inside] == name].mean() for name in set(origin[inside])}
    by_name = np.array([share.get(name, 0.5) for name in origin[outside]])
    rows["name of the source"].append(evaluate.auc(covid[outside], by_name))
    for name, columns in models.items():
        ranked = SVC(C=price).fit(columns[inside], covid[inside]).decision_function(columns[outside])
        rows[name].append(evaluate.auc(covid[outside], ranked))

for name, values in rows.items():
    print(f"{name:<20}mean AUC over {len(values)} splits {np.mean(values):.3f}")

# %% [markdown]
# The splits share most of their images, so their AUCs are not independent, and a plain interval of the mean would be
# too narrow. Nadeau and Bengio (2003) widen it: the variance over the splits is multiplied by 1/J + n(test)/n(train)
# instead of 1/J, where J is the number of splits. We do this with the difference in each split.


# %%
from scipy import stats


def corrected(values, ratio):
    """Mean over overlapping splits with the 95 % interval of Nadeau and Bengio; `ratio`: n(test) / n(train)."""
    count, mean = len(values), float(np.mean(values))
    half = stats.t.ppf(0.975, count - 1) * np.sqrt((1 / count + ratio) * np.var(values, ddof=1))
    return evaluate.Interval(mean, mean - half, mean + half)


by_source = {
    f"source minus {name}": corrected(np.subtract(rows["name of the source"], rows[name]), np.mean(ratios))
    for name in models
}
record("covid_source_minus_hog", by_source["source minus HOG + SVM"])
record("covid_source_minus_pixels", by_source["source minus pixels + SVM"])

# %%
named = len(set(origin)) > 1
figures.intervals(
    by_source,
    xlabel="difference of AUC for COVID-19, split by patient (intervals: over splits, not over other patients)",
    reference=0,
    reference_label="no difference",
    title=f"The name of the source is ahead of {sum(one.low > 0 for one in by_source.values())} of 2 image models"
    if named
    else "The offline sample names no sources: a name tells nothing",
    alt="Dots with intervals: " + "; ".join(f"{name} {one}" for name, one in by_source.items()) + ".",
    source=parts[0].source,
)

# %% [markdown]
# A model that never sees a lung does about as well as those that do, or better. Could we ask *within* one source
# instead? Only Eurorad has enough of both: 57 images of 31 patients cannot say, and Eurorad itself collects cases from
# many hospitals. No split by patient repairs this: source and disease are *confounded*, they come together. A network
# that recognises the source (by the contrast, the format, a mark in the corner) gets a high score and may fail
# elsewhere, and DeGrave and colleagues (2021), who found this in COVID-19 detectors, warn that even an outside test
# need not reveal it.
#
# > **Clinic.** Before believing a score, ask where the ill and where the healthy came from. If the answers differ,
# > ask for the score within one place.

# %% [markdown]
# ## 8. The claim, tested
#
# *Learnt features win.* Litjens and colleagues (2017, a survey of over 300 papers) call convolutional networks a
# methodology of choice for medical images. That is not yet *beats*. Does learning win **here**, on 28-pixel chest
# X-rays?
#
# To be fair to the claim we send a stronger player too: a small *convolutional network*, which learns its features from
# small neighbourhoods. Lesson 3 builds it piece by piece; today it is a box with the same `fit` around it.

# %%
from medtutor import nets


def convolutional(epochs, augment=None):
    """One trained network a seed."""
    trained = []
    for seed in budget.seeds:
        torch.manual_seed(seed)
        net = nets.SmallResNet(width=16, stem_stride=2)
        fit(net, train, val, epochs=epochs, batch_size=64, augment=augment, seed=seed, live=False)
        trained.append(net)
    return trained


# %% [markdown]
# Two learnt players enter: the two layers from section 5, and the convolutional network.

# %%
players = {"two layers": learnt, "convolutional": convolutional(budget.conv_epochs)}

# %% [markdown]
# All models were asked about the *same* children. So we compare in pairs: for each resample of images (we should draw
# children, but do not know them) we compute both AUCs and take the difference. What is hard for both cancels out, and
# the interval becomes narrower.


# %%
def scores_on(images, networks):
    """Scores of HOG + SVM (N,) and of each learnt player (seeds, N)."""
    found = {"HOG + SVM": hog_svm.decision_function(hog_of(images.images))}
    return found | {name: torch.stack([predict(net, images)[:, 1] for net in many]) for name, many in networks.items()}


# %%
def in_pairs(labels, found, names, against="HOG + SVM"):
    """AUC of each of `names` minus that of `against`, on the same images."""
    return {
        (name, against): evaluate.paired_difference(evaluate.auc, labels, found[name], found[against]) for name in names
    }


# %%
def verdicts(differences, split):
    for (a, b), one in differences.items():
        says = f"{a} wins" if one.low > 0 else f"{b} wins" if one.high < 0 else "cannot tell"
        print(f"{split}: {a} minus {b} {one:+.3f}: {says}")


on_val = scores_on(val, players)
verdicts(in_pairs(val.labels, on_val, players), "validation")
record("val_auc_convolutional", evaluate.bootstrap_seeds(evaluate.auc, val.labels, on_val["convolutional"]))

# %% [markdown]
# How to read it: an interval above zero says that learning wins on these children and seeds. One below zero says that
# the hand-made features win. One that contains zero says that **this set cannot tell**, which is not the same as
# "they are equal". On validation all AUCs are near 1, and there is little room between them.
#
# **Predict first**: which of the two networks will beat HOG + SVM on the test set?

# %%
guess_winner = None  # such as "none", or its name

# %% [markdown]
# Now three models are frozen: HOG + SVM with its `C`, the two layers, and the convolutional network. We open the test
# set, once, for these three. The card adds the published figure of a network with 11 million weights. It comes
# without an interval and without scores, so no pair can be made with it: the dashed line is shown, and not tested.

# %%
frozen = ("HOG + SVM", "two layers", "convolutional")
test = load("pneumoniamnist", split="test")
on_test = scores_on(test, players)
test_auc = {
    name: evaluate.bootstrap_seeds(evaluate.auc, test.labels, np.atleast_2d(np.asarray(on_test[name])))
    for name in frozen
}
for name, one in test_auc.items():
    record(f"test_auc_{name.replace('HOG + SVM', 'hog_svm').replace(' ', '_')}", one)

# %%
differences = in_pairs(test.labels, on_test, frozen[1:])
beaten = sum(one.low > 0 for one in differences.values())
figures.intervals(
    test_auc,
    xlabel="test AUC",
    reference=test.card.published["auc"],
    reference_label="published",
    title=f"Chest X-rays at 28 pixels: {beaten} of {len(players)} learnt players beat HOG + SVM in pairs",
    alt="Dots with intervals: " + "; ".join(f"{name} {one}" for name, one in test_auc.items()) + ". A line at "
    f"{test.card.published['auc']} marks the published ResNet-18.",
    source=test.source,
)

# %%
verdicts(differences, "test")
for (a, _), one in differences.items():
    record(f"test_{a.replace(' ', '_')}_minus_hog", one)
half = (test_auc["HOG + SVM"].high - test_auc["HOG + SVM"].low) / 2
print(f"{len(test)} test images tell one AUC to about +- {half:.3f}; your guess: {guess_winner}")

# %% [markdown]
# Read the lines one by one. The two layers learnt their features, and that alone does not make them better than HOG.
# For the convolutional network ask whether its interval holds zero. If it does, these children cannot tell the two
# apart.
#
# Compare with validation: there all AUCs lay near 1; on test they are lower. Shared children may explain part of the
# gap between validation and test, another mix of cases another part; this file cannot separate them.
#
# > **Caution.** Your notebook opened the test set once, for three models. The authors had seen test figures of trial
# > runs before this text was written, so these are no blind results. An augmented entry looked good on test; we
# > therefore show augmentation on validation only. Confirming it takes images nobody has seen.

# %%
# essay: learn.abstract

# %% [markdown]
# ### Augmentation: what a person knows
#
# *Augmentation* shows each image a little turned, shifted or brightened at every epoch. It adds something that a
# **person** knows: a slightly turned chest is the same chest, with the same label. Does it help? The comparison is fair
# only if all else is equal, so we train the same network twice, with the same seeds and for equally many epochs.

# %%
from medtutor.data import Augmenter

change = Augmenter.of(train.card)  # only what the card allows: small turns, shifts, sizes, brightness; no mirror
twice = {
    "augmented": convolutional(budget.augmented_epochs, change),
    "plain": convolutional(budget.augmented_epochs),
}

# %%
augmentation = {name: torch.stack([predict(net, val)[:, 1] for net in many]) for name, many in twice.items()}
(gained,) = in_pairs(val.labels, augmentation, ["augmented"], against="plain").values()
record("val_augmented_minus_plain", gained)
augmented_auc = evaluate.bootstrap_seeds(evaluate.auc, val.labels, augmentation["augmented"])
record("val_auc_convolutional_augmented", augmented_auc)
print(f"{budget.augmented_epochs} epochs each, validation AUC, augmented minus plain: {gained:+.3f}")

# %% [markdown]
# Look whether the interval holds zero. On validation the plain network is near 1 already, so there is hardly any room
# in which augmentation could show what it does. HOG can be trained on changed copies too. We leave that out: one copy
# an image for HOG against a new version at every epoch for the network would not be a fair pair.
#
# ### Optional: a second set, where it should win
#
# One data set proves nothing. We cut single cells out of photographs of blood smears: red cells (RBC), white cells
# (WBC) and platelets, each brought to 28 x 28 pixels, in colour. A cell may lie in any direction, and its kind shows
# in size, colour and texture rather than in outlines (size we scale away, as far as we can). **Predict first**: by
# how much will learning win?

# %%
guess_blood = None  # AUC of the learnt network minus AUC of HOG + SVM

# %%
from medtutor.data import load_boxes


def cut_out(case, box):
    """A square around one box, as uint8 (3, 28, 28), and its side in pixels; None where it crosses the border."""
    x1, y1, x2, y2 = box.round().astype(int)
    side = max(x2 - x1, y2 - y1)
    top, left = (y1 + y2 - side) // 2, (x1 + x2 - side) // 2
    if min(top, left) < 0 or top + side > case.image.shape[1] or left + side > case.image.shape[2]:
        return None
    piece = torch.from_numpy(case.image[:, top : top + side, left : left + side].copy())
    return F.interpolate(piece[None].float(), (28, 28), mode="area")[0].byte(), side


# %%
def cells(split, red_per_photo=2):
    """White cells and platelets of a split and at most two red cells of each photo, as an image set."""
    found = []
    for case in load_boxes("bccd", split=split, limit=budget.photos):
        if case.id == "BloodImage_00038":  # train; shows the same field as BloodImage_00037, which is in validation
            continue
        red = 0
        for box, label in zip(case.boxes, case.labels, strict=True):
            crop = cut_out(case, box)
            if crop is None or (label == 0 and red == red_per_photo):
                continue
            red += label == 0
            found.append((*crop, int(label), case.id, case.source))
    images, sides, labels, photos, sources = zip(*found, strict=True)
    about = dict(patients=None, card=card("bccd"), source=sources[0], split=split, size=28)
    return ImageSet(torch.stack(images), torch.tensor(labels), columns={"photo": photos, "side": sides}, **about)


# %% [markdown]
# Two things are left out. The card says that one field was photographed twice, once in each part, so we drop the photo
# that is in training: a leak that we can close. And a cell at the border has no full square around it; stretched to
# one, it would get another shape, so we skip it.

# %%
blood, blood_val = cells("train"), cells("val")
print(blood)
first = torch.cat([torch.where(blood.labels == c)[0][:4] for c in range(3)])
figures.images(
    blood.images[first],
    titles=[blood.classes[c] for c in blood.labels[first]],
    columns=4,
    title="Cut out and scaled to one size, the kinds differ in colour and texture",
    alt="Twelve small colour images in three rows: pale pink red cells, white cells with dark violet nuclei, and small "
    "violet platelets.",
    source=blood.source,
)

# %% [markdown]
# The card knows no patients here, so we split as the source did, by photograph, and draw whole photographs in the
# bootstrap (`groups`): cells of one photograph share stain and lamp. With three classes the AUC is the mean of each
# class against the rest.


# %%
def svm_scores(features, features_val):
    """Scores (N, 3) of an SVM for the validation cells, margins made positive with sum 1; C as chosen on the X-rays."""
    machine = SVC(C=price).fit(features, blood.labels)
    return torch.from_numpy(machine.decision_function(features_val)).softmax(dim=1)


hog_blood = svm_scores(hog_of(blood.images), hog_of(blood_val.images))

# %%
blood_nets = []
for seed in budget.seeds:
    torch.manual_seed(seed)
    net = two_layers(channels=3, classes=3)
    fit(net, blood, blood_val, epochs=15, lr=0.003, batch_size=32, seed=seed, live=False)
    blood_nets.append(predict(net, blood_val))
learnt_blood = torch.stack(blood_nets)  # (seeds, N, 3)

# %% [markdown]
# The paired difference, as before, but with whole photographs as the unit that is drawn:

# %%
photos = blood_val.columns["photo"]
gain = evaluate.paired_difference(evaluate.auc, blood_val.labels, learnt_blood, hog_blood, groups=photos)
record("blood_learnt_minus_hog", gain)
print(f"two layers minus HOG + SVM, validation AUC, exploratory: {gain:+.3f}; your guess: {guess_blood}")

# %% [markdown]
# If the interval lies above zero, learning is ahead of edges on these cells. Case closed? Ask what it *found*. A
# pathologist looks at the size and the nucleus first, then at colour, and HOG throws size and colour away. So let a
# person have a second idea: six numbers, the mean and the spread of red, green and blue. And a third idea, even
# older: a ruler. The side of the box in pixels is one number. We scaled all cells to one size, but that does not hide
# it fully: a small cell that was enlarged is blurred, and a network can see blur.


# %%
def colour(images):
    x = images.float() / 255
    return torch.cat([x.mean(dim=(2, 3)), x.std(dim=(2, 3))], dim=1).numpy()  # (N, 6)


def side(cells):
    return np.log(np.array(cells.columns["side"], dtype=float))[:, None]  # (N, 1)


blood_scores = {
    "HOG + SVM (edges)": hog_blood,
    "six colour numbers + SVM": svm_scores(colour(blood.images), colour(blood_val.images)),
    "size of the box + SVM": svm_scores(side(blood), side(blood_val)),
    "two layers, learnt from pixels": learnt_blood,
}

# %%
blood_auc = {
    name: evaluate.bootstrap_seeds(
        evaluate.auc, blood_val.labels, one if len(one) != len(blood_val) else one[None], groups=photos
    )
    for name, one in blood_scores.items()
}
record("blood_val_auc", blood_auc["two layers, learnt from pixels"])
simple = list(blood_auc)[:3]
gaps = [blood_auc["two layers, learnt from pixels"].value - blood_auc[name].value for name in simple]
figures.intervals(
    blood_auc,
    xlabel="validation AUC: red cell, white cell or platelet?",
    title=f"Exploratory: learning leads edges by {gaps[0]:.3f}, colour by {gaps[1]:.3f}, size by {gaps[2]:.3f}",
    alt="Dots with intervals: " + "; ".join(f"{name} {one}" for name, one in blood_auc.items()) + ".",
    source=blood_val.source,
)

# %%
for name in ("six colour numbers + SVM", "size of the box + SVM"):
    word = "colour" if "colour" in name else "size"
    pairs = {
        "learnt_minus_" + word: (learnt_blood, blood_scores[name]),
        word + "_minus_hog": (blood_scores[name], hog_blood),
    }
    for key, pair in pairs.items():
        one = evaluate.paired_difference(evaluate.auc, blood_val.labels, *pair, groups=photos)
        record(f"blood_{key}", one)
        print(f"{key.replace('_', ' ')}: {one:+.3f}")
if gaps[0] > 0:
    print(f"of the lead over edges, colour leaves {gaps[1] / gaps[0]:.0%} and size {gaps[2] / gaps[0]:.0%}")

# %% [markdown]
# Read the lines before you judge: for colour, and for size, how much of learning's lead over edges is left? And does
# the interval of *colour minus hog* hold zero? A hand-made number that fits the question can take away most of the
# lead. But somebody had to think of it, and the network needed nobody: that is its advantage. Its price is that we
# don't know what it used, and section 7 shows what it may have used. We looked at validation cells only, after trying
# several ideas on them, so call this exploratory. The test set of these cells stays closed.
#
# > **Caution.** A box was drawn around each cell by a person. Its size is a fair feature only where somebody, or a
# > detector, draws such boxes.

# %% [markdown]
# ### Optional: how many images does learning need?
#
# If a clinic has 200 labelled images and not 4700, does the answer change? We train both on the first few X-rays, and
# look at the paired difference on validation.

# %%
few_gain, watched = {}, val.subset(range(60))
for size in budget.sizes:
    part = train.subset(range(size))
    few_scores = []
    for seed in budget.seeds:
        torch.manual_seed(seed)
        net = nets.SmallResNet(width=16, stem_stride=2)
        fit(net, part, watched, epochs=max(3, budget.presentations // size), batch_size=32, seed=seed, live=False)
        few_scores.append(predict(net, val)[:, 1])
    few_svm = SVC(C=price).fit(hog_of(part.images), part.labels).decision_function(hog_val)
    few_gain[f"{size} images"] = evaluate.paired_difference(evaluate.auc, val.labels, torch.stack(few_scores), few_svm)

# %%
figures.intervals(
    few_gain,
    xlabel="validation AUC, convolutional network minus HOG + SVM",
    reference=0,
    reference_label="no difference",
    title=f"In {sum(one.low <= 0 <= one.high for one in few_gain.values())} of {len(few_gain)} sizes "
    "this validation set cannot tell network and HOG + SVM apart",
    alt="Dots with intervals: " + "; ".join(f"{name} {one}" for name, one in few_gain.items()) + ".",
    source=val.source,
)

# %% [markdown]
# One may expect that networks need thousands of images and hand-made features do with few. An interval that holds zero
# says that our validation set cannot decide it. And these intervals leave something out: each size is *one* set of
# images, the first of the list, with the smaller sets inside the larger. Which 50 images we got is not in them; that
# would take several draws. On harder images it may come out otherwise, so measure it there.

# %% [markdown]
# ## 9. From a score to a decision
#
# A ranking decides nothing. Somebody has to set a *threshold*: from which score on do we call a child ill? Then
# *sensitivity* is the share of the ill who are called ill, and *specificity* the share of the healthy who are not.
#
# **Question:** a program has a sensitivity of 0.96 and a specificity of 0.90. Of 100 children that it calls ill, how
# many are, if three of four are ill, as in these images? And if one in twenty is (a figure that we invent, for a
# school)?

# %%
guess_clinic, guess_school = None, None  # of 100 called ill, how many are

# %% [markdown]
# Write both down first. The answer is called the *positive predictive value* (PPV). Then move threshold and prevalence
# and watch it. Use validation scores: a threshold that is chosen on the test set is fitted to it.

# %%
ill, healthy = 0.96, 1 - 0.90
for prevalence, guess in ((0.75, guess_clinic), (0.05, guess_school)):
    right = prevalence * ill / (prevalence * ill + (1 - prevalence) * healthy)
    print(f"prevalence {prevalence:.0%}: of 100 called ill, {100 * right:.0f} are; your guess: {guess}")

# %%
from medtutor.widgets import ThresholdPlayground

playground = ThresholdPlayground(
    val.labels,
    learnt_scores.mean(dim=0),
    names=("healthy", "ill"),
    alt="Scores of the two-layer network for the validation children",
    source=val.source,
)
playground

# %%
for prevalence in (0.75, 0.05):
    playground.prevalence = prevalence
    print(f"our network, prevalence {prevalence:.0%}: of 100 called ill, {100 * playground.numbers()['ppv']:.0f} are")

# %% [markdown]
# The same program and the same threshold, and yet its alarms mean something else. These numbers hold if sensitivity and
# specificity stayed the same, which they seldom do: children at a school, ill or healthy, are not those of a clinic.
# And since validation children may be in training here, even these figures flatter.

# %% [markdown]
# ## 10. Quiz

# %%
# quiz: learn.loss

# %%
# quiz: learn.coin

# %%
# quiz: learn.zero

# %%
# quiz: learn.choose

# %% [markdown]
# ## 11. Decide
#
# The clinic of section 1 asks which company to choose. Before any features:
#
# - *"Was the test split by patient, were ill and healthy from the same places, and was it tested in hospitals like
#   ours?"* If the seller does not know, the score tells you little.
# - **Hand-made features with a linear model** when images are aligned and small; when somebody knows what matters and
#   can say it (a size, a colour, a count); when a decision has to be explained. An SVM on them bends, and is harder to
#   explain.
# - **Learnt features** when nobody can write down what matters, when images vary in position, scale and look, and
#   when you can say which changes keep the label true (augmentation).
# - **Both, as a habit**: hold each network against the best simple thing. If the difference in pairs contains zero,
#   the test gives no reason to take the more complicated one.

# %%
facts = {
    "models": f"HOG + SVM (C = {price}); {', '.join(players)}; {len(budget.seeds)} seed(s)",
    "data": f"{train.card.title}, {len(train)} training images, 28 pixels, source: {train.source}",
    "test AUC": "; ".join(f"{name} {one}" for name, one in test_auc.items()),
    "split": "by the publisher; patients unknown, so leaks between train and validation cannot be ruled out",
    "not measured": "other hospitals, adults, age and sex, images at full size",
    "not for": "clinical use",
}
for name, fact in facts.items():
    print(f"{name:<14}{fact}")

# %% [markdown]
# ## Summary
#
# - Hand-made features are a person's idea of what matters: brightness, texture (LBP), outline (HOG).
# - Learning is a loss, its gradient, and a step, repeated over batches; `fit` is that loop.
# - Training loss falls to zero by heart; the validation loss shows where probabilities become too sure; the test set is
#   opened once.
# - A split by image or slice turns memory into a score, even where the labels are tosses of a coin.
# - A split by patient does not help where source and disease come together.
# - *Learnt features win*: not by being learnt. On small aligned X-rays neither of two learnt models is shown to beat
#   HOG + SVM; on blood cells (validation, exploratory) learning is ahead of edges, and a hand-made number that fits
#   the question comes close to learning. The page *Claims of the field and what we measured* (docs/claims.md) keeps
#   count.
#
# **Further reading**
#
# - Ojala, Pietikainen and Maenpaa 2002, Multiresolution gray-scale and rotation invariant texture classification with
#   local binary patterns, doi 10.1109/TPAMI.2002.1017623
# - Dalal and Triggs 2005, Histograms of oriented gradients for human detection, doi 10.1109/CVPR.2005.177
# - Litjens et al. 2017, A survey on deep learning in medical image analysis, doi 10.1016/j.media.2017.07.005
# - Smith and Topin 2019, Super-convergence, doi 10.1117/12.2520589
# - Loshchilov and Hutter 2019, Decoupled weight decay regularization, arXiv:1711.05101
# - Zhang et al. 2017, Understanding deep learning requires rethinking generalization, arXiv:1611.03530
# - Yagis et al. 2021, Effect of data leakage in brain MRI classification using 2D convolutional neural networks, doi
#   10.1038/s41598-021-01681-w
# - Nadeau and Bengio 2003, Inference for the generalization error, doi 10.1023/A:1024068626366
# - Kapoor and Narayanan 2023, Leakage and the reproducibility crisis in machine-learning-based science, doi
#   10.1016/j.patter.2023.100804
# - DeGrave, Janizek and Lee 2021, AI for radiographic COVID-19 detection selects shortcuts over signal, doi
#   10.1038/s42256-021-00338-7
#
# **Next**: lesson 3 opens the box that we only used today, and builds the convolutional network from two nested
# loops.
