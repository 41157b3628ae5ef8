//! A bucket's Object Lock configuration.

#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::bucket::{DefaultRetention as KeptDefault, Period, Versioning};
use super::super::lie::Lie;
use super::super::refusal::{invalid_argument, malformed_xml, refuse};
use super::bucket::{change, look};
use super::{Context, conversions};

/// The longest default retention that S3 takes.
const DAYS_MAX: i32 = 36_500;
/// The same in years.
const YEARS_MAX: i32 = 100;

pub(super) async fn configuration(
    context: &Context<'_>,
    request: S3Request<GetObjectLockConfigurationInput>,
) -> S3Result<GetObjectLockConfigurationOutput> {
    look(context, &request.input.bucket, |bucket| {
        if !bucket.settings.object_lock && !context.lies(Lie::ClaimsObjectLock) {
            return Err(refuse(
                404,
                "ObjectLockConfigurationNotFoundError",
                "Object Lock configuration does not exist for this bucket",
            ));
        }
        let default = bucket.settings.default_retention;
        let rule = default.filter(|_| !context.lies(Lie::HidesDefaultRetention)).map(told);
        Ok(GetObjectLockConfigurationOutput {
            object_lock_configuration: Some(ObjectLockConfiguration {
                object_lock_enabled: Some(ObjectLockEnabled::from_static("Enabled")),
                rule,
            }),
        })
    })
}

fn told(default: KeptDefault) -> ObjectLockRule {
    let (days, years) = match default.period {
        Period::Days(days) => (i32::try_from(days).ok(), None),
        Period::Years(years) => (None, i32::try_from(years).ok()),
    };
    ObjectLockRule {
        default_retention: Some(DefaultRetention {
            mode: Some(ObjectLockRetentionMode::from_static(conversions::mode_text(default.mode))),
            days,
            years,
        }),
    }
}

pub(super) async fn configure(
    context: &Context<'_>,
    request: S3Request<PutObjectLockConfigurationInput>,
) -> S3Result<PutObjectLockConfigurationOutput> {
    let input = request.input;
    let wanted = input.object_lock_configuration.ok_or_else(malformed_xml)?;
    if wanted.object_lock_enabled.as_ref().map(ObjectLockEnabled::as_str) != Some("Enabled") {
        return Err(malformed_xml());
    }
    let default = wanted.rule.map(|rule| rule.default_retention.ok_or_else(malformed_xml));
    let default = default.transpose()?.map(|default| kept(&default)).transpose()?;
    change(context, &input.bucket, |bucket| {
        if bucket.settings.versioning != Versioning::Enabled {
            return Err(refuse(
                409,
                "InvalidBucketState",
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            ));
        }
        bucket.settings.object_lock = true;
        bucket.settings.default_retention = default;
        Ok(PutObjectLockConfigurationOutput::default())
    })
}

/// A default retention as S3 takes it: a mode, and days or years, not both.
fn kept(default: &DefaultRetention) -> S3Result<KeptDefault> {
    let mode = default.mode.as_ref().map(ObjectLockRetentionMode::as_str);
    let mode = mode.and_then(conversions::mode).ok_or_else(malformed_xml)?;
    let (given, max) = match (default.days, default.years) {
        (Some(days), None) => (days, DAYS_MAX),
        (None, Some(years)) => (years, YEARS_MAX),
        _ => return Err(malformed_xml()),
    };
    let invalid = |message| refuse(400, "InvalidRetentionPeriod", message);
    if given > max {
        return Err(invalid_argument("Default retention period too large"));
    }
    let given = u32::try_from(given)
        .ok()
        .filter(|given| *given > 0)
        .ok_or_else(|| invalid("Default retention period must be a positive integer value."))?;
    let period = if default.days.is_some() { Period::Days(given) } else { Period::Years(given) };
    Ok(KeptDefault { mode, period })
}
