"""`audit`, `deviation`, `curve`: what is a chip's robustness worth?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch import nn

from .. import datasets
from ..evaluation import audit as run_audit
from ..evaluation import gradient_deviation, robustness_curve
from ..files import write_atomically
from ..nn import map_model
from ..progress import Bar
from ..records.record import describe
from ..reports import NamedAudit, Results, accuracy_curves, deviation_figure, html_report
from ..values import require_choice, require_integer
from .options import EPS, Number, crossbar_of, data_of, require_eps, require_files, software_of


@dataclass(frozen=True)
class Pair:
    """Software, its chip, and the images both are asked about.

    Args:
        model: a name that ships with wordline, a .safetensors file with its card, or package.module:factory.
        root: local folder of the data set.
        weights: weight file for a factory.
        crossbar: a preset or a JSON file; "software" takes the network itself.
        gain: unit, least-squares or per-column; by default the crossbar's.
        limit: the first so many test images; 0 takes all.
        chip_seed: which chip of the crossbar.
        threads: 0 leaves torch's choice; part of a result's conditions.
    """

    model: str = "digits-cnn"
    data: str = "digits"
    root: str = ""
    weights: str = ""
    crossbar: str = "rethinking-64"
    gain: str = ""
    limit: int = 500
    chip_seed: int = 0
    batch_size: int = 100
    threads: int = 0

    def load(self) -> tuple[nn.Module, nn.Module, datasets.ImageSplit]:
        """Software, chip and test images, as the words say."""
        require_integer("limit", self.limit, at_least=0)
        require_integer("threads", self.threads, at_least=0)
        if self.threads:
            torch.set_num_threads(self.threads)
        software, images = software_of(self.model, self.weights), data_of(self.data, self.root).test
        if self.crossbar == "software":
            return software, software, images
        return software, map_model(software, crossbar_of(self.crossbar, self.gain), self.chip_seed), images


Asked = tyro.conf.OmitArgPrefixes[Pair]


def audit(
    pair: Asked = Pair(),  # frozen
    eps: Number = EPS,
    quick: bool = False,
    seed: int = 0,
    out: str = "",
    html: str = "",
    json: bool = False,
) -> None:
    """Is the chip's robustness real? Some thirty checks, controls beside it, and a verdict.

    Args:
        eps: Linf radius; 8/255 is a number here.
        quick: smaller budgets, and stop at the first check that shows masked gradients.
        seed: of the audit's own random numbers.
        out: also write the result to this JSON file.
        html: also write it as one self-contained page.
    """
    require_files(("out", out), ("html", html))
    software, chip, images = pair.load()
    result = run_audit(
        chip=chip, software=software, data=images, eps=eps, limit=pair.limit, quick=quick, seed=seed,
        batch_size=pair.batch_size, progress=Bar(),
    )  # fmt: skip
    if out:
        write_atomically(Path(out), lambda path: path.write_text(result.to_json() + "\n"))
    if html:
        shown = Results(name=f"audit of {describe(result.chip)}", audits=[NamedAudit("", result)])
        write_atomically(Path(html), lambda path: path.write_text(html_report([shown]), encoding="utf-8"))
    print(result.to_json() if json else result)


def deviation(
    pair: Asked = Pair(),  # frozen
    eps: Number = EPS,
    loss: str = "cross-entropy",
    figure: str = "",
    json: bool = False,
) -> None:
    """How far the chip's input gradients are from the software's: cosine, signs, norms, and the loss along both.

    Args:
        eps: Linf radius of the perturbations that are compared.
        loss: cross-entropy, margin or dlr.
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_choice("loss", loss, ("cross-entropy", "margin", "dlr"))
    require_eps(eps)
    require_files(("figure", figure))
    software, chip, images = pair.load()
    result = gradient_deviation(
        chip=chip, software=software, data=images, eps=eps, limit=pair.limit, loss=loss,  # type: ignore[arg-type]
        batch_size=pair.batch_size, progress=Bar(),
    )  # fmt: skip
    if figure:
        deviation_figure(result, Path(figure))
    print(result.to_json() if json else result)


def curve(pair: Asked = Pair(), figure: str = "", json: bool = False) -> None:  # frozen
    """Accuracy of the chip under white-box PGD at growing eps, until it does no better than chance.

    Args:
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_files(("figure", figure))
    _, chip, images = pair.load()
    result = robustness_curve(
        victim=chip, source=chip, data=images, limit=pair.limit, batch_size=pair.batch_size, progress=Bar()
    )
    if figure:
        accuracy_curves(result.records, Path(figure), chance=result.chance)
    print(result.to_json() if json else result)
