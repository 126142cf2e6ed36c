"""The masks in a folder and the folders below, each found by the name of its image.

A mask has the stem of its image (``7.png`` for ``photos/7.jpg``), or more behind the stem
(``7_mask.png``), or the whole name (``7.jpg.png``). Where images of one name lie in several
folders, the masks lie in folders called like these: ``maps/a/7.png`` for ``photos/a/7.jpg``.
"""

import os
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from sedn.data.folders import files_below
from sedn.data.images.names import SUFFIXES
from sedn.errors import UserError
from sedn.files import is_same
from sedn.seen import see_content

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
        see_content(folder)
        try:
            os.scandir(folder).close()
        except OSError as error:
            reason = error.strerror
            raise UserError(f"{folder}: cannot be read as a folder of masks: {reason}") from None
        self._masks: dict[tuple[str, str], PurePosixPath] = {}
        """By folder and stem."""
        for file in map(PurePosixPath, files_below(folder, SUFFIXES)):
            other = self._masks.setdefault((str(file.parent), file.stem), file)
            if other != file:
                raise UserError(
                    f"{folder / file}: and {other.name} are masks of one name; keep one"
                )
        self._depth = max((len(file.parts) - 1 for file in self._masks.values()), default=0)
        self._counts = Counter(stem for _, stem in self._masks)
        self._named: set[PurePosixPath] = set()
        endings: set[str] = set()
        for (parent, stem), file in self._masks.items():
            if match := _ENDING.search(stem):
                endings.add(match[0])
                if (parent, stem[: match.start()]) in self._masks:
                    self._named.add(file)
        self._endings = sorted(endings)

    def paths(self) -> list[Path]:
        """The masks that tell what their pixels mean: those of the folder itself, if there are any,
        without the photographs that they lie beside.
        """
        files = self._masks.values()
        masks = [file for file in files if file in self._named] or files
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
        stems = dict.fromkeys([image.stem, image.name, *(image.stem + e for e in self._endings)])
        parents = Path(os.path.abspath(image)).parent.parts  # noqa: PTH100 (takes out "..")
        for depth in range(min(self._depth, len(parents)), -1, -1):
            place = "/".join(parents[-depth:]) if depth else "."
            found = [self._masks[place, stem] for stem in stems if (place, stem) in self._masks]
            found = [mask for mask in found if not self._is_itself(mask, image)]
            if len(found) > 1:
                raise UserError(
                    f"{image}: its mask may be {self.folder / found[0]} or "
                    f"{self.folder / found[1]}; keep one in the folder"
                )
            if not found:
                continue
            others = sum(self._counts[stem] for stem in stems) > 1
            if not depth and self._may_be_of_another(image, roots, others=others):
                raise UserError(
                    f"{image}: is {self.folder / found[0]} its mask? The masks lie in folders as "
                    f"their images do; keep the mask in {self.folder / image.parent.name}, or name "
                    f"the folder of all images"
                )
            return self.folder / found[0]
        return None

    def _is_itself(self, mask: PurePosixPath, image: Path) -> bool:
        """Whether a file among the masks is the image that a mask is looked for.

        Raises:
            UserError: the file is a mask that lies beside its image.
        """
        if not is_same(self.folder / mask, image):
            return False
        if mask in self._named:
            raise UserError(
                f"{image}: is a mask in {self.folder}; name the photographs alone, such as "
                f"{image.parent}/*.jpg"
            )
        return True

    def _may_be_of_another(self, image: Path, roots: Collection[Path], *, others: bool) -> bool:
        """Whether a mask of the folder itself may be that of an image of the same name elsewhere,
        since masks lie in folders as their images do; ``others`` have the name.
        """
        if image.parent in roots or not self._depth:
            return False
        return others or any(root in image.parents for root in roots)
