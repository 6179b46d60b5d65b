"""The key that signs models, and the keys that are trusted."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from tests.lib.table_sites import make_site

from crisisrisk.errors import DataError, ModelError
from crisisrisk.models.signing import BUNDLE, CHANGE, make_signing_key, read_trusted_keys, signing_key


@pytest.fixture
def site(tmp_path):
    return make_site(tmp_path / "site")


def refused(site) -> str:
    with pytest.raises(DataError) as caught:
        signing_key(site)
    assert caught.value.code == "CR-KEY-002"
    return caught.value.problem


def test_a_key_is_made_once_and_read_by_its_owner_alone(site):
    made = signing_key(site)
    assert signing_key(site).id == made.id
    assert site.signing_key.stat().st_mode & 0o777 == 0o600
    assert list(read_trusted_keys(site.model_keys).keys) == [made.id]
    secret = site.signing_key.read_text().split()[1]
    assert secret not in site.model_keys.read_text()
    assert secret not in repr(made)


def test_a_signature_is_on_one_content_of_one_kind_and_written_in_one_way(site):
    key, trusted = signing_key(site), read_trusted_keys(site.model_keys)
    good = key.sign(BUNDLE, b"content")
    assert trusted.require(good, BUNDLE, b"content", where="here") == key.id
    key_id, digits = good.split(" ")
    wrong = {
        (good, BUNDLE, b"other"), (good, CHANGE, b"content"), (good.upper(), BUNDLE, b"content"),
        (f"{key_id} {digits[:-2]}", BUNDLE, b"content"), (f"{key_id} {digits}00", BUNDLE, b"content"),
        (f"{key_id} {digits.replace(digits[-1], 'g')}", BUNDLE, b"content"), (key_id, BUNDLE, b"content"),
        ("", BUNDLE, b"content"), (f"x {digits}", BUNDLE, b"content"), (f" {good}", BUNDLE, b"content"),
        (f"{good} ", BUNDLE, b"content"), (f"{key_id} {digits[:-1]}{digits[-1].upper()}A", BUNDLE, b"content"),
    }  # fmt: skip
    for signature, kind, content in wrong:
        with pytest.raises(ModelError) as caught:
            trusted.require(signature, kind, content, where="here")
        assert caught.value.code == "CR-MODEL-005", signature


def test_hexadecimal_digits_of_another_case_are_another_text(site):
    key, trusted = signing_key(site), read_trusted_keys(site.model_keys)
    key_id, digits = key.sign(BUNDLE, b"content").split(" ")
    assert digits.upper() != digits
    with pytest.raises(ModelError, match="its signature is wrong"):
        trusted.require(f"{key_id} {digits.upper()}", BUNDLE, b"content", where="here")


def test_a_key_that_others_read_or_that_is_none_is_refused(site):
    signing_key(site)
    site.signing_key.chmod(0o644)
    assert refused(site) == "others than its owner may read the key that signs models"
    site.signing_key.chmod(0o600)
    site.signing_key.write_text("rsa 00\n")
    assert refused(site) == "the key file holds no key"
    site.signing_key.unlink()
    assert refused(site) == "the key that signs models cannot be read"  # a second one is not made in silence


def test_a_key_that_the_site_does_not_trust_signs_nothing(site):
    signing_key(site)
    site.model_keys.write_text("[keys]\n")
    assert refused(site) == "the site does not trust its own signing key"


@pytest.mark.parametrize("folder", ["models", "data", "reports", "mlruns", "state"])
def test_a_key_does_not_lie_among_what_it_protects(site, folder):
    from dataclasses import replace

    moved = replace(site, signing_key_file=site.path / folder / "signing.key")
    assert refused(moved) == "the key that signs models lies among what it protects"


def test_a_new_key_takes_its_place_and_both_are_trusted(site):
    first = make_signing_key(site)
    with pytest.raises(DataError):
        make_signing_key(site)
    second = make_signing_key(site, replace=True)
    assert signing_key(site).id == second.id
    assert set(read_trusted_keys(site.model_keys).keys) == {first.id, second.id}


@pytest.mark.parametrize(
    "text",
    ["[keys", "keys = 3", "[other]\n", '[keys]\n"x" = "00"', f'[keys]\n"0000000000000000" = "{"11" * 32}"', "\x00"],
)
def test_a_wrong_list_of_keys_is_refused(site, text):
    signing_key(site)
    site.model_keys.write_text(text)
    with pytest.raises(DataError) as caught:
        read_trusted_keys(site.model_keys)
    assert caught.value.code == "CR-KEY-002"


def test_the_scheme_is_ed25519(site):
    """By the library's own keys: what we write is what it reads."""
    made = signing_key(site)
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(site.signing_key.read_text().split()[1]))
    signature = bytes.fromhex(made.sign(BUNDLE, b"x").split(" ")[1])
    Ed25519PublicKey.from_public_bytes(private.public_key().public_bytes_raw()).verify(
        signature, b"crisisrisk bundle 1\nx"
    )
