"""Telling once, from many files, what the pixels of a data set's masks mean.

A value means nothing by itself: 1 is the region in a mask of 0 and 1, next to nothing in one of
grey levels, and a class among others in one of indices. So all masks of a data set are read by one
meaning. The meaning is detected from some masks; each mask is checked when it is
drawn, so that a mask that differs is refused. Where two meanings are plausible, nothing is guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sedn.data.images.content import Content
from sedn.data.maps.mask_kinds import Colour, KindName, MaskKind, shown_value
from sedn.data.maps.mask_pixels import Look, look_at, open_mask
from sedn.errors import Question, UserError

SETTLE = "'map_kind:' or 'regions:' in data.yaml says which"
_LOOKS, _FILLED, _MOST_LOOKS = 48, 8, 2000
_PIXELS = 60_000_000
"""No more masks are looked at once they have so many pixels together."""
_BORDER_COLOUR = 0xE0E0C0
"""The colour of index 255 in Pascal VOC's palette: the border, which belongs to nothing."""
_FEW, _INDICES = 20, 100
"""Greatest values that are surely indices, and that are where they come in areas."""
_OFFERED = 6
_FLAT, _NOT_FLAT = 0.5, 0.3


def tell_kind(
    contents: Sequence[Content],
    where: str,
    kind: KindName | None = None,
    ignored: Sequence[int | Colour] = (),
    settle: str = SETTLE,
) -> MaskKind:
    """Detect how the one region of each of these masks is read.

    Args:
        contents: the masks.
        where: names them in messages.
        kind: what is known already.
        ignored: values that belong to no region, as far as known.
        settle: what a message says that one can do.

    Raises:
        UserError: a mask cannot be decoded, or two kinds are plausible.
    """
    if not contents:
        return MaskKind("index", full=0)
    looks = _look(contents)
    lossy = next((look for look in looks if look.lossy and kind in ("index", "colour")), None)
    if lossy is not None:
        raise UserError(f"{lossy.name}: JPEG changes indices and colours; save masks as PNG")
    detected = _detect(looks, where, kind, settle) if kind is None else _given(looks, kind)
    if ignored and detected.name in ("strength", "alpha"):
        value = shown_value(ignored[0])
        raise UserError(
            f"{where}: ignore is {value}, but these are {detected.describe()}; {settle}"
        )
    if ignored:
        full = None if detected.full in ignored else detected.full
        detected = MaskKind(
            detected.name, full, tuple(ignored), detected.by_palette, detected.detected
        )
    return detected


def check_palettes(contents: Sequence[Content], where: str) -> None:
    """Refuse indices where one index has different colours in different files.

    Raises:
        UserError: an index has several colours, or a mask cannot be decoded.
    """
    if not _one_palette([look for look in _look(contents) if look.form == "palette"]):
        raise UserError(
            f"{where}: the palettes of the masks differ, so an index means nothing; give regions "
            f"by colour, such as '#ff0000'"
        )


def _look(contents: Sequence[Content]) -> list[Look]:
    """Looks at some of the masks, by chance; at more of them while nearly all are empty."""
    looks: list[Look] = []
    pixels = filled = 0
    broken: UserError | None = None
    for index in np.random.default_rng(0).permutation(len(contents))[:_MOST_LOOKS].tolist():
        try:
            mask = open_mask(contents[index])
        except UserError as error:
            # A file that cannot be read is reported where it is decoded.
            broken = error
            continue
        looks.append(look_at(mask))
        pixels += mask.image.width * mask.image.height
        filled += len(looks[-1].values) > 1
        if filled >= _FILLED and (len(looks) >= _LOOKS or pixels > _PIXELS):
            break
    if not looks and broken is not None:
        raise broken
    return looks


def _given(looks: Sequence[Look], kind: KindName) -> MaskKind:
    values = frozenset[float]().union(*(look.values for look in looks))
    if kind == "strength":
        return MaskKind(kind, _top(values, any(look.is_float for look in looks)), detected=False)
    by_palette = kind == "index" and any(look.form == "palette" for look in looks)
    return MaskKind(kind, by_palette=by_palette, detected=False)


def _detect(looks: Sequence[Look], where: str, kind: KindName | None, settle: str) -> MaskKind:
    if any(look.see_through for look in looks):
        # Where the colours are a photograph, one colour, or say the same, the opacity is the mask.
        if all(look.plain_below or look.alpha_is_colour or _is_photograph(look) for look in looks):
            return MaskKind("alpha")
        raise Question(
            f"{where}: masks with colours and with opacity, which differ: either may be the "
            f"region (map_kind: colour, or map_kind: alpha); {settle}",
            [{"map_kind": "alpha"}, {"map_kind": "colour"}],
        )
    forms = {look.form for look in looks}
    if forms == {"palette"} and _one_palette(looks):
        return _by_palette(looks, where, settle)
    if "colour" in forms or not _all_grey(looks):
        if "palette" in forms and len(forms) > 1:
            raise UserError(
                f"{where}: some masks have a palette and others have none; save all alike, or give "
                f"regions by colour"
            )
        return _by_colours(looks, where, settle)
    return _by_greys([_in_grey(look) for look in looks], where, settle)


def _by_palette(looks: Sequence[Look], where: str, settle: str) -> MaskKind:
    colours = {index: colour for look in looks for index, colour in look.palette.items()}
    if set(colours.values()) <= {0, 0xFFFFFF}:
        return MaskKind("colour")
    if colours.get(0) != 0:
        used = f"index 0 is {_hex(colours[0])}" if 0 in colours else "index 0 is nowhere"
        raise Question(
            f"{where}: masks with a palette whose {used}: the region may be all but index 0 "
            f"(map_kind: index) or all but black (map_kind: colour); {settle}",
            [{"map_kind": "index"}, {"map_kind": "colour"}],
        )
    beside = {index for index in colours if index not in (0, 255)}
    ignored = (255,) if 255 in colours and beside else ()
    return MaskKind("index", ignored=ignored, by_palette=True)


def _by_colours(looks: Sequence[Look], where: str, settle: str) -> MaskKind:
    for look in looks:
        if _is_photograph(look):
            raise UserError(f"{look.name}: looks like a photograph, not like a mask; {where}")
        if look.lossy:
            raise UserError(f"{look.name}: JPEG changes colours; save masks as PNG")
    colours = set[float]().union(*(_colours_of(look) for look in looks))
    if 0 not in colours:
        shown = [_hex(int(colour)) for colour in sorted(colours)[:_OFFERED]]
        raise Question(
            f"{where}: masks of the colours {', '.join(shown)}, and none is black: which are the "
            f"region? 'regions:' in data.yaml names them",
            [{"regions": {"region": colour}} for colour in shown],
        )
    border = _BORDER_COLOUR in colours and len(colours) > 2
    return MaskKind("colour", ignored=(_unpack(_BORDER_COLOUR),) if border else ())


def _by_greys(looks: Sequence[Look], where: str, settle: str) -> MaskKind:
    values = frozenset[float]().union(*(look.values for look in looks))
    beside = sorted(values - {0})
    top = _top(values, any(look.is_float for look in looks))
    flat = _flatness(looks)
    lossy = next((look for look in looks if look.lossy), None)
    if 0 not in values and beside != [255] and beside != [top]:
        raise _unclear(
            where,
            beside,
            "none is 0, so any of them may be the region; 'regions:' names it",
            [{"regions": {"region": int(value)}} for value in beside[:_OFFERED]],
        )
    if len(beside) <= 1:
        return MaskKind("index", full=beside[0] if beside else 0)
    if top == 1 or (beside[-1] >= 0.97 * top and flat < _NOT_FLAT):
        return MaskKind("strength", full=top)
    if lossy is not None:
        raise UserError(
            f"{lossy.name}: masks of values up to {beside[-1]:g} are indices, and JPEG changes "
            f"them; save masks as PNG"
        )
    return _by_many_greys(looks, beside, top, flat, where, settle)


def _by_many_greys(
    looks: Sequence[Look], beside: list[float], top: float, flat: float, where: str, settle: str
) -> MaskKind:
    """The kind of masks with several values ``beside`` 0, none of them JPEG.

    Args:
        looks: at the masks.
        beside: the values other than 0, in order.
        top: the greatest value that the masks' type can have.
        flat: the share of pixels in areas of one value.
        where: names the masks in messages.
        settle: says in messages how to settle the question.
    """
    least = beside[:-1] if beside[-1] == top else beside
    areas = least[-1] <= _FEW or flat > _FLAT
    if areas and beside[-1] < 0.97 * top:
        return MaskKind("index")
    if areas and least[-1] <= _INDICES and beside[-1] == top:
        # Where one annotator wrote 1 and another 255, no mask has both.
        if any(top in look.values and look.values & set(least) for look in looks):
            return MaskKind(
                "index", ignored=(int(top),), full=least[0] if len(least) == 1 else None
            )
        raise _unclear(
            where,
            beside,
            f"{top:g} may be a border ('ignore: {top:g}') or a region "
            f"('map_kind: index'); {settle}",
            [{"map_kind": "index"}, {"map_kind": "index", "ignore": int(top)}],
        )
    raise _unclear(
        where,
        beside,
        f"they may be classes, all but 0 one region ('map_kind: index'), or how "
        f"surely a pixel belongs to it ('map_kind: strength'); {settle}",
        [{"map_kind": "index"}, {"map_kind": "strength"}],
    )


def _unclear(
    where: str, values: Sequence[float], why: str, answers: Sequence[Mapping[str, Any]]
) -> Question:
    shown = ", ".join(f"{value:g}" for value in values[:5]) + (" …" if len(values) > 5 else "")
    return Question(f"{where}: masks of the values {shown}: {why}", answers)


def _top(values: frozenset[float], is_float: bool) -> float:
    greatest = max(values, default=0)
    return 1 if is_float and greatest <= 1 else 255 if greatest <= 255 else 65535


def _flatness(looks: Sequence[Look]) -> float:
    """The median of the masks; 1 if all have two values."""
    shares = [look.flat for look in looks if look.flat == look.flat]
    return float(np.median(shares)) if shares else 1.0


def _is_photograph(look: Look) -> bool:
    return len(look.values) > 64 and look.flat < _FLAT and look.form == "colour"


def _one_palette(looks: Sequence[Look]) -> bool:
    colours: dict[int, int] = {}
    return all(
        colours.setdefault(index, colour) == colour
        for look in looks
        for index, colour in look.palette.items()
    )


def _all_grey(looks: Sequence[Look]) -> bool:
    return all(
        look.form == "grey"
        or (look.form == "palette" and all(_is_grey(colour) for colour in look.palette.values()))
        for look in looks
    )


def _in_grey(look: Look) -> Look:
    """A mask whose palette is grey, by its colours."""
    if look.form == "grey":
        return look
    values = frozenset(float(colour & 0xFF) for colour in look.palette.values())
    return replace(look, form="grey", values=values)


def _colours_of(look: Look) -> set[float]:
    if look.form == "palette":
        return set(look.palette.values())
    if look.form == "grey":
        return {int(value) * 0x010101 for value in look.values}
    return set(look.values)


def _is_grey(colour: int) -> bool:
    red, green, blue = _unpack(colour)
    return red == green == blue


def _unpack(colour: int) -> Colour:
    return colour >> 16, colour >> 8 & 0xFF, colour & 0xFF


def _hex(colour: int) -> str:
    return f"#{colour:06x}"
