//! Several registries on one database and one store.

use futures::future::join_all;
use strongroom_core::package::RetentionClass;
use strongroom_core::package::RuleSet;
use strongroom_core::package::class::RuleOverride;
use strongroom_registry::auth::Role;
use strongroom_registry::db::TenantId;
use strongroom_registry::service::Registry;

use crate::app::on_both;

/// Replicas that start at once.
const REPLICAS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_together_write_down_once_what_a_class_means() {
    on_both(|app| async move {
        let set = || async {
            let auditor = app.as_(Role::Auditor);
            let events = auditor.get("/audit-events?type=retention_rule_set&limit=200").await;
            events.json()["events"].as_array().unwrap().len()
        };
        let before = set().await;
        let mut settings = app.registry.settings().clone();
        let longer = RuleOverride { days: Some(400), ..RuleOverride::default() };
        settings.rules = RuleSet::with([(RetentionClass::RawEvidence, longer)]).unwrap();
        let replicas: Vec<_> = (0..REPLICAS)
            .map(|_| {
                let (db, backends) = (app.registry.db(), app.registry.backends());
                let clock = app.registry.clock().clone();
                Registry::new(db.clone(), backends.clone(), clock, settings.clone())
            })
            .collect();
        let tenant = TenantId::default_tenant();
        for settled in join_all(replicas.iter().map(|one| one.settle_rules(&tenant))).await {
            settled.unwrap();
        }
        assert_eq!(set().await, before + 1, "the rule was set once");
    })
    .await;
}
