use mprov_sdk::{Diagnostics, Value};
use serde_json::{Value as Json, json};

use crate::support::{server, value};

fn found(config: &Json) -> Diagnostics {
    let Value::Object(config) = value(config) else { panic!("an object is needed") };
    mprov_provider_http::provider().validate("http_resource", &config)
}

#[track_caller]
fn refused(attribute: &str, change: impl FnOnce(&mut Json)) {
    let mut config = server("web");
    change(&mut config);
    let found = found(&config);
    let named: Vec<_> = found.iter().map(|d| d.address.as_deref().unwrap_or_default()).collect();
    assert_eq!(named, [attribute], "{found:?}");
}

#[test]
fn a_description_that_can_be_meant_is_taken() {
    assert!(found(&server("web")).is_empty());
    let mut unknown = server("web");
    unknown["read"]["path"] = json!({ "$unknown": true });
    unknown["compare"] = json!({ "$unknown": true });
    unknown["sensitive_outputs"] = json!({ "$unknown": true });
    assert!(found(&unknown).is_empty());
}

#[test]
fn what_has_no_meaning_is_told_with_its_place() {
    refused("read", |c| c["read"]["path"] = json!("/servers/{name}"));
    refused("read", |c| c["read"]["path"] = json!("servers"));
    refused("create", |c| c["create"]["path"] = json!("/servers/{id}"));
    refused("delete", |c| c["delete"]["method"] = json!("delete"));
    refused("create", |c| c["create"]["headers"] = json!({ "two words": "x" }));
    refused("create", |c| c["create"]["expect"] = json!([20]));
    refused("create", |c| c["create"]["wait"]["timeout"] = json!("5 minutes"));
    refused("create", |c| c["create"]["wait"]["place"] = json!("server.status"));
    refused("create", |c| drop(c["create"]["wait"].as_object_mut().expect("an object").remove("place")));
    refused("create", |c| drop(c["create"]["wait"].as_object_mut().expect("an object").remove("wanted")));
    refused("id_from", |c| c["id_from"] = json!("id"));
    refused("outputs", |c| c["outputs"]["status"] = json!("status/"));
    refused("outputs", |c| c["create"]["outputs"] = json!({ "status": "/status" }));
    refused("sensitive_outputs", |c| c["sensitive_outputs"] = json!(["stauts"]));
    refused("replace_on", |c| c["replace_on"] = json!(["server.flavor"]));
    refused("compare", |c| c["compare"] = json!({ "server.name": "web" }));
    refused("compare", |c| c["compare"] = json!("/server/name"));
    refused("find", |c| c["find"]["where"] = json!("metadata"));
    refused("doubt", |c| c["doubt"] = json!("made"));
}
