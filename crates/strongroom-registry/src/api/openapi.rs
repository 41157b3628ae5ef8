//! The OpenAPI 3.1 document: what each route says of itself, and what holds for all of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, Info, OpenApi, Paths};

use super::problem::Problem;
use super::refusals;

/// Where schemas are.
const SCHEMAS: &str = "#/components/schemas/";
/// Where the header of every answer is.
const REQUEST_ID: &str = "#/components/headers/RequestId";

/// What the routes are about, in the order of a package's life.
const TAGS: [(&str, &str); 7] = [
    ("packages", "Made, found, finalized, read"),
    ("files", "Stored in open packages, downloaded"),
    ("retention", "Kept longer, held, brought back from an archive"),
    ("deletion", "Asked for, agreed to, taken back"),
    ("audit", "Who did what, when"),
    ("jobs", "Work that goes on after the answer"),
    ("administration", "Tokens, backends, metadata schemas, the sweeper"),
];

/// The document before any route is in it.
pub fn described() -> OpenApi {
    let mut info = Info::new("Strongroom registry", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Keeps packages of generated artifacts in storage that their owners hold, and proves that they are kept.\n\n\
         Errors are RFC 9457 problem documents: programs go by `type`, which is stable, and bear with types that they do \
         not know. In answers a field that does not apply is absent, never null; further fields may come. Times are \
         RFC 3339 in UTC."
            .to_owned(),
    );
    info.license = Some(
        utoipa::openapi::LicenseBuilder::new()
            .name(env!("CARGO_PKG_LICENSE"))
            .identifier(Some(env!("CARGO_PKG_LICENSE")))
            .build(),
    );
    let mut document = OpenApi::new(info, Paths::new());
    let mut components = ComponentsBuilder::new().schema_from::<Problem>().build();
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("srt_…").description(Some(
            "A token of one role, made by `strongroom admin token create` or by `POST /tokens`",
        ));
    components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
    document.components = Some(components);
    document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    let tag =
        |(name, about): (&str, &str)| TagBuilder::new().name(name).description(Some(about)).build();
    document.tags = Some(TAGS.into_iter().map(tag).collect());
    document
}

/// The document with everything that holds for all routes.
pub fn completed(routes: &OpenApi) -> Value {
    let mut document = serde_json::to_value(routes).unwrap_or_default();
    spell_paths(&mut document);
    let mut taken = BTreeSet::new();
    for operation in operations(&mut document) {
        for parameter in members(operation, "parameters") {
            never_null(parameter);
        }
        for answer in fields(operation, "responses").filter(|answer| answer.get("$ref").is_none()) {
            sign(answer);
        }
        if let Some(body) = operation.get_mut("requestBody") {
            never_null(body);
        }
        referred(operation.get("requestBody").unwrap_or(&Value::Null), &mut taken);
    }
    taken = with_what_they_refer_to(&document, taken);
    let components = &mut document["components"];
    for (name, schema) in components["schemas"].as_object_mut().into_iter().flatten() {
        // What is sent to us may say null where a field does not apply.
        if !taken.contains(name) {
            never_null(schema);
        }
    }
    let mut answers = Value::Object(refusals::components());
    answers.as_object_mut().into_iter().flatten().for_each(|(_, answer)| sign(answer));
    components["responses"] = answers;
    components["headers"] = json!({ "RequestId": {
        "description": "The request's id, in the log too: the client's own where it sent a harmless one",
        "schema": { "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$" },
    } });
    document
}

/// Paths as OpenAPI spells them, which knows no parameter of several segments: a client sends its slashes as `%2F`.
fn spell_paths(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    *paths = std::mem::take(paths)
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
}

/// Every answer has its request's id.
fn sign(answer: &mut Value) {
    answer["headers"]["x-request-id"] = json!({ "$ref": REQUEST_ID });
}

/// Takes null from what a schema, or anything with schemas in it, allows.
fn never_null(place: &mut Value) {
    match place {
        Value::Array(list) => list.iter_mut().for_each(never_null),
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_mut_slice() {
                    let only = only.take();
                    fields.insert("type".to_owned(), only);
                }
            }
            if let Some(only) = the_one_beside_null(fields) {
                fields.remove("oneOf");
                fields.extend(only);
            }
            fields.values_mut().for_each(never_null);
        }
        _ => {}
    }
}

/// The schema of `oneOf: [schema, null]`.
fn the_one_beside_null(fields: &mut Map<String, Value>) -> Option<Map<String, Value>> {
    let list = fields.get_mut("oneOf")?.as_array_mut()?;
    list.retain(|schema| schema["type"] != "null");
    match list.as_mut_slice() {
        [Value::Object(only)] => Some(std::mem::take(only)),
        _ => None,
    }
}

/// Adds the names of the schemas that stand somewhere in `place`.
fn referred(place: &Value, names: &mut BTreeSet<String>) {
    match place {
        Value::Array(list) => list.iter().for_each(|member| referred(member, names)),
        Value::Object(fields) => fields.values().for_each(|member| referred(member, names)),
        Value::String(text) => names.extend(text.strip_prefix(SCHEMAS).map(str::to_owned)),
        _ => {}
    }
}

fn with_what_they_refer_to(document: &Value, names: BTreeSet<String>) -> BTreeSet<String> {
    let mut all = names.clone();
    for name in &names {
        referred(&document["components"]["schemas"][name], &mut all);
    }
    if all.len() == names.len() { all } else { with_what_they_refer_to(document, all) }
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    paths.filter_map(|(_, item)| item.as_object_mut()).flatten().map(|(_, operation)| operation)
}

fn members<'a>(place: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    place.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn fields<'a>(place: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    let fields = place.get_mut(name).and_then(Value::as_object_mut);
    fields.into_iter().flatten().map(|(_, field)| field)
}
