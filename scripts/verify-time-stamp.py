#!/usr/bin/env python3
"""A time-stamp authority's answer, verified by PyPI `rfc3161-client`, which knows nothing of Strongroom.

usage: verify-time-stamp.py ANSWER MESSAGE ROOTS.pem     exit 0 verified, 1 not verified

Its token must hold the signer's certificate and no other.
"""

import pathlib
import sys

import cryptography.x509
import rfc3161_client

answer, message, roots = (pathlib.Path(name).read_bytes() for name in sys.argv[1:])

answer = rfc3161_client.decode_timestamp_response(answer)
builder = rfc3161_client.VerifierBuilder()
for root in cryptography.x509.load_pem_x509_certificates(roots):
    builder = builder.add_root_certificate(root)
try:
    builder.build().verify_message(answer, message)
except rfc3161_client.VerificationError as refused:
    print(refused, file=sys.stderr)
    sys.exit(1)
