"""What the environment says of access to object stores: credentials, Azure's account, plain HTTP; and what may help."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from atpub.storage.interface import Endpoint

OBJECT_SCHEMES: Final = ("s3:", "gs:", "gcs:", "az:", "azure:", "abfs:", "abfss:", "adl:")
AWS_CREDENTIALS: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    }
)
"""The variables that lead obstore to credentials of S3; the next two sets are those of the other stores."""
_GOOGLE_CREDENTIALS: Final = frozenset(
    {
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_BEARER_TOKEN",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
    }
)
_AZURE_CREDENTIALS: Final = frozenset(
    {
        "AZURE_CLIENT_ID",
        "AZURE_CREDENTIAL_TYPE",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_IDENTITY_ENDPOINT",
        "AZURE_MSI_ENDPOINT",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_CLIENT_ID",
        "AZURE_STORAGE_MASTER_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_STORAGE_USE_EMULATOR",
        "AZURE_USE_AZURE_CLI",
    }
)
_GCLOUD_FILE: Final = ".config/gcloud/application_default_credentials.json"
_ACCOUNTS: Final = frozenset({"AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_USE_EMULATOR"})
_ENDPOINTS: Final = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
_SIGNED_HINT: Final = "check the bucket, the key, the region, and what the credentials in the environment permit"
_PUBLIC_HINTS: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, which needs pip install 'atpub[s3]'",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run: gcloud auth application-default login",
    "az": "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
}


def is_object(url: str) -> bool:
    """Return whether a URL is one of an object store."""
    return url.startswith(OBJECT_SCHEMES)


def environ_endpoint() -> Endpoint:
    """Return the S3 that the environment names: Amazon's, where it names none."""
    return Endpoint(None, os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))


def signature_options(url: str) -> Mapping[str, bool]:
    """Return whether requests to Google or Azure are signed, unless a variable of the store's own decides that.

    Without credentials they are those of the public: a store that looks for some asks the machine that it runs on, and
    waits for it where that is not one of Google's or Azure's.
    """
    google = is_google(url)
    if f"{'GOOGLE' if google else 'AZURE'}_SKIP_SIGNATURE" in os.environ:
        return {}
    has_file = google and (Path.home() / _GCLOUD_FILE).is_file()
    given = _GOOGLE_CREDENTIALS if google else _AZURE_CREDENTIALS
    return {"skip_signature": not has_file and given.isdisjoint(os.environ)}


def lacks_account(url: str) -> bool:
    """Return whether neither a URL of Azure nor the environment names the account that a container is in."""
    return not is_google(url) and "@" not in urlsplit(url).netloc and _ACCOUNTS.isdisjoint(os.environ)


def allows_http(url: str) -> bool:
    """Return whether the environment names an endpoint of Azure without TLS."""
    return not is_google(url) and any(os.environ.get(name, "").startswith("http:") for name in _ENDPOINTS)


def access_hint(url: str, *, is_public: bool) -> str:
    """Return what may help where a store refuses a request."""
    if not is_public:
        return _SIGNED_HINT
    kind = "s3" if url.startswith("s3:") else "gs" if is_google(url) else "az"
    return f"the environment has no credentials: {_PUBLIC_HINTS[kind]}"


def is_google(url: str) -> bool:
    """Return whether a URL is one of Google Cloud Storage."""
    return url.startswith(("gs:", "gcs:"))
