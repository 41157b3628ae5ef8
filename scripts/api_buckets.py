"""Buckets on the stores that scripts/servers starts, for scripts/check-api; by curl, which signs requests by itself."""

import os
import re
import subprocess
import sys
import uuid

KEYS = {"STRONGROOM_STORE_ACCESS_KEY": "testaccess", "STRONGROOM_STORE_SECRET_KEY": "testsecretkey"}
REGION = "us-east-1"


def bucket(server, locked):
    """Makes a bucket. Answers a registry's settings for it."""
    endpoint, name = os.environ[server], f"check-api-{uuid.uuid4().hex[:12]}"
    lock = ["--header", "x-amz-bucket-object-lock-enabled: true"] if locked else []
    asked(f"{endpoint}/{name}", "--request", "PUT", *lock)
    return {
        **KEYS, "STRONGROOM_STORE_URL": f"s3://{name}", "STRONGROOM_STORE_ENDPOINT": endpoint,
        "STRONGROOM_STORE_ALLOW_HTTP": "true", "STRONGROOM_STORE_REGION": REGION,
    }


def archive(settings):
    """Moves every object of a bucket into its archive."""
    name = settings["STRONGROOM_STORE_URL"].removeprefix("s3://")
    place = f"{settings['STRONGROOM_STORE_ENDPOINT']}/{name}"
    listed = asked(f"{place}?list-type=2")
    for key in re.findall("<Key>([^<]*)</Key>", listed):
        asked(
            f"{place}/{key}", "--request", "PUT", "--header", f"x-amz-copy-source: /{name}/{key}",
            "--header", "x-amz-storage-class: GLACIER",
        )


def asked(url, *more):
    user = f"{KEYS['STRONGROOM_STORE_ACCESS_KEY']}:{KEYS['STRONGROOM_STORE_SECRET_KEY']}"
    command = [
        "curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*", "--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", user,
        # No store takes a request without the digest of its body, and not every curl sends it.
        "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
    ]
    done = subprocess.run([*command, *more, url], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{url}: {done.stderr}{done.stdout}")
    return done.stdout
