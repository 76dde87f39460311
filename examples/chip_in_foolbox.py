"""A chip is an ordinary torch module: hand it to foolbox and pyautoattack as it is.

    pip install wordline[autoattack] foolbox
    python examples/chip_in_foolbox.py            some 20 seconds

Expected, on the first 60 test digits, Linf 0.1, one chip: 100 % clean, 28 % under foolbox's PGD, 25
% under APGD-T, the stronger attack. wordline's own PGD with the same settings gives foolbox's
number.
"""

from __future__ import annotations

import foolbox
import torch
from pyautoattack.autopgd_base import APGDAttack_targeted

import wordline as wl

EPS, STEPS = 0.1, 20
LIMIT = 60


def main() -> dict[str, float]:
    """Accuracy of one chip under each attack."""
    data = wl.load_dataset("digits").test.take(LIMIT)
    software = wl.load_model("digits-cnn")
    chip = wl.map_model(
        software, wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain()), seed=0
    )

    def accuracy(images: torch.Tensor) -> float:
        return float((chip(images).argmax(1) == data.labels).double().mean())

    found = {"clean": accuracy(data.images)}

    attack = foolbox.attacks.LinfPGD(steps=STEPS, abs_stepsize=EPS / 8, random_start=False)
    _, adversarial, _ = attack(
        foolbox.PyTorchModel(chip, bounds=(0, 1)), data.images, data.labels, epsilons=EPS
    )
    found["foolbox PGD"] = accuracy(adversarial)

    own = wl.PGD(EPS, STEPS, EPS / 8, loss="cross-entropy", random_start=False, keep="last")
    found["wordline PGD, same settings"] = accuracy(own(chip, data.images, data.labels))

    with torch.random.fork_rng():  # the library seeds torch's global generator
        apgd = APGDAttack_targeted(
            chip, n_iter=20, norm="Linf", eps=EPS, seed=0, n_target_classes=9
        )
        found["pyautoattack APGD-T"] = accuracy(apgd.perturb(data.images, data.labels))
    return found


if __name__ == "__main__":
    for name, share in main().items():
        print(f"{name:>30}  {100 * share:5.1f} %")
