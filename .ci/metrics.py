"""Print what ``ray[default]`` needs more than Ray, which its metrics agent runs by."""

from importlib.metadata import requires

from packaging.requirements import Requirement

if __name__ == "__main__":
    for one in map(Requirement, requires("ray") or ()):
        if one.marker and one.marker.evaluate({"extra": "default"}):
            print(f"{one.name}{one.specifier}")
