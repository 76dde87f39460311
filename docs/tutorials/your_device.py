# %% [markdown]
# # Your measured device, from a CSV to a robustness curve
#
# You have measured a device: for a number of target conductances, the mean and the standard
# deviation that programming reached. Three columns are enough.

# %% tags=["parameters"]
LIMIT = 150  # test images
STEPS = 10  # of the attack
RADII = (0.02, 0.05, 0.1, 0.2, 0.4)

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import torch

import wordline as wl

Path("device.csv").write_text(
    "target_uS,mean_uS,std_uS\n"
    "5,5.6,0.5\n"
    "15,14.6,1.0\n"
    "25,23.5,1.4\n"
    "40,37.0,1.6\n"
    "50,45.5,1.2\n"
)
device = wl.MeasuredDevice.from_csv("device.csv")

# %% [markdown]
# The header names the unit, siemens (`target_S`) or microsiemens (`target_uS`); ohms are refused
# rather than guessed. Between the rows mean and deviation are interpolated.
#
# ## 1. Look at it

# %%
targets = torch.linspace(0, 1, 41, dtype=torch.float64)
conductance = device.conductance(targets)
draws = torch.stack(
    [
        device.programmed(conductance, generator=torch.Generator().manual_seed(k))
        for k in range(200)
    ]
)
figure, axes = plt.subplots(figsize=(4.8, 3.4))
x = 1e6 * conductance
mean, spread = 1e6 * draws.mean(0), 1e6 * draws.std(0)
axes.fill_between(x, mean - spread, mean + spread, alpha=0.3, label="one deviation")
axes.plot(x, mean, label="mean of 200 draws")
axes.plot(x, x, "k:", label="as asked")
axes.set_xlabel("target, microsiemens")
axes.set_ylabel("programmed, microsiemens")
axes.legend(fontsize=8)

# %% [markdown]
# ## 2. A crossbar of it

# %%
data = wl.load_dataset("digits")
software = wl.load_model("digits-cnn")
crossbar = wl.Crossbar(
    tile=(32, 32),
    device=device,
    wires=wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3),
    gain=wl.LeastSquaresGain(),
)
chip = wl.map_model(software, crossbar, seed=0)
print(chip.report())

# %% [markdown]
# ## 3. The robustness curve
#
# Accuracy at growing radii. It must fall to that of guessing: a curve that flattens above it
# belongs to an attack that fails.

# %%
common = {
    "data": data.test,
    "attack": wl.PGD(eps=RADII[0], steps=STEPS),
    "eps": RADII,
    "limit": LIMIT,
}
curves = {
    "software": wl.robustness_curve(victim=software, source=software, **common),
    "chip, white-box": wl.robustness_curve(victim=chip, source=chip, **common),
    "chip, software's images": wl.robustness_curve(victim=chip, source=software, **common),
}
figure, axes = plt.subplots(figsize=(5.5, 3.4))
for (name, curve), style in zip(curves.items(), ("k-", "C0-o", "C1--s"), strict=True):
    records = curve.records
    radii = [0, *(r.attack.eps for r in records)]
    shares = [records[0].clean_accuracy, *(r.adversarial_accuracy for r in records)]
    axes.plot(radii, [100 * share for share in shares], style, label=name)
axes.set_xlabel("epsilon, Linf")
axes.set_ylabel("accuracy, %")
axes.legend(fontsize=8)
print(curves["chip, white-box"])

# %% [markdown]
# ## 4. Several chips
#
# One chip is one draw. Five are the least that can be reported; `wl.map_chips` makes them.

# %%
chips = wl.map_chips(software, crossbar, seeds=range(5))
shares = [100 * wl.models.accuracy(one, data.test.take(LIMIT)) for one in chips]
print("clean accuracy of five chips:", [round(share, 1) for share in shares])

# %% [markdown]
# Drift, stuck devices and read noise are added to a measured device as to any other, in
# `nonidealities=(...)`: see [physics](../physics.md#2-devices). Going the other way,
# `chip.export_csv` writes the conductances for an instrument that programs real devices.
