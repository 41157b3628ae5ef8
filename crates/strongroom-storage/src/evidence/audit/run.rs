//! An audit under way: what is walked, in what order, and how far it has come.

use futures::{StreamExt as _, stream};
use strongroom_core::BundleId;
use strongroom_core::observed::{Observed, Unobserved};

use super::check::{Checked, Checks};
use super::cost::Spent;
use super::cursor::Cursor;
use super::finding::Problem;
use super::held::{Held, Known};
use super::named::NamedBundles;
use super::references::{self, Slice};
use super::report::AuditReport;
use super::sample::leading_number;
use super::walk::{Group, Step, Walk};
use super::{AuditRequest, CHECKS_AT_ONCE};
use crate::Storage;
use crate::evidence::EvidenceError;

/// How far an audit has come, while it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progressed {
    /// The part of all ids that was walked, from 0 to 1. Ids are digests, so it is about the part of
    /// all bundles too.
    pub fraction: f64,
    /// Bytes of bundles that were read.
    pub bundle_bytes: u64,
}

/// An audit under way. What it knows is whole between any two awaits, so that it can be dropped.
pub(super) struct Run<'a> {
    pub(super) store: &'a dyn Storage,
    pub(super) request: &'a AuditRequest,
    pub(super) spent: &'a Spent,
    pub(super) checks: &'a Checks<'a>,
    pub(super) report: AuditReport,
    /// How far it has come. What was found on the way is in the report.
    pub(super) cursor: Option<Cursor>,
    /// Bundles of one slice: `IDS_HELD_MAX`.
    pub(super) slice_ids_max: usize,
}

/// A step of a walk, once its bundle was looked at.
struct Stepped {
    step: Step,
    /// `None` at the end of the walk.
    bundle: Option<Looked>,
}

enum Looked {
    Now(Checked),
    /// By an earlier audit, which told what it found.
    Before(BundleId, Option<Known>),
}

impl Run<'_> {
    /// Walks what was asked for, telling `advance` of each bundle.
    pub(super) async fn all_the_way(
        &mut self,
        advance: &mut impl FnMut(&AuditReport, Progressed),
    ) -> Result<(), EvidenceError> {
        match self.request.run_id.as_deref() {
            Some(run_id) => self.through_run(run_id, advance).await,
            None => self.through_store(advance).await,
        }
    }

    async fn through_store(
        &mut self,
        advance: &mut impl FnMut(&AuditReport, Progressed),
    ) -> Result<(), EvidenceError> {
        let mut after = self.cursor.and_then(|cursor| cursor.referenced);
        let told_up_to = self.cursor.map(|cursor| cursor.checked);
        let pages = &self.spent.list_pages;
        let mut walk = Walk::of_all(self.store, pages, self.request.sample, after, told_up_to);
        loop {
            let (mut held, end) = self.through_slice(&mut walk, told_up_to, advance).await?;
            self.add_unobserved(walk.deleted_unobserved());
            let up_to = held.last().filter(|_| end.is_none());
            self.hold_references(Slice { after, up_to }, &mut held).await?;
            if let Some(end) = end {
                // Only now: an audit that goes on after the last bundle meets it again.
                self.add_step(&end);
                return Ok(());
            }
            after = up_to;
            if let Some(cursor) = &mut self.cursor {
                cursor.referenced = after;
            }
        }
    }

    /// Looks at as many bundles as can be held; with what was met after the last one, if it was
    /// among these.
    async fn through_slice(
        &mut self,
        walk: &mut Walk<'_>,
        told_up_to: Option<BundleId>,
        advance: &mut impl FnMut(&AuditReport, Progressed),
    ) -> Result<(Held, Option<Step>), EvidenceError> {
        let (checks, slice_ids_max) = (self.checks, self.slice_ids_max);
        let steps = stream::unfold(Some((walk, 0)), |state| async move {
            let (walk, taken) = state.filter(|(_, taken)| *taken < slice_ids_max)?;
            match walk.next().await {
                Ok(step) if step.group.is_none() => Some((Ok(step), None)),
                Ok(step) => Some((Ok(step), Some((walk, taken + 1)))),
                Err(error) => Some((Err(error), None)),
            }
        });
        let stepped = steps.map(|step: Result<Step, EvidenceError>| async move {
            let mut step = step?;
            let bundle = match step.group.take() {
                None => None,
                Some(group) if told_up_to.is_some_and(|id| group.id <= id) => {
                    Some(Looked::Before(group.id, checks.known(group).await?))
                }
                Some(group) => Some(Looked::Now(checks.check(group, Vec::new()).await?)),
            };
            Ok::<_, EvidenceError>(Stepped { step, bundle })
        });
        let mut stepped = std::pin::pin!(stepped.buffered(CHECKS_AT_ONCE));
        let mut held = Held::default();
        while let Some(stepped) = stepped.next().await {
            let Stepped { step, bundle } = stepped?;
            let Some(bundle) = bundle else { return Ok((held, Some(step))) };
            self.add_step(&step);
            match bundle {
                Looked::Before(id, known) => held.push_known(id, known),
                Looked::Now(checked) => {
                    held.push_known(checked.id, checked.known);
                    self.add(checked, advance);
                }
            }
        }
        Ok((held, None))
    }

    async fn hold_references(
        &mut self,
        slice: Slice,
        held: &mut Held,
    ) -> Result<(), EvidenceError> {
        let sample = self.request.sample;
        let referenced = references::check(self.store, self.spent, sample, slice, held).await?;
        self.report.looked_at.references += referenced.references;
        referenced.findings.into_iter().for_each(|finding| self.report.add(finding));
        self.report.add_unnamed(&Problem::ForeignObject, referenced.foreign_unnamed);
        self.report.add_unnamed(&Problem::ReferenceWithoutBundle, referenced.dangling_unnamed);
        Ok(())
    }

    async fn through_run(
        &mut self,
        run_id: &str,
        advance: &mut impl FnMut(&AuditReport, Progressed),
    ) -> Result<(), EvidenceError> {
        let (store, checks, pages) = (self.store, self.checks, &self.spent.list_pages);
        let sample = self.request.sample;
        let told_up_to = self.cursor.map(|cursor| cursor.checked);
        let mut named = NamedBundles::of_run(store, pages, run_id);
        let bundles = stream::unfold(Some(&mut named), |named| async move {
            let named = named?;
            match named.next().await {
                Ok(None) => None,
                Ok(Some(bundle)) => Some((Ok(bundle), Some(named))),
                Err(error) => Some((Err(error), None)),
            }
        });
        let stepped = bundles.map(|bundle: Result<_, EvidenceError>| async move {
            let (id, references) = bundle?;
            let is_wanted = sample.admits(id) && told_up_to.is_none_or(|told| id > told);
            if !is_wanted {
                return Ok(None);
            }
            let mut walk = Walk::of_one(store, pages, id);
            let mut step = walk.next().await?;
            let unobserved = walk.deleted_unobserved();
            let group = step.group.take().unwrap_or_else(|| Group::empty(id));
            let bundle = Looked::Now(checks.check(group, references).await?);
            Ok::<_, EvidenceError>(Some((Stepped { step, bundle: Some(bundle) }, unobserved)))
        });
        let mut stepped = Box::pin(stepped.buffered(CHECKS_AT_ONCE));
        while let Some(stepped) = stepped.next().await {
            let Some((Stepped { step, bundle }, unobserved)) = stepped? else { continue };
            self.add_unobserved(unobserved);
            self.add_step(&step);
            if let Some(Looked::Now(checked)) = bundle {
                self.report.looked_at.references += 1;
                self.add(checked, advance);
            }
        }
        drop(stepped);
        named.refuse_none()
    }

    fn add_unobserved(&mut self, reason: Option<Unobserved>) {
        if let Some(reason) = reason {
            self.report.deleted_listed = Observed::Unobserved(reason);
        }
    }

    /// Adds what was met on the way to a bundle.
    fn add_step(&mut self, step: &Step) {
        for key in &step.foreign {
            let key = self.checks.whole(key);
            self.report.add(Problem::ForeignObject.at(None, vec![key]));
        }
        self.report.add_unnamed(&Problem::ForeignObject, step.foreign_unnamed);
    }

    fn add(&mut self, checked: Checked, advance: &mut impl FnMut(&AuditReport, Progressed)) {
        self.report.looked_at.add(checked.looked_at);
        checked.findings.into_iter().for_each(|finding| self.report.add(finding));
        let referenced = self.cursor.and_then(|cursor| cursor.referenced);
        self.cursor = Some(Cursor { checked: checked.id, referenced, worst: None });
        // Both fit a float well enough for a bar.
        let fraction = leading_number(checked.id.0) as f64 / u64::MAX as f64;
        let bundle_bytes = self.spent.so_far().bundle_bytes;
        advance(&self.report, Progressed { fraction, bundle_bytes });
    }
}

#[cfg(test)]
mod tests;
