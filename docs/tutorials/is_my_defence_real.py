# %% [markdown]
# # Is my defence real?
#
# Some networks look robust because the attack fails on them, not because they resist. This page
# builds such a network, watches PGD report a wonderful number, and lets the audit find out.

# %% tags=["parameters"]
LIMIT = 200  # test images

# %%
import torch
from matplotlib import pyplot as plt
from torch import nn

import wordline as wl

data = wl.load_dataset("digits")
software = wl.load_model("digits-cnn")
EPS = 0.15

# %% [markdown]
# ## 1. A defence that is none
#
# Pixels are rounded to 16 grey levels before the network. Rounding has a derivative of zero
# everywhere, and so the network has no gradient that an attack could follow.

# %%
class Rounded(nn.Module):
    """The network behind pixels of four bits, whose derivative is zero."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rounded = torch.floor(15 * x + 0.5) / 15
        return self.network(rounded + 0 * x)


defended = Rounded(software).eval()

# %% [markdown]
# ## 2. The wonderful number

# %%
attack = wl.PGD(eps=EPS, steps=20, step_size=0.03)
common = {"attack": attack, "data": data.test, "limit": LIMIT}
before = wl.evaluate(victim=software, source=software, **common)
after = wl.evaluate(victim=defended, source=defended, **common)
for name, record in (("software", before), ("defended", after)):
    print(f"{name}: {100 * record.adversarial_accuracy:.1f} % under attack")

# %% [markdown]
# Many would stop here and publish.
#
# ## 3. The audit
#
# `wl.audit` takes any module from images to logits. `quick=True` stops at the first check that
# shows masked gradients.

# %%
asked = {"software": software, "data": data.test, "eps": EPS, "limit": LIMIT, "quick": True}
result = wl.audit(chip=defended, **asked)
print("verdict:", result.verdict)
for check in result.checks:
    if check.status == "fail":
        print(f"\n{check.id}: {check.explanation}")

# %% [markdown]
# ## 4. An attack that knows
#
# The cure is to give the attack a gradient. `wl.defenses.Discretised` is the same rounding with a
# derivative that passes straight through it, and images made on software do as well.

# %%
adaptive = wl.defenses.Discretised(software, bits=4)
honest = wl.evaluate(victim=adaptive, source=adaptive, **common)
moved = wl.evaluate(victim=defended, source=software, **common)

figure, axes = plt.subplots(figsize=(6, 2.4))
bars = {
    "software": before,
    "defended, its own gradient": after,
    "defended, software's images": moved,
    "defended, straight-through": honest,
}
axes.barh(list(bars), [100 * r.adversarial_accuracy for r in bars.values()], color="tab:blue")
axes.invert_yaxis()
axes.set_xlabel("accuracy under PGD, %")
for name, record in bars.items():
    print(f"{name:<30}{100 * record.adversarial_accuracy:5.1f} %")

# %% [markdown]
# ## 5. And a chip?
#
# A chip's gradient is that of its circuit, so there is nothing to mask. The same quick audit:

# %%
chip = wl.map_model(software, wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain()))
of_chip = wl.audit(chip=chip, **asked)
print("verdict:", of_chip.verdict)

# %% [markdown]
# The quick audit is a screening. Before you claim anything, run the whole one (`quick=False`) on at
# least 500 images, for small samples cannot fail most checks. [The audit](../audit.md) explains the
# verdicts, [evaluation](../evaluation.md#the-audit-is-the-robustness-real) lists all checks.
