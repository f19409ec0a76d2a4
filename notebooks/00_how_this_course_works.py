# /// lesson
# number = 0
# title = "How this course works"
# goals = [
#     "run a lesson, and know what it chose for your machine",
#     "answer an exercise, read what the check says, and ask for a hint",
#     "keep your work on Colab and Binder, and hand it in",
# ]
# minutes = 10
# optional_minutes = 0
# data = ["pneumoniamnist"]
# needs = ["Python functions and array indexing"]
# packages = ["medmnist"]
#
# [budget.smoke]
# seeds = [0]
# images = 200
#
# [budget.laptop]
# seeds = [0]
# images = 500
#
# [budget.gpu]
# seeds = [0]
# images = 500
#
# [bounds.smoke.real]
# brightness_auc = 0.5
#
# [bounds.smoke.sample]
# brightness_auc = 0.3
#
# [bounds.laptop.real]
# brightness_auc = 0.5
#
# [bounds.laptop.sample]
# brightness_auc = 0.3
# ///

# %% [markdown]
# ## 1. Run a cell
#
# A lesson is a *notebook*: text, and cells of Python that run one after the other. Click on the setup cell above and press
# Shift + Enter. It installs what is missing, and prints what this machine has beside what the lesson needs. Then it chose
# a *budget*: how many images the lesson uses, and how often it repeats a training with other random numbers (*seeds*).
# A laptop and a GPU run the same code with other sizes, so the text holds for both.

# %%
print(f"budget {budget.name}: {budget.images} images")

# %% [markdown]
# Each lesson works on real medical images. They are looked for in a folder of your own, then in a cache, then they are
# downloaded from their publisher. Without any of the three you get a small *offline sample*: pictures that the library
# draws. It says so above each figure, because a drawing must never pass for a patient.

# %%
from medtutor import evaluate, figures, load, record

val = load("pneumoniamnist", split="val")
val = val.subset(range(min(budget.images, len(val))))
figures.images(
    val.images[:4],
    titles=[val.classes[label] for label in val.labels[:4]],
    title="Four chest X-rays of children, 28 pixels wide",
    alt="Four small frontal chest X-rays in a row, each with its label above it.",
    source=val.source,
)

# %% [markdown]
# ## 2. Predict, then measure
#
# Before a number appears, the lessons ask what you expect. Write it down; being wrong is how one notices something.
# Here: can one tell ill from healthy children by nothing but how bright the whole image is? Take every pair of one child
# labelled ill and one labelled normal. In which share of the pairs is the ill child's image the brighter one? That share
# is called the *AUC* (area under the ROC curve, which lesson 2 draws): 1 if always, 0.5 if no more often than a coin, 0 if
# never. Put your guess in place of `None`.

# %%
guess = None

# %%
brightness = val.images.float().mean(dim=(1, 2, 3))
auc = evaluate.bootstrap(evaluate.auc, val.labels, brightness)
print(f"AUC of the brightness: {auc}; your guess: {guess}")

# %% [markdown]
# Every result in this course comes with an interval in brackets: how far it would move with other images like these (it
# is too narrow where several images show one patient). If the interval holds 0.5, these images cannot tell brightness from a coin. If it leaves 0.5 out, brightness says
# something, though perhaps little, and perhaps something about the machine and not about the child.
#
# Results that a lesson stands on are *recorded*. When somebody runs the lesson from the command line, these are what it
# prints, and a test fails if they are worse than what was measured before.

# %%
record("brightness_auc", auc)

# %% [markdown]
# ## 3. Answer an exercise
#
# Below is an exercise. Replace the `...` with your answer, run the cell, then run the one with `check` under it. It says
# one of three things: *correct*; *not yet*, with a sentence about what is wrong; or *not attempted*. A check runs more
# cases than it shows, on purpose: real data hold empty masks and odd shapes too.

# %%
# exercise: start.brightness

# %% [markdown]
# Stuck? `hint("start.brightness")` gives a first hint, and again a second. `solution("start.brightness")` shows one way
# to write it. No later cell uses your answer, so you may go on without it and come back.

# %% [markdown]
# ## 4. Answer a quiz
#
# Each choice has an answer of its own, so wrong ones are worth trying too. Without widgets, or by keyboard only, write
# for example `answer("start.interval", "a")` in a cell.

# %%
# quiz: start.interval

# %% [markdown]
# ## 5. Keep your work
#
# Your progress lies in a small file on the machine that runs the notebook. No account, and nothing is sent anywhere.

# %%
from medtutor import progress

progress()

# %% [markdown]
# > **Tip.** On **Colab**, choose *File, Save a copy in Drive* before you begin: the notebook you opened is not yours.
# > On **Binder** everything is gone when the session ends: download the notebook (*File, Download*) and the progress file
# > (the link above). To go on later, upload both and run `progress().upload()`, which shows a button for the file.
#
# Long training survives an interruption too: where a lesson trains for minutes, it writes its state to a file after each
# pass over the images (the file may lie on Google Drive), and the same cell goes on from there.
#
# ## 6. Hand it in
#
# If your instructor grades this course, hand in the notebook file itself (`.ipynb`). Cells that you added or moved, or
# output that you deleted, cost nothing: answers are found by the comment `# medtutor: ...` in their first line, or
# else by the name of the function. Write a text answer into the cell that was left for it: such a cell is found by its
# first line.
#
# A notebook that is graded looks the same, but there `check` tries only the visible cases, quizzes are silent, and
# `solution` is closed.
#
# ## 7. Four boxes
#
# > **Note.** An aside; you may skip it.
#
# > **Tip.** A habit that pays.
#
# > **Caution.** A mistake that is easy to make.
#
# > **Clinic.** What it means for people.

# %% [markdown]
# ## Summary
#
# - The setup cell says what your machine has, and chooses a budget.
# - Predict before you measure; read the interval with the number.
# - `check`, `hint`, `solution`, `quiz`, `answer`, `progress`: that is all there is to know.
#
# **Next**: lesson 1 opens a medical image and looks at what is in the file.
