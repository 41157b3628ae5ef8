//! The keys of one folder, in order, page by page.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::evidence::EvidenceError;
use crate::{ListRequest, ListedObject, Storage, StorageError, StorageErrorKind};

/// The keys of one folder after some key, in the order of their bytes. Holds one page.
pub(super) struct Keys<'a> {
    store: &'a dyn Storage,
    /// Pages that were asked for, of all folders.
    pages: &'a AtomicU64,
    /// `None` once the last page has come.
    request: Option<ListRequest>,
    page: VecDeque<ListedObject>,
    last: String,
}

impl<'a> Keys<'a> {
    /// The keys under `prefix` that come after `start_after`.
    pub(super) fn new(
        store: &'a dyn Storage,
        pages: &'a AtomicU64,
        prefix: &str,
        start_after: Option<String>,
    ) -> Self {
        let request =
            ListRequest { prefix: prefix.to_owned(), start_after, ..ListRequest::default() };
        Self { store, pages, request: Some(request), page: VecDeque::new(), last: String::new() }
    }

    /// The next object, which stays the next one.
    pub(super) async fn peek(&mut self) -> Result<Option<&ListedObject>, EvidenceError> {
        while self.page.is_empty() {
            let Some(mut request) = self.request.take() else { return Ok(None) };
            self.pages.fetch_add(1, Ordering::Relaxed);
            let page = self.store.list(&request).await?;
            for object in &page.objects {
                if object.key <= self.last {
                    return Err(out_of_order().into());
                }
                self.last.clone_from(&object.key);
            }
            self.page = page.objects.into();
            if page.next.is_some() {
                request.page = page.next;
                self.request = Some(request);
            }
        }
        Ok(self.page.front())
    }

    /// Takes the next object, which was peeked at.
    pub(super) fn take(&mut self) -> Option<ListedObject> {
        self.page.pop_front()
    }

    /// Goes on after every key that starts with `folder`, which ends with `/` and which the next key
    /// is in. Costs a page less than walking through it where it is larger than one.
    pub(super) fn leap(&mut self, folder: &str) {
        while self.page.front().is_some_and(|object| object.key.starts_with(folder)) {
            self.page.pop_front();
        }
        if !self.page.is_empty() {
            return;
        }
        // Nothing of ours in the folder sorts after this; what does is walked through.
        let after = format!("{folder}~");
        if let Some(request) = self.request.as_mut().filter(|_| self.last < after) {
            request.start_after = Some(after);
            request.page = None;
        }
    }
}

fn out_of_order() -> StorageError {
    StorageError::new(
        StorageErrorKind::Malformed,
        "the store does not list its keys in the order of their bytes, without which an audit cannot \
         tell what is missing",
    )
}
