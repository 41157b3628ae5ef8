//! RFC 8785 canonical JSON and a strict I-JSON (RFC 7493) parser.
