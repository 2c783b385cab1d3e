//! What EC2 refuses and moto does not.

use std::collections::BTreeMap;

use crate::proxy::{Answer, Proxy};
use crate::request::Request;
use crate::xml;

impl Proxy {
    /// The refusal of the real API, if it would refuse the call.
    pub async fn refusal(&self, request: &Request) -> Option<Answer> {
        let refused = match request.action() {
            "AttachVolume" => self.refuse_attach(request).await,
            "ModifyVolume" => self.refuse_modify(request).await,
            "CreateVolume" => self.refuse_small(request).await,
            "ReleaseAddress" => self.refuse_release(request).await,
            "ModifyInstanceAttribute" => self.refuse_while_running(request).await,
            "DeleteSecurityGroup" => {
                self.refuse_in_use(request, "instance.group-id", request.get("GroupId")).await
            }
            "DeleteSubnet" => self.refuse_in_use(request, "subnet-id", request.get("SubnetId")).await,
            _ => None,
        };
        refused.map(|(code, message)| Answer::error(400, code, message))
    }

    async fn refuse_attach(&self, request: &Request) -> Option<(&'static str, &'static str)> {
        let volume = self.volume(request, request.get("VolumeId")).await;
        let instance = request.get("InstanceId");
        let instance = self.ask(request, "DescribeInstances", &[("InstanceId.1", instance)]).await;
        if volume.contains("<instanceId>") {
            return Some(("VolumeInUse", "the volume is already attached to an instance"));
        }
        if xml::text(&volume, "availabilityZone") != xml::text(&instance, "availabilityZone") {
            return Some(("InvalidVolume.ZoneMismatch", "the volume is not in the instance's zone"));
        }
        let taken = xml::texts(&instance, "deviceName").contains(&request.get("Device"));
        taken.then_some((
            "InvalidParameterValue",
            "Invalid value for unixDevice. Attachment point is already in use",
        ))
    }

    async fn refuse_modify(&self, request: &Request) -> Option<(&'static str, &'static str)> {
        let id = request.get("VolumeId");
        let volume = self.volume(request, id).await;
        let now: i64 = xml::text(&volume, "size")?.parse().ok()?;
        if request.get("Size").parse().is_ok_and(|wanted: i64| wanted < now) {
            return Some(("InvalidParameterValue", "New size cannot be smaller than existing size"));
        }
        let first = self.state().modified.insert(id.to_owned());
        (!first).then_some((
            "VolumeModificationRateExceeded",
            "You've reached the maximum modification rate per volume limit.",
        ))
    }

    async fn refuse_small(&self, request: &Request) -> Option<(&'static str, &'static str)> {
        let id = request.parameters.get("SnapshotId")?;
        let snapshot = self.ask(request, "DescribeSnapshots", &[("SnapshotId.1", id)]).await;
        let least: i64 = xml::text(&snapshot, "volumeSize")?.parse().ok()?;
        let is_small = request.get("Size").parse().is_ok_and(|wanted: i64| wanted < least);
        is_small.then_some(("InvalidParameterValue", "The volume size must not be less than the snapshot's"))
    }

    async fn refuse_release(&self, request: &Request) -> Option<(&'static str, &'static str)> {
        let address = [("AllocationId.1", request.get("AllocationId"))];
        let address = self.ask(request, "DescribeAddresses", &address).await;
        let is_used = xml::text(&address, "associationId").is_some_and(|id| !id.is_empty());
        is_used.then_some(("InvalidIPAddress.InUse", "the address is in use"))
    }

    async fn refuse_while_running(&self, request: &Request) -> Option<(&'static str, &'static str)> {
        if !request.has("InstanceType.Value") && !request.has("UserData.Value") {
            return None;
        }
        let instance = [("InstanceId.1", request.get("InstanceId"))];
        let instance = self.ask(request, "DescribeInstances", &instance).await;
        let state = xml::text(&instance, "instanceState").and_then(|state| xml::text(state, "name"));
        (state != Some("stopped")).then_some(("IncorrectInstanceState", "the instance is not stopped"))
    }

    async fn refuse_in_use(
        &self,
        request: &Request,
        filter: &str,
        id: &str,
    ) -> Option<(&'static str, &'static str)> {
        let alive = ["pending", "running", "stopping", "stopped"];
        let states: Vec<(String, &str)> = alive
            .iter()
            .enumerate()
            .map(|(n, state)| (format!("Filter.2.Value.{}", n + 1), *state))
            .collect();
        let mut parameters = vec![
            ("Filter.1.Name", filter),
            ("Filter.1.Value.1", id),
            ("Filter.2.Name", "instance-state-name"),
        ];
        parameters.extend(states.iter().map(|(name, state)| (name.as_str(), *state)));
        let users = self.ask(request, "DescribeInstances", &parameters).await;
        users.contains("<instanceId>").then_some(("DependencyViolation", "it has a dependent object"))
    }

    async fn volume(&self, request: &Request, id: &str) -> String {
        self.ask(request, "DescribeVolumes", &[("VolumeId.1", id)]).await
    }

    /// A question of the proxy's own.
    async fn ask(&self, request: &Request, action: &str, parameters: &[(&str, &str)]) -> String {
        self.forward(&request.other(action, parameters)).await.body
    }
}

/// Answers by action and client token: EC2 gives the first one again, and refuses another request
/// under the same token.
#[derive(Default)]
pub struct Tokens(BTreeMap<(String, String), (String, Answer)>);

impl Tokens {
    fn key(request: &Request) -> Option<(String, String)> {
        let token = request.parameters.get("ClientToken")?;
        Some((request.action().to_owned(), token.clone()))
    }

    pub fn known(&self, request: &Request) -> Option<Answer> {
        let (body, answer) = self.0.get(&Self::key(request)?)?;
        Some(match *body == request.body() {
            true => answer.clone(),
            false => {
                Answer::error(400, "IdempotentParameterMismatch", "the token was used for another request")
            }
        })
    }

    pub fn keep(&mut self, request: &Request, answer: &Answer) {
        if let (Some(key), 200) = (Self::key(request), answer.status) {
            self.0.insert(key, (request.body(), answer.clone()));
        }
    }
}
