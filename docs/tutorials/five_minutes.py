# %% [markdown]
# # Your network on a chip in five minutes
#
# You have a trained PyTorch network. This page puts it onto a memristive crossbar, looks at what
# the circuit does to its weights, and attacks it. Nothing is downloaded: the network and its 1,797
# images of handwritten digits come with wordline.
#
# ## 1. The network and its images

# %% tags=["parameters"]
LIMIT = 300  # test images
STEPS = 20  # of the attack

# %%
import matplotlib.pyplot as plt
import torch

import wordline as wl

data = wl.load_dataset("digits")
software = wl.load_model("digits-cnn")  # or any trained nn.Module of yours, in eval mode
software

# %% [markdown]
# A network of yours takes images in [0, 1] and returns logits. If it wants normalised images, wrap
# it: `wl.Normalized(net, mean, std)`.
#
# ## 2. The crossbar
#
# A `Crossbar` is a design: tile, device, wires, imperfections, and the digital gain behind the
# arrays. There is no default gain, because it decides the clean accuracy of the chip.

# %%
crossbar = wl.Crossbar(
    tile=(32, 32),
    device=wl.Memristor(r_on_ohm=20e3, r_off_ohm=200e3),
    wires=wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3),
    nonidealities=(wl.GaussianVariation(sigma=0.1),),
    gain=wl.LeastSquaresGain(),
)

# %% [markdown]
# ## 3. The chip
#
# `map_model` programs one sample of that design. The seed draws its devices: another seed is
# another chip. The chip is an ordinary `nn.Module`.

# %%
chip = wl.map_model(software, crossbar, seed=0)
print(chip.report())

# %% [markdown]
# ## 4. What the wires did
#
# An ohmic array with wires is still a matrix, the *effective conductance* W. Here is the share of
# its current that each cell of one tile keeps, if all devices are on. Cells far from their driver
# (left) and from the sense amplifier (bottom) lose most.

# %%
g = torch.full((32, 32), 1 / 20e3, dtype=torch.float64)
kept = wl.effective_conductance(g, crossbar.wires) / g
figure, axes = plt.subplots(figsize=(4.2, 3.4))
image = axes.imshow(100 * kept, cmap="viridis")
figure.colorbar(image, label="current kept, %")
axes.set_xlabel("bit line (output)")
axes.set_ylabel("word line (input)")
print(f"between {100 * kept.min():.1f} and {100 * kept.max():.1f} % of the current is left")

# %% [markdown]
# ## 5. Three attacks
#
# The *victim* is attacked; the *source* gives the gradients. Software against itself (SW), the
# chip with images made on software (SH), and the chip with its own gradients (HH).

# %%
attack = wl.PGD(eps=0.1, steps=STEPS, step_size=0.02)
common = {"attack": attack, "data": data.test, "limit": LIMIT}
sw = wl.evaluate(victim=software, source=software, **common)
sh = wl.evaluate(victim=chip, source=software, **common)
hh = wl.evaluate(victim=chip, source=chip, **common)
print(wl.table([sw, sh, hh]))

# %% [markdown]
# CA is clean accuracy, AA accuracy under attack, AL = CA - AA, and ASR the share of correct
# answers that the attack broke.
#
# ## 6. Is the chip more robust?
#
# The fair question is asked image by image, white-box against white-box:

# %%
gain = wl.robust_gain(hh, sw)
print(gain)

# %% [markdown]
# That is the accuracy under attack of the chip less that of software, with a 95 % interval. If the
# interval holds zero, nothing was gained. If it does not, ask next whether the gain is real:
# [is my defence real?](is_my_defence_real.md)
#
# ## Next
#
# - The same from a shell: `wordline quickstart`.
# - Networks with attention, LSTMs, shared layers: [networks](../networks.md).
# - Your own files: [files](../files.md).
