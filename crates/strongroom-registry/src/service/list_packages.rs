//! Packages are found: newest first, a page at a time, by what they declare.

use super::{Registry, cursor, read_package};
use crate::auth::{Action, Principal, Resource, Role, authorize};
use crate::db::PackageFilter;
use crate::db::limits::METADATA_FILTERS_MAX;
use crate::documents::{PackagePage, PackageQuery};
use crate::error::{ErrorKind, ServiceError};

/// Bytes of a filter.
const FILTER_BYTES_MAX: usize = 1_024;

impl Registry {
    /// Finds packages, the newest first. Producers find their own.
    pub async fn list_packages(
        &self,
        who: &Principal,
        query: PackageQuery,
    ) -> Result<PackagePage, ServiceError> {
        authorize(who, Action::ListPackages, Resource::Registry)?;
        let limit = self.page_entries(query.limit)?;
        let after = query.cursor.as_deref().map(cursor::from_text).transpose()?;
        let filter = filter(who, query)?;
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let page = rows.search_packages(&filter, after, limit).await?;
        let packages = page.rows.into_iter().map(read_package::listed).collect::<Result<_, _>>()?;
        Ok(PackagePage { packages, next: page.next.map(cursor::to_text) })
    }
}

fn filter(who: &Principal, query: PackageQuery) -> Result<PackageFilter, ServiceError> {
    let texts = [&query.producer, &query.subject, &query.run_id, &query.text];
    let is_no_filter = |text: &String| text.is_empty() || text.len() > FILTER_BYTES_MAX;
    if texts.into_iter().flatten().chain(&query.metadata).any(is_no_filter) {
        return Err(ServiceError::new(
            ErrorKind::Invalid,
            format!("a filter is 1 to {FILTER_BYTES_MAX} bytes"),
        ));
    }
    if query.metadata.len() > METADATA_FILTERS_MAX {
        return Err(ServiceError::new(
            ErrorKind::Invalid,
            format!(
                "a search has up to {METADATA_FILTERS_MAX} pairs of metadata (METADATA_FILTERS_MAX)"
            ),
        ));
    }
    let metadata = query.metadata.iter().map(|text| pair(text)).collect::<Result<_, _>>()?;
    Ok(PackageFilter {
        created_by: (who.role == Role::Producer).then_some(who.id),
        // A token for one producer finds nothing else, whatever it asks for.
        producer: who.producer.clone().or(query.producer),
        subject: query.subject,
        run_id: query.run_id,
        retention_class: query.class,
        status: query.status,
        created_from: query.created_from,
        created_before: query.created_before,
        metadata,
        text: query.text,
    })
}

fn pair(text: &str) -> Result<(String, String), ServiceError> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| ServiceError::new(ErrorKind::Invalid, "a metadata filter is KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}
