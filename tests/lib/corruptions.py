"""Every way that we know to put a wrong model in front of a service: each changes a models folder that was whole."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crisisrisk.models import champions
from crisisrisk.models.bundle_files import MANIFEST, SIDECAR, SIGNATURE
from crisisrisk.models.champions import POINTER, Change, changes
from crisisrisk.models.signing import BUNDLE, SigningKey, key_id_of, signing_key
from tests.lib.served_models import NAME
from tests.lib.service_site import ServiceSite

Random = np.random.Generator
TEXT = "model.txt"


class Attacker:
    """Changes a models folder at random, and puts it back as it was. Two versions of trees must have answered."""

    def __init__(self, site: ServiceSite, aside: Path, seed: int) -> None:
        self.site = site
        self.models = site.site.models
        self.whole = Path(shutil.copytree(self.models, aside))
        self.random = np.random.default_rng(seed)
        *_, self.before, self.now = (change.version for change in changes(self.models, NAME))
        self.kinds: tuple[Callable[[], None], ...] = (
            self.flip, self.cut, self.flip_pointer, self.cut_pointer, self.craft_unsigned, self.craft_signed,
            self.swap_a_file, self.swap_the_folder, self.replay, self.wrong_schema, self.foreign_key, self.odd_files,
            self.odd_pointer,
        )  # fmt: skip

    def strike(self, number: int) -> str:
        """Do one kind of harm, by turns. Returns its name."""
        kind = self.kinds[number % len(self.kinds)]
        kind()
        return kind.__name__

    def mend(self) -> None:
        """The models folder as it was."""
        shutil.rmtree(self.models)
        shutil.copytree(self.whole, self.models)

    @property
    def folder(self) -> Path:
        """The bundle that answers."""
        return self.models / NAME / f"v{self.now}"

    @property
    def pointer(self) -> Path:
        return self.models / NAME / POINTER

    def any_file(self) -> Path:
        files = sorted(self.folder.iterdir())
        return files[int(self.random.integers(len(files)))]

    # Without the key

    def flip(self) -> None:
        self._flip(self.any_file())

    def flip_pointer(self) -> None:
        self._flip(self.pointer)

    def _flip(self, path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(self.random.integers(len(content)))] ^= 1 << int(self.random.integers(8))
        path.write_bytes(bytes(content))

    def cut(self) -> None:
        self._cut(self.any_file())

    def cut_pointer(self) -> None:
        self._cut(self.pointer, least=2)  # its last byte is a line's end, and means nothing

    def _cut(self, path: Path, *, least: int = 1) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(self.random.integers(len(content) - least + 1))])

    def craft_unsigned(self) -> None:
        """Another model text, every digest made to fit."""
        (self.folder / TEXT).write_text(self.crafted((self.folder / TEXT).read_text()))
        self._digests_made_to_fit(lambda manifest: None)

    def swap_a_file(self) -> None:
        """A file of the version before, with and without digests made to fit."""
        name = self.random.choice([TEXT, "calibration.json", MANIFEST, SIDECAR, SIGNATURE])
        shutil.copyfile(self.models / NAME / f"v{self.before}" / name, self.folder / name)
        if name in (TEXT, "calibration.json"):
            if (self.folder / name).read_bytes() == (self.whole / NAME / f"v{self.now}" / name).read_bytes():
                self._flip(self.folder / name)
            if self.random.random() < 0.5:
                self._digests_made_to_fit(lambda manifest: None)

    def swap_the_folder(self) -> None:
        """The whole signed bundle of the version before, under the name of this one."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.models / NAME / f"v{self.before}", self.folder)

    def replay(self) -> None:
        """The signed history as it was some changes ago: everything in it is genuine."""
        entries = json.loads(self.pointer.read_text())
        left = int(self.random.integers(0, len(entries)))
        self.pointer.write_text(json.dumps(entries[:left], indent=1))

    def foreign_key(self) -> None:
        """Signed all over with a key that nobody trusts, perhaps under the name of one that is trusted."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.generate()
        own = signing_key(self.site.site).id
        self._sign_over(SigningKey(self.random.choice([own, key_id_of(private.public_key())]), private))

    def odd_files(self) -> None:
        path = self.any_file()
        kind = int(self.random.integers(6))
        if kind == 0:
            path.unlink()
        elif kind == 1:
            path.replace(self.models / "elsewhere")
            path.symlink_to(self.models / "elsewhere")
        elif kind == 2:
            path.unlink()
            path.mkdir()
        elif kind == 3:
            path.unlink()
            os.mkfifo(path)
        elif kind == 4:
            (self.folder / str(self.random.choice(["model.pkl", "MLmodel", "code", "a\nb"]))).write_bytes(b"\x80\x04.")
        else:
            (self.folder / SIGNATURE).write_bytes(b"0" * 10_000_000)

    def odd_pointer(self) -> None:
        entries = json.loads(self.pointer.read_text())
        odd: list[Any] = [
            f"../{NAME}/v{self.before}", str(self.now), 0, -1, 10**30, True, None, [self.now], self.before, 1.5,
        ]  # fmt: skip
        kind = int(self.random.integers(len(odd) + 3))
        if kind < len(odd):
            entries[-1]["version"] = odd[kind]
        elif kind == len(odd):
            entries[-1], entries[-2] = entries[-2], entries[-1]
        elif kind == len(odd) + 1:
            del entries[int(self.random.integers(len(entries) - 1))]
        else:
            entries[-1]["reason"] = "another"
        self.pointer.write_text(json.dumps(entries))

    # By somebody who has the key, and signs what should not be signed

    def craft_signed(self) -> None:
        (self.folder / TEXT).write_text(self.crafted((self.folder / TEXT).read_text()))
        self._digests_made_to_fit(lambda manifest: None)
        self._sign_over(signing_key(self.site.site))

    def wrong_schema(self) -> None:
        changes: list[Callable[[dict[str, Any]], Any]] = [
            lambda manifest: manifest.update(format=99),
            lambda manifest: manifest.update(trees="12"),
            lambda manifest: manifest.update(trees=10**9),
            lambda manifest: manifest.update(subject="place"),
            lambda manifest: manifest.update(subject=["person"]),
            lambda manifest: manifest.pop("run_id"),
            lambda manifest: manifest.update(loader_module="os"),
            lambda manifest: manifest.update(feature_names=manifest["feature_names"][::-1]),
            lambda manifest: manifest.update(feature_names=[1, 2, 3]),
            lambda manifest: manifest.update(promotion={"by": 3}),
            lambda manifest: manifest.update(baseline="one_year_count"),
            lambda manifest: manifest.update(other_issue_hours=[24]),
            lambda manifest: manifest.update(version=self.before),
            lambda manifest: manifest.update(name="another"),
            lambda manifest: manifest["files"].pop("task.json"),
            lambda manifest: manifest["files"].update({"../../keys/signing.key": {"sha256": "0", "bytes": 1}}),
        ]
        kind = int(self.random.integers(len(changes) + 3))
        if kind < len(changes):
            self._digests_made_to_fit(changes[kind])
        else:
            name = ("task.json", "features.json", "calibration.json")[kind - len(changes)]
            (self.folder / name).write_text(str(self.random.choice(["{}", "[]", "3", "[" * 100_000, '{"x": 1}', ""])))
            self._digests_made_to_fit(lambda manifest: None)
        self._sign_over(signing_key(self.site.site))

    def crafted(self, text: str) -> str:
        """A model text that its format does not allow: an index, a number or a length in the first tree changed."""
        name, value = (
            ("left_child", "100000"), ("left_child", "-100000"), ("right_child", "0"), ("right_child", "2147483648"),
            ("split_feature", "99999"), ("split_feature", "-1"), ("split_feature", "1_0"), ("leaf_value", "nan"),
            ("leaf_value", "1e999"), ("leaf_value", "0x1p3"), ("leaf_value", "1_0.5"), ("threshold", "nan"),
            ("decision_type", "1"), ("decision_type", "255"), ("num_leaves", "70000"), ("num_leaves", "-1"),
            ("num_leaves", "2"), ("num_cat", "1"), ("leaf_count", "-5"), ("internal_count", "1e5"),
            ("is_linear", "1"), ("leaf_weight", "\u0664"), ("shrinkage", "inf"), ("left_child", ""),
        )[int(self.random.integers(24))]  # fmt: skip
        lines = text.split("\n")
        place = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=") and number > 10)
        before = len(lines[place].encode())
        lines[place] = f"{name}=" + " ".join([value, *lines[place].partition("=")[2].split(" ")[1:]]).strip()
        sizes = next(number for number, line in enumerate(lines) if line.startswith("tree_sizes="))
        first, *rest = lines[sizes].removeprefix("tree_sizes=").split(" ")
        lines[sizes] = "tree_sizes=" + " ".join([str(int(first) + len(lines[place].encode()) - before), *rest])
        return "\n".join(lines)

    def _digests_made_to_fit(self, change: Callable[[dict[str, Any]], Any]) -> None:
        manifest = json.loads((self.folder / MANIFEST).read_text())
        for name in manifest["files"]:
            content = (self.folder / name).read_bytes()
            manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        change(manifest)
        text = json.dumps(manifest).encode()
        (self.folder / MANIFEST).write_bytes(text)
        (self.folder / SIDECAR).write_text(f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n")

    def _sign_over(self, key: SigningKey) -> None:
        """The bundle as it is now, and one more change that lets it answer, both signed."""
        digest = hashlib.sha256((self.folder / MANIFEST).read_bytes()).hexdigest()
        (self.folder / SIGNATURE).write_text(key.sign(BUNDLE, digest.encode()) + "\n")
        made = changes(self.models, NAME)
        change = replace(Change(version=self.now, by="x", at=made[-1].at, reason="x"), bundle=digest)
        entries = [vars(one) for one in (*made, champions._signed(NAME, made, change, key))]
        self.pointer.write_text(json.dumps(entries, indent=1))
