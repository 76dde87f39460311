# %% [markdown]
# # Train through the parasitics
#
# With unit gain, wires shrink every output of a layer, and a network that was trained in software
# loses its accuracy. A chip here is differentiable down to its weights, so the network can be
# trained *on* it: forward through the arrays, backward through the exact adjoint of the circuit.

# %% tags=["parameters"]
EPOCHS = 4
LIMIT = 300  # test images

# %%
import dataclasses
from pathlib import Path

import matplotlib.pyplot as plt

import wordline as wl
from wordline import training

data = wl.load_dataset("digits")
software = wl.load_model("digits-cnn")

# %% [markdown]
# ## 1. A harsh crossbar
#
# Tiles of 32 x 32, 10 % variation, and no gain that would give the lost current back.

# %%
harsh = wl.Crossbar.preset("rethinking-32", gain=wl.UnitGain())
test = data.test.take(LIMIT)


def accuracy(network, crossbar, chips=3):
    """Clean accuracy of each of a few chips, percent."""
    return [
        100 * wl.models.accuracy(wl.map_model(network, crossbar, seed=seed), test)
        for seed in range(chips)
    ]


print("software:      ", round(100 * wl.models.accuracy(software, test), 1))
before = accuracy(software, harsh)
print("on three chips:", [round(share, 1) for share in before])

# %% [markdown]
# ## 2. Train on chips
#
# Each step programs a new chip from the present weights, with fresh draws of every device. The
# network learns the design, not one sample of it. The result is again a software network.

# %%
recipe = dataclasses.replace(
    training.Recipe.preset("digits"),
    epochs=EPOCHS,
    forward=wl.defenses.OnChip(harsh),
    schedule=training.OneCycle(0.02),
    frozen_batch_norm=True,
)
out = Path("trained")
training.train("digits-cnn", data, recipe, out, initial=software, name="on-chip")
hardened = wl.load_model(out / "on-chip.safetensors")

# %% [markdown]
# ## 3. Chips that training has never seen

# %%
after = accuracy(hardened, harsh)
print("trained on chips:", [round(share, 1) for share in after])

figure, axes = plt.subplots(figsize=(4.5, 2.8))
axes.bar(["trained in software", "trained on chips"], [sum(before) / 3, sum(after) / 3])
axes.set_ylabel("clean accuracy on three chips, %")
axes.set_ylim(0, 100)

# %% [markdown]
# ## 4. Compare with the cheap cure
#
# A least-squares gain, one digital factor a layer, needs no training. Always try it first, and
# report it beside a trained network.

# %%
cheap = accuracy(software, dataclasses.replace(harsh, gain=wl.LeastSquaresGain()))
print("least-squares gain, no training:", [round(share, 1) for share in cheap])

# %% [markdown]
# [Training](../training.md) has the whole list: adversarial objectives, matched noise,
# quantisation. [Hardware-aware training](../results/hardware-aware.md) has CIFAR-10.
