"""Exercises of lesson 2, From hand-made features to learning."""

import numpy as np
import torch
from torch.nn import functional as F

from medtutor.checks import Choice, Essay, Exercise, Quiz, Wrong, same

prefix = "learn"

lbp = Exercise(
    id="learn.lbp",
    points=1,
    prompt="""
With neighbours on a circle: turn a picture by an eighth of it, and the eight bits of each LBP code move on by one
place around the ring: the bit that leaves at one end comes in at the other. Write `rotation_invariant(code)`, which
gives the same number for all eight turns: the **smallest** of the eight numbers. `code` is a whole number from 0 to
255, or an integer array.
""",
    starter='''
import numpy as np


def rotation_invariant(code):
    """The smallest of the eight numbers that come from moving the 8 bits of `code` around the ring."""
    ...
''',
    solution='''
import numpy as np


def rotation_invariant(code):
    """The smallest of the eight numbers that come from moving the 8 bits of `code` around the ring."""
    turned = [((code >> k) | (code << (8 - k))) & 255 for k in range(8)]
    return np.min(turned, axis=0)
''',
    hints=(
        "`code >> 1` moves all bits one place to the right and drops the last. Where does the dropped bit belong?",
        "One turn by k: `((code >> k) | (code << (8 - k))) & 255`. Make all eight, then take the minimum.",
    ),
    wrong={
        "drops the bits at the end": Wrong(
            """
import numpy as np
def rotation_invariant(code):
    return np.min([code >> k for k in range(8)], axis=0)
""",
            "comes in at the other",
        ),
        "largest instead of smallest": Wrong(
            """
import numpy as np
def rotation_invariant(code):
    return np.max([((code >> k) | (code << (8 - k))) & 255 for k in range(8)], axis=0)
""",
            "the smallest",
        ),
        "sorts the bits": Wrong(
            """
def rotation_invariant(code):
    return 2 ** bin(int(code)).count("1") - 1
""",
            "order",
        ),
        "only quarter turns": Wrong(
            """
import numpy as np
def rotation_invariant(code):
    return np.min([((code >> k) | (code << (8 - k))) & 255 for k in range(0, 8, 2)], axis=0)
""",
            "eight turns",
        ),
        "numbers only": Wrong(
            """
def rotation_invariant(code):
    bits = f"{int(code):08b}"
    return min(int(bits[k:] + bits[:k], 2) for k in range(8))
""",
            "array",
        ),
    },
)


@lbp.visible
def one_bit(rotation_invariant):
    assert rotation_invariant(128) is not None, "Your answer returns nothing (None). Is there a `return` at its end?"
    found = int(rotation_invariant(128))
    assert found != 128, "128 gives 128: take the smallest of the eight turns, not the largest."
    assert int(rotation_invariant(1)) != 0, "1 gives 0: the bit that leaves at one end comes in at the other."
    assert found != 2, "128 gives 2: all eight turns count, not every second one."
    assert 0 <= found < 256, f"128 gives {found}: a code has eight bits; cut the others off with `& 255`."
    place = "a single bit, wherever it stands, can be turned to the last place: 1."
    same(found, 1, f"128 gives {found}: {place}")
    two = int(rotation_invariant(2))
    same(two, 1, f"2 gives {two}: {place}")


@lbp.visible
def two_neighbours_across_the_seam(rotation_invariant):
    same(int(rotation_invariant(0b10000001)), 3, "The first and the last bit are neighbours on the ring: 3.")
    same(int(rotation_invariant(0b00000101)), 5, "The order of the bits stays: 0b101 can't become 0b11.")


@lbp.hidden
def all_256_codes(rotation_invariant):
    """Every code, compared with the turns of its bits written as text."""
    for code in range(256):
        bits = f"{code:08b}"
        expected = min(int(bits[k:] + bits[:k], 2) for k in range(8))
        found = int(rotation_invariant(code))
        hint = "" if 0 <= found < 256 else " Keep eight bits with `& 255`."
        same(
            found,
            expected,
            f"The code {bits} ({code}) gives {found}, and should give {expected:08b} ({expected}).{hint}",
        )


@lbp.hidden
def a_whole_image_of_codes(rotation_invariant):
    """An integer array (2, 3) of codes."""
    codes = np.array([[0, 255, 128], [6, 3, 192]])
    try:
        found = rotation_invariant(codes)
    except (TypeError, ValueError):
        raise AssertionError("An integer array should work too: the operators >> and | take a whole array.") from None
    same(found, np.array([[0, 255, 1], [3, 3, 3]]), "For an array of codes each one should be turned by itself.")


gradient = Exercise(
    id="learn.gradient",
    points=2,
    prompt=r"""
An *L2 penalty* adds a price for large weights to the loss: $L + \frac{d}{2} \sum_j w_j^2$. (For plain SGD this is
the same as *weight decay*; that of AdamW is a step of its own, apart from the gradient.) The offset $b$ costs nothing.
Write `decayed_gradient(X, y, w, b, decay)` for the logistic regression of this section, without autograd (the check
switches it off). Return the gradient with respect to `w`, shape `(F,)`, and to `b`, a single number.
""",
    starter='''
import torch


def decayed_gradient(X, y, w, b, decay):
    """X (N, F), y (N,), w (F,), b: gradients (F,) and a number, of the mean loss plus decay / 2 * sum(w**2)."""
    ...
''',
    solution='''
import torch


def decayed_gradient(X, y, w, b, decay):
    """X (N, F), y (N,), w (F,), b: gradients (F,) and a number, of the mean loss plus decay / 2 * sum(w**2)."""
    wrong = torch.sigmoid(X @ w + b) - y
    return X.T @ wrong / len(y) + decay * w, wrong.mean()
''',
    hints=(
        "Take `gradient` of this section. What is the derivative of `decay / 2 * w[j]**2` with respect to `w[j]`?",
        "The gradient of `w` gets `+ decay * w`. That of `b` stays: the mean of `p - y`.",
    ),
    wrong={
        "the sum instead of the mean": Wrong(
            """
import torch
def decayed_gradient(X, y, w, b, decay):
    wrong = torch.sigmoid(X @ w + b) - y
    return X.T @ wrong + decay * w, wrong.sum()
""",
            "mean over the images",
        ),
        "forgets the sigmoid": Wrong(
            """
def decayed_gradient(X, y, w, b, decay):
    wrong = X @ w + b - y
    return X.T @ wrong / len(y) + decay * w, wrong.mean()
""",
            "probability",
        ),
        "the wrong sign": Wrong(
            """
import torch
def decayed_gradient(X, y, w, b, decay):
    wrong = y - torch.sigmoid(X @ w + b)
    return X.T @ wrong / len(y) - decay * w, wrong.mean()
""",
            "sign",
        ),
        "decays the offset too": Wrong(
            """
import torch
def decayed_gradient(X, y, w, b, decay):
    wrong = torch.sigmoid(X @ w + b) - y
    return X.T @ wrong / len(y) + decay * w, wrong.mean() + decay * b
""",
            "costs nothing",
        ),
        "forgets the decay": Wrong(
            """
import torch
def decayed_gradient(X, y, w, b, decay):
    wrong = torch.sigmoid(X @ w + b) - y
    return X.T @ wrong / len(y), wrong.mean()
""",
            "decay",
        ),
        "leaves it to autograd": Wrong(
            """
import torch
from torch.nn import functional as F
def decayed_gradient(X, y, w, b, decay):
    w, b = w.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()
    (F.binary_cross_entropy_with_logits(X @ w + b, y) + decay / 2 * (w**2).sum()).backward()
    return w.grad, b.grad
""",
            "without autograd",
        ),
        "forgets the half": Wrong(
            """
import torch
def decayed_gradient(X, y, w, b, decay):
    wrong = torch.sigmoid(X @ w + b) - y
    return X.T @ wrong / len(y) + 2 * decay * w, wrong.mean()
""",
            "factor 2",
        ),
    },
)


def _ask(answer, *arguments):
    """The answer's pair, with autograd switched off."""
    try:
        with torch.no_grad():
            return _pair(answer(*arguments))
    except RuntimeError as error:
        if "grad" in str(error):
            raise AssertionError(
                "Write the gradient down yourself, without autograd (it is off in this check)."
            ) from None
        raise


def _pair(found):
    assert found is not None, "Your answer returns nothing (None). Is there a `return` at its end?"
    assert isinstance(found, tuple | list) and len(found) == 2, "Return two things: the gradient of w and that of b."
    return found


def _by_autograd(X, y, w, b, decay):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    (F.binary_cross_entropy_with_logits(X @ w + b, y) + decay / 2 * (w**2).sum()).backward()
    return w.grad, b.grad


@gradient.visible
def two_images_without_weights(decayed_gradient):
    X, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([1.0, 0.0])
    grad_w, _ = _ask(decayed_gradient, X, y, torch.zeros(2), torch.tensor(0.0), 0.0)
    found = torch.as_tensor(grad_w).flatten().tolist()
    assert found != [0.25, -0.5], "The sign is turned: the model is wrong by p - y, not by y - p."
    assert found != [-0.5, 1.0], "Divide by the number of images: the loss is a mean over the images."
    assert found != [-0.5, 0.0], "Is p a probability? Put the sum through the sigmoid first."
    same(grad_w, [-0.25, 0.5], "With all weights zero each p is 0.5, so the gradient is [-0.25, 0.5].")


@gradient.visible
def the_decay_counts(decayed_gradient):
    X, y = torch.zeros(4, 3), torch.tensor([0.0, 1.0, 0.0, 1.0])
    grad_w, _ = _ask(decayed_gradient, X, y, torch.tensor([1.0, -2.0, 0.0]), torch.tensor(0.0), 0.1)
    doubled = torch.allclose(torch.as_tensor(grad_w).float().flatten(), torch.tensor([0.2, -0.4, 0.0]))
    assert not doubled, "A factor 2 too much: the half in decay / 2 * w**2 cancels the 2 of the derivative."
    same(grad_w, [0.1, -0.2, 0.0], "Images whose inputs are all 0 have no say, so the gradient is decay * w alone.")


@gradient.hidden
def the_offset_is_free(decayed_gradient):
    """An offset that is not zero, with decay."""
    X, y = torch.zeros(2, 1), torch.tensor([0.0, 0.0])
    _, grad_b = _ask(decayed_gradient, X, y, torch.zeros(1), torch.tensor(2.0), 0.5)
    same(torch.as_tensor(grad_b).reshape(()), torch.sigmoid(torch.tensor(2.0)), "The offset b costs nothing: no decay.")


@gradient.hidden
def an_offset_of_shape_1(decayed_gradient):
    """An offset of shape (1,), as in the lesson."""
    X, y = torch.zeros(2, 1), torch.tensor([0.0, 0.0])
    _, grad_b = _ask(decayed_gradient, X, y, torch.zeros(1), torch.zeros(1), 0.5)
    found = torch.as_tensor(grad_b)
    assert found.numel() == 1, f"The gradient of b is one number; with b of shape (1,) yours has {found.numel()}."
    same(
        found.reshape(()), 0.5, "With b of shape (1,) and all weights zero the gradient of b is 0.5 for healthy images."
    )


@gradient.hidden
def equal_to_autograd(decayed_gradient):
    """Random numbers: many images, one image, and double precision, compared with autograd."""
    for n, dtype in ((32, torch.float32), (1, torch.float32), (5, torch.float64)):
        g = torch.Generator().manual_seed(n)
        X, w = torch.randn(n, 6, generator=g, dtype=dtype), torch.randn(6, generator=g, dtype=dtype)
        y, b = (torch.rand(n, generator=g) > 0.5).to(dtype), torch.tensor(0.3, dtype=dtype)
        found, expected = _ask(decayed_gradient, X, y, w, b, 0.2), _by_autograd(X, y, w, b, 0.2)
        same(found[0], expected[0], f"For {n} images of {dtype} the gradient of w differs from autograd's.", 1e-4)
        same(torch.as_tensor(found[1]).reshape(()), expected[1], "The gradient of b differs from autograd's.", 1e-4)


stop = Exercise(
    id="learn.stop",
    points=2,
    prompt="""
*Early stopping* ends the training when the validation loss has not reached a new lowest value for `patience` epochs
in a row, and goes back to the weights of the best epoch. Write `stop_epoch(val_loss, patience)`, which returns two
epochs: the one after which training stops, and the one whose weights are kept. Epochs count from 1. An equal loss is no
new lowest value. If it never stops, the first number is the last epoch.
""",
    starter='''
def stop_epoch(val_loss, patience):
    """val_loss: one value an epoch; returns (epoch of the stop, best epoch), counted from 1."""
    ...
''',
    solution='''
def stop_epoch(val_loss, patience):
    """val_loss: one value an epoch; returns (epoch of the stop, best epoch), counted from 1."""
    lowest, best = float("inf"), 0
    for epoch, loss in enumerate(val_loss, start=1):
        if loss < lowest:
            lowest, best = loss, epoch
        elif epoch - best >= patience:
            return epoch, best
    return len(val_loss), best
''',
    hints=(
        "Walk through the epochs with the lowest loss so far and its epoch in hand. What you have not seen yet, "
        "you may not use.",
        "At each epoch: a new lowest loss? Remember it. Else: is this epoch `patience` or more after the best? Stop.",
    ),
    wrong={
        "counts from zero": Wrong(
            """
def stop_epoch(val_loss, patience):
    best = 0
    for epoch, loss in enumerate(val_loss):
        if loss < val_loss[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch, best
    return len(val_loss) - 1, best
""",
            "count from 1",
        ),
        "looks into the future": Wrong(
            """
def stop_epoch(val_loss, patience):
    best = min(range(len(val_loss)), key=lambda i: val_loss[i]) + 1
    return min(best + patience, len(val_loss)), best
""",
            "has not happened yet",
        ),
        "compares with the epoch before": Wrong(
            """
def stop_epoch(val_loss, patience):
    bad, lowest, best = 0, float("inf"), 0
    before = float("inf")
    for epoch, loss in enumerate(val_loss, start=1):
        if loss < lowest:
            lowest, best = loss, epoch
        bad = 0 if loss < before else bad + 1
        before = loss
        if bad >= patience:
            return epoch, best
    return len(val_loss), best
""",
            "the lowest so far",
        ),
        "takes an equal loss as better": Wrong(
            """
def stop_epoch(val_loss, patience):
    lowest, best = float("inf"), 0
    for epoch, loss in enumerate(val_loss, start=1):
        if loss <= lowest:
            lowest, best = loss, epoch
        elif epoch - best >= patience:
            return epoch, best
    return len(val_loss), best
""",
            "equal loss",
        ),
        "one epoch too patient": Wrong(
            """
def stop_epoch(val_loss, patience):
    lowest, best = float("inf"), 0
    for epoch, loss in enumerate(val_loss, start=1):
        if loss < lowest:
            lowest, best = loss, epoch
        elif epoch - best > patience:
            return epoch, best
    return len(val_loss), best
""",
            "patience of 2",
        ),
    },
)


@stop.visible
def a_plain_valley(stop_epoch):
    found = stop_epoch([0.5, 0.3, 0.4, 0.5, 0.6], 2)
    assert found is not None, "Your answer returns nothing (None). Is there a `return` at its end?"
    assert tuple(found) != (3, 1), "Epochs count from 1: the first loss is that of epoch 1."
    same(found, (4, 2), "Lowest at epoch 2, then two epochs without a new lowest: a patience of 2 stops after epoch 4.")


@stop.visible
def it_never_stops(stop_epoch):
    same(stop_epoch([0.5, 0.4, 0.3], 1), (3, 3), "The loss falls all the time: the last epoch is stop and best.")


@stop.hidden
def a_later_and_deeper_valley(stop_epoch):
    """After the stop the loss would have fallen again."""
    message = "At epoch 4 the training stops; the low loss at epoch 6 has not happened yet and can't be used."
    same(stop_epoch([0.5, 0.3, 0.4, 0.5, 0.6, 0.1], 2), (4, 2), message)


@stop.hidden
def a_bumpy_rise(stop_epoch):
    """A loss that goes up and down above its lowest value."""
    message = (
        "Falling a little from a bump is no new lowest value: compare with the lowest so far, not the epoch before."
    )
    same(stop_epoch([0.3, 0.6, 0.5, 0.55, 0.5, 0.45], 3), (4, 1), message)


@stop.hidden
def a_flat_loss(stop_epoch):
    """The same loss at every epoch."""
    same(
        stop_epoch([0.4, 0.4, 0.4, 0.4], 2), (3, 1), "An equal loss is no new lowest value: stop after epoch 3, keep 1."
    )


@stop.hidden
def one_epoch(stop_epoch):
    """Training of a single epoch."""
    same(stop_epoch([0.7], 3), (1, 1), "With one epoch, it is the last and the best.")


split = Exercise(
    id="learn.split",
    points=2,
    prompt="""
Write `validation_indices(patients, share, seed)`: the indices of the images that go to validation, ascending, as whole
numbers. `patients` names the patient of each image, in any order. Draw `round(share * number of patients)` patients at
random, at least one, and take **all** their images. The same seed draws the same patients, also tomorrow and with the
images in another order; another seed draws others. Do not use `split_by_patient`.
""",
    starter='''
import numpy as np


def validation_indices(patients, share, seed):
    """Ascending indices of all images of the randomly drawn patients."""
    ...
''',
    solution='''
import numpy as np


def validation_indices(patients, share, seed):
    """Ascending indices of all images of the randomly drawn patients."""
    names = np.unique(patients)
    count = max(1, round(share * len(names)))
    drawn = np.random.default_rng(seed).choice(names, count, replace=False)
    return np.flatnonzero(np.isin(patients, drawn))
''',
    hints=(
        "Draw from the *patients*, each of them once in the list (`np.unique`), not from the images.",
        "`np.random.default_rng(seed).choice(names, count, replace=False)`, then `np.flatnonzero(np.isin(patients, "
        "drawn))`.",
    ),
    wrong={
        "draws images": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    n = len(patients)
    return np.sort(np.random.default_rng(seed).choice(n, max(1, round(share * n)), replace=False))
""",
            "on both sides",
        ),
        "always the first patients": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    names = np.unique(patients)
    drawn = names[: max(1, round(share * len(names)))]
    return np.flatnonzero(np.isin(patients, drawn))
""",
            "another seed",
        ),
        "forgets the seed": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    names = np.unique(patients)
    drawn = np.random.default_rng().choice(names, max(1, round(share * len(names))), replace=False)
    return np.flatnonzero(np.isin(patients, drawn))
""",
            "The same seed",
        ),
        "a share of the images": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    names = np.unique(patients)
    np.random.default_rng(seed).shuffle(names)
    chosen = []
    for name in names:
        if len(chosen) >= share * len(patients):
            break
        chosen += [i for i, p in enumerate(patients) if p == name]
    return np.array(sorted(chosen))
""",
            "patients, not of images",
        ),
        "nobody where the share is small": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    names = np.unique(patients)
    drawn = np.random.default_rng(seed).choice(names, round(share * len(names)), replace=False)
    return np.flatnonzero(np.isin(patients, drawn))
""",
            "at least one",
        ),
        "cuts instead of rounding": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    names = np.unique(patients)
    drawn = np.random.default_rng(seed).choice(names, max(1, int(share * len(names) + 1e-9)), replace=False)
    return np.flatnonzero(np.isin(patients, drawn))
""",
            "round(2.8)",
        ),
        "always rounds up": Wrong(
            """
import math
import numpy as np
def validation_indices(patients, share, seed):
    names = np.unique(patients)
    drawn = np.random.default_rng(seed).choice(names, max(1, math.ceil(share * len(names) - 1e-9)), replace=False)
    return np.flatnonzero(np.isin(patients, drawn))
""",
            "round(3.2)",
        ),
        "draws patients with many images more often": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    count = max(1, round(share * len(set(patients))))
    drawn = []
    for i in np.random.default_rng(seed).permutation(len(patients)):
        if patients[i] not in drawn and len(drawn) < count:
            drawn.append(patients[i])
    return np.flatnonzero(np.isin(patients, drawn))
""",
            "too often",
        ),
        "trusts the order of a set": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    names = list(set(patients))
    drawn = set(np.random.default_rng(seed).permutation(len(names))[: max(1, round(share * len(names)))].tolist())
    drawn = {str(name) for i, name in enumerate(names) if i in drawn}
    return np.array([i for i, name in enumerate(patients) if str(name) in drawn])
""",
            "sort the names",
        ),
        "in the order of the images": Wrong(
            """
import numpy as np
def validation_indices(patients, share, seed):
    names = list(dict.fromkeys(patients))
    drawn = np.random.default_rng(seed).choice(names, max(1, round(share * len(names))), replace=False)
    return np.flatnonzero(np.isin(patients, drawn))
""",
            "sort the names",
        ),
    },
)

_PEOPLE = ["ann", "bob", "ann", "cid", "dee", "bob", "eve", "fay", "gus", "hal", "ida", "bob", "ann"]


def _indices(found):
    assert found is not None, "Your answer returns nothing (None). Is there a `return` at its end?"
    found = np.asarray(found)
    assert found.ndim == 1, f"Expected a row of indices, got the shape {found.shape}."
    assert found.dtype.kind in "iu" or not len(found), "Return indices of images (whole numbers), not names or a mask."
    return found


@split.visible
def nobody_is_on_both_sides(validation_indices):
    for seed in range(8):
        inside = _indices(validation_indices(_PEOPLE, 0.3, seed)).tolist()
        val = {_PEOPLE[i] for i in inside}
        train = {name for i, name in enumerate(_PEOPLE) if i not in inside}
        both = sorted(val & train)
        assert not both, f"With seed {seed}, {both[0]} is on both sides: take all images of a drawn patient."


@split.visible
def the_same_seed_gives_the_same_split(validation_indices):
    many = [f"p{i // 2}" for i in range(200)]
    first, again = (_indices(validation_indices(many, 0.3, 3)).tolist() for _ in range(2))
    assert first == again, "The same seed should give the same split; use np.random.default_rng(seed)."
    other = _indices(validation_indices(many, 0.3, 4)).tolist()
    assert first != other, "With another seed the split should be another one; draw the patients at random."


@split.hidden
def a_share_of_the_patients(validation_indices):
    """One patient has most of the images."""
    people = ["big"] * 50 + [f"p{i}" for i in range(9)]
    for seed in range(6):
        drawn = {people[i] for i in _indices(validation_indices(people, 0.3, seed))}
        same(len(drawn), 3, "30 % of 10 patients are 3: the share is one of patients, not of images.")


@split.hidden
def the_number_is_rounded(validation_indices):
    """Shares that are no whole number of patients."""
    people = [f"p{i}" for i in range(10)] * 2
    for share, said in ((0.28, "2.8"), (0.32, "3.2")):
        drawn = {people[i] for i in _indices(validation_indices(people, share, 0))}
        same(len(drawn), 3, f"A share of {share} of 10 patients: round({said}) is 3 patients.")


@split.hidden
def each_patient_has_the_same_chance(validation_indices):
    """One of ten patients has 41 of the 50 images."""
    people = ["big"] * 41 + [f"p{i}" for i in range(9)]
    times = sum(0 in _indices(validation_indices(people, 0.1, seed)) for seed in range(60))
    message = f"The patient with most images was drawn {times} times in 60, too often: each has the same chance."
    assert times <= 25, message  # 6 expected, 25 practically impossible by chance


@split.hidden
def the_same_patients_tomorrow(validation_indices):
    """The same people with their images in another order, and with Python's order of a set changed."""

    def on(day, people):
        class Name(str):  # Python mixes the hash of a text anew at each start, and a set goes by it
            def __hash__(self):
                return hash((day, str(self)))

        named = [Name(person) for person in people]
        return {people[i] for i in _indices(validation_indices(named, 0.3, 5))}

    people = [f"p{i:02d}" for i in range(40)]
    message = "The same people and seed should give the same patients, tomorrow and in any order: sort the names first."
    assert on(1, people) == on(2, people) == on(1, people[::-1]) == on(3, people[7:] + people[:7]), message


@split.hidden
def a_small_share(validation_indices):
    """A share that rounds to nobody."""
    found = _indices(validation_indices(["a", "a", "b", "c"], 0.05, 0))
    assert len(found), "A small share rounds to nobody; draw at least one patient."


@split.hidden
def ascending_indices(validation_indices):
    """The order of the indices."""
    found = _indices(validation_indices(_PEOPLE, 0.5, 1)).tolist()
    assert found == sorted(set(found)), "The indices should be ascending, each once."


leaks = Exercise(
    id="learn.leaks",
    points=1,
    prompt="""
Six students describe what they did. In which cases does something of the validation (or test) images leak into
training, so that the score is too good? Put `True` (leaks) or `False` in place of each `None`.
""",
    starter="""
leaky = {
    "scaled all pixels by the fixed rule x / 127.5 - 1, then split by patient": None,
    "picked the 20 features that go best with the label, on all images, then split by patient": None,
    "made five augmented copies of each image, then split all copies at random": None,
    "split by patient, then augmented the training images": None,
    "cut CT volumes into slices and split the slices at random": None,
    "chose C on validation, then reported the score of the test set, opened once": None,
}
""",
    solution="""
leaky = {
    "scaled all pixels by the fixed rule x / 127.5 - 1, then split by patient": False,
    "picked the 20 features that go best with the label, on all images, then split by patient": True,
    "made five augmented copies of each image, then split all copies at random": True,
    "split by patient, then augmented the training images": False,
    "cut CT volumes into slices and split the slices at random": True,
    "chose C on validation, then reported the score of the test set, opened once": False,
}
""",
    hints=(
        "For each line ask: would the training have gone another way if a validation image had been another one?",
        "A fixed rule learns nothing from any image. Whatever is *computed from* images or labels must come after the "
        "split.",
    ),
    wrong={
        "everything leaks": Wrong(
            """
leaky = dict.fromkeys([
    "scaled all pixels by the fixed rule x / 127.5 - 1, then split by patient",
    "picked the 20 features that go best with the label, on all images, then split by patient",
    "made five augmented copies of each image, then split all copies at random",
    "split by patient, then augmented the training images",
    "cut CT volumes into slices and split the slices at random",
    "chose C on validation, then reported the score of the test set, opened once"], True)
""",
            "3 of the 6",
        ),
        "nothing leaks": Wrong(
            """
leaky = dict.fromkeys([
    "scaled all pixels by the fixed rule x / 127.5 - 1, then split by patient",
    "picked the 20 features that go best with the label, on all images, then split by patient",
    "made five augmented copies of each image, then split all copies at random",
    "split by patient, then augmented the training images",
    "cut CT volumes into slices and split the slices at random",
    "chose C on validation, then reported the score of the test set, opened once"], False)
""",
            "3 of the 6",
        ),
        "trusts the selection of features": Wrong(
            """
leaky = {
    "scaled all pixels by the fixed rule x / 127.5 - 1, then split by patient": False,
    "picked the 20 features that go best with the label, on all images, then split by patient": False,
    "made five augmented copies of each image, then split all copies at random": True,
    "split by patient, then augmented the training images": False,
    "cut CT volumes into slices and split the slices at random": True,
    "chose C on validation, then reported the score of the test set, opened once": False,
}
""",
            "labels of the validation images",
        ),
        "distrusts the test set": Wrong(
            """
leaky = {
    "scaled all pixels by the fixed rule x / 127.5 - 1, then split by patient": False,
    "picked the 20 features that go best with the label, on all images, then split by patient": True,
    "made five augmented copies of each image, then split all copies at random": True,
    "split by patient, then augmented the training images": False,
    "cut CT volumes into slices and split the slices at random": True,
    "chose C on validation, then reported the score of the test set, opened once": True,
}
""",
            "what validation is for",
        ),
        "half filled in": Wrong(
            """
leaky = {
    "scaled all pixels by the fixed rule x / 127.5 - 1, then split by patient": False,
    "picked the 20 features that go best with the label, on all images, then split by patient": None,
    "made five augmented copies of each image, then split all copies at random": True,
    "split by patient, then augmented the training images": False,
    "cut CT volumes into slices and split the slices at random": True,
    "chose C on validation, then reported the score of the test set, opened once": False,
}
""",
            "still None",
        ),
    },
)

_WHY = {
    "scaled": (False, "The fixed rule is the same whatever the images are, so nothing can leak through it."),
    "picked": (True, "The choice used the labels of the validation images; choose features on training images only."),
    "made": (True, "Copies of one image land on both sides; split first, then augment the training images."),
    "split": (False, "Augmented after the split, the copies stay in training. That is how it should be."),
    "cut": (True, "Slices of one volume look alike and land on both sides; split by patient."),
    "chose": (False, "Choosing is what validation is for, and the test set was opened once, afterwards."),
}


@leaks.visible
def every_line_has_an_answer(leaky):
    assert isinstance(leaky, dict) and len(leaky) == 6, "Keep the dict with its six lines as it was."
    empty = [line for line, choice in leaky.items() if choice is None]
    assert not empty, f"{len(empty)} of the lines are still None; the first is {empty[0]!r}."
    assert all(isinstance(choice, bool) for choice in leaky.values()), "Answer with True or False."


@leaks.hidden
def each_line_is_right(leaky):
    """The six lines; while several are not right only their number is told."""
    wrong = [line for line, choice in leaky.items() if choice != _WHY[line.split()[0]][0]]
    which = "For each line ask: would training have gone another way with another validation image?"
    assert len(wrong) < 2, f"{len(wrong)} of the 6 lines are not right yet. {which}"
    assert not wrong, f"Look again at {wrong[0]!r}. {_WHY[wrong[0].split()[0]][1]}"


loss = Quiz(
    id="learn.loss",
    question="A model gives every child the probability 0.5. Its accuracy is 74 %, because 0.5 counts as ill here. It "
    "is trained further and its cross-entropy falls from 0.69 to 0.45, but its accuracy stays at 74 %. What happened?",
    choices=(
        Choice("Nothing was learnt.", "The loss fell, so on the whole the probabilities moved towards the truth."),
        Choice(
            "The ill children's probabilities rose, and the healthy ones' stayed at or above 0.5.",
            "Yes, that fits: on balance accuracy did not change. The loss sees how sure we are; accuracy sees only the "
            "side of the threshold.",
            right=True,
        ),
        Choice("It overfits.", "That cannot be seen from one loss: it takes the training and the validation loss."),
        Choice("The gradient is wrong.", "With a wrong gradient the loss would not go down steadily."),
    ),
)

coin = Quiz(
    id="learn.coin",
    question="On random labels (one for each patient), a network split by slice reaches about 96 % accuracy, as in "
    "Yagis et al. 2021. What has it learnt?",
    choices=(
        Choice("A disease that we have overlooked.", "The labels were drawn by a coin: no disease can go with them."),
        Choice("To recognise the patient.", "Yes. It looks up which side of the coin this patient had.", right=True),
        Choice("Nothing, 96 % is chance.", "Chance is 50 % here. It did learn something, but nothing of use."),
        Choice("To generalise to new patients.", "Split by subject, accuracy on such labels was about 50 %."),
    ),
)

zero = Quiz(
    id="learn.zero",
    question="The paired difference of two AUCs on 624 images is +0.005, with a 95 % interval from -0.004 to +0.014. "
    "What may you say? Choose all that hold.",
    choices=(
        Choice("The two methods are equally good.", "Zero lies in the interval, and so does +0.014. We cannot tell."),
        Choice("These images cannot tell the two apart.", "Yes, that is what an interval over zero says.", right=True),
        Choice(
            "A difference of 0.05 in favour of either is unlikely.",
            "Yes: the interval also rules things out, and 0.05 lies far outside.",
            right=True,
        ),
        Choice("The first method is better, by a little.", "The sign of the value alone may be an accident."),
    ),
)

choose = Quiz(
    id="learn.choose",
    question="You have 150 X-rays of one hospital, all taken in the same position, and a radiologist who says that the "
    "cardiothoracic ratio decides, the width of the heart divided by that of the chest. What do you try first?",
    choices=(
        Choice("A deep network.", "With 150 images it can learn them by heart, and the feature is known already."),
        Choice(
            "Measure the cardiothoracic ratio, with a linear model on top.",
            "Yes: somebody knows what matters, images are few, and the result can be explained.",
            right=True,
        ),
        Choice(
            "HOG of the whole image.", "Reasonable as a second step, but it measures 1152 things that nobody asked for."
        ),
        Choice("Nothing, 150 images are too few for anything.", "For one feature that is known, they are many."),
    ),
)

abstract = Essay(
    id="learn.abstract",
    points=2,
    prompt="""
A colleague wants to write in an abstract: *"Learnt features outperform hand-made ones on chest X-rays."* Rewrite that
sentence so that the figure and the paired differences above support each word of it, and add what a reader has to know
to judge it.
""",
    rubric="""
- One point: the claim is no wider than the run. It names the models, the data (children of one hospital, 28 pixels),
  the measure (test AUC), and the paired difference with its interval; where the interval holds zero, it says that these
  images cannot tell the two apart, and not that they are equal.
- One point: it says what limits the claim: a few hundred test images and few seeds, one data set, settings that were
  chosen on validation images which may share children with training, authors who had seen test figures before.
""",
    words=(30, 150),
)
