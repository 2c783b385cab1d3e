use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mprov_provider_aws::{Pace, provider_at};
use mprov_sdk::{
    Call, CancellationToken, Event, Events, Fault, Object, PlanRequest, Planned, Provider, Resource,
    Services, Session, Value, Verdict, convert,
};

use crate::moto;
use crate::proxy::Proxy;
use crate::request::Request;
use crate::xml;

pub const ZONE: &str = "us-east-1a";
pub const OTHER_ZONE: &str = "us-east-1b";
/// Moto tells the region by the scope of the credentials.
pub const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/ec2/aws4_request, \
                             SignedHeaders=host, Signature=0";

/// Moto settles at once; what is slow here is what the proxy makes slow.
pub const PACE: Pace = Pace {
    poll: Duration::from_millis(25),
    longest_poll: Duration::from_millis(200),
    retry: Duration::from_millis(10),
    longest_retry: Duration::from_millis(200),
    tries: 9,
    out_of_sight: Duration::from_millis(1500),
    patience: Duration::from_secs(12),
};

/// One test's view of the cloud: its own proxy, and tokens that no other test has.
pub struct World {
    pub proxy: Arc<Proxy>,
    pub provider: Arc<dyn Provider>,
    pub session: Arc<dyn Session>,
    pub events: Arc<Recorded>,
    pub prefix: String,
}

#[derive(Default)]
pub struct Recorded(pub Mutex<Vec<Event>>);

impl Events for Recorded {
    fn emit(&self, event: Event) {
        self.0.lock().expect("lock").push(event);
    }
}

impl Recorded {
    pub fn text(&self) -> String {
        format!("{:?}", self.0.lock().expect("lock"))
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(PACE).await
    }

    pub async fn with(pace: Pace) -> Self {
        let proxy = Proxy::start().await;
        let provider = provider_at(pace);
        let session = session(&provider, proxy.port).await;
        let prefix = format!("t{:08x}", rand::random::<u32>());
        Self { proxy, provider, session, events: Arc::default(), prefix }
    }

    /// Another user of the same account, who does not go through the proxy.
    pub async fn outside(&self) -> Arc<dyn Session> {
        session(&self.provider, moto::port()).await
    }

    pub fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.prefix)
    }

    pub fn call(&self, token: &str) -> Call {
        Call {
            address: format!("test.{}.{token}", self.prefix).into(),
            token: self.name(token).into(),
            base_dir: std::env::temp_dir(),
            events: self.events.clone(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    pub fn resource(&self, kind: &str) -> Arc<dyn Resource> {
        self.session.resource(kind).expect("a known type")
    }

    /// The configuration as the planner gives it: every settable attribute, of its type.
    pub fn config(&self, kind: &str, given: &Object) -> Object {
        let schema = self.provider.schema().resource(kind).expect("a known type");
        for name in given.keys() {
            assert!(schema.attributes.contains_key(name), "{kind} has no {name}");
        }
        let attributes = schema.attributes.iter().filter(|(_, a)| a.is_settable());
        let config: Object = attributes
            .map(|(name, attribute)| {
                let value = match given.get(name) {
                    Value::Null => attribute.default.clone().unwrap_or(Value::Null),
                    value => value.clone(),
                };
                (name.clone(), convert(&value, &attribute.ty).expect("a value of the type"))
            })
            .collect();
        let found = self.provider.validate(kind, &config);
        assert!(!found.has_errors(), "{found:?}");
        config
    }

    /// What would be done, with the world looked at.
    pub async fn plan(&self, kind: &str, given: &Object, stored: Option<&Object>) -> Result<Planned, Fault> {
        let resource = self.resource(kind);
        let call = self.call("plan");
        let observed = match stored {
            Some(stored) => resource.read(&call, stored).await?,
            None => None,
        };
        let config = resource.prepare(&call, self.config(kind, given)).await?;
        let request = PlanRequest { config: &config, stored, observed: observed.as_ref() };
        Ok(self.provider.plan(kind, &request))
    }

    /// What a create is given.
    pub async fn planned(&self, kind: &str, given: &Object) -> Object {
        without_unknown(&self.plan(kind, given, None).await.expect("a plan").after)
    }

    /// Plans and carries out; checks that the outcome is what was planned and that planning again
    /// finds nothing to do.
    pub async fn apply(
        &self,
        kind: &str,
        token: &str,
        given: &Object,
        stored: Option<&Object>,
    ) -> Result<Object, Fault> {
        let resource = self.resource(kind);
        let planned = self.plan(kind, given, stored).await?;
        let call = self.call(token);
        let wanted = without_unknown(&planned.after);
        let done = match planned.verdict {
            Verdict::Nothing => return Ok(stored.expect("something stored").clone()),
            Verdict::Create => resource.create(&call, &wanted).await?,
            Verdict::Update => {
                let observed = resource.read(&call, stored.expect("something stored")).await?;
                resource.update(&call, &observed.expect("something to update"), &wanted).await?
            }
            Verdict::Replace => panic!("{kind} would be replaced: {:?}", planned.changes),
        };
        for (name, value) in planned.after.iter().filter(|(_, v)| !v.is_unknown()) {
            assert!(value.same(done.get(name)), "{name}: planned {value:?}, made {:?}", done.get(name));
        }
        let again = self.plan(kind, given, Some(&done)).await?;
        assert_eq!(again.verdict, Verdict::Nothing, "planning again: {:?}", again.changes);
        Ok(done)
    }

    pub async fn make(&self, kind: &str, token: &str, given: Object) -> Object {
        let made = self.apply(kind, token, &given, None).await;
        made.unwrap_or_else(|fault| panic!("{kind} {token}: {fault}"))
    }

    pub async fn delete(&self, kind: &str, stored: &Object) {
        let resource = self.resource(kind);
        for _ in 0..2 {
            let deleted = resource.delete(&self.call("delete"), stored).await;
            deleted.unwrap_or_else(|fault| panic!("{kind}: {fault}"));
        }
        let seen = resource.read(&self.call("read"), stored).await.expect("read");
        assert!(seen.is_none(), "{kind} is still there: {seen:?}");
    }

    /// Ids of all that has the token of that step, and is there.
    pub async fn alive(&self, kind: &str, token: &str) -> BTreeSet<String> {
        self.tagged(kind, &self.name(token)).await
    }

    /// Ids of all whose token is so (with * for any text).
    pub async fn tagged(&self, kind: &str, token: &str) -> BTreeSet<String> {
        let (action, element) = describing(kind).expect("a type with tags");
        let mut parameters = vec![("Filter.1.Name", "tag:mprov:token"), ("Filter.1.Value.1", token)];
        if kind == "aws_instance" {
            parameters.extend([
                ("Filter.2.Name", "instance-state-name"),
                ("Filter.2.Value.1", "pending"),
                ("Filter.2.Value.2", "running"),
                ("Filter.2.Value.3", "stopping"),
                ("Filter.2.Value.4", "stopped"),
            ]);
        }
        let answer = self.raw(action, &parameters).await;
        xml::texts(&answer, element).into_iter().map(str::to_owned).collect()
    }

    /// A call of the API by hand, past the proxy.
    pub async fn raw(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let bare = Request::parse(AUTHORIZATION.to_owned(), "");
        let answer = self.proxy.forward(&bare.other(action, parameters)).await;
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer.body
    }

    /// A VPC and a subnet in it, for what lies in one.
    pub async fn network(&self) -> (Object, Object) {
        let vpc = self.make("aws_vpc", "vpc", Object::new().with("cidr", "10.9.0.0/16")).await;
        let subnet = Object::new()
            .with("vpc_id", vpc["id"].clone())
            .with("cidr", "10.9.1.0/24")
            .with("availability_zone", ZONE);
        let subnet = self.make("aws_subnet", "subnet", subnet).await;
        (vpc, subnet)
    }

    pub async fn instance(&self, token: &str) -> Object {
        let config = Object::new()
            .with("image", moto::image())
            .with("instance_type", "t3.small")
            .with("availability_zone", ZONE);
        self.make("aws_instance", token, config).await
    }

    pub async fn volume(&self, token: &str) -> Object {
        self.make("aws_volume", token, Object::new().with("availability_zone", ZONE).with("size", 10)).await
    }
}

pub async fn session(provider: &Arc<dyn Provider>, port: u16) -> Arc<dyn Session> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let profile = "[test]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\n";
    file.write_all(profile.as_bytes()).expect("it is written");
    let config = Object::new()
        .with("region", "us-east-1")
        .with("profile", "test")
        .with("credentials_file", file.path().to_string_lossy().into_owned())
        .with("endpoint", format!("http://127.0.0.1:{port}"))
        .with("default_tags", Value::map([("team", Value::from("it"))]));
    provider.configure(&config, Services::default()).await.expect("a session")
}

/// How EC2 lists things of that type: action, and the element with the id.
pub fn describing(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "aws_vpc" => ("DescribeVpcs", "vpcId"),
        "aws_subnet" => ("DescribeSubnets", "subnetId"),
        "aws_internet_gateway" => ("DescribeInternetGateways", "internetGatewayId"),
        "aws_route_table" => ("DescribeRouteTables", "routeTableId"),
        "aws_security_group" => ("DescribeSecurityGroups", "groupId"),
        "aws_security_group_rule" => ("DescribeSecurityGroupRules", "securityGroupRuleId"),
        "aws_key_pair" => ("DescribeKeyPairs", "keyPairId"),
        "aws_instance" => ("DescribeInstances", "instanceId"),
        "aws_volume" => ("DescribeVolumes", "volumeId"),
        "aws_snapshot" => ("DescribeSnapshots", "snapshotId"),
        "aws_address" => ("DescribeAddresses", "allocationId"),
        _ => return None,
    })
}

/// What the engine gives a provider: unknown values are left to it.
pub fn without_unknown(object: &Object) -> Object {
    object.iter().map(|(n, v)| (n.clone(), if v.is_unknown() { Value::Null } else { v.clone() })).collect()
}

pub fn changed(planned: &Planned) -> Vec<&str> {
    planned.changes.iter().map(|c| &*c.name).collect()
}
