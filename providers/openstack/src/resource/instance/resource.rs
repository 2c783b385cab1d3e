use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Object, Resource};
use serde_json::{Value as Json, json};

use super::observe::observed;
use super::{boot, server};
use crate::api::Api;
use crate::creation;
use crate::error::{ApiError, unless_gone};
use crate::json;
use crate::mark;
use crate::resource::{address, neutron, port};
use crate::service::Service;
use crate::waiting::{self, Look};

pub struct InstanceResource {
    pub api: Arc<Api>,
}

impl InstanceResource {
    async fn marked(&self, call: &Call) -> Result<Option<Json>, ApiError> {
        let found = self.api.list(call, Service::Compute, "/servers/detail", "servers", &[]).await?;
        Ok(found.into_iter().find(|server| mark::is_made_by(&server["metadata"], call)))
    }

    async fn ports(&self, call: &Call, id: &str) -> Result<Vec<Json>, ApiError> {
        port::THING.list(&self.api, call, &[("device_id", id)]).await
    }

    async fn observe(&self, call: &Call, attributes: &Object, server: &Json) -> Result<Object, ApiError> {
        let ports = self.ports(call, neutron::id(server)).await?;
        // Nova learns of floating IPs with a delay: Neutron is asked.
        let query: Vec<_> = ports.iter().map(|port| ("port_id", neutron::id(port))).collect();
        let addresses = match query.is_empty() {
            true => Vec::new(),
            false => address::THING.list(&self.api, call, &query).await?,
        };
        let flavour = json::str(&server["flavor"], "id");
        let flavour =
            unless_gone(self.api.get(call, Service::Compute, &format!("/flavors/{flavour}")).await)?;
        let flavour = flavour.as_ref().map(|answer| &answer["flavor"]);
        Ok(observed(attributes, server, &ports, &addresses, flavour))
    }

    async fn seen(&self, call: &Call, attributes: &Object, server: &Json) -> Result<Object, Fault> {
        let seen = self.observe(call, attributes, server).await;
        seen.map_err(|e| e.fault(format!("instance {} cannot be looked at", neutron::id(server))))
    }

    /// What a create has made, once it runs.
    async fn completed(&self, call: &Call, planned: &Object, made: &Json) -> Result<Object, Fault> {
        let id = neutron::id(made);
        // What is known already, should it go no further.
        let partial = || planned.clone().with("id", id).with("status", "BUILD");
        let what = || format!("instance {id} has not come to be");
        let server = match server::settled(&self.api, call, id).await {
            Ok(server) => server,
            Err(error) => return Err(error.fault(what()).unfinished(partial())),
        };
        if server::status(&server) == "ERROR" {
            let why = server::why(&self.api, call, id, &server).await;
            let detail = format!("OpenStack says: {why} The next apply removes it and makes another one.");
            let seen = self.observe(call, planned, &server).await.unwrap_or_else(|_| partial());
            return Err(Fault::new(what()).detail(detail).broken(seen));
        }
        let running = planned.bool("running")?;
        let server = match server::set_running(&self.api, call, id, running, server).await {
            Ok(server) => server,
            Err(fault) => return Err(fault.unfinished(partial())),
        };
        self.seen(call, planned, &server).await.map_err(|fault| fault.unfinished(partial()))
    }

    async fn rename(&self, call: &Call, id: &str, planned: &Object, now: &Json) -> Result<(), ApiError> {
        let name = planned.str("name")?;
        if now["name"] != name {
            let body = json!({"server": {"name": name}});
            self.api.put(call, Service::Compute, &format!("/servers/{id}"), &body).await?;
        }
        let tags = planned.string_map("tags")?;
        if json::tags(&now["metadata"]) != tags {
            let body = json!({"metadata": mark::changed_metadata(tags, &now["metadata"])});
            self.api.put(call, Service::Compute, &format!("/servers/{id}/metadata"), &body).await?;
        }
        Ok(())
    }

    /// Groups belong to ports: Neutron is asked, by id, where Nova would go by name.
    async fn regroup(&self, call: &Call, id: &str, prior: &Object, planned: &Object) -> Result<(), Fault> {
        let wanted = planned.get("security_group_ids");
        if wanted.is_null() || wanted.same(prior.get("security_group_ids")) {
            return Ok(());
        }
        let wanted = planned.strings("security_group_ids")?;
        let ports = self
            .ports(call, id)
            .await
            .map_err(|e| e.fault(format!("the ports of instance {id} cannot be listed")))?;
        for port in ports {
            port::THING
                .update(&self.api, call, neutron::id(&port), json!({"security_groups": wanted}))
                .await?;
        }
        Ok(())
    }

    /// Gives it another flavour and confirms that; what it is then.
    async fn resize(&self, call: &Call, id: &str, wanted: &str, now: Json) -> Result<Json, Fault> {
        let what = || format!("instance {id} could not become {wanted}");
        let flavour = server::flavour(&self.api, call, wanted).await?;
        let flavour = neutron::id(&flavour);
        let has_it = |server: &Json| server["flavor"]["id"] == flavour;
        if has_it(&now) && server::status(&now) != "VERIFY_RESIZE" {
            return Ok(now);
        }
        let mut now = now;
        if server::status(&now) == "VERIFY_RESIZE" && !has_it(&now) {
            now = self.confirm(call, id).await?;
        }
        if !has_it(&now) {
            match server::act(&self.api, call, id, json!({"resize": {"flavorRef": flavour}})).await {
                // Whether it was carried out shows in the state.
                Ok(()) | Err(ApiError::Lost(_)) => {}
                Err(error) => return Err(error.fault(what())),
            }
            now = server::settled(&self.api, call, id).await.map_err(|e| e.fault(what()))?;
        }
        // Nova goes back to what was when no machine has room, and tells that only in its events.
        if server::status(&now) != "VERIFY_RESIZE" || !has_it(&now) {
            let why = server::why(&self.api, call, id, &now).await;
            return Err(Fault::new(what()).detail(format!(
                "It is {} as before. OpenStack says: {why}",
                server::status(&now).to_lowercase()
            )));
        }
        self.confirm(call, id).await
    }

    async fn confirm(&self, call: &Call, id: &str) -> Result<Json, Fault> {
        let what = || format!("the new size of instance {id} could not be confirmed");
        match server::act(&self.api, call, id, json!({"confirmResize": null})).await {
            Ok(()) | Err(ApiError::Lost(_)) => {}
            // Clouds may confirm by themselves after a while.
            Err(error) if error.has_status(409) || error.has_status(400) => {}
            Err(error) => return Err(error.fault(what())),
        }
        waiting::until(call, format!("instance {id} to keep its new size"), || async {
            let server = server::get(&self.api, call, id).await?.ok_or_else(|| server::vanished(id))?;
            match server::status(&server) {
                "VERIFY_RESIZE" => Ok(Look::Going("confirming".into())),
                _ => Ok(Look::Done(server)),
            }
        })
        .await
        .map_err(|e| e.fault(what()))
    }
}

#[async_trait]
impl Resource for InstanceResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let id = stored.str("id")?;
        let found = server::get(&self.api, call, id)
            .await
            .map_err(|e| e.fault(format!("instance {id} cannot be read")))?;
        match found {
            Some(server) => self.seen(call, stored, &server).await.map(Some),
            None => Ok(None),
        }
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let flavour = server::flavour(&self.api, call, planned.str("instance_type")?).await?;
        let (body, version) = boot::request(call, planned, neutron::id(&flavour))?;
        let asked = match version {
            Some(version) => self.api.post_in(call, Service::Compute, version, "/servers", &body).await,
            None => self.api.post(call, Service::Compute, "/servers", &body).await,
        };
        let asked = asked.map(|mut answer| answer["server"].take());
        let look = || async { self.marked(call).await };
        let name = planned.str("name")?;
        let made = creation::once(call, &format!("instance {name}"), asked, look).await?;
        self.completed(call, planned, &made).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let id = planned.str("id")?;
        let what = || format!("instance {id} could not be changed");
        let now = server::settled(&self.api, call, id).await.map_err(|e| e.fault(what()))?;
        if server::status(&now) == "ERROR" {
            let why = server::why(&self.api, call, id, &now).await;
            return Err(Fault::new(what()).detail(format!(
                "Its status is error. OpenStack says: {why} Have it replaced (`mprov apply -replace={}`), or have an \
                 administrator look at it.",
                call.address
            )));
        }
        self.rename(call, id, planned, &now).await.map_err(|e| e.fault(what()))?;
        self.regroup(call, id, prior, planned).await?;
        let now = self.resize(call, id, planned.str("instance_type")?, now).await?;
        let now = server::set_running(&self.api, call, id, planned.bool("running")?, now).await?;
        // Its name and metadata are older in it than what was just written.
        let now = server::get(&self.api, call, neutron::id(&now)).await.map_err(|e| e.fault(what()))?;
        let now = now.ok_or_else(|| server::vanished(id).fault(what()))?;
        self.seen(call, planned, &now).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let id = prior.str("id")?;
        let what = || format!("instance {id} could not be removed");
        let asked = self.api.delete(call, Service::Compute, &format!("/servers/{id}")).await;
        if unless_gone(asked).map_err(|e| e.fault(what()))?.is_none() {
            return Ok(());
        }
        let gone = waiting::until(call, format!("instance {id} to be gone"), || async {
            let Some(server) = server::get(&self.api, call, id).await? else { return Ok(Look::Done(())) };
            match (server::status(&server), server::task(&server)) {
                ("ERROR", None) if server::has_failed(&self.api, call, id, "delete").await? => {
                    let why = server::why(&self.api, call, id, &server).await;
                    Err(Fault::new(what()).detail(format!("OpenStack says: {why}")).into())
                }
                (status, task) => Ok(Look::Going(task.unwrap_or(status).to_owned())),
            }
        });
        gone.await.map_err(|e| e.fault(what()))
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let found = creation::found_again(call, || async { self.marked(call).await }).await;
        match found.map_err(|e| e.fault("instances cannot be listed"))? {
            Some(server) => self.completed(call, planned, &server).await.map(Some),
            None => Ok(None),
        }
    }

    async fn remains(&self, call: &Call, prior: &Object) -> Result<Option<Object>, Fault> {
        let id = prior.str("id")?;
        let what = || format!("instance {id} cannot be read");
        let left = waiting::until(call, format!("instance {id}"), || async {
            Ok(match server::get(&self.api, call, id).await? {
                Some(server) if server::task(&server) == Some("deleting") => Look::Going("deleting".into()),
                other => Look::Done(other),
            })
        });
        match left.await.map_err(|e| e.fault(what()))? {
            Some(server) => self.seen(call, prior, &server).await.map(Some),
            None => Ok(None),
        }
    }

    async fn import(&self, call: &Call, id: &str) -> Result<Object, Fault> {
        let found = server::get(&self.api, call, id)
            .await
            .map_err(|e| e.fault(format!("instance {id} cannot be read")))?;
        let server = found.ok_or_else(|| {
            Fault::new(format!("there is no instance {id}"))
                .detail("`openstack server list` lists what there is.")
        })?;
        self.seen(call, &Object::new(), &server).await
    }
}
