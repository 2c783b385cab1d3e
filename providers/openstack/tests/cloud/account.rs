use mprov_sdk::{Object, Services, Value};
use serde_json::json;

use crate::admin::{Admin, PASSWORD, PROJECT, sign_in, stock, url};
use crate::world::{World, account, id};

#[tokio::test]
async fn a_wrong_password_is_told_before_anything_is_planned() {
    stock().await;
    let config = account(PROJECT).with("password", Value::from("canary").sensitive());
    let refused = mprov_provider_openstack::provider().configure(&config, Services::default()).await;
    let fault = refused.err().expect("Keystone refuses");
    assert!(
        fault.summary.contains("refuses the credentials") && !fault.to_string().contains("canary"),
        "{fault}"
    );
    let config = account(PROJECT).with("auth_url", url(8774, ""));
    let refused = mprov_provider_openstack::provider().configure(&config, Services::default()).await;
    assert!(refused.err().expect("Nova is not Keystone").to_string().contains("auth_url"));
}

#[tokio::test]
async fn a_region_that_is_not_there_is_told_with_those_that_are() {
    let stock = stock().await;
    let world = World::with(account(PROJECT).with("region", "Mars"), stock).await;
    let fault =
        world.data("openstack_network", Object::new().with("external", true)).await.expect_err("no region");
    assert!(fault.detail.contains("Mars") && fault.detail.contains("RegionOne"), "{fault}");
}

/// An application credential is enough, by its id alone, given by a file of named clouds.
#[tokio::test]
async fn an_application_credential_is_enough() {
    let stock = stock().await;
    let (token, _) = sign_in(PROJECT, PASSWORD, PROJECT).await;
    let user = Admin::new().await.user_id(PROJECT).await;
    let member = Admin::with_token(token);
    let path = format!("/v3/users/{user}/application_credentials");
    let made = member.ask("POST", 5000, &path, json!({"application_credential": {"name": "mprov"}})).await;
    let credential = &made["application_credential"];
    let text = |name: &str| credential[name].as_str().expect("text").to_owned();
    let config = Object::new()
        .with("auth_url", url(5000, "/v3"))
        .with("application_credential_id", text("id"))
        .with("application_credential_secret", Value::from(text("secret")).sensitive());
    let world = World::with(config, stock).await;
    let network =
        world.make("openstack_network", "net", &Object::new().with("name", world.name("net"))).await;
    world.delete("openstack_network", &network).await;
}

/// A token that is refused is replaced by a new one, within the call.
#[tokio::test]
async fn a_revoked_token_is_replaced() {
    let stock = stock().await;
    let admin = Admin::new().await;
    admin.member("fleeting").await;
    let user = admin.user_id("fleeting").await;
    let world = World::with(account("fleeting"), stock).await;
    let given = Object::new().with("name", world.name("net"));
    let network = world.make("openstack_network", "net", &given).await;

    // To bar a user revokes what was granted to that user.
    let path = format!("/v3/users/{user}");
    let old = sign_in("fleeting", PASSWORD, "fleeting").await.0;
    let old = Admin::with_token(old);
    let networks = url(9696, &format!("/v2.0/networks/{}", id(&network)));
    assert_eq!(old.status("GET", &networks).await, 200);
    for enabled in [false, true] {
        admin.ask("PATCH", 5000, &path, json!({"user": {"enabled": enabled}})).await;
    }
    assert_eq!(old.status("GET", &networks).await, 401, "its tokens are revoked");
    // Keystone revokes by the second: a token of the same second is refused too.
    loop {
        let fresh = Admin::with_token(sign_in("fleeting", PASSWORD, "fleeting").await.0);
        if fresh.status("GET", &networks).await == 200 {
            break;
        }
    }
    let changed = Object::new().with("name", world.name("renamed"));
    world.change("openstack_network", "net", &changed, &network).await;
    world.delete("openstack_network", &network).await;
}
