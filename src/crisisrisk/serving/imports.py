"""What the process that serves can never import: the registry's client, and what is there to load pickles."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

NEVER = frozenset({"mlflow", "sklearn", "joblib", "cloudpickle", "dill", "skops"})


class _Refusal(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse a package of `NEVER`, and leave every other one to those who come next."""
        if fullname.partition(".")[0] in NEVER:
            raise ModuleNotFoundError(f"the service never imports {fullname}", name=fullname)
        return None


def refuse_imports() -> None:
    """From now on nothing in this process imports a package of `NEVER`, not even where it is installed.

    Libraries that take one where it is there, as pyarrow takes cloudpickle, do without. Call it before they come.
    """
    if not any(isinstance(finder, _Refusal) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Refusal())
