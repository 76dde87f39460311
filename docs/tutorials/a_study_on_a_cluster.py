# %% [markdown]
# # A study on a cluster
#
# One number is a command. A table of a hundred numbers is a *study*: a Python file that lists its
# cells. It runs on one core, on eight, or on a cluster, to the same numbers, and it goes on where
# it was stopped.

# %% tags=["parameters"]
LIMIT = 60  # test images
WORKERS = 2

# %% [markdown]
# ## 1. Write it

# %%
from pathlib import Path

Path("two_tiles.py").write_text(f'''
"""Two tile sizes, two chips of each, under FGSM and PGD."""

import wordline as wl
from wordline.reports import Axis, Layout
from wordline.runs import Grid, Images, PretrainedNetwork, Study


def cells(scale):
    limit = {LIMIT} if scale == "quick" else 0
    gain = wl.LeastSquaresGain()
    grid = Grid(
        crossbars=tuple(wl.Crossbar.preset(f"rethinking-{{n}}", gain=gain) for n in (16, 32)),
        attacks=(wl.FGSM(eps=0.1), wl.PGD(eps=0.1, steps=10)),
        seeds=(0, 1),
    )
    return grid.cells(PretrainedNetwork("digits-cnn"), Images("digits", limit=limit))


STUDY = Study(
    title="Accuracy under attack, two tiles",
    reproduces="nothing printed",
    cells=cells,
    layout=Layout(
        "Accuracy under attack", "AA",
        rows=Axis("tile, setting", ("tile", "setting")), columns=Axis("attack", ("attack",)),
    ),
)
''')

# %% [markdown]
# ## 2. Ask for the price
#
# `--cost` counts passes and multiplications, and runs nothing.

# %%
import subprocess
import sys


def shell(command: str, lines: int = 0) -> None:
    """Run a command line of wordline and show what it prints, or its last lines."""
    words = [sys.executable, "-m", *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    print("\n".join(done.stdout.strip().splitlines()[-lines:]))


shell("wordline study two_tiles.py --cost")

# %% [markdown]
# ## 3. Run it, with two processes

# %%
shell(f"wordline study two_tiles.py --out run --workers {WORKERS}")

# %% [markdown]
# Asked again, the same command finds that nothing is missing. After Ctrl-C, a power cut or the time
# limit of a queue it does what is left.

# %%
shell(f"wordline study two_tiles.py --out run --workers {WORKERS}", lines=1)

# %% [markdown]
# ## 4. The table

# %%
shell("wordline report run")

# %% [markdown]
# ## 5. In Python

# %%
from matplotlib import pyplot as plt

from wordline.runs import read_records

records = [r for r in read_records(Path("run/records.jsonl")) if r.setting == "HH"]
figure, axes = plt.subplots(figsize=(5, 3))
for attack, style in (("FGSM", "o"), ("PGD", "s")):
    own = [r for r in records if type(r.attack).__name__ == attack]
    axes.plot(
        [r.victim.crossbar.tile[0] for r in own],
        [100 * r.adversarial_accuracy for r in own],
        style,
        label=attack,
    )
axes.set_xticks([16, 32])
axes.set_xlabel("tile")
axes.set_ylabel("accuracy of a chip under attack, %")
axes.legend()
print(len(records), "white-box records")

# %% [markdown]
# ## 6. On a cluster
#
# `pip install 'wordline[cluster]'`, then the same command with the address of a Ray cluster:
#
#     wordline study two_tiles.py --out run --ray auto --device cuda --gpus-per-cell 0.25
#
# [Studies](../studies.md#on-a-cluster) has the script for Slurm and the manifest for Kubernetes.
