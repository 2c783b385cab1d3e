use std::sync::Arc;
use std::time::{Duration, Instant};

use mprov_sdk::{Call, Object};
use tokio::task::JoinHandle;

use crate::support::client::{Answer, get};
use crate::support::{Caddy, Heard, ROUTE, Site, Upstream, call, changes, route, with_server};

const HOST: &str = "a.example.org";

/// A site with a request that its upstream works on until it is told to answer.
struct Busy {
    caddy: Caddy,
    blue: Upstream,
    site: Arc<Site>,
    made: Object,
    request: JoinHandle<Answer>,
    heard: Arc<Heard>,
}

async fn busy() -> Busy {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let made = site.create(ROUTE, &route(HOST, &blue.text())).await;
    let before = blue.arrivals().len();
    let port = caddy.http_port;
    let request = tokio::spawn(async move { get(port, HOST, "/held", "").await });
    blue.wait_for(before + 1).await;
    Busy { caddy, blue, site: Arc::new(site), made, request, heard: Arc::default() }
}

impl Busy {
    fn call(&self) -> Call {
        Call { events: self.heard.clone(), ..call("freeze") }
    }

    fn frozen(&self, drain_timeout: &str) -> Object {
        self.made.clone().with("frozen", true).with("drain_timeout", drain_timeout)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_waits_for_the_requests_in_flight() {
    let busy = busy().await;
    // What is in flight is not forgotten when the configuration changes.
    busy.site.create(ROUTE, &route("b.example.org", &busy.blue.text())).await;
    let (site, call, made, planned) = (busy.site.clone(), busy.call(), busy.made.clone(), busy.frozen("30s"));
    let freezing = tokio::spawn(async move { site.of(ROUTE).update(&call, &made, &planned).await });
    busy.heard.wait_for("requests in flight: 1").await;
    assert_eq!(get(busy.caddy.http_port, HOST, "/", "").await.status, 503, "nobody new gets in");
    assert!(!freezing.is_finished());

    let released = Instant::now();
    busy.blue.release();
    let frozen = freezing.await.expect("no panic").unwrap_or_else(|f| panic!("freeze: {f}"));
    assert!(released.elapsed() < Duration::from_secs(5), "it took {:?}", released.elapsed());
    assert_eq!(busy.request.await.expect("no panic").status, 200);
    assert_eq!(busy.site.read(ROUTE, &frozen).await.as_ref(), Some(&frozen));
    assert!(!busy.heard.all().iter().any(|said| said.starts_with("log:")), "{:?}", busy.heard.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_that_has_waited_long_enough_goes_on_and_says_so() {
    let busy = busy().await;
    let planned = busy.frozen("300ms");
    let begun = Instant::now();
    let frozen = busy.site.of(ROUTE).update(&busy.call(), &busy.made, &planned).await;
    let frozen = frozen.unwrap_or_else(|f| panic!("freeze: {f}"));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(!busy.request.is_finished());
    let said = busy.heard.all();
    assert!(said.iter().any(|s| s.contains("log: a.example.org") && s.ends_with("for them.")), "{said:?}");
    assert_eq!(changes(ROUTE, &planned, &frozen), Vec::<String>::new());

    busy.blue.release();
    assert_eq!(busy.request.await.expect("no panic").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_that_was_interrupted_while_it_waited_shows_and_is_finished() {
    let busy = busy().await;
    let (site, call, made, planned) = (busy.site.clone(), busy.call(), busy.made.clone(), busy.frozen("30s"));
    let cancel = call.cancel.clone();
    let freezing = tokio::spawn(async move { site.of(ROUTE).update(&call, &made, &planned).await });
    busy.heard.wait_for("requests in flight: 1").await;
    cancel.cancel();
    let fault = freezing.await.expect("no panic").expect_err("interrupted");
    assert!(fault.resumable && fault.partial.expect("what is there")["frozen"] == true.into());

    let planned = busy.frozen("30s");
    let seen = busy.site.read(ROUTE, &planned).await.expect("it is there");
    assert_eq!(seen["frozen"], true.into());
    assert_eq!(changes(ROUTE, &planned, &seen), ["unexpected"]);
    busy.blue.release();
    let frozen = busy.site.update(ROUTE, &seen, &planned).await;
    assert_eq!(busy.request.await.expect("no panic").status, 200);
    assert_eq!(busy.site.read(ROUTE, &frozen).await.as_ref(), Some(&frozen));
}
