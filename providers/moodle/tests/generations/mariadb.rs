//! What is claimed on MariaDB. All tests of one database stand together, so that they share their
//! origin.

use crate::generation::Engine;
use crate::{drain, upgrade, verification, written};

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_waited_for() {
    drain::requests_are_waited_for(Engine::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_upgraded() {
    upgrade::a_clone_is_upgraded(Engine::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_restores() {
    upgrade::a_start_restores(Engine::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_database_is_not_touched() {
    upgrade::a_wrong_database_is_not_touched(Engine::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_outlives_who_began_it() {
    upgrade::an_upgrade_outlives_who_began_it(Engine::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_asked_for_is_not_upgraded() {
    upgrade::what_is_not_asked_for_is_not_upgraded(Engine::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_fit_for_use() {
    verification::a_site_is_fit_for_use(Engine::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_write_is_counted() {
    written::what_users_write_is_counted(Engine::Mariadb).await;
}
