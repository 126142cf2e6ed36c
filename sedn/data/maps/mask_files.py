"""The masks in a folder and the folders below, each found by the name of its image.

A mask has the stem of its image (``7.png`` for ``photos/7.jpg``), or more behind the stem
(``7_mask.png``), or the whole name (``7.jpg.png``). Where images of one name lie in several
folders, the masks lie in folders called like these: ``maps/a/7.png`` for ``photos/a/7.jpg``.
"""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from sedn.data.folders import files_below
from sedn.data.images.names import SUFFIXES
from sedn.errors import UserError
from sedn.files import is_same

_ENDING = re.compile(r"[ _.-](masks?|maps?|seg|segmentation|matte)$", re.IGNORECASE)


class MaskFiles:
    """The masks below a folder.

    Args:
        folder: where they lie.

    Raises:
        UserError: the folder cannot be read, or two masks of one folder have one name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            os.scandir(folder).close()
        except OSError as error:
            reason = error.strerror
            raise UserError(f"{folder}: cannot be read as a folder of masks: {reason}") from None
        self._files = [PurePosixPath(name) for name in files_below(folder, SUFFIXES)]
        self._by_stem: dict[str, list[PurePosixPath]] = {}
        for file in self._files:
            mine = self._by_stem.setdefault(file.stem, [])
            if twin := next((other for other in mine if other.parent == file.parent), None):
                raise UserError(f"{folder / file}: and {twin.name} are masks of one name; keep one")
            mine.append(file)
        endings = {file: match[0] for file in self._files if (match := _ENDING.search(file.stem))}
        self._endings = sorted(set(endings.values()))
        self._named = [file for file in self._files if file in endings and self._is_beside(file)]

    def paths(self) -> list[Path]:
        """The masks that tell what their pixels mean: those of the folder itself, if there are any,
        without the photographs that they lie beside.
        """
        masks = self._named or self._files
        here = [file for file in masks if len(file.parts) == 1]
        return [self.folder / file for file in here or masks]

    def find(self, image: Path, roots: Collection[Path] = ()) -> Path | None:
        """The mask of an image; ``None`` if there is none.

        Args:
            image: its file.
            roots: the folders in which images were looked for.

        Raises:
            UserError: several masks may be that of the image, or the image is one of the masks.
        """
        parents = Path(os.path.abspath(image)).parent.parts  # noqa: PTH100 (takes out "..")
        found = [mask for mask in self._candidates(image) if _are_last(mask, parents)]
        if not found:
            return None
        deepest = max(len(mask.parts) for mask in found)
        nearest = [mask for mask in found if len(mask.parts) == deepest]
        if len(nearest) > 1:
            one, other = nearest[:2]
            raise UserError(
                f"{image}: its mask may be {self.folder / one} or {self.folder / other}; keep one "
                f"in the folder"
            )
        if deepest == 1 and self._may_be_of_another(nearest[0], image, roots):
            raise UserError(
                f"{image}: is {self.folder / nearest[0]} its mask? The masks lie in folders as "
                f"their images do; keep the mask in {self.folder / image.parent.name}, or name the "
                f"folder of all images"
            )
        return self.folder / nearest[0]

    def _candidates(self, image: Path) -> Iterator[PurePosixPath]:
        """Masks, wherever they lie, with a name that an image's mask may have."""
        stems = dict.fromkeys(
            [image.stem, image.name, *(image.stem + end for end in self._endings)]
        )
        for stem in stems:
            for mask in self._by_stem.get(stem, ()):
                if not is_same(self.folder / mask, image):
                    yield mask
                elif mask in self._named:
                    raise UserError(
                        f"{image}: is a mask in {self.folder}; name the photographs alone, such as "
                        f"{image.parent}/*.jpg"
                    )

    def _may_be_of_another(self, mask: PurePosixPath, image: Path, roots: Collection[Path]) -> bool:
        """Whether a mask of the folder itself may be that of an image of the same name, since
        other masks lie in folders as their images do.
        """
        if image.parent in roots or all(len(file.parts) == 1 for file in self._files):
            return False
        is_below = any(root in image.parents for root in roots)
        return is_below or any(other != mask for other in self._candidates(image))

    def _is_beside(self, file: PurePosixPath) -> bool:
        """Whether a file that is called a mask lies beside the image of which it is one."""
        stem = _ENDING.sub("", file.stem)
        return any(other.parent == file.parent for other in self._by_stem.get(stem, ()))


def _are_last(mask: PurePosixPath, parents: tuple[str, ...]) -> bool:
    """Whether the folders of a mask are called like the last of its image's."""
    folders = mask.parent.parts
    return not folders or parents[-len(folders) :] == folders
