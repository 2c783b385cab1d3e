use mprov_sdk::{Call, Fault, Object};
use serde_json::{Value as Json, json};

use crate::api::Api;
use crate::creation;
use crate::error::{ApiError, unless_gone};
use crate::json;
use crate::mark;
use crate::service::Service;

/// A type of Neutron's: `{"network": {…}}` at `/networks`. All of them are made, found, changed
/// and removed in the same way (Networking API v2.0).
#[derive(Clone, Copy, Debug)]
pub struct Thing {
    pub singular: &'static str,
    pub plural: &'static str,
    /// For messages.
    pub word: &'static str,
}

impl Thing {
    fn path(self, id: &str) -> String {
        format!("/{}/{id}", self.url_name())
    }

    fn url_name(self) -> String {
        self.plural.replace('_', "-")
    }

    pub async fn get(self, api: &Api, call: &Call, id: &str) -> Result<Option<Json>, ApiError> {
        let found = unless_gone(api.get(call, Service::Network, &self.path(id)).await)?;
        Ok(found.map(|mut answer| answer[self.singular].take()))
    }

    pub async fn read(self, api: &Api, call: &Call, id: &str) -> Result<Option<Json>, Fault> {
        self.get(api, call, id).await.map_err(|e| e.fault(format!("{} {id} cannot be read", self.word)))
    }

    pub async fn list(self, api: &Api, call: &Call, query: &[(&str, &str)]) -> Result<Vec<Json>, ApiError> {
        api.list(call, Service::Network, &format!("/{}", self.url_name()), self.plural, query).await
    }

    /// Makes one, or finds the one that a lost answer was about. `description` is the user's own;
    /// the mark of the step is added to it.
    pub async fn create(
        self,
        api: &Api,
        call: &Call,
        description: &str,
        mut body: Json,
    ) -> Result<Json, Fault> {
        body["description"] = mark::description(description, call).into();
        let body = json!({ self.singular: body });
        let asked = api.post(call, Service::Network, &format!("/{}", self.url_name()), &body).await;
        let asked = asked.map(|mut answer| answer[self.singular].take());
        let look = || async { self.marked(api, call, description).await };
        creation::once(call, &format!("the {}", self.word), asked, look).await
    }

    /// What this step has made.
    pub async fn find(self, api: &Api, call: &Call, description: &str) -> Result<Option<Json>, Fault> {
        let found = creation::found_again(call, || async { self.marked(api, call, description).await }).await;
        found.map_err(|e| e.fault(format!("{}s cannot be listed", self.word)))
    }

    async fn marked(self, api: &Api, call: &Call, description: &str) -> Result<Option<Json>, ApiError> {
        let marked = mark::description(description, call);
        let found = self.list(api, call, &[("description", &marked)]).await?;
        Ok(found.into_iter().find(|thing| thing["description"] == *marked))
    }

    pub async fn update(self, api: &Api, call: &Call, id: &str, body: Json) -> Result<Json, Fault> {
        let body = json!({ self.singular: body });
        let asked = api.put(call, Service::Network, &self.path(id), &body).await;
        let mut answer = asked.map_err(|e| e.fault(format!("{} {id} could not be changed", self.word)))?;
        Ok(answer[self.singular].take())
    }

    pub async fn delete(self, api: &Api, call: &Call, id: &str) -> Result<(), Fault> {
        let asked = api.delete(call, Service::Network, &self.path(id)).await;
        unless_gone(asked).map_err(|e| {
            let in_use = e.has_status(409);
            let fault = e.fault(format!("{} {id} could not be removed", self.word));
            let said = fault.detail.clone();
            match in_use {
                true => fault.detail(format!(
                    "{said} Something that mprov does not manage here still uses it: remove that first."
                )),
                false => fault,
            }
        })?;
        Ok(())
    }

    /// For an import: that it is not there is an error.
    pub async fn expect(self, api: &Api, call: &Call, id: &str) -> Result<Json, Fault> {
        self.read(api, call, id).await?.ok_or_else(|| {
            Fault::new(format!("there is no {} {id}", self.word))
                .detail(format!("`openstack {} list` lists what there is.", self.word))
        })
    }
}

/// A body of those attributes that are set.
pub fn body(entries: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    Json::Object(entries.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)).collect())
}

/// A string attribute for a body; null where it is not set.
pub fn text(object: &Object, name: &str) -> Result<Json, Fault> {
    Ok(object.opt_str(name)?.map_or(Json::Null, Json::from))
}

pub fn flag(object: &Object, name: &str) -> Result<Json, Fault> {
    Ok(object.opt_bool(name)?.map_or(Json::Null, Json::from))
}

pub fn number(object: &Object, name: &str) -> Result<Json, Fault> {
    Ok(object.opt_i64(name)?.map_or(Json::Null, Json::from))
}

/// Those of the named attributes that differ, for a body.
pub fn changes(
    prior: &Object,
    planned: &Object,
    names: &[&'static str],
) -> Result<Vec<(&'static str, Json)>, Fault> {
    let differing = names.iter().filter(|name| !planned.get(name).same(prior.get(name)));
    Ok(differing.map(|name| (*name, plain(planned.get(name)))).collect())
}

/// A known value as JSON.
fn plain(value: &mprov_sdk::Value) -> Json {
    let (value, _) = value.unmark();
    if let Some(items) = value.as_elements() {
        return items.iter().map(plain).collect();
    }
    match (value.as_str(), value.as_bool(), value.as_i64()) {
        (Some(text), ..) => text.into(),
        (_, Some(flag), _) => flag.into(),
        (.., Some(number)) => number.into(),
        _ => Json::Null,
    }
}

/// The id that Neutron gave it.
pub fn id(thing: &Json) -> &str {
    json::str(thing, "id")
}
