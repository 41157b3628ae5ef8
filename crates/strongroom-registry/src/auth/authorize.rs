//! Role, action and state become an answer, in one function. The documentation's table is made from it, and a
//! test asks every cell of the running service.

use strongroom_core::package::PackageStatus;
use uuid::Uuid;

use super::{Action, Principal, Role};
use crate::error::{ErrorKind, ServiceError};

/// What an action is about, as far as it decides who may do it.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// The registry as a whole.
    Registry,
    /// A package.
    Package {
        /// Who made it.
        created_by: Uuid,
        /// The producer that it names.
        producer: &'a str,
        /// Where it is in its life.
        status: PackageStatus,
    },
}

/// The answer to a request, before anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allowed,
    /// The role never may.
    Forbidden,
    /// Who asks may not even know that it is there: answered like something absent.
    Hidden,
    /// The role may, but not in this state.
    WrongState,
}

/// Decides. `owns` is whether the package was made by who asks; it matters to producers only.
pub fn decide(role: Role, action: Action, owns: bool, status: Option<PackageStatus>) -> Verdict {
    let sees = role != Role::Producer || owns;
    if status.is_some() && !sees {
        return Verdict::Hidden;
    }
    if !may(role, action) {
        return Verdict::Forbidden;
    }
    match (action.states(), status) {
        (Some(states), Some(status)) if !states.contains(&status) => Verdict::WrongState,
        _ => Verdict::Allowed,
    }
}

/// What a role may at all.
fn may(role: Role, action: Action) -> bool {
    let makes_packages = matches!(
        action,
        Action::CreatePackage | Action::UploadFile | Action::Finalize | Action::Abandon
    );
    let reads_fields = matches!(
        action,
        Action::ReadPackage | Action::ReadManifest | Action::ListPackages | Action::ReadSchemas
    );
    match role {
        Role::Admin => true,
        Role::Auditor => action.is_reading(),
        Role::Producer => makes_packages || reads_fields || action == Action::Download,
        Role::Operator => {
            makes_packages
                || reads_fields
                || matches!(
                    action,
                    Action::IngestLocalFiles
                        | Action::Restore
                        | Action::ReadBackends
                        | Action::ReadJobs
                        | Action::RetryJob
                        | Action::ConfirmClock
                )
        }
        Role::RecordsManager => {
            reads_fields
                || matches!(
                    action,
                    Action::Download
                        | Action::Restore
                        | Action::ExtendRetention
                        | Action::PlaceHold
                        | Action::ReleaseHold
                        | Action::RequestDeletion
                        | Action::CancelDeletion
                        | Action::ReadAudit
                        | Action::ReadBackends
                        | Action::ReadJobs
                        | Action::WriteSchemas
                )
        }
    }
}

/// Lets a request go on, or answers why not. Whoever asks for something of another tenant never gets here: the
/// database has no such row for them.
pub fn authorize(
    principal: &Principal,
    action: Action,
    resource: Resource<'_>,
) -> Result<(), ServiceError> {
    let (owns, status, producer) = match resource {
        Resource::Registry => (true, None, None),
        Resource::Package { created_by, producer, status } => {
            (created_by == principal.id, Some(status), Some(producer))
        }
    };
    // A token for one producer's packages is blind to all others, and to what is about all of them.
    match (principal.producer.as_deref(), producer) {
        (Some(narrowed), Some(producer)) if narrowed != producer => {
            return Err(ServiceError::not_found());
        }
        (Some(_), _) if !action.is_open_to_narrowed() => return Err(narrowed_away(action)),
        _ => {}
    }
    match decide(principal.role, action, owns, status) {
        Verdict::Allowed => Ok(()),
        Verdict::Hidden => Err(ServiceError::not_found()),
        Verdict::Forbidden => Err(ServiceError::new(
            ErrorKind::Forbidden,
            format!("the role {} may not {}", principal.role, action.as_str()),
        )
        .with_guidance("ask an administrator for a token of another role")),
        Verdict::WrongState => {
            let state = status.map_or("in no state", PackageStatus::as_str);
            Err(ServiceError::new(
                ErrorKind::WrongState,
                format!("the package is {state}: it is not the time to {}", action.as_str()),
            ))
        }
    }
}

fn narrowed_away(action: Action) -> ServiceError {
    ServiceError::new(
        ErrorKind::Forbidden,
        format!("a token that is narrowed to one producer may not {}", action.as_str()),
    )
    .with_guidance("ask an administrator for a token that is not narrowed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::TenantId;

    #[test]
    fn a_narrowed_token_reaches_nothing_that_is_about_others() {
        for role in Role::ALL {
            let producer = Some("ci".to_owned());
            let tenant = TenantId::default_tenant();
            let narrowed = Principal { id: Uuid::nil(), tenant, role, producer };
            for action in Action::ALL {
                let is_let_in = authorize(&narrowed, action, Resource::Registry).is_ok();
                let is_of_a_package =
                    action.states().is_some() && action != Action::IngestLocalFiles;
                let is_its_own = is_of_a_package
                    || [
                        Action::CreatePackage,
                        Action::ListPackages,
                        Action::RetryJob,
                        Action::ReadSchemas,
                    ]
                    .contains(&action);
                let may = is_its_own && decide(role, action, true, None) == Verdict::Allowed;
                assert_eq!(is_let_in, may, "{role} {action:?}");
            }
        }
    }

    #[test]
    fn a_narrowed_token_takes_nothing_from_the_server_not_even_for_its_own_packages() {
        let (tenant, producer) = (TenantId::default_tenant(), Some("ci".to_owned()));
        let narrowed = Principal { id: Uuid::nil(), tenant, role: Role::Operator, producer };
        let ask = |action, producer| {
            let status = PackageStatus::Open;
            let package = Resource::Package { created_by: Uuid::nil(), producer, status };
            authorize(&narrowed, action, package).map_err(|error| error.kind())
        };
        assert_eq!(ask(Action::UploadFile, "ci"), Ok(()));
        assert_eq!(ask(Action::IngestLocalFiles, "ci"), Err(ErrorKind::Forbidden));
        assert_eq!(ask(Action::IngestLocalFiles, "other"), Err(ErrorKind::NotFound));
    }

    #[test]
    fn who_audits_changes_nothing() {
        let allowed =
            |action: &Action| decide(Role::Auditor, *action, false, None) == Verdict::Allowed;
        let allowed: Vec<Action> = Action::ALL.into_iter().filter(allowed).collect();
        let reading = [
            Action::ReadPackage,
            Action::ReadManifest,
            Action::Download,
            Action::ListPackages,
            Action::ReadAudit,
            Action::ReadBackends,
            Action::ReadJobs,
            Action::ReadSchemas,
            Action::ReadTokens,
        ];
        assert_eq!(allowed.len(), reading.len(), "{allowed:?}");
        assert!(reading.iter().all(|action| allowed.contains(action)), "{allowed:?}");
    }

    #[test]
    fn a_producer_cannot_tell_a_strangers_package_from_none_at_all() {
        for action in Action::ALL {
            for status in PackageStatus::ALL {
                let verdict = decide(Role::Producer, action, false, Some(*status));
                assert_eq!(verdict, Verdict::Hidden, "{action:?} {status:?}");
            }
        }
    }

    #[test]
    fn only_records_managers_and_admins_decide_about_retention() {
        let deciding = [
            Action::ExtendRetention,
            Action::PlaceHold,
            Action::ReleaseHold,
            Action::RequestDeletion,
            Action::CancelDeletion,
        ];
        for action in deciding {
            for role in Role::ALL {
                let may = decide(role, action, true, None) == Verdict::Allowed;
                assert_eq!(
                    may,
                    matches!(role, Role::RecordsManager | Role::Admin),
                    "{role} {action:?}"
                );
            }
        }
    }

    #[test]
    fn a_hold_can_be_placed_as_long_as_there_is_anything_to_hold() {
        for status in PackageStatus::ALL {
            let gone = matches!(status, PackageStatus::Deleted | PackageStatus::Abandoned);
            let verdict = decide(Role::RecordsManager, Action::PlaceHold, false, Some(*status));
            assert_eq!(verdict, if gone { Verdict::WrongState } else { Verdict::Allowed });
        }
    }
}
