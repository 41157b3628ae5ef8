// Verifies a Sigstore bundle with npm's @sigstore/verify and a public key: no log, no certificate. With the
// certificates of a time-stamp authority, its own first, one of its time stamps is needed too. Says ok or the
// library's own error code.
//
// usage: NODE_PATH=…/node_modules node scripts/verify-with-sigstore.cjs BUNDLE HINT PUBLIC_KEY_PEM [AUTHORITY_PEM]
const { X509Certificate } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const [bundle, hint, publicKey, authority] = process.argv.slice(2);
const certificates = (pem) =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
    .map((one) => ({ rawBytes: new X509Certificate(one).raw }));
const timestampAuthorities = authority
  ? [{ certChain: { certificates: certificates(readFileSync(authority, "utf8")) } }]
  : [];
const trusted = { certificateAuthorities: [], timestampAuthorities, tlogs: [], ctlogs: [] };
const keys = { [hint]: { rawBytes: readFileSync(publicKey, "utf8") } };
const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: timestampAuthorities.length };
try {
  const entity = toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(bundle, "utf8"))));
  new Verifier(toTrustMaterial(trusted, keys), thresholds).verify(entity);
  console.log("ok");
} catch (error) {
  console.log(error.code ?? String(error));
  process.exitCode = 1;
}
