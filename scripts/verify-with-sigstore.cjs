// Verifies a Sigstore bundle with npm's @sigstore/verify and a public key: no log, no time stamp, no
// certificate. Says ok or the library's own error code.
//
// usage: NODE_PATH=…/node_modules node scripts/verify-with-sigstore.cjs BUNDLE HINT PUBLIC_KEY_PEM
const { readFileSync } = require("node:fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const [bundle, hint, publicKey] = process.argv.slice(2);
const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const keys = { [hint]: { rawBytes: readFileSync(publicKey, "utf8") } };
const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
try {
  const entity = toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(bundle, "utf8"))));
  new Verifier(toTrustMaterial(nobody, keys), thresholds).verify(entity);
  console.log("ok");
} catch (error) {
  console.log(error.code ?? String(error));
  process.exitCode = 1;
}
