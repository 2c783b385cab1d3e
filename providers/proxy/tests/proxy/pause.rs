use std::sync::Arc;
use std::time::{Duration, Instant};

use mprov_sdk::{Call, Object, Value};

use crate::support::client::get;
use crate::support::machine::LocalMachine;
use crate::support::{COOKIE, Caddy, Client, Kind, Load, ROUTE, Site, Upstream, call, route, with_server};

const HOST: &str = "a.example.org";
const BODY: usize = 20_000;

fn pausing(upstream: &Upstream, pause: &str) -> Object {
    route(HOST, &upstream.text()).with("pause", pause)
}

async fn freeze(site: &Site, made: &Object, planned: &mut Object) -> Object {
    planned.set("frozen", true);
    site.update(ROUTE, made, planned).await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_for_a_switch_and_none_fails() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let mut planned = pausing(&blue, "30s");
    let made = site.create(ROUTE, &planned).await;
    assert_eq!(site.read(ROUTE, &made).await.as_ref(), Some(&made));
    let loads = caddy.loads();

    let load = Load::start(caddy.http_port, HOST, 60, Duration::from_millis(100), Kind::Post(BODY));
    load.wait_for("200 blue", 300).await;
    let begun = Instant::now();
    let frozen = freeze(&site, &made, &mut planned).await;
    caddy.wait_for_waiting(60).await;
    let green = Upstream::start("green").await;
    // The time that a switch may take; nobody gets an answer in it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    planned.set("upstream", green.text()).set("frozen", false);
    site.update(ROUTE, &frozen, &planned).await;
    let thawed = Instant::now();
    load.wait_for("200 green", 300).await;

    let report = load.stop().await;
    report.assert_only(&["200 blue", "200 green"]);
    report.assert_rate(50.0);
    report.assert_exactly_once(BODY, &[&blue, &green]);
    let waited: Vec<_> =
        report.exchanges.iter().filter(|e| e.sent > begun && e.sent < thawed && e.done > thawed).collect();
    assert!(waited.len() > 20, "only {} waited", waited.len());
    // A look every quarter of a second; the machine may be busy.
    let mut late: Vec<_> = waited.iter().map(|e| e.done.saturating_duration_since(thawed)).collect();
    late.sort();
    let (middle, last) = (late[late.len() / 2], late[late.len() - 1]);
    assert!(middle < Duration::from_millis(500), "half of the requests waited for {middle:?} after the thaw");
    assert!(last < Duration::from_secs(5), "a request waited for {last:?} after the thaw");
    assert_eq!(caddy.loads(), loads, "a pause loads no configuration");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_costs_little_and_outlasts_a_change_of_the_configuration() {
    let caddy = Caddy::start();
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let site = with_server(&caddy).await;
    let mut planned = pausing(&blue, "30s");
    let made = site.create(ROUTE, &planned).await;
    let frozen = freeze(&site, &made, &mut planned).await;

    let load = Load::start(caddy.http_port, HOST, 200, Duration::from_millis(500), Kind::Post(1000));
    caddy.wait_for_waiting(200).await;
    let (used, begun) = (caddy.used(), Instant::now());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let share = (caddy.used() - used).as_secs_f64() / begun.elapsed().as_secs_f64();
    assert!(share < 0.3, "200 waiting requests use {share} of a processor");

    let loads = caddy.loads();
    site.create(ROUTE, &route("b.example.org", &blue.text())).await;
    assert!(caddy.loads() > loads);
    caddy.wait_for_waiting(200).await;
    planned.set("upstream", green.text()).set("frozen", false);
    site.update(ROUTE, &frozen, &planned).await;
    load.wait_for("200 green", 200).await;
    let report = load.stop().await;
    report.assert_only(&["200 green"]);
    report.assert_exactly_once(1000, &[&blue, &green]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_with_the_freeze_page_and_the_operator_does_not_wait() {
    let caddy = Caddy::start();
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let site = with_server(&caddy).await;
    let mut planned = pausing(&blue, "1500ms");
    planned.set("preview_cookie", Value::from("secret-0123456789").sensitive());
    let made = site.create(ROUTE, &planned).await;
    planned.set("upstream", green.text());
    let made = site.update(ROUTE, &made, &planned).await;
    freeze(&site, &made, &mut planned).await;

    let timed = async |headers: &str| {
        let begun = Instant::now();
        let answer = get(caddy.http_port, HOST, "/", headers).await;
        (answer, begun.elapsed())
    };
    // That it names a slot, as the proxy itself does when it asks for one, lets nobody in.
    let (user, operator) = tokio::join!(timed("X-Id: 1\r\nX-Mprov-Slot: b\r\n"), timed(COOKIE));
    assert_eq!(user.0.status, 503);
    assert!(user.1 >= Duration::from_millis(1500), "it waited for {:?} only", user.1);
    assert!(blue.arrivals().iter().chain(&green.arrivals()).all(|arrival| arrival.id.is_none()));
    assert!(operator.0.body.starts_with("I am blue"), "{operator:?}");
    assert!(operator.1 < user.1, "the operator waited for {:?}", operator.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_switch_that_takes_longer_than_the_pause() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let mut planned = pausing(&blue, "30s");
    let made = site.create(ROUTE, &planned).await;
    let freeze_for = async |made: &Object, planned: &Object, seconds: u64| {
        let call = Call { read_only: Some(Duration::from_secs(seconds)), ..call("token-3") };
        site.of(ROUTE).update(&call, made, planned).await.unwrap_or_else(|f| panic!("update: {f}"))
    };
    planned.set("frozen", true);
    let frozen = freeze_for(&made, &planned, 31).await;
    assert_eq!(get(caddy.http_port, HOST, "/", "").await.status, 503);
    planned.set("frozen", false);
    let made = site.update(ROUTE, &frozen, &planned).await;

    planned.set("frozen", true);
    let frozen = freeze_for(&made, &planned, 30).await;
    let port = caddy.http_port;
    let asked = tokio::spawn(async move { get(port, HOST, "/", "").await });
    caddy.wait_for_waiting(1).await;
    planned.set("frozen", false);
    site.update(ROUTE, &frozen, &planned).await;
    assert_eq!(asked.await.expect("an answer").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_after_the_wait_fails_once_and_as_what_it_is() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let mut planned = pausing(&blue, "30s");
    let made = site.create(ROUTE, &planned).await;
    let frozen = freeze(&site, &made, &mut planned).await;
    let port = caddy.http_port;
    let request = "POST /broken HTTP/1.1\r\nHost: a.example.org\r\nX-Id: 1\r\nContent-Length: 3\r\n\r\nabc";
    let asked = tokio::spawn(async move { Client::connect(port).await.ask(request).await });
    caddy.wait_for_waiting(1).await;
    planned.set("frozen", false);
    site.update(ROUTE, &frozen, &planned).await;
    assert_eq!(asked.await.expect("no panic").expect("an answer").status, 502);
    assert_eq!(blue.arrivals().iter().filter(|arrival| arrival.id.is_some()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_socket_no_request_can_wait() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let config = Object::new()
        .with("admin", "http://127.0.0.1:1")
        .with("state_dir", caddy.path("state").display().to_string())
        .with("state_mount", caddy.path("state").display().to_string())
        .with("group", 0);
    let services = mprov_sdk::Services { machine: Some(Arc::new(LocalMachine)), containers: None };
    let session = mprov_provider_proxy::provider().configure(&config, services).await;
    let site = Site { session: session.unwrap_or_else(|f| panic!("configure: {f}")) };
    let fault = site.of(ROUTE).create(&call("t"), &pausing(&blue, "1s")).await.expect_err("refused");
    assert!(fault.summary.contains("cannot wait"), "{fault}");
}
