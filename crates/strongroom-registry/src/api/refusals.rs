//! What a request can be refused with, as the OpenAPI document tells it. A route names what holds for it
//! (`responses(…, Any, Named, InState)`), and each status stands in the document once, with every problem that has it.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::IntoResponses;
use utoipa::openapi::{Ref, RefOr, Response};

use super::problem::{MEDIA_TYPE, Problem, advice_of, status_of, title_of, type_of};
use crate::error::ErrorKind;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident: $($kind:ident),+;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    references(&[$(ErrorKind::$kind),+])
                }
            }
        )*

        /// Every kind that some route names.
        #[cfg(test)]
        const NAMED: &[ErrorKind] = &[$($(ErrorKind::$kind,)+)*];
    };
}

refusals! {
    /// Every request: who asks has a token, and the registry may be busy, or fail.
    Any: Unauthenticated, Busy, Internal;
    /// Only some roles may send it.
    ForSome: Forbidden;
    /// It names something, which is absent or not to be seen.
    Named: NotFound;
    /// It has parameters or header fields that can be wrong.
    Understood: Invalid;
    /// It has a JSON body.
    Bodied: Invalid, BodyMismatch, TooLarge, Unprocessable, PolicyNotMet;
    /// What it is about may be larger than there may be.
    Bounded: TooLarge;
    /// It is done once under an idempotency key.
    Keyed: Invalid, KeyReused;
    /// It is done only to a version of the package.
    Versioned: PreconditionFailed;
    /// It is not for every state of a package, a job or the clock.
    InState: Conflict, WrongState, Retained;
    /// It asks the store.
    Stored: StoreUnavailable, StoreRefused, Corrupt;
    /// It reads bytes that may be in an archive tier.
    Archived: NotImmediatelyAvailable;
    /// It is spoken in one version of a protocol, which says how its bytes come.
    Spoken: ProtocolVersion, UnsupportedMediaType;
    /// It is about an upload whose bytes may be all there.
    Completed: BeingStored;
    /// It reads one range of bytes.
    Ranged: RangeNotSatisfiable;
}

fn references(kinds: &[ErrorKind]) -> BTreeMap<String, RefOr<Response>> {
    let reference = |status: StatusCode| {
        let place = format!("#/components/responses/{}", name_of(status));
        (status.as_str().to_owned(), RefOr::Ref(Ref::new(place)))
    };
    kinds.iter().map(|kind| reference(status_of(*kind))).collect()
}

/// The name of a status among the document's components.
fn name_of(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or(status.as_str()).replace(' ', "")
}

/// Each status that a problem has, as a component of the document.
pub fn components() -> Map<String, Value> {
    let statuses: BTreeSet<_> = ErrorKind::ALL.into_iter().map(status_of).collect();
    statuses.into_iter().map(|status| (name_of(status), component(status))).collect()
}

fn component(status: StatusCode) -> Value {
    let kinds = || ErrorKind::ALL.into_iter().filter(|kind| status_of(*kind) == status);
    let types: Vec<_> = kinds().map(|kind| format!("`{}`", type_of(kind))).collect();
    let examples: Map<_, _> = kinds().map(|kind| (kind.slug().to_owned(), example(kind))).collect();
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    let content = json!({ MEDIA_TYPE: { "schema": schema, "examples": examples } });
    json!({
        "description": format!("Refused. Its `type` is {}.", types.join(" or ")),
        "headers": headers(status, kinds().any(|kind| kind.retry_after().is_some())),
        "content": content,
    })
}

fn example(kind: ErrorKind) -> Value {
    let problem = Problem {
        kind: type_of(kind),
        title: title_of(kind).to_owned(),
        status: status_of(kind).as_u16(),
        detail: "what went wrong this time".to_owned(),
        guidance: None,
    };
    json!({ "summary": title_of(kind), "description": advice_of(kind), "value": problem })
}

fn headers(status: StatusCode, may_tell_when: bool) -> Value {
    let text = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    let mut headers = Map::new();
    if may_tell_when {
        let schema = json!({ "type": "integer", "minimum": 0 });
        let about = "Seconds after which to ask again, where that may help";
        headers.insert("retry-after".to_owned(), json!({ "description": about, "schema": schema }));
    }
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert("www-authenticate".to_owned(), text("`Bearer` (RFC 6750 section 3)"));
        }
        StatusCode::PRECONDITION_FAILED => {
            let about = "The versions that are spoken, where it was another one of tus";
            headers.insert("tus-version".to_owned(), text(about));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert("allow".to_owned(), text("The methods that the path takes"));
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            headers.insert("content-range".to_owned(), text("`bytes */SIZE`"));
        }
        _ => {}
    }
    Value::Object(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_but_that_of_no_route_is_one_that_some_route_names() {
        for kind in ErrorKind::ALL {
            let of_no_route = kind == ErrorKind::MethodNotAllowed;
            assert_eq!(NAMED.contains(&kind), !of_no_route, "{kind:?}");
        }
    }

    #[test]
    fn every_reference_leads_to_a_component() {
        let components = components();
        for (status, reference) in references(NAMED) {
            let RefOr::Ref(reference) = reference else { panic!("{status}: no reference") };
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            assert!(components.contains_key(name), "{status}: {name}");
        }
    }
}
