//! A compliance lock cannot be undone by anybody: its date is typed, or accepted by a flag, before
//! anything is written.

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use strongroom_core::retention::{Lock, LockMode};

use crate::failure::Failure;
use crate::output::{Console, time};

/// Asks, where `lock` is one that nobody can undo.
pub async fn ask(lock: &Lock, accepted_until: Option<Date>, console: &Console) -> Result<()> {
    let Some(retain_until) = beyond_undoing(lock) else { return Ok(()) };
    let day = day_of(retain_until);
    if let Some(accepted) = accepted_until {
        if day <= accepted {
            return Ok(());
        }
        return Err(Failure::usage(format!(
            "the compliance lock would end on {day}, after the accepted {accepted}: nothing was \
             written"
        ))
        .with_help(format!("accept it with --yes-lock-until {day}, or lock for less long"))
        .into());
    }
    if !console.can_ask() {
        return Err(Failure::usage(format!(
            "a compliance lock until {day} must be accepted, and there is no terminal to ask on: \
             nothing was written"
        ))
        .with_help(format!("accept it with --yes-lock-until {day}"))
        .into());
    }
    console.warning(format!(
        "nobody, not even the owner of the bucket, can delete this bundle before {}",
        time(retain_until)
    ));
    let typed = console.ask(format!("Type the date ({day}) to lock it:")).await?;
    if typed.parse::<Date>().is_ok_and(|typed| typed == day) {
        return Ok(());
    }
    Err(Failure::usage("the date that was typed is another: nothing was written").into())
}

/// The date of a lock that nobody can undo.
fn beyond_undoing(lock: &Lock) -> Option<Timestamp> {
    let retention = lock.retention.filter(|retention| retention.mode == LockMode::Compliance)?;
    Some(retention.retain_until)
}

fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}
