//! What is claimed on PostgreSQL. All tests of one database stand together, so that they share their
//! origin.

use crate::generation::Engine;
use crate::{drain, upgrade, verification, written};

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_waited_for() {
    drain::requests_are_waited_for(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_upgraded() {
    upgrade::a_clone_is_upgraded(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_was_given_no_identity_has_that_of_its_original() {
    upgrade::a_clone_that_was_given_no_identity_has_that_of_its_original(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_upgrade_is_told() {
    upgrade::a_failed_upgrade_is_told(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_upgrade_is_not_gone_over_again() {
    upgrade::a_killed_upgrade_is_not_gone_over_again(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_restores() {
    upgrade::a_start_restores(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_database_is_not_touched() {
    upgrade::a_wrong_database_is_not_touched(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_without_maintenance_purges_what_moodle_leaves() {
    upgrade::an_upgrade_without_maintenance_purges_what_moodle_leaves(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_installed_in_the_place_of_a_clone() {
    upgrade::nothing_is_installed_in_the_place_of_a_clone(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layout_of_5_1_makes_no_difference() {
    upgrade::the_layout_of_5_1_makes_no_difference(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_fit_for_use() {
    verification::a_site_is_fit_for_use(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_said_at_once() {
    verification::all_that_is_wrong_is_said_at_once(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_upgrade_is_not_fit() {
    verification::what_waits_for_an_upgrade_is_not_fit(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_write_is_counted() {
    written::what_users_write_is_counted(Engine::Postgres).await;
}
