//! Answers whose header fields more than one route or status has, as the OpenAPI document tells them: each field is
//! described once.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema};

/// What a body or a header field is.
type Form = fn() -> RefOr<Schema>;

/// A header field: its name, what it is, what it says.
type Field = (&'static str, Form, &'static str);

const TEXT: Form = String::schema;
const NUMBER: Form = u64::schema;
/// A document of ours, byte for byte.
const DOCUMENT: Form = || ObjectBuilder::new().into();
/// See [`words::Bytes`](crate::documents::words::Bytes).
const BYTES: Form = || RefOr::Ref(Ref::from_schema_name("Bytes"));

/// Of every answer of the tus protocol.
const SPOKEN: &[Field] = &[("tus-resumable", TEXT, "The version of the protocol")];
/// How far an upload is.
const REACHED: &[Field] = &[
    ("upload-offset", NUMBER, "How many bytes came: the next ones begin here"),
    ("upload-expires", TEXT, "When the upload is not waited for any more"),
    ("content-location", TEXT, "The file that it is, once it is one"),
    ("repr-digest", TEXT, "The digest of that file (RFC 9530)"),
];
/// Bytes that are known by their digest.
const KNOWN: &[Field] = &[
    ("etag", TEXT, "The digest of the bytes, as a strong tag"),
    ("repr-digest", TEXT, "The digest of the whole, whatever part of it comes (RFC 9530)"),
];
/// Bytes that a browser is to put into a file.
const ATTACHED: &[Field] =
    &[("content-disposition", TEXT, "An attachment, and the name to keep it under")];
/// What a producer said of them.
const DECLARED: &[Field] =
    &[("x-strongroom-media-type", TEXT, "The media type that its producer declared, if any")];
/// Bytes of which a range can be had.
const RANGED: &[Field] = &[("accept-ranges", TEXT, "`bytes`")];
/// How many of them come.
const SENT: &[Field] = &[("content-length", NUMBER, "The bytes of this answer")];

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident: $status:literal $about:literal $($media:literal $body:ident)?, [$($fields:expr),+];)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let answer = ResponseBuilder::new().description($about);
                $(let answer = answer.content($media, ContentBuilder::new().schema(Some($body())).build());)?
                answered($status, answer, &[$($fields),+])
            }
        }
    )*};
}

answers! {
    /// An upload that can be sent.
    Begun: "201" "It can be sent", [SPOKEN, REACHED, &[("location", TEXT, "Where its bytes go")]];
    /// An upload that is looked at.
    Reached: "200" "How far it is", [SPOKEN, REACHED, &[
        ("upload-length", NUMBER, "How many bytes there are"),
        ("upload-metadata", TEXT, "What was said of the file, as it was sent"),
    ]];
    /// Bytes of an upload that are there.
    Counted: "204" "They count", [SPOKEN, REACHED];
    /// An upload that is no more.
    Ended: "204" "There is no such upload any more", [SPOKEN];
    /// The protocol.
    Told: "204" "What is spoken", [SPOKEN, &[
        ("tus-version", TEXT, "The versions: `1.0.0`"),
        ("tus-extension", TEXT, "The extensions: `creation,expiration,termination`"),
        ("tus-max-size", NUMBER, "Bytes of one file"),
    ]];
    /// A file.
    WholeFile: "200" "The bytes" "application/octet-stream" BYTES, [KNOWN, ATTACHED, DECLARED, RANGED, SENT];
    /// A part of one.
    PartOfFile: "206" "The range that was asked for" "application/octet-stream" BYTES, [KNOWN, ATTACHED, DECLARED, RANGED, SENT, &[
        ("content-range", TEXT, "`bytes FIRST-LAST/SIZE`"),
    ]];
    /// A file whose bytes the client has.
    FileIsHad: "304" "The client has it already", [KNOWN, ATTACHED, DECLARED, RANGED];
    /// A file that is to be had elsewhere.
    AtTheStore: "307" "The bytes are at the store, at a link that is good for a while: ask there for the same range, without the token, and hold the whole against the digest", [KNOWN, DECLARED, &[
        ("location", TEXT, "The link: a secret, and good for five minutes at most"),
        ("cache-control", TEXT, "`no-store`"),
        ("referrer-policy", TEXT, "`no-referrer`"),
        ("etag", TEXT, "The digest of the bytes, as a strong tag; the store has a tag of its own"),
    ]];
    /// `package.json`.
    Manifest: "200" "The document, byte for byte" "application/json" DOCUMENT, [KNOWN, ATTACHED, SENT];
    /// The signature of a manifest.
    ManifestSignature: "200" "The signature file, byte for byte"
        "application/vnd.dev.sigstore.bundle.v0.3+json" DOCUMENT, [KNOWN, ATTACHED, SENT];
    /// A document that the client has.
    IsHad: "304" "The client has it already", [KNOWN, ATTACHED];
}

fn answered(
    status: &str,
    answer: ResponseBuilder,
    fields: &[&[Field]],
) -> BTreeMap<String, RefOr<Response>> {
    let fields = fields.iter().copied().flatten();
    let answer = fields.fold(answer, |answer, (name, form, about)| {
        let field = HeaderBuilder::new().schema(Some(form())).description(Some(*about)).build();
        answer.header(*name, field)
    });
    BTreeMap::from([(status.to_owned(), RefOr::T(answer.build()))])
}
