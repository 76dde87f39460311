# %% [markdown]
# # Attack my chip with your library
#
# A chip is an `nn.Module` with true gradients, in `eval()` as well as in training. Whatever attacks
# a PyTorch network attacks it. This page hands one to foolbox and to pyautoattack
# (`pip install foolbox pyautoattack`).

# %% tags=["parameters"]
LIMIT = 60  # test images
STEPS = 20

# %%
import foolbox
import torch
from matplotlib import pyplot as plt
from pyautoattack.autopgd_base import APGDAttack_targeted

import wordline as wl

EPS = 0.1
test = wl.load_dataset("digits").test.take(LIMIT)
software = wl.load_model("digits-cnn")
crossbar = wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())
chip = wl.map_model(software, crossbar, seed=0)
found = {}


def accuracy(images: torch.Tensor) -> float:
    """Share of right answers of the chip, percent."""
    return 100 * float((chip(images).argmax(1) == test.labels).double().mean())


found["clean"] = accuracy(test.images)

# %% [markdown]
# ## foolbox

# %%
attack = foolbox.attacks.LinfPGD(steps=STEPS, abs_stepsize=EPS / 8, random_start=False)
_, images, _ = attack(
    foolbox.PyTorchModel(chip, bounds=(0, 1)), test.images, test.labels, epsilons=EPS
)
found["foolbox PGD"] = accuracy(images)

# %% [markdown]
# wordline's own PGD with foolbox's settings must agree. Its default differs in two ways, each of
# which makes it stronger on chips: the margin loss, and a random start.

# %%
same = wl.PGD(EPS, STEPS, EPS / 8, loss="cross-entropy", random_start=False, keep="last")
found["wordline PGD, as foolbox"] = accuracy(same(chip, test.images, test.labels))
own = wl.PGD(EPS, STEPS)
generator = torch.Generator().manual_seed(0)
found["wordline PGD, default"] = accuracy(
    own(chip, test.images, test.labels, generator=generator)
)

# %% [markdown]
# ## pyautoattack
#
# The library seeds torch's global generator, so its run stands inside `fork_rng`. Inside `evaluate`
# and `audit`, `wl.APGD` and `wl.AutoAttack` take care of that.

# %%
with torch.random.fork_rng():
    apgd = APGDAttack_targeted(chip, n_iter=STEPS, norm="Linf", eps=EPS, seed=0, n_target_classes=9)
    found["pyautoattack APGD-T"] = accuracy(apgd.perturb(test.images, test.labels))

figure, axes = plt.subplots(figsize=(6, 2.4))
axes.barh(list(found), list(found.values()))
axes.invert_yaxis()
axes.set_xlabel("accuracy of the chip, %")
for name, share in found.items():
    print(f"{name:<28}{share:5.1f} %")

# %% [markdown]
# ## Three things to watch
#
# - **Read noise.** A chip with `ReadNoise` answers differently each time, and attack libraries
#   count one lucky draw as a success. Use `wl.PGD(eps, eot=8)` and means over draws, or freeze the
#   noise: `chip.frozen(seed)`.
# - **Precision.** Libraries work in float32. So should the chip: `chip.float()`.
# - **Weights.** Some attacks accumulate gradients in parameters. A chip's arrays are buffers unless
#   it was mapped with `trainable=True`.
