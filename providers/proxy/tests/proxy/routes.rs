use std::sync::Arc;
use std::time::{Duration, Instant};

use mprov_sdk::{Object, Value};
use serde_json::json;

use crate::support::client::get;
use crate::support::machine::LocalMachine;
use crate::support::{
    CERTIFICATE, Caddy, Client, Kind, Load, ROUTE, SERVER, Upstream, call, changes, desired, route, server,
    with_server,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_route_serves_survives_a_crash_and_goes_away() {
    let mut caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let planned = route("moodle.example.org", &blue.text());
    let made = site.create(ROUTE, &planned).await;
    assert_eq!(made.str("live_slot"), Ok("a"));
    assert_eq!(made.str("url"), Ok(&*format!("http://moodle.example.org:{}", caddy.http_port)));
    assert_eq!(site.read(ROUTE, &made).await.as_ref(), Some(&made));
    assert_eq!(changes(ROUTE, &planned, &made), Vec::<String>::new());

    let forged =
        "X-Forwarded-For: 6.6.6.6\r\nClient-Ip: 6.6.6.6\r\nX-Real-Ip: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n";
    let host = format!("moodle.example.org:{}", caddy.http_port);
    let answer = get(caddy.http_port, &host, "/login/index.php", forged).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with("I am blue"), "{}", answer.body);
    assert!(answer.body.contains(&format!("Host: {host}\r\n")), "{}", answer.body);
    assert!(answer.body.contains("X-Forwarded-For: 127.0.0.1"), "{}", answer.body);
    assert!(!answer.body.contains("6.6.6.6"), "{}", answer.body);

    for path in ["/mprov-health", "/mprov-health/x", "//mprov-health", "/%6dprov-health"] {
        assert_eq!(get(caddy.http_port, &host, path, "").await.status, 404, "{path}");
    }
    assert_eq!(get(caddy.http_port, "other.example.org", "/", "").await.status, 404);

    caddy.kill();
    assert_eq!(
        site.read(ROUTE, &made).await.as_ref(),
        Some(&made),
        "what is saved counts while the proxy is down"
    );
    caddy.run();
    let again = site.update(ROUTE, &made, &planned).await;
    assert_eq!(again, made);
    assert_eq!(get(caddy.http_port, &host, "/", "").await.status, 200);

    site.delete(ROUTE, &made).await;
    site.delete(ROUTE, &made).await;
    assert_eq!(get(caddy.http_port, &host, "/", "").await.status, 404);
    assert_eq!(site.read(ROUTE, &made).await, None);
    assert_eq!(std::fs::read_dir(caddy.path("state")).expect("folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_by_hand_show_and_are_repaired() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let planned = route("a.example.org", &blue.text());
    let made = site.create(ROUTE, &planned).await;

    let header = json!({ "handle": [{ "handler": "static_response", "body": "hijacked" }] });
    caddy.admin("PUT", "/id/mprov-route-a.example.org/handle/0/routes/0", Some(&header)).await;
    let seen = site.read(ROUTE, &made).await.expect("it is there");
    assert_eq!(changes(ROUTE, &planned, &seen), ["unexpected"]);
    let repaired = site.update(ROUTE, &seen, &planned).await;
    assert_eq!(site.read(ROUTE, &repaired).await.as_ref(), Some(&made));
    assert!(get(caddy.http_port, "a.example.org", "/", "").await.body.starts_with("I am blue"));

    std::fs::remove_file(caddy.path("config/caddy.json")).expect("remove");
    let seen = site.read(ROUTE, &made).await.expect("it is there");
    assert_eq!(changes(ROUTE, &planned, &seen), ["unexpected"]);
    site.update(ROUTE, &seen, &planned).await;
    assert!(caddy.saved().contains("a.example.org"));

    std::fs::write(caddy.path("state/a.example.org/freeze"), "").expect("freeze");
    let seen = site.read(ROUTE, &made).await.expect("it is there");
    assert_eq!(changes(ROUTE, &planned, &seen), ["frozen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_the_proxy_refuses_changes_nothing() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    site.create(ROUTE, &route("a.example.org", &blue.text())).await;
    let saved = caddy.saved();

    let key = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
    let bad = desired(
        CERTIFICATE,
        [
            ("name", "bad".into()),
            ("cert_pem", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n".into()),
            ("key_pem", Value::from(key).sensitive()),
        ],
    );
    let fault = site.of(CERTIFICATE).create(&call("t"), &bad).await.expect_err("refused");
    assert!(fault.summary.contains("refused"), "{fault}");
    assert!(!fault.to_string().contains("Y2FuYXJ5"), "the key is in the error: {fault}");
    assert_eq!(caddy.saved(), saved);
    assert_eq!(get(caddy.http_port, "a.example.org", "/", "").await.status, 200);
    site.delete(CERTIFICATE, &bad).await;
    assert_eq!(std::fs::read_dir(caddy.path("config/certs")).expect("folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_fails_no_request() {
    let caddy = Caddy::start();
    let site = with_server(&caddy).await;
    let blue = Upstream::start("blue").await;
    let mut made = site.create(ROUTE, &route("a.example.org", &blue.text())).await;
    let loads = caddy.loads();
    assert!(loads > 0, "the log shows no load: {}", caddy.log());

    let load = Load::start(caddy.http_port, "a.example.org", 8, Duration::from_millis(2), Kind::Get);
    let mut upstreams = vec![blue];
    for name in ["green", "red", "blue", "green", "red", "blue"] {
        load.wait_for(&format!("200 {}", upstreams.last().map_or("", |u| u.name)), 20).await;
        // One that the proxy has never heard of, at an address of its own.
        let next = Upstream::start(name).await;
        made = site.update(ROUTE, &made, &route("a.example.org", &next.text())).await;
        let switched = Instant::now();
        upstreams.push(next);
        load.wait_for(&format!("200 {name}"), 20).await;
        let before = &upstreams[upstreams.len() - 2];
        let late = before.arrivals().iter().filter(|a| a.at > switched).count();
        assert!(late <= 8, "{late} requests came to {} after the switch", before.name);
    }
    let report = load.stop().await;
    report.assert_only(&["200 blue", "200 green", "200 red"]);
    report.assert_rate(50.0);
    assert!(report.exchanges.len() > 500, "only {}", report.exchanges.len());
    assert_eq!(caddy.loads(), loads, "a switch loads no configuration");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_not_well_never_becomes_live() {
    let caddy = Caddy::start();
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let site = with_server(&caddy).await;
    let planned = route("a.example.org", &blue.text());
    let made = site.create(ROUTE, &planned).await;

    let mut nobody = route("a.example.org", "127.0.0.1:1");
    nobody.set("health_timeout", "1s");
    let mut sick = route("a.example.org", &green.text());
    sick.set("health_timeout", "1s").set("health_path", "/sick");
    for (wanted, said) in [(nobody, "nobody answers"), (sick, "500")] {
        let fault = site.of(ROUTE).update(&call("t"), &made, &wanted).await.expect_err("not well");
        assert!(fault.detail.contains(said), "{fault}");
        let partial = fault.partial.expect("what is there");
        assert_eq!(partial["upstream"], blue.text().into());
        assert!(fault.resumable);
        assert!(get(caddy.http_port, "a.example.org", "/", "").await.body.starts_with("I am blue"));
    }
    // Health endpoints refuse whatever came through the proxy from outside; the probe does not.
    let mut well = route("a.example.org", &green.text());
    well.set("health_path", "/inside-only");
    let made = site.update(ROUTE, &made, &well).await;
    assert_eq!(made.str("live_slot"), Ok("b"));
    assert!(get(caddy.http_port, "a.example.org", "/", "").await.body.starts_with("I am green"));
    assert_eq!(get(caddy.http_port, "a.example.org", "/inside-only", "").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_kept() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    // Two sessions are two processes: only the proxy's own mark keeps them apart.
    let sites = [Arc::new(with_server(&caddy).await), Arc::new(caddy.site().await)];
    let hosts = ["a.org", "b.org", "c.org", "d.org", "e.org", "f.org"];
    let tasks: Vec<_> = hosts
        .into_iter()
        .enumerate()
        .map(|(i, host)| {
            let (site, planned) = (sites[i % 2].clone(), route(host, &blue.text()));
            tokio::spawn(async move { site.create(ROUTE, &planned).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("created");
    }
    for host in hosts {
        assert_eq!(get(caddy.http_port, host, "/", "").await.status, 200, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_step_made_is_never_taken_over() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let planned = route("a.example.org", &blue.text());
    assert_eq!(site.of(ROUTE).find(&call("token-1"), &planned).await.expect("find"), None);
    let made = site.create(ROUTE, &planned).await;
    // The answer to the create was lost: the same step finds it, and may also do it again.
    assert_eq!(site.of(ROUTE).find(&call("token-1"), &planned).await.expect("find"), Some(made.clone()));
    assert_eq!(site.create(ROUTE, &planned).await, made);
    assert_eq!(site.of(ROUTE).find(&call("another"), &planned).await.expect("find"), None);
    let fault = site.of(ROUTE).create(&call("another"), &planned).await.expect_err("taken");
    assert!(fault.summary.contains("exists already"), "{fault}");

    let foreign = Caddy::start();
    let config = json!({ "handler": "reverse_proxy", "upstreams": [{ "dial": blue.text() }] });
    let site = foreign.site().await;
    while site.of(SERVER).read(&call("r"), &server(&foreign)).await.is_err()
        || !foreign.path("run/admin.sock").exists()
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    foreign.admin("PATCH", "/config/apps/http/servers/main/routes/0/handle/0", Some(&config)).await;
    let fault = site.of(ROUTE).create(&call("t"), &planned).await.expect_err("not ours");
    assert!(fault.summary.contains("not mprov's"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_force_but_not_saved_when_its_maker_died_is_found_and_finished() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let planned = route("a.example.org", &blue.text());
    let before = caddy.saved();
    site.create(ROUTE, &planned).await;
    std::fs::write(caddy.path("config/caddy.json"), before).expect("the saved configuration");

    let found = site.of(ROUTE).find(&call("token-1"), &planned).await.expect("find").expect("it is there");
    assert!(found["unexpected"].as_str().is_some_and(|u| u.contains("saved")), "{found:?}");
    assert_eq!(changes(ROUTE, &planned, &found), ["unexpected"]);
    let finished = site.update(ROUTE, &found, &planned).await;
    assert!(finished["unexpected"].is_null());
    assert!(caddy.saved().contains("a.example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_uploads_hold() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let mut planned = route("a.example.org", &blue.text());
    planned.set("max_body", "1M");
    site.create(ROUTE, &planned).await;
    for (size, status) in [(1 << 20, 200), ((1 << 20) + 1, 413)] {
        let body = "x".repeat(size);
        let request =
            format!("POST / HTTP/1.1\r\nHost: a.example.org\r\nContent-Length: {size}\r\n\r\n{body}");
        let answer = Client::connect(caddy.http_port).await.ask(&request).await.expect("an answer");
        assert_eq!(answer.status, status, "{size} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_has_just_been_started_is_waited_for() {
    let mut caddy = Caddy::stopped();
    let site = caddy.site().await;
    let planned = server(&caddy);
    let creating = tokio::spawn(async move { site.of(SERVER).create(&call("t"), &planned).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!creating.is_finished());
    caddy.run();
    let made = creating.await.expect("task").unwrap_or_else(|f| panic!("create: {f}"));
    let site = caddy.site().await;
    assert_eq!(site.read(SERVER, &made).await.as_ref(), Some(&made));

    caddy.kill();
    site.delete(SERVER, &made).await;
    assert_eq!(site.read(SERVER, &made).await, None);
}

#[test]
fn admin_addresses_that_others_reach_are_refused() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    for admin in ["http://0.0.0.0:2019", "http://10.1.2.3:2019", "tcp://127.0.0.1:2019", "unix://run/x.sock"]
    {
        let config = Object::new()
            .with("admin", admin)
            .with("state_dir", "/s/state")
            .with("state_mount", "/s/state")
            .with("group", 0);
        let services = mprov_sdk::Services { machine: Some(Arc::new(LocalMachine)), containers: None };
        let configured = runtime.block_on(mprov_provider_proxy::provider().configure(&config, services));
        let fault = configured.err().unwrap_or_else(|| panic!("{admin} was accepted"));
        assert!(fault.summary.contains("admin address"), "{fault}");
    }
}
