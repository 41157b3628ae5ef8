#!/usr/bin/env python3
"""A bill of materials, read by PyPI `cyclonedx-python-lib` against the schema of CycloneDX 1.5.

usage: check-bill-of-materials.py FILE     exit 0 valid, 1 not valid
"""

import json
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = pathlib.Path(sys.argv[1]).read_text()
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
if wrong:
    sys.exit(f"not valid: {wrong}")
bill = json.loads(text)
names = {component["name"] for component in bill["components"]}
for name in ("tokio", "rustls", "sha2", "strongroom-core"):
    if name not in names:
        sys.exit(f"not in the bill of materials: {name}")
for component in bill["components"]:
    if "purl" not in component or "licenses" not in component:
        sys.exit(f"without purl or licence: {component['name']}")
print(f"{len(names)} components")
