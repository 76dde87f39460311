"""The command `certify`: certified accuracy of chips from their own output noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ..progress import Bar
from ..values import require_integer
from .option_groups import Data, DataOptions, Network, NetworkOptions, Run, RunOptions
from .options import Number, crossbar_of, require_files

if TYPE_CHECKING:
    from ..mapping import Crossbar


@dataclass(frozen=True)
class NoiseOptions:
    """The chips and their noise.

    Args:
        crossbar: presets or JSON files with `output_noise`, inputs of a fixed range and ohmic
            arrays.
        gain: unit, least-squares or per-column; "" takes the crossbar's.
        noise: standard deviations of output noise in shares of full scale; each takes the place of
            the crossbar's. None keeps it.
        input_limit: the input of full voltage; 0 keeps the crossbar's.
        seeds: one chip each.
        baseline: beside every chip software with noise at its input, of the same worth.
        input_noise: standard deviations of noise at the input of software, each a row of its own.
        calibration: training images on which converters with a calibrated range are set.
    """

    crossbar: tuple[str, ...] = ("ideal",)
    gain: str = ""
    noise: tuple[float, ...] = ()
    input_limit: float = 0.0
    seeds: tuple[int, ...] = (0,)
    baseline: bool = True
    input_noise: tuple[float, ...] = ()
    calibration: int = 200

    def load(self) -> tuple[Crossbar, ...]:
        """Return the crossbars, each with every noise."""
        from dataclasses import replace

        from ..devices import FixedRange, IdealConverter, OutputNoise

        require_integer("calibration", self.calibration, at_least=1)
        found = []
        for name in self.crossbar:
            crossbar = crossbar_of(name, self.gain)
            if self.input_limit:
                dac = IdealConverter(range=FixedRange(self.input_limit))
                crossbar = replace(crossbar, dac=dac)
            noises = [OutputNoise(sigma=sigma) for sigma in self.noise]
            found += [replace(crossbar, output_noise=noise) for noise in noises] or [crossbar]
        return tuple(found)


@dataclass(frozen=True)
class CertificateOptions:
    """The certificate.

    Args:
        radii: L2 lengths at which certified accuracy is told.
        selection: reads of each image that choose its class; an attack is judged by as many.
        estimation: reads of each image that count how often it is given.
        alpha: rate of errors of a certificate.
        attack_steps: of an L2 attack (PGD) beside the certificate, at each radius; 0 is none.
        eot: reads a gradient of that attack.
    """

    radii: tuple[Number, ...] = (0.25, 0.5, 1.0)
    selection: int = 100
    estimation: int = 1000
    alpha: float = 0.001
    attack_steps: int = 0
    eot: int = 8


def certify(
    network: Network = NetworkOptions(),
    data: Data = DataOptions(),
    noise: tyro.conf.OmitArgPrefixes[NoiseOptions] = NoiseOptions(),
    certificate: tyro.conf.OmitArgPrefixes[CertificateOptions] = CertificateOptions(),
    run: Run = RunOptions(limit=100),
    out: Path = Path("runs/certify.jsonl"),
    json: bool = False,
) -> None:
    """Certify accuracy over L2 radii by the output noise of a chip's first layer.

    Every image is read selection + estimation times. Finished cells are in `out` and are not
    computed again.

    Args:
        out: JSON lines, one a finished cell.
    """
    crossbars = noise.load()
    require_files(("out", out))
    from ..records import Certificate, certificate_table
    from ..runs import CertificateSettings, Journal, run_certificates

    settings = CertificateSettings(
        radii=certificate.radii, selection=certificate.selection,
        estimation=certificate.estimation, alpha=certificate.alpha,
        attack_steps=certificate.attack_steps, eot=certificate.eot,
    )  # fmt: skip
    run.apply()
    software, loaded = network.load(), data.load()
    split = loaded.test.take(run.limit) if run.limit else loaded.test
    calibrated = any(crossbar.needs_calibration for crossbar in crossbars)
    chips = [(crossbar, seed) for crossbar in crossbars for seed in noise.seeds]
    found = run_certificates(
        software, split, [*chips, *noise.input_noise], settings, Journal(out, Certificate),
        baseline=noise.baseline, batch_size=run.batch_size,
        calibration=loaded.train.take(noise.calibration) if calibrated else None, progress=Bar(),
    )  # fmt: skip
    title = f"{network.model} on {data.data}, {len(split)} test images; 95 % intervals"
    table = certificate_table(found, title=title)
    print("\n".join(entry.to_json() for entry in found) if json else table)
