"""The weakest points, with their pictures."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping

import numpy as np

from odd_assess.odd.attributes import Attribute
from odd_assess.records import Assessment, Exhibit, OddPoint, Results, Value
from odd_assess.report.view import formats, levels, traced
from odd_assess.report.view.domain import short
from odd_assess.report.view.records import Fact, Picture, WeakPoint
from odd_assess.report.view.traced import quoted

SMALL_SIDE = 128
"""Pictures up to this many pixels a side are shown with visible pixels."""


PICTURE_BYTES = 1_500_000
"""Bytes of PNG files that a page may hold, so that it stays small enough to be handed round."""


def weakest(assessment: Assessment, *, images: bool = True) -> tuple[WeakPoint, ...]:
    """One story per exhibit, in the order in which the assessment shows them, with its pictures unless ``images`` are left out."""
    row_of = {int(index): row for row, index in enumerate(assessment.results.index)}
    return tuple(_weak(assessment, exhibit, row_of[exhibit.index], images=images) for exhibit in shown(assessment))


def shown(assessment: Assessment) -> tuple[Exhibit, ...]:
    """The exhibits that the page has room for: the first one, and further ones up to PICTURE_BYTES in all."""
    sizes = [len(exhibit.base) + len(exhibit.realised) + len(exhibit.noisy) for exhibit in assessment.exhibits]
    return tuple(
        exhibit for number, exhibit in enumerate(assessment.exhibits) if number == 0 or sum(sizes[: number + 1]) <= PICTURE_BYTES
    )


def note(assessment: Assessment, *, images: bool = True) -> str:
    """What the exhibits are, or why there are none."""
    number = len(shown(assessment))
    if not number:
        return "This report holds no pictures."
    pictures = (
        "Each shows the base image, the image as realised at this condition, and one noisy copy of it as the classifier saw it."
        if images
        else "Their pictures were left out of this report on purpose; the evidence file of the run (evidence.sqlite) holds them."
    )
    return (
        f"{formats.plural(number, 'weak point', of='exhibits/shown')} of this run, the weakest first. {pictures} They are picked because they are "
        f"weak: they are not typical."
        + (" Wrong answers come first, then abstentions, then small radii." if number > 1 else "")
        + (
            ""
            if number == len(assessment.exhibits)
            else f" The evidence file holds {formats.count(len(assessment.exhibits) - number, of='exhibits/unlisted')} more."
        )
    )


def image_shape(assessment: Assessment) -> tuple[int, int, int] | None:
    """Channels, height and width of the inputs: from the manifest, else from an exhibit's picture, else unknown."""
    data = assessment.manifest.get("data")
    declared = data.get("shape") if isinstance(data, Mapping) else None
    if isinstance(declared, (list, tuple)) and len(declared) == 3:
        channels, height, width = (int(side) for side in declared)
        return channels, height, width
    return png_shape(assessment.exhibits[0].realised) if assessment.exhibits else None


def png_shape(png: bytes) -> tuple[int, int, int] | None:
    """Channels (without transparency), height and width of a PNG picture; None where it is none."""
    if png[:8] != b"\x89PNG\r\n\x1a\n" or len(png) < 26:
        return None
    width, height = struct.unpack(">II", png[16:24])
    return (3 if png[25] & 2 else 1), height, width


def _weak(assessment: Assessment, exhibit: Exhibit, row: int, *, images: bool) -> WeakPoint:
    results, names, point = assessment.results, assessment.class_names, assessment.points[row]
    true, chosen = names[int(results.label[row])], names[int(results.chosen[row])]
    condition = (
        Fact(name="True class", text=quoted(true, f"points/{exhibit.index}/label")),
        Fact(name="Votes", text=_votes(results, row, true, chosen)),
        *_reused(assessment, row),
        *(
            (Fact(name="Noise σ", text=levels.level(float(results.sigma[row]), of=f"points/{exhibit.index}/sigma")),)
            if levels.differ(assessment)
            else ()
        ),
        *_values(assessment.spec.domain.attributes, point),
    )
    return WeakPoint(
        title=f"Point {traced.number(str(exhibit.index), exhibit.index, f'points/{exhibit.index}/index')}",
        outcome=_outcome(assessment, row),
        condition=condition,
        pictures=_pictures(exhibit) if images else (),
    )


def _outcome(assessment: Assessment, row: int) -> str:
    results, before = assessment.results, levels.alone(assessment)
    index, alone = int(results.index[row]), float(before.radius[row])
    of_chosen = "chosen" if before is results else "chosen alone"
    chosen = quoted(assessment.class_names[int(before.chosen[row])], f"points/{index}/{of_chosen}")
    if not before.certified[row]:
        if assessment.recertified is not None:
            return f"abstained: the baseline's class “{chosen}” is not shown to have more than half of the noisy copies"
        return "abstained: no class is shown to have more than half of the noisy copies"
    if not results.certified[row]:
        return (
            f"not certified: alone it is “{chosen}” with radius {formats.radius(alone, of=f'points/{index}/radius alone')}, but the memory "
            f"answers with another class here"
        )
    radius, taken = float(results.radius[row]), ""
    if radius < alone:
        taken = f" ({formats.radius(alone, of=f'points/{index}/radius alone')} before the memory)"
    if results.chosen[row] != results.label[row]:
        return f"wrong: certified as “{chosen}” with radius {formats.radius(radius, of=f'points/{index}/radius')}{taken}"
    return f"certified as “{chosen}” with radius {formats.radius(radius, of=f'points/{index}/radius')} only{taken}"


def _votes(results: Results, row: int, true: str, chosen: str) -> str:
    its = f"points/{int(results.index[row])}"
    n, hits = formats.count(int(results.n[row]), of=f"{its}/n"), formats.count(int(results.hits[row]), of=f"{its}/hits")
    text = f"{hits} of {n} noisy copies answered “{quoted(chosen, f'{its}/chosen')}”"
    if results.chosen[row] != results.label[row]:
        text += f", {formats.count(int(results.label_hits[row]), of=f'{its}/label_hits')} the true class “{quoted(true, f'{its}/label')}”"
    return text


def _reused(assessment: Assessment, row: int) -> tuple[Fact, ...]:
    """What became of the baseline's votes, where the model was certified on them."""
    found, results = assessment.recertified, assessment.results
    if found is None:
        return ()
    its = f"points/{int(results.index[row])}"
    chosen = quoted(assessment.class_names[int(results.chosen[row])], f"{its}/chosen")
    hits, n, lost = (
        formats.count(int(getattr(found, name)[row]), of=f"{its}/baseline/{name}") for name in ("base_hits", "base_n", "lost")
    )
    asked = formats.count(int(results.n[row]), of=f"{its}/n")
    return (
        Fact(
            name="Baseline's votes", text=f"{hits} of {n} answered “{chosen}”; of the {asked} that were asked again {lost} lost it"
        ),
    )


def _values(attributes: tuple[Attribute, ...], point: OddPoint) -> tuple[Fact, ...]:
    units: Mapping[str, str] = {attribute.id: getattr(attribute, "unit", "1") for attribute in attributes}
    return tuple(
        Fact(name=short(name), text=_traced(value_text(value, units.get(name, "1")), value, f"points/{point.index}/values/{name}"))
        for name, value in point.values.items()
    )


def _traced(text: str, value: Value, source: str) -> str:
    return quoted(text, source) if isinstance(value, bool | str) else traced.number(text, value, source)


def value_text(value: Value, unit: str) -> str:
    """An attribute's value as a person reads it: three significant digits and its unit, or its label.

    >>> value_text(123.456, "lux"), value_text(True, "1"), value_text("wet", "1"), value_text(0.12345, "1")
    ('123 lux', 'yes', 'wet', '0.123')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    number = formats.plain(float(f"{value:.3g}")) if isinstance(value, float) else formats.count(value)
    return number if unit == "1" else f"{number} {unit}"


def _pictures(exhibit: Exhibit) -> tuple[Picture, ...]:
    shown = (("base", exhibit.base), ("realised", exhibit.realised), ("with noise", exhibit.noisy))
    return tuple(_picture(title, png, exhibit.index) for title, png in shown)


def _picture(title: str, png: bytes, index: int) -> Picture:
    _, height, width = png_shape(png) or (1, SMALL_SIDE, SMALL_SIDE)
    return Picture(
        source=f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}",
        title=title,
        alt=f"Point {index}, {title} image",
        pixelated=max(height, width) <= SMALL_SIDE,
        width=width,
        height=height,
    )


def grey_levels(radius: float, values: int) -> float:
    """An L2 distance spread evenly over ``values`` input values in [0, 1], in grey levels of 255.

    >>> round(grey_levels(0.5, 64), 2)
    15.94
    """
    return 255 * radius / float(np.sqrt(values))
