# %% [markdown]
# # Which ADC and tile do I need?
#
# A large tile saves converters and loses current in its wires; an ADC of few bits saves energy and
# rounds. `wl.advise` tries every combination, measures clean and robust accuracy and counts
# conversions.

# %% tags=["parameters"]
LIMIT = 100  # test images
STEPS = 10  # of the attacks
TILES = (16, 32)
BITS = (0, 8, 6, 4)  # 0: an ideal ADC

# %%
import dataclasses

import matplotlib.pyplot as plt

import wordline as wl

data = wl.load_dataset("digits")
software = wl.load_model("digits-cnn")
base = wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())

# %% [markdown]
# ## 1. Try them all
#
# `within` is the clean accuracy that you are ready to lose. Finished options stand in the file
# `out`, so that an interrupted run goes on where it stopped. `calibration` are training images: the
# full scale of each ADC is the 99.9th percentile of the column sums that they cause.

# %%
advice = wl.advise(
    {"digits-cnn": software},
    base=base,
    data=data.test,
    calibration=data.train.take(100),
    out="advise.jsonl",
    tiles=TILES,
    adc_bits=BITS,
    within=0.02,
    eps=0.1,
    steps=STEPS,
    limit=LIMIT,
)
print(advice)

# %% [markdown]
# ## 2. Read the table
#
# `*` marks an option that keeps clean accuracy and that no other one beats, `-` one that another
# beats in every respect, and `CA` one that loses too much clean accuracy. Intervals at 100 images
# are some ten points wide: take more images before you tape out.

# %%
figure, axes = plt.subplots(figsize=(5.5, 3.2))
for tile in TILES:
    own = [o for o in advice.options if o.tile[0] == tile]
    axes.plot(
        [str(o.adc_bits or "ideal") for o in own],
        [100 * o.clean.value for o in own],
        "o-",
        label=f"{tile} x {tile}, clean",
    )
    axes.plot(
        [str(o.adc_bits or "ideal") for o in own],
        [100 * o.robust.value for o in own],
        "s--",
        label=f"{tile} x {tile}, attacked",
    )
axes.set_xlabel("bits of the ADC")
axes.set_ylabel("accuracy, %")
axes.legend(fontsize=8)

# %% [markdown]
# ## 3. If accuracy was lost without a reason
#
# Ask for the share of saturated conversions: a range that is too narrow costs more than a bit too
# few. A chip counts them in every pass, and `chip.report()` shows them. Here an ADC of eight bits
# whose full scale is 2 % of the current of a column of on cells:

# %%
narrow = wl.UniformConverter(bits=8, range=wl.devices.FullScale(0.02), signed=True)
chip = wl.map_model(software, dataclasses.replace(base, adc=narrow))
print("clean accuracy:", wl.models.accuracy(chip, data.test.take(50)))
print(chip.report())

# %% [markdown]
# More of the same: [noise stability](../noise-stability.md#advice), and on the command line
# `wordline advise --tile 16 32 64 --adc-bits 0 8 6`.
