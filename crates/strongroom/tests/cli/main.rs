//! The command line as people and programs meet it: the real binary, in a room of its own.

#![allow(unreachable_pub)] // in a binary, `pub` says "to other modules"

mod cavra_directory;
mod cli_archived;
mod cli_audit;
mod cli_azure;
mod cli_bucket;
mod cli_bundle;
mod cli_cavra;
mod cli_cavra_signing;
mod cli_check_config;
mod cli_config;
mod cli_diff;
mod cli_diff_gate;
mod cli_diff_secrets;
mod cli_errors;
mod cli_keys;
mod cli_lint;
mod cli_list_and_pull;
mod cli_locks;
mod cli_login;
mod cli_manual;
mod cli_openbao;
mod cli_package;
mod cli_package_ingest;
mod cli_package_locks;
mod cli_package_resume;
mod cli_package_signed;
mod cli_prove;
mod cli_prove_cavra;
mod cli_prove_signatures;
mod cli_push;
mod cli_redirects;
mod cli_serve;
mod cli_serve_hostile;
mod cli_signers;
mod cli_signing;
mod cli_storage_plan;
mod cli_store;
mod cli_timestamps;
mod cli_trust_root;
mod cli_worker;
#[path = "../../../strongroom-core/tests/support/planted.rs"]
mod planted;
mod room;
mod schema;
mod served;
