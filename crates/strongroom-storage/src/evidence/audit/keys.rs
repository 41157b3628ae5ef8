//! The keys of one folder, in order, page by page.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_core::observed::{Observed, Unobserved};

use crate::evidence::EvidenceError;
use crate::{ListPage, ListRequest, ListedObject, Storage, StorageError, StorageErrorKind};

/// The keys of one folder after some key, in the order of their bytes. Holds one page.
pub(super) struct Keys<'a> {
    store: &'a dyn Storage,
    /// Pages that were asked for, of all folders.
    pages: &'a AtomicU64,
    /// `None` once the last page has come.
    request: Option<ListRequest>,
    page: VecDeque<ListedObject>,
    last: String,
    /// Whether keys under a delete marker are listed too.
    deleted: Deleted,
}

/// Whether keys under a delete marker are listed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deleted {
    /// Nobody asked.
    LeftOut,
    /// They are, as far as the store was asked.
    Listed,
    /// The store does not tell.
    Unobserved(Unobserved),
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
        Self {
            store,
            pages,
            request: Some(request),
            page: VecDeque::new(),
            last: String::new(),
            deleted: Deleted::LeftOut,
        }
    }

    /// The same keys, and those under a delete marker where the store tells of them.
    pub(super) fn with_deleted(self) -> Self {
        Self { deleted: Deleted::Listed, ..self }
    }

    /// Why keys under a delete marker were asked for and not told.
    pub(super) fn deleted_unobserved(&self) -> Option<Unobserved> {
        match self.deleted {
            Deleted::Unobserved(reason) => Some(reason),
            Deleted::LeftOut | Deleted::Listed => None,
        }
    }

    async fn list(&mut self, request: &ListRequest) -> Result<ListPage, EvidenceError> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        if self.deleted == Deleted::Listed {
            match self.store.list_with_deleted(request).await? {
                Observed::Observed(page) => return Ok(page),
                // One kind of page does not go on where the other ended.
                Observed::Unobserved(_) if request.page.is_some() => return Err(ended().into()),
                Observed::Unobserved(reason) => self.deleted = Deleted::Unobserved(reason),
            }
        }
        Ok(self.store.list(request).await?)
    }

    /// The next object, which stays the next one.
    pub(super) async fn peek(&mut self) -> Result<Option<&ListedObject>, EvidenceError> {
        while self.page.is_empty() {
            let Some(mut request) = self.request.take() else { return Ok(None) };
            let page = self.list(&request).await?;
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

fn ended() -> StorageError {
    let message = "the store told of versions at first, and then did not";
    StorageError::new(StorageErrorKind::Malformed, message)
}

fn out_of_order() -> StorageError {
    StorageError::new(
        StorageErrorKind::Malformed,
        "the store does not list its keys in the order of their bytes, without which an audit cannot \
         tell what is missing",
    )
}
