#!/usr/bin/env python3
"""A time-stamp token, verified by PyPI `rfc3161-client`, which knows nothing of Strongroom.

usage: verify-time-stamp.py TOKEN MESSAGE ROOTS.pem     exit 0 verified, 1 not verified

The token must hold the signer's certificate and no other.
"""

import pathlib
import sys

import cryptography.x509
import rfc3161_client

token, message, roots = (pathlib.Path(name).read_bytes() for name in sys.argv[1:])


def length(size):
    """A length in DER."""
    if size < 0x80:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


# The client reads answers, of which a token is the latter part: { { 0 = granted }, token }.
inside = bytes.fromhex("3003020100") + token
answer = rfc3161_client.decode_timestamp_response(b"\x30" + length(len(inside)) + inside)
builder = rfc3161_client.VerifierBuilder()
for root in cryptography.x509.load_pem_x509_certificates(roots):
    builder = builder.add_root_certificate(root)
try:
    builder.build().verify_message(answer, message)
except rfc3161_client.VerificationError as refused:
    print(refused, file=sys.stderr)
    sys.exit(1)
