"""Signatures on models: Ed25519, the secret half outside the registry and the models, the public halves in the site.

Whoever can write to the registry or to the models folder can replace every digest there; without the secret half they
cannot make what they wrote answer. `serving/model_keys.toml` lists the public halves, several while keys change.
"""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crisisrisk.errors import DataError, ModelError
from crisisrisk.models.tracking_store import store_file
from crisisrisk.tables.site import Site

BUNDLE, CHANGE = "bundle 1", "change 1"
"""What is signed. A signature on one kind of thing is none on the other."""
MAKE_A_KEY = "make one with: crisisrisk keys make-signing"
SIGN_AGAIN = "where you know that this model should answer: crisisrisk model sign MODEL --by … --reason …"

_SCHEME = "ed25519"
_HEAD = """\
# Public halves of the keys whose signatures on models this site trusts; `crisisrisk keys make-signing` adds one.
# Take a line away, and nothing that was signed with it answers any more. docs/how-to/promote-a-model.md
[keys]
"""


@dataclass(frozen=True)
class SigningKey:
    """The secret half of a key. Its text form never shows it."""

    id: str
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.id})"

    def sign(self, kind: str, content: bytes) -> str:
        """A signature as text: the key's id and 128 hexadecimal digits."""
        return f"{self.id} {self.private.sign(_message(kind, content)).hex()}"


@dataclass(frozen=True)
class TrustedKeys:
    """The public halves that a site trusts, by the ids of their keys."""

    keys: Mapping[str, Ed25519PublicKey]

    def require(self, signature: str, kind: str, content: bytes, *, where: str) -> str:
        """The id of the trusted key that signed this. Raises ModelError where none did."""
        key_id, _, digits = signature.partition(" ")
        if not digits:
            raise _unsigned("it is not signed", where)
        if key_id not in self.keys:
            raise _unsigned("it is signed with a key that is not trusted here", where)
        try:
            raw = bytes.fromhex(digits)
            self.keys[key_id].verify(raw, _message(kind, content))
            fine = digits == raw.hex()  # one signature is written in one way
        except (InvalidSignature, ValueError):
            fine = False
        if not fine:
            raise _unsigned("its signature is wrong", where)
        return key_id


def _message(kind: str, content: bytes) -> bytes:
    return f"crisisrisk {kind}\n".encode() + content


def _unsigned(problem: str, where: str) -> ModelError:
    return ModelError("CR-MODEL-005", problem, where=where, wanted="a signature by a key in serving/model_keys.toml",
                      hint=SIGN_AGAIN)  # fmt: skip


def key_id_of(public: Ed25519PublicKey) -> str:
    """A short name of a key, made from its public half."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def read_trusted_keys(path: Path) -> TrustedKeys:
    """The keys that `model_keys.toml` lists; none where there is no such file. Raises DataError for a wrong one."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return TrustedKeys({})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise _wrong_list(path, "it cannot be read as TOML") from None
    listed = content.get("keys", {})
    if set(content) - {"keys"} or not isinstance(listed, dict):
        raise _wrong_list(path, "it holds something else than a table [keys]")
    return TrustedKeys({key_id: _public(path, key_id, digits) for key_id, digits in listed.items()})


def _public(path: Path, key_id: str, digits: object) -> Ed25519PublicKey:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(digits)))
    except ValueError:
        raise _wrong_list(path, f'"{key_id}" is not 64 hexadecimal digits') from None
    if key_id_of(public) != key_id:
        raise _wrong_list(path, f'"{key_id}" is not the id of its key')
    return public


def _wrong_list(path: Path, problem: str) -> DataError:
    return DataError("CR-KEY-002", f"the list of trusted keys cannot be used: {problem}", where=str(path),
                     hint="restore it from where the site keeps its configuration")  # fmt: skip


def make_signing_key(site: Site, *, replace: bool = False) -> SigningKey:
    """Make the site's signing key, readable by its owner only, and trust it. Raises DataError where one is there.

    `replace`: the old secret half is overwritten; its public half stays trusted until somebody takes its line away.
    """
    path, made = _key_file(site), Ed25519PrivateKey.generate()
    if path.exists() and not replace:
        raise DataError("CR-KEY-002", "there is a key already that signs models", where=str(path),
                        hint="crisisrisk keys make-signing --replace puts a new one in its place")  # fmt: skip
    key = SigningKey(key_id_of(made.public_key()), made)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_whole(path, f"{_SCHEME} {made.private_bytes_raw().hex()}\n", mode=0o600)
    _trust(site.model_keys, key)
    return key


def signing_key(site: Site) -> SigningKey:
    """The site's signing key; made now where the site has never had one. Raises DataError where it cannot be used."""
    path = _key_file(site)
    if not path.exists() and not site.model_keys.exists():
        return make_signing_key(site)
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise DataError(
            "CR-KEY-002", "the key that signs models cannot be read", where=str(path),
            hint=f"restore it from where the site keeps its secrets, or {MAKE_A_KEY}",
        ) from None  # fmt: skip
    if mode & 0o077:
        raise DataError("CR-KEY-002", "others than its owner may read the key that signs models", where=str(path),
                        wanted="mode 600", found=f"mode {mode & 0o777:o}", hint=f"chmod 600 {path.name}")  # fmt: skip
    key = _secret(path, text)
    public = key.private.public_key().public_bytes_raw().hex()
    if key.id not in read_trusted_keys(site.model_keys).keys:
        raise DataError("CR-KEY-002", "the site does not trust its own signing key", where=str(site.model_keys),
                        wanted=f'a line: "{key.id}" = "{public}"')  # fmt: skip
    return key


def _secret(path: Path, text: str) -> SigningKey:
    scheme, _, digits = text.strip().partition(" ")
    try:
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(digits))
    except ValueError:
        scheme = ""
    if scheme != _SCHEME:
        raise DataError("CR-KEY-002", "the key file holds no key", where=str(path),
                        wanted=f"a line such as: {_SCHEME} (64 hexadecimal digits)")  # fmt: skip
    return SigningKey(key_id_of(private.public_key()), private)


def _key_file(site: Site) -> Path:
    """Where the secret half is: not where it would be copied, published or replaced together with models."""
    path, store = site.signing_key, store_file(site.mlflow_tracking_uri)
    registry = site.path / "mlruns" if store is None else store.parent
    for folder in (site.data, site.quarantine, site.models, site.reports, site.state, registry):
        if path.resolve().is_relative_to(folder.resolve()):
            raise DataError("CR-KEY-002", "the key that signs models lies among what it protects", where=str(path),
                            wanted=f"a file outside {folder}")  # fmt: skip
    return path


def _trust(path: Path, key: SigningKey) -> None:
    text = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_whole(path, f'{text}"{key.id}" = "{key.private.public_key().public_bytes_raw().hex()}"\n', mode=0o644)


def _write_whole(path: Path, text: str, *, mode: int) -> None:
    staged = path.with_name(f".{path.name}.part")
    staged.unlink(missing_ok=True)
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
