//! A compliance lock cannot be undone by anybody: its date is typed, or accepted by a flag, before
//! anything is written.

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_storage::evidence::LockPlan;

use crate::failure::Failure;
use crate::output::{Console, time};

/// Asks, where the bundle would come under a lock that nobody can undo: also one that the bucket
/// gives by itself.
pub async fn ask(plan: &LockPlan, accepted_until: Option<Date>, console: &Console) -> Result<()> {
    let Some(retain_until) = plan.effective.value().and_then(beyond_undoing) else {
        return Ok(());
    };
    let day = day_of(retain_until);
    let what = match plan.to_send.is_none() {
        true => format!("the bucket's default, a compliance lock until {day},"),
        false => format!("a compliance lock until {day}"),
    };
    let lock = Irrevocable { retain_until, what, is_on: "this bundle", by: plan.enforced_by };
    accept(&lock, accepted_until, console).await
}

/// Asks, where a change of locks would bring one that nobody can undo: on the bundle or, of a hold, on
/// the records that are locked like it.
pub async fn ask_for_change(
    lock: Option<Retention>,
    is_on: &'static str,
    by: EnforcedBy,
    accepted_until: Option<Date>,
    console: &Console,
) -> Result<()> {
    let Some(Retention { retain_until, .. }) = lock else { return Ok(()) };
    let what = format!("a compliance lock on {is_on} until {}", day_of(retain_until));
    accept(&Irrevocable { retain_until, what, is_on, by }, accepted_until, console).await
}

/// A lock that nobody can undo.
struct Irrevocable {
    retain_until: Timestamp,
    what: String,
    is_on: &'static str,
    by: EnforcedBy,
}

async fn accept(lock: &Irrevocable, accepted_until: Option<Date>, console: &Console) -> Result<()> {
    let Irrevocable { retain_until, what, is_on, by } = lock;
    let day = day_of(*retain_until);
    if let Some(accepted) = accepted_until {
        if day <= accepted {
            return Ok(());
        }
        return Err(Failure::usage(format!(
            "{what} would end after the accepted {accepted}: nothing was written"
        ))
        .with_help(format!("accept it with --yes-lock-until {day}, or lock for less long"))
        .into());
    }
    if !console.can_ask() {
        return Err(Failure::usage(format!(
            "{what} must be accepted, and there is no terminal to ask on: nothing was written"
        ))
        .with_help(format!(
            "accept it with --yes-lock-until {day}; a later date accepts what is to come as well"
        ))
        .into());
    }
    let until = time(*retain_until);
    console.warning(match by {
        EnforcedBy::Strongroom => format!(
            "Strongroom will let nobody delete {is_on} before {until}; whoever reaches the files \
             still can"
        ),
        EnforcedBy::Store | EnforcedBy::None => format!(
            "nobody, not even the owner of the bucket, will be able to delete {is_on} before \
             {until}"
        ),
    });
    let typed = console.ask(format!("Type the date ({day}) to lock it:")).await?;
    if typed.parse::<Date>().is_ok_and(|typed| typed == day) {
        return Ok(());
    }
    Err(Failure::usage("the date that was typed is another: nothing was written").into())
}

/// The date of a lock that nobody can undo.
pub fn beyond_undoing(lock: &Lock) -> Option<Timestamp> {
    let retention = lock.retention.filter(|retention| retention.mode == LockMode::Compliance)?;
    Some(retention.retain_until)
}

fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}
