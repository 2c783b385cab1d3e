use mprov_sdk::{Fault, Object, Services, Value};

use crate::support::{Certificates, Service, World};

/// A read of the service's list of servers with that configuration.
async fn ask(service: &Service, more: &[(&str, Value)]) -> Result<Object, Fault> {
    let world = World::new().await;
    let provider = mprov_provider_http::provider();
    let mut config = Object::new().with("url", format!("https://127.0.0.1:{}", service.port));
    config.set("retries", 0);
    for (name, value) in more {
        config.set(*name, value.clone());
    }
    let session = provider.configure(&config, Services::default()).await?;
    let data = session.data_source("http_request").expect("a known type");
    data.read(&world.call("r"), &Object::new().with("url", "/servers").with("method", "GET")).await
}

fn client(certificates: &Certificates) -> Value {
    Value::object([
        ("certificate", Value::from(certificates.text("client.pem"))),
        ("private_key", Value::from(certificates.text("client.key")).sensitive()),
    ])
}

#[tokio::test]
async fn a_server_is_trusted_only_by_its_authority() {
    let (ours, theirs) = (Certificates::make(), Certificates::make());
    let service = Service::start(Some((&ours, false)));
    let trust = |c: &Certificates| ("ca_certificates", Value::from(c.text("ca.pem")));
    let reply = ask(&service, &[trust(&ours)]).await.expect("trusted");
    assert_eq!(reply["status"], 200.into());
    for more in [vec![], vec![trust(&theirs)]] {
        let fault = ask(&service, &more).await.expect_err("not trusted");
        assert!(fault.detail.contains("certificate"), "{fault}");
    }
    let fault = ask(&service, &[("ca_certificates", "no PEM".into())]).await.expect_err("no PEM");
    assert!(fault.summary.contains("holds no certificate"), "{fault}");
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_gets_it() {
    let (ours, theirs) = (Certificates::make(), Certificates::make());
    let service = Service::start(Some((&ours, true)));
    let trust = ("ca_certificates", Value::from(ours.text("ca.pem")));
    let reply = ask(&service, &[trust.clone(), ("client_certificate", client(&ours))]).await.expect("known");
    assert_eq!(reply["status"], 200.into());
    for more in [vec![trust.clone()], vec![trust.clone(), ("client_certificate", client(&theirs))]] {
        let fault = ask(&service, &more).await.expect_err("unknown");
        assert!(fault.detail.starts_with("No connection"), "{fault}");
    }
    let swapped = Value::object([
        ("certificate", Value::from(ours.text("client.pem"))),
        ("private_key", Value::from("SECRET-KEY-TEXT").sensitive()),
    ]);
    let fault = ask(&service, &[trust, ("client_certificate", swapped)]).await.expect_err("no key");
    assert!(fault.summary.contains("client certificate cannot be used"), "{fault}");
    assert!(!fault.to_string().contains("SECRET-KEY"), "{fault}");
}
