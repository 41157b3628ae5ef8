//! Pages of a listing, for the backends that make them up themselves: entries come in the byte
//! order of their whole keys, and a page ends with the name of its last entry.

use strongroom_core::limits;

use crate::{ListPage, ListRequest, ListedObject};

/// The first key that a listing may give, in byte order; the empty one comes before all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Start(String);

impl Start {
    /// Where the page asked for starts.
    pub(crate) fn of(request: &ListRequest) -> Self {
        let after = request.start_after.as_deref().map(just_after);
        let page = request.page.as_deref().map(just_after);
        Self(after.max(page).unwrap_or_default())
    }

    /// Right after one entry: a key, or a folder, which ends with `/`.
    pub(crate) fn after(entry: &str) -> Self {
        Self(just_after(entry))
    }

    /// Whether `key` is still to come.
    pub(crate) fn admits(&self, key: &str) -> bool {
        key >= self.0.as_str()
    }

    /// Whether some key in `folder`, which ends with `/`, may still be to come.
    pub(crate) fn admits_in(&self, folder: &str) -> bool {
        // The least text after the folder is its name with `0` instead of the `/`.
        let (start, name) = (self.0.as_bytes(), folder.as_bytes());
        let name = name.strip_suffix(b"/").unwrap_or(name);
        match start.strip_prefix(name) {
            Some(rest) => rest.first().is_none_or(|&byte| byte < b'0'),
            None => start < name,
        }
    }

    /// The first key itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The least text after a key, or after every key in a folder. Keys never end with `/`, folders
/// always do, and `0` is the byte after `/`.
pub(crate) fn just_after(entry: &str) -> String {
    match entry.strip_suffix('/') {
        Some(folder) => format!("{folder}0"),
        None => format!("{entry}\0"),
    }
}

/// A page being filled.
pub(crate) struct PageBuilder {
    page: ListPage,
    entries_max: usize,
    last: Option<String>,
}

/// Whether a page takes more entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// The entry was taken.
    Taken,
    /// The entry belongs on the next page: stop.
    Full,
}

impl PageBuilder {
    pub(crate) fn new(request: &ListRequest) -> Self {
        let entries_max = request.limit.unwrap_or(limits::LIST_PAGE_ENTRIES_MAX);
        Self {
            page: ListPage::default(),
            entries_max: entries_max.clamp(1, limits::LIST_PAGE_ENTRIES_MAX),
            last: None,
        }
    }

    /// How many entries still fit.
    pub(crate) fn room(&self) -> usize {
        self.entries_max - self.page.objects.len() - self.page.folders.len()
    }

    pub(crate) fn push_object(&mut self, object: ListedObject) -> Room {
        if self.room() == 0 {
            return self.full();
        }
        self.last = Some(object.key.clone());
        self.page.objects.push(object);
        Room::Taken
    }

    /// Takes a folder, whose name ends with `/`.
    pub(crate) fn push_folder(&mut self, folder: String) -> Room {
        if self.room() == 0 {
            return self.full();
        }
        self.last = Some(folder.clone());
        self.page.folders.push(folder);
        Room::Taken
    }

    fn full(&mut self) -> Room {
        self.page.next = self.last.clone();
        Room::Full
    }

    pub(crate) fn finish(self) -> ListPage {
        self.page
    }
}

/// The folder under `prefix` that `key` is folded into by a listing by folder, if any.
pub(crate) fn folder_of<'k>(key: &'k str, prefix: &str) -> Option<&'k str> {
    let rest = key.strip_prefix(prefix)?;
    let slash = rest.find('/')?;
    Some(&key[..prefix.len() + slash + 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(start_after: Option<&str>, page: Option<&str>) -> Start {
        Start::of(&ListRequest {
            start_after: start_after.map(str::to_owned),
            page: page.map(str::to_owned),
            ..ListRequest::default()
        })
    }

    #[test]
    fn a_listing_goes_on_right_after_a_key() {
        let start = start(Some("a"), Some("b"));
        assert!(!start.admits("b") && start.admits("b\u{1}") && start.admits("b/c"));
        assert!(!start.admits_in("a/") && start.admits_in("b/"));
    }

    #[test]
    fn a_listing_goes_on_right_after_a_whole_folder() {
        let start = start(None, Some("a/"));
        assert!(!start.admits("a/z") && !start.admits("a/\u{10FFFF}") && start.admits("a0"));
        assert!(!start.admits_in("a/") && start.admits_in("b/"));
    }

    #[test]
    fn a_full_page_says_where_the_next_one_starts_and_the_last_one_does_not() {
        let object = |key: &str| ListedObject {
            key: key.to_owned(),
            size_bytes: 0,
            last_modified: None,
            etag: None,
            is_deleted: false,
        };
        let request = ListRequest { limit: Some(2), ..ListRequest::default() };
        let mut page = PageBuilder::new(&request);
        assert_eq!(page.push_object(object("a")), Room::Taken);
        assert_eq!(page.push_folder("b/".to_owned()), Room::Taken);
        assert_eq!(page.push_object(object("c")), Room::Full);
        assert_eq!(page.finish().next.as_deref(), Some("b/"));

        let mut exact = PageBuilder::new(&request);
        exact.push_object(object("a"));
        exact.push_object(object("b"));
        assert_eq!(exact.finish().next, None);
    }
}
