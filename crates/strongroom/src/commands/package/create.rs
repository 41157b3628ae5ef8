//! `strongroom package create`, and what `create` and `push` declare.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::bundle::Declarations;
use strongroom_core::package::{PackageStatus, RetentionClass, metadata};
use strongroom_registry::documents::{NewPackage, PackageDocument, ProducerDocument, RetentionAsk};
use uuid::Uuid;

use super::human;
use crate::cli::{PackageCreateArgs, PackageDeclarationArgs};
use crate::client::{Client, new_key};
use crate::commands::Context;
use crate::commands::declarations::{OfTheBundle, declared};
use crate::failure::Failure;

/// The schema that a new package is printed under.
const SCHEMA: &str = "strongroom.package-created/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    package_id: Uuid,
    name: &'a str,
    status: PackageStatus,
    retention_class: RetentionClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    active_holds: u64,
}

/// Makes an empty package.
pub async fn run(args: PackageCreateArgs, client: &Client, context: &Context) -> Result<()> {
    let (ask, _) = declared_of(&args.package, context)?;
    let key = args.idempotency_key.unwrap_or_else(|| new_key(&context.clock));
    let package = client.create_package(&ask, &key).await?;
    show(&package, context)
}

fn show(package: &PackageDocument, context: &Context) -> Result<()> {
    let document = Document {
        schema: SCHEMA,
        package_id: package.package_id,
        name: &package.name,
        status: package.status,
        retention_class: package.retention_class,
        expires_at: package.expires_at,
        active_holds: package.active_holds,
    };
    context.console.result(|console| human(package, console), &document)
}

/// What the flags declare, as the registry takes it and as a manifest says it.
pub fn declared_of(
    args: &PackageDeclarationArgs,
    context: &Context,
) -> Result<(NewPackage, Declarations), Failure> {
    let of_the_bundle = OfTheBundle { run_id: args.run_id.clone(), legal_hold: args.legal_hold };
    let declarations = declared(&args.declarations, of_the_bundle, context)?;
    // Better known before gigabytes are hashed than when the registry refuses it.
    metadata::check_created_at(declarations.created_at).map_err(|refused| {
        let failure = Failure::usage(refused.to_string());
        match refused.guidance() {
            Some(guidance) => failure.with_help(guidance.to_owned()),
            None => failure,
        }
    })?;
    Ok((new_package(args.name.clone(), &declarations)?, declarations))
}

fn new_package(name: Option<String>, declared: &Declarations) -> Result<NewPackage, Failure> {
    let retention = match &declared.retention {
        None => None,
        Some(retention) => {
            let class = retention.class.as_deref().ok_or_else(|| {
                Failure::usage("a package that is to be kept in a way of its own names its class")
                    .with_help("add --retention-class, such as raw-evidence")
            })?;
            let class =
                class.parse().map_err(|_| Failure::usage("there is no such retention class"))?;
            let legal_hold = retention.legal_hold.unwrap_or(false);
            Some(RetentionAsk { class, days: retention.days, legal_hold })
        }
    };
    Ok(NewPackage {
        name,
        producer: declared.producer.as_ref().map(|producer| ProducerDocument {
            name: producer.name.clone(),
            version: producer.version.clone(),
        }),
        subject: declared.subject.clone(),
        run_id: declared.run_id.clone(),
        created_at: declared.created_at,
        retention,
        metadata: declared.metadata.clone().unwrap_or_default(),
    })
}
